"""The command line on the bundled collection: keys, agreement between commands, mistakes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lsr.cli.main import main
from lsr.exceptions import QueryError
from lsr.storage.places import ASSETS, own_folder

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ASSETS / "collections" / "demo" / "images" / "test-00003.webp"
MEASURES = {"R@1", "R@5", "R@10", "MRR@10"}


@pytest.fixture
def complaint(capsys):
    def run(*arguments: str) -> str:
        try:
            code = main(list(arguments))
        except SystemExit as leaving:
            code = leaving.code
        printed = capsys.readouterr()
        assert code == 2
        assert printed.out == ""
        assert "Traceback" not in printed.err
        assert len(printed.err.strip().splitlines()) == 1
        return printed.err

    return run


def test_collections_and_models_list_what_is_bundled(answer):
    demo = next(c for c in answer("collections")["collections"] if c["name"] == "demo")
    assert set(demo) == {"name", "title", "n_images", "n_captions", "encoder", "query_sets"}
    assert (demo["n_images"], demo["n_captions"]) == (13_500, 67_500)
    models = {m["name"]: m for m in answer("models")["models"]}
    assert {"demo", "demo-uncontrolled"} <= models.keys()
    assert models["demo"]["vocabulary_size"] == 30_522


def test_search_answers_with_hits_that_show_what_was_asked(answer):
    result = answer("search", "two lions in the desert", "--k", "5")
    assert set(result) == {"query", "query_terms", "hits", "seconds"}
    assert set(result["query_terms"][0]) == {"term", "weight", "origin"}
    assert set(result["hits"][0]) == {"rank", "image_id", "score", "contributions"}
    assert set(result["seconds"]) == {"encode", "project", "search"}
    assert [hit["rank"] for hit in result["hits"]] == [1, 2, 3, 4, 5]
    for hit in result["hits"]:
        assert sum(c["product"] for c in hit["contributions"]) == pytest.approx(hit["score"])
    said = [" ".join(answer("inspect", hit["image_id"])["captions"]) for hit in result["hits"]]
    assert all("lion" in text for text in said)
    # Few terms can say how many there are.
    assert any("lions" in text and "desert" in text for text in said)


def test_search_settings_shape_the_query(answer):
    plain = answer("search", "a red car in the snow")
    literal = answer("search", "a red car in the snow", "--expansion", "off")
    assert {t["origin"] for t in literal["query_terms"]} == {"literal"}
    assert len(literal["query_terms"]) < len(plain["query_terms"])
    shaped = answer(
        "search", "a red car in the snow", "--max-query-terms", "3", "--mute", "snow",
        "--boost", "car=2",
    )  # fmt: skip
    weights = {t["term"]: t["weight"] for t in plain["query_terms"]}
    assert len(shaped["query_terms"]) == 3
    assert "snow" not in {t["term"] for t in shaped["query_terms"]}
    car = next(t for t in shaped["query_terms"] if t["term"] == "car")
    assert car["weight"] == pytest.approx(2 * weights["car"], rel=1e-5)


def test_a_picture_of_the_collection_finds_itself(answer):
    file = ASSETS / "collections" / "demo" / "images" / "test-00007.webp"
    result = answer("search", "--image", str(file), "--k", "3")
    assert result["hits"][0]["image_id"] == "test-00007"
    seen = answer("inspect", str(file), "--top", "5")
    stored = answer("inspect", "test-00007", "--top", "5")
    assert [t["term"] for t in seen["terms"]] == [t["term"] for t in stored["terms"]]
    assert seen["captions"] == []
    assert len(stored["captions"]) == 5


def test_inspect_and_term_agree(answer):
    seen = answer("inspect", "test-00003")
    assert set(seen) == {"image_id", "terms", "active_terms", "captions"}
    assert set(seen["terms"][0]) == {"term", "weight", "support"}
    strongest = seen["terms"][0]
    card = answer("term", strongest["term"], "--top", "1500")
    assert set(card) == {"term", "document_frequency", "images", "co_activated"}
    assert card["document_frequency"] == len(card["images"])
    weights = {image["image_id"]: image["weight"] for image in card["images"]}
    assert weights["test-00003"] == pytest.approx(strongest["weight"])


def test_evaluate_has_every_documented_key_and_meets_the_targets(answer):
    result = answer("evaluate")
    assert {
        "n_queries", "n_images", "dense", "sparse", "literal", "lexical", "flops", "active_terms",
        "exact@20", "semantic@20", "kendall_tau", "overlap@10",
    } <= result.keys()  # fmt: skip
    assert (result["n_queries"], result["n_images"]) == (5_000, 1_000)
    for name in ("dense", "sparse", "literal", "lexical"):
        assert set(result[name]) == MEASURES
    assert result["dense"]["R@1"] >= 0.80
    assert result["dense"]["R@5"] >= 0.94
    assert result["sparse"]["R@1"] >= 0.95 * result["dense"]["R@1"]
    assert result["active_terms"]["image"] <= 100
    assert result["flops"] <= 30
    assert result["exact@20"] >= 0.20
    assert result["image_exact@10"] >= 0.60
    assert result["unseen_words"]["sparse"] >= 0.60


def test_without_control_captions_expand_to_words_they_do_not_say(answer, scenes):
    result = answer("evaluate", "--collection", scenes, "--model", "demo-uncontrolled")
    assert result["n_queries"] == 600
    assert result["exact@20"] < 0.02


def test_the_sweep_ends_at_what_evaluate_measures(answer):
    result = answer("sweep", "--control", "caption", "--from", "0", "--to", "1", "--steps", "3")
    assert {"control", "rows", "seconds"} <= set(result)
    measured = answer("evaluate")
    first, middle, last = result["rows"]
    assert {"value", "R@1", "R@1_std", "R@5", "R@10", "MRR@10", "flops", "active_terms_query",
            "posting_cost"} <= first.keys()  # fmt: skip
    for name in MEASURES:
        assert first[name] == pytest.approx(measured["literal"][name])
        assert last[name] == pytest.approx(measured["sparse"][name])
        assert middle[name] == pytest.approx((first[name] + last[name]) / 2)
    assert last["flops"] == pytest.approx(measured["flops"])
    assert last["active_terms_query"] == pytest.approx(measured["active_terms"]["query"])


def test_words_stand_beside_a_picture_and_terms_alone(answer):
    words, picture = ["search", "a red car"], ["--image", str(PICTURE)]
    alone = answer(*words)
    assert answer(*words, *picture, "--share", "0")["hits"] == alone["hits"]
    of_picture = answer("search", *picture)["hits"]
    assert answer(*words, *picture, "--share", "1")["hits"] == of_picture
    both = {one["term"]: one["origin"] for one in answer(*words, *picture)["query_terms"]}
    assert both["car"] == "literal"
    assert {one["term"] for one in of_picture[0]["contributions"]} & both.keys()
    found = answer("search", "lion:2, desert")["query_terms"]
    assert [(one["term"], one["weight"]) for one in found] == [("lion", 2.0), ("desert", 1.0)]


def test_every_command_also_speaks_to_people(capsys):
    assert main(["search", "a cat", "--k", "2"]) == 0
    printed = capsys.readouterr().out
    assert "query_terms" in printed
    assert "{" not in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search", ""], "The query is empty"),
        (["search"], "Give a query text, --image FILE, or both"),
        (["search", "cat", "--share", "0.3"], "--share needs words and a picture"),
        (["search", "cat", "--image", str(PICTURE), "--share", "2"], "cannot have the share 2"),
        (["search", "lion:0, desert:0"], "None of the terms weighs anything"),
        (["search", "x" * 10_000], "10,000 characters"),
        (["search", "cat", "--k", "0"], "k is 0"),
        (["search", "cat", "--k", "many"], "invalid int value"),
        (["search", "cat", "--boost", "cat"], "`cat` is no boost. Write it as term=1.5."),
        (["search", "cat", "--mute", "qzxqzx"], "is not a term"),
        (["search", "cat", "--collection", "nowhere"], "no collection `nowhere`"),
        (["search", "cat", "--model", "../etc"], "no model `../etc`"),
        (["search", "--image", "no-such.png"], "no file `no-such.png`"),
        (["inspect", "test-99999"], "no image `test-99999`"),
        (["inspect", "no-such.png"], "no file `no-such.png`"),
        (["term", "qzxqzx"], "is not a term"),
        (["term", ""], "is not a term"),
        (["evaluate", "--split", "dev"], "no split `dev`"),
        (["evaluate", "--direction", "up"], "no direction"),
        (["sweep", "--control", "luck"], "no control"),
        (["sweep", "--to", "7"], "caption sweep from 0 to 7"),
        (["train", "--out", "demo"], "bundled model"),
        (["train", "--out", "../x"], "cannot name a model"),
        (["train", "--out", "x", "--control", "often"], "is not a control"),
        (["dance"], "invalid choice"),
    ],
)
def test_a_mistake_gets_one_line_and_exit_2(complaint, arguments, message):
    assert message in complaint(*arguments)


def test_a_file_that_is_no_picture_gets_one_line(complaint, tmp_path):
    (tmp_path / "x.png").write_text("hello")
    assert "not a picture" in complaint("search", "--image", str(tmp_path / "x.png"))
    assert "not a picture" in complaint("inspect", str(tmp_path / "x.png"))


@pytest.mark.parametrize("file", ["images.parquet", "image_vectors.npy", "collection.json"])
def test_a_damaged_collection_gets_one_line_and_is_left_alone(complaint, tmp_path, file):
    folder = tmp_path / "damaged"
    ignore = shutil.ignore_patterns("images")
    shutil.copytree(ASSETS / "collections" / "demo", folder, ignore=ignore)
    content = (folder / file).read_bytes()[:-30]
    (folder / file).write_bytes(content)
    assert file in complaint("search", "cat", "--collection", str(folder))
    assert (folder / file).read_bytes() == content


def test_a_trained_model_is_found_by_every_command(answer, home):
    import numpy as np
    import pyarrow as pa

    from lsr.collection.collection import load_collection
    from lsr.collection.writing import write_collection

    demo = load_collection(ASSETS / "collections" / "demo")
    rows = np.concatenate([demo.image_rows("val")[:60], demo.image_rows("test")[:60]])
    splits = np.array(["train"] * 40 + ["val"] * 20 + ["test"] * 60)
    names = dict(zip((demo.image_ids[row] for row in rows), splits, strict=True))
    kept = [r for r, owner in enumerate(demo.captions["image_id"].to_pylist()) if owner in names]
    owners = [demo.image_ids[demo.caption_image_rows[r]] for r in kept]
    stored = np.flatnonzero(np.isin(demo.caption_splits, demo.vector_splits))
    place = {int(row): position for position, row in enumerate(stored)}
    write_collection(
        home / "collections" / "small",
        card={"name": "small", "title": "Small", "licence": "", "source": "", "encoder": "bundled"},
        images=demo.images.take(rows).set_column(5, "split", pa.array(splits.tolist())),
        captions=demo.captions.take(kept).set_column(
            3, "split", pa.array([names[owner] for owner in owners])
        ),
        image_vectors=demo.image_vectors[rows],
        caption_vectors=demo.caption_vectors[[place[r] for r in kept]],
    )
    result = answer("train", "--collection", "small", "--out", "mine", "--epochs", "2",
                    "--batch-size", "50", "--hidden-size", "16")  # fmt: skip
    assert result["model"] == "mine"
    assert [epoch["epoch"] for epoch in result["epochs"]] == [1, 2]
    assert result["metrics"]["n_images"] == 60
    assert (home / "models" / "mine" / "training.json").exists()
    assert not list((home / "models").glob(".*"))
    measured = answer("evaluate", "--collection", "small", "--model", "mine")
    assert measured["sparse"] == result["metrics"]["sparse"]


def test_own_models_cannot_take_a_bundled_name():
    with pytest.raises(QueryError, match="bundled model"):
        own_folder("models", "demo-uncontrolled")


def test_the_module_runs_as_a_process_and_keeps_stdout_clean(home):
    command = [sys.executable, "-m", "lsr", "search", "", "--json"]
    environment = {**os.environ, "LEXISCOPE_HOME": str(home)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("The query is empty.")


IMPATIENT = """
import os, signal, sys, time
from lsr.cli import lists
from lsr.cli.main import main

