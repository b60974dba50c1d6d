"""The command `failures` where there is next to nothing to look at: one sentence, or an answer."""

from __future__ import annotations

import pytest

from lsr.cli.main import main
from lsr.collection.queries import QueryRow, write_query_set
from lsr.imports.running import import_source
from tests.conftest import make_collection

TINY = ("--model", "tiny")


@pytest.fixture
def lonely(home, fake_encoder, model):
    """Two images of training, and one of test with two captions."""
    folder = home / "collections" / "lonely"
    return make_collection(folder, fake_encoder, splits=("train", "train", "test"))


def refused(capsys, *arguments: str) -> str:
    """The one line that a command says on standard error."""
    assert main(["failures", *arguments, *TINY]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize("direction", ["text-to-image", "image-to-text"])
def test_one_image_has_no_rival_and_no_failure(lonely, answer, direction, tmp_path):
    about = ("--collection", "lonely", *TINY, "--direction", direction, "--which", "all")
    told = answer("failures", *about)
    assert told["n_queries"] == (2 if direction == "text-to-image" else 1)
    assert [one["sparse_rank"] for one in told["rows"]] == [1] * told["n_queries"]
    assert [one["rival"] for one in told["rows"]] == [None] * told["n_queries"]
    first = told["rows"][0]["query_id"]
    close = answer("failures", *about, "--why-not", first)["why_not"]
    assert close["query"] == close["answer"] == {"rank": 1, "exact": True, "edits": []}
    assert close["teacher_gap"] is None
    said = answer("failures", *about, "--judge", first, "--cause", "other")
    assert said["triage"]["judged"] == 1
    assert said["triage"]["kappa"] is None
    for ending in ("csv", "json", "run", "qrels", "html"):
        path = tmp_path / f"list.{ending}"
        answer("failures", *about, "--out", str(path))
        assert first in path.read_text("utf-8")


def test_a_list_without_a_query_is_written_and_read_again(lonely, answer, tmp_path, capsys):
    about = ("--collection", "lonely", *TINY)
    for ending in ("csv", "run", "qrels", "html", "json"):
        told = answer("failures", *about, "--out", str(tmp_path / f"list.{ending}"))
        assert told["n_rows"] == 0
    assert "lists no query" in refused(capsys, "--again", str(tmp_path / "list.json"))


def test_a_query_set_whose_image_is_not_searched_is_one_sentence(lonely, capsys):
    trained = lonely.image_ids[lonely.image_rows("train")[0]]
    write_query_set(lonely, "elsewhere", [QueryRow("q1", "a dog", trained)])
    problem = refused(capsys, "--collection", "lonely", "--queries", "elsewhere")
    assert "elsewhere" in problem
    assert "test" in problem


def test_pictures_without_captions_are_one_sentence(home, tmp_path, model, collection, capsys):
    from PIL import Image

    for colour in ("red", "blue"):
        (tmp_path / "photos").mkdir(exist_ok=True)
        Image.new("RGB", (40, 30), colour).save(tmp_path / "photos" / f"{colour}.png")
    import_source(str(tmp_path / "photos"), "photos")
    assert main(["failures", "--collection", "photos"]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert "no captions" in lines[-1]


def test_a_file_that_cannot_be_written_is_one_sentence(lonely, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    where = str(tmp_path / "file" / "list.csv")
    problem = refused(capsys, "--collection", "lonely", "--out", where)
    assert "Nothing can be written into" in problem


def test_a_list_that_is_not_there_is_one_sentence(model, tmp_path, capsys):
    assert "missing" in refused(capsys, "--again", str(tmp_path / "nothing.json"))
