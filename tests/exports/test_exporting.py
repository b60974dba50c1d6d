"""What every format has in common: the folder, its card, mistakes, and the command."""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer, models

from lsr.cli import export as export_command
from lsr.cli.main import main
from lsr.exceptions import (
    BusyError,
    CollectionError,
    DiskFullError,
    InputError,
    ModelError,
    QueryError,
    UnknownNameError,
)
from lsr.exports.exporting import ExportRequest, run_export
from lsr.exports.fields import field_ids
from lsr.exports.formats import formats
from lsr.model.checkpoint import save_model
from lsr.model.vocabulary import Vocabulary
from tests.conftest import make_collection, make_head

NAMES = [one.name for one in formats()]


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("name", NAMES)
def test_the_same_export_twice_gives_the_same_bytes(exported, name):
    first = exported(name)
    before = contents(first.folder)
    assert contents(exported(name).folder) == before
    assert {one.name: one.bytes for one in first.files} == {
        file: len(content) for file, content in before.items() if file != "export.json"
    }
    card = json.loads(before["export.json"])
    assert (card["format"], card["split"], card["sides"]) == (name, "test", ["images", "captions"])
    assert card["collection"]["name"] == card["model"]["name"] == "tiny"


@pytest.mark.parametrize("name", NAMES)
def test_reports_count_up_to_what_there_is(collection, model, tmp_path, name):
    *reports, done = run_export(ExportRequest("tiny", "tiny", name, tmp_path / "out"))
    last = {report.file: report.rows for report in reports if report.done == report.total}
    assert last.keys() == {report.file for report in reports}
    assert {one.name: one.rows for one in done.files if one.rows is not None} == last


@pytest.mark.parametrize("name", NAMES)
def test_no_more_than_a_block_of_vectors_passes_between_two_reports(
    collection, model, tmp_path, name, monkeypatch
):
    """So that a long export says how far it is, and can be stopped."""
    monkeypatch.setattr("lsr.exports.selection._BLOCK", 5)
    blocks = 0
    project = type(model).sparse

    def counting(*given):
        nonlocal blocks
        blocks += 1
        return project(*given)

    monkeypatch.setattr(type(model), "sparse", counting)
    for _ in run_export(ExportRequest("tiny", "tiny", name, tmp_path / "out")):
        assert blocks <= 1
        blocks = 0


def test_the_command_offers_every_format():
    assert export_command.FORMATS.replace(" or ", ", ").split(", ") == NAMES


def test_the_command_answers_files_rows_bytes_and_seconds(collection, model, answer, tmp_path):
    out = tmp_path / "out"
    result = answer(
        "export", "--collection", "tiny", "--model", "tiny", "--format", "csv", "--out", str(out),
        "--side", "images",
    )  # fmt: skip
    assert set(result) == {
        "out", "format", "collection", "model", "split", "queries", "files", "notes", "seconds"
    }  # fmt: skip
    assert result["files"] == [
        {"name": name, "rows": rows, "bytes": (out / name).stat().st_size}
        for name, rows in (
            ("images_terms.csv", len((out / "images_terms.csv").read_text().splitlines()) - 1),
            ("images_vectors.csv", 12),
        )
    ]


def test_the_command_says_a_mistake_in_one_line(collection, model, capsys, tmp_path):
    request = ["export", "--collection", "tiny", "--model", "tiny", "--out", str(tmp_path / "out")]
    assert main([*request, "--format", "xml"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        "There is no export format `xml`. The formats are: anserini, anserini-float, trec, ciff, "
        "csv, parquet, sentence-transformers.\n"
    )


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"split": "dev"}, UnknownNameError, "no split `dev`. Its splits are `test`"),
        ({"side": "left"}, QueryError, "`left` is no side. Use images, captions, both"),
        ({"k": 0}, QueryError, "k is 0. Use a whole number from 1 to 1,000"),
        ({"k": 1001}, QueryError, "k is 1,001. Use a whole number from 1 to 1,000"),
        ({"scale": 0}, QueryError, "scale is 0. Use a whole number from 1 to 1,000"),
        ({"model": None}, QueryError, "`trec` holds sparse vectors, which only a model gives"),
        ({"model": "big"}, UnknownNameError, "no model `big`"),
        ({"collection": "big"}, UnknownNameError, "no collection `big`"),
    ],
    ids=str,
)
def test_a_request_that_cannot_be_met_is_refused(exported, tmp_path, asked, error, message):
    with pytest.raises(error, match=message):
        exported("trec", out=tmp_path / "out" / "deep", **asked)
    assert not (tmp_path / "out").exists()