def run(options, log):
    set_handler = signal.signal
    def signalled_first(number, handler):  # as somebody does who holds Ctrl+C down
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        return set_handler(number, handler)
    signal.signal = signalled_first
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(600)
    finally:
        os.kill(os.getpid(), signal.SIGINT)
        log("What is whole is written.")

lists.list_collections = run
sys.argv = ["lsr", "collections"]
raise SystemExit(main())
"""


def test_who_asks_twice_to_stop_does_not_cut_short_how_a_command_ends(home):
    done = subprocess.run(
        [sys.executable, "-c", IMPATIENT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    said = ["What is whole is written.", "Stopped. What was reported is kept."]
    assert (done.returncode, done.stderr.splitlines()) == (130, said)


# That of docs/training.md would train for minutes; tests/test_structure.py compiles it.
@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/collections.md",
        "docs/encoders.md",
        "docs/expansion.md",
        # Sentence-transformers warns of torch's sparse tensors.
        pytest.param("docs/export.md", marks=pytest.mark.filterwarnings("ignore")),
        "docs/search.md",
    ],
)
def test_the_examples_of_readme_and_docs_run(page, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    if page == "docs/export.md":  # one example reads what a command above it writes
        monkeypatch.chdir(tmp_path)
        main(["export", "--format", "sentence-transformers", "--out", "export/sparse", "--json"])
        capsys.readouterr()
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), {})
        assert capsys.readouterr().out.strip()