def test_a_model_of_another_encoder_is_refused(exported, home, model, vocabulary):
    other = {**model.card, "encoder": "clip"}
    save_model(
        home / "models" / "other", model.head, vocabulary, card=other, training={}, metrics={}
    )
    with pytest.raises(ModelError, match="trained on `clip` vectors, but collection `tiny` holds"):
        exported("csv", model="other")


def test_a_split_without_captions_gives_images_alone(exported, home, fake_encoder):
    collection = make_collection(home / "collections" / "bare", fake_encoder)
    path = collection.folder / "captions.parquet"
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    card = json.loads((collection.folder / "collection.json").read_text())
    card["counts"]["captions"] = 0
    card["caption_vector_splits"] = []
    (collection.folder / "collection.json").write_text(json.dumps(card))
    np.save(collection.folder / "caption_vectors.npy", collection.caption_vectors[:0])
    done = exported("csv", collection="bare")
    assert [one.name for one in done.files] == ["images_terms.csv", "images_vectors.csv"]
    assert done.notes == ("The split has no captions, so only its 12 images are here.",)
    assert "no queries for the index" in exported("anserini", collection="bare").notes[1]
    with pytest.raises(CollectionError, match="12 images but no captions. Export the images alone"):
        exported("parquet", collection="bare", side="captions")
    with pytest.raises(CollectionError, match="12 images but no captions, so there are no queries"):
        exported("trec", collection="bare", side="images")


def test_captions_without_stored_vectors_are_encoded(
    exported, home, fake_encoder, monkeypatch, weights
):
    splits = ("test",) * 6 + ("train",) * 6
    make_collection(
        home / "collections" / "part", fake_encoder, splits=splits, caption_vector_splits=["test"]
    )
    monkeypatch.setattr("lsr.evaluation.pairs.load_encoder", lambda name: fake_encoder)
    folder = exported("parquet", collection="part", split="all").folder
    ids = pq.read_table(folder / "captions_vectors.parquet")["id"].to_pylist()
    assert ids == [f"caption-{row:02d}" for row in range(24)]
    read = pq.read_table(folder / "captions_vectors.parquet")["emb"].to_pylist()
    whole = make_collection(home / "collections" / "whole", fake_encoder, splits=splits)
    assert read == [pytest.approx(row, abs=1e-3) for row in whole.caption_vectors.tolist()]


def test_captions_that_share_an_id_are_refused(exported, collection):
    path = collection.folder / "captions.parquet"
    table = pq.read_table(path)
    same = table.set_column(0, "id", [["caption-00"] * len(table)])
    pq.write_table(same, path)
    with pytest.raises(
        CollectionError, match="The 24 captions of split `test` .* only 1 different"
    ):
        exported("csv")


def test_terms_with_white_space_are_refused_where_it_parts_terms(exported, home, model):
    words = {"[UNK]": 0, "ice cream": 1, "dog": 2}
    spaced = Vocabulary(Tokenizer(models.WordPiece(words, unk_token="[UNK]")))
    folder = home / "models" / "spaced"
    save_model(folder, make_head(spaced), spaced, card=model.card, training={}, metrics={})
    for name in ("anserini", "anserini-float", "ciff"):
        with pytest.raises(ModelError, match="1 terms of model `spaced` .* such as 'ice cream'"):
            exported(name, model="spaced")
    assert exported("csv", model="spaced").files


def test_ids_with_white_space_are_percent_encoded_all_of_them():
    assert field_ids(["a", "100%"]) == ["a", "100%"]
    assert field_ids(["my cat.jpg", "100%", "á\tb"]) == ["my%20cat.jpg", "100%25", "á%09b"]


def test_what_no_export_wrote_is_never_replaced(exported, tmp_path):
    folder = exported("csv").folder
    (folder / "notes.txt").write_text("mine")
    before = contents(folder)
    with pytest.raises(QueryError, match="1 files or folders that no export wrote, .*`notes.txt`"):
        exported("csv")
    assert contents(folder) == before
    other = tmp_path / "other"
    other.mkdir()
    (other / "a").mkdir()
    with pytest.raises(QueryError, match="1 files or folders that no export wrote, such as `a`"):
        exported("csv", out=other)
    with pytest.raises(QueryError, match="files or folders that no export wrote"):
        exported("csv", out=Path("/"))
    (other / "export.json").write_text('{"files": 3}')
    with pytest.raises(QueryError, match="2 files or folders .*such as `a`"):
        exported("csv", out=other)
    with pytest.raises(QueryError, match="is a file. Give a folder of its own"):
        exported("csv", out=folder / "notes.txt")
    with pytest.raises(QueryError, match="Nothing can be written into `.*notes.txt`"):
        exported("csv", out=folder / "notes.txt" / "below")


def test_another_format_takes_the_place_of_an_earlier_export(exported, tmp_path):
    exported("sentence-transformers", out=tmp_path / "out")
    exported("trec", out=tmp_path / "out", side="images")
    assert contents(tmp_path / "out").keys() == {
        "export.json", "text-to-image.qrels", "text-to-image.run"
    }  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="it has no limit for a process")
@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_the_system_cuts_short_is_told_of_by_every_format(exported, tmp_path, name):
    """The kernel refuses to write beyond 200 bytes, in the midst of the vectors."""
    import resource

    before = contents(exported(name, side="images").folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    try:
        with pytest.raises(DiskFullError) as full:
            exported(name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert f"so `{tmp_path / name}` was not written" in str(full.value)
    assert contents(tmp_path / name) == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_leaves_what_stood_there(exported, tmp_path, monkeypatch, name):
    before = contents(exported(name, side="images").folder)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("lsr.exports.exporting.write_json", full)
    with pytest.raises(
        DiskFullError, match=rf"The disk is full \(.* free\), so `.*{name}` was not"
    ):
        exported(name)
    assert contents(tmp_path / name) == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("name", NAMES)
def test_an_export_that_is_stopped_leaves_nothing(collection, model, tmp_path, name):
    running = run_export(ExportRequest("tiny", "tiny", name, tmp_path / "out" / "deep"))
    next(running)
    running.close()
    assert list((tmp_path / "out").iterdir()) == []


def test_every_mistake_is_one_sentence_or_two(exported):
    with pytest.raises(InputError) as caught:
        exported("csv", out=Path("x" * 300))
    assert "cannot be written (File name too long). Give another folder." in str(caught.value)


@pytest.mark.parametrize("name", ["anserini", "anserini-float", "trec", "ciff"])
def test_formats_of_fields_say_that_ids_are_encoded(exported, collection, name):
    for file, column in (("images", 0), ("captions", 1)):
        path = collection.folder / f"{file}.parquet"
        table = pq.read_table(path)
        ids = [one.replace("-", " ") for one in table.column(column).to_pylist()]
        renamed = table.set_column(column, table.column_names[column], [ids])
        pq.write_table(renamed, path)
    done = exported(name, side="images")
    assert "Ids of images hold white space, so they are percent-encoded." in done.notes
    written = b"".join(contents(done.folder).values())
    assert b"image%20" in written
    assert b"image 0" not in written.replace(b'"contents": "image 0', b"")


def test_of_two_exports_into_a_folder_the_first_wins_and_the_other_is_told(
    collection, model, tmp_path
):
    out = tmp_path / "out"
    first = run_export(ExportRequest("tiny", "tiny", "csv", out))
    next(first)
    with pytest.raises(BusyError, match="/out` is being written by another process"):
        next(run_export(ExportRequest("tiny", "tiny", "trec", out)))
    *_, last = first
    assert {one.name for one in last.files} | {"export.json"} == {p.name for p in out.iterdir()}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_files_that_others_put_there_meanwhile_are_not_lost(collection, model, tmp_path):
    running = run_export(ExportRequest("tiny", "tiny", "csv", tmp_path / "out"))
    next(running)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(QueryError, match="files or folders that no export wrote"):
        list(running)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]
