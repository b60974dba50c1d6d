"""The Milvus engine seen from the library, the command line and the app."""

from __future__ import annotations

import importlib.util
import json

import pytest

from lsr.cli.main import main
from lsr.exceptions import EngineError, QueryError, UnknownNameError
from lsr.index.milvus.of_collection import build_milvus, milvus_name
from lsr.search.searcher import Searcher, SearchSettings
from tests.pages.test_pages import mistake, opened, tiles

installed = pytest.mark.skipif(
    importlib.util.find_spec("pymilvus") is None, reason="Milvus is not installed"
)
QUERY = "two red dogs on the beach"
DEMO = "two lions in the desert"


@pytest.fixture(autouse=True)
def _own_file(monkeypatch, projected_once):
    for name in ("URI", "TOKEN", "CERTIFICATE"):
        monkeypatch.delenv(f"LEXISCOPE_MILVUS_{name}", raising=False)


@installed
def test_a_searcher_answers_alike_with_both_engines(collection, model, fake_encoder):
    list(build_milvus(collection, model))
    memory, other = (
        Searcher(collection, model, engine, fake_encoder) for engine in ("memory", "milvus")
    )
    assert other.index.engine == "milvus"
    for settings in (
        SearchSettings(k=3),
        SearchSettings(k=12, split="test", max_query_terms=4, boost={"dog": 2.0}, mute=("beach",)),
    ):
        ours, theirs = (one.search_text(QUERY, settings) for one in (other, memory))
        assert ours.query_terms == theirs.query_terms
        for hit, same in zip(ours.hits, theirs.hits, strict=True):
            assert (hit.rank, hit.image_id) == (same.rank, same.image_id)
            assert hit.contributions == same.contributions
            assert hit.score == pytest.approx(sum(c.product for c in hit.contributions), rel=1e-6)
        batch = other.search_texts([QUERY, DEMO], settings)
        assert batch == memory.search_texts([QUERY, DEMO], settings)
    assert other.term("dog") == memory.term("dog")
    with pytest.raises(QueryError, match="k is 0"):
        other.search_text(QUERY, SearchSettings(k=0))
    with pytest.raises(UnknownNameError):
        other.search_text(QUERY, SearchSettings(split="moon"))


@installed
def test_searching_in_milvus_projects_no_images(collection, model, fake_encoder):
    list(build_milvus(collection, model))
    searcher = Searcher(collection, model, "milvus", fake_encoder)
    assert searcher.search_text(QUERY).hits
    assert "memory" not in vars(searcher)


@installed
def test_the_name_in_milvus_tells_collections_and_models_apart(collection, model, fake_encoder):
    assert milvus_name(collection, model) == (
        f"lexiscope_1_{collection.fingerprint}_{model.fingerprint}"
    )
    with pytest.raises(EngineError, match=r"There is no Milvus file `.*milvus.db` yet"):
        Searcher(collection, model, "milvus", fake_encoder)


@installed
def test_the_commands_index_and_search_and_the_page_shows_the_engine(answer, capsys):
    assert main(["search", DEMO, "--engine", "milvus"]) == 2
    assert "python -m lsr index --engine milvus" in capsys.readouterr().err
    indexed = answer("index", "--engine", "milvus")
    assert (indexed["engine"], indexed["n_images"]) == ("milvus", 1500)
    found = answer("search", DEMO, "--k", "24", "--engine", "milvus")
    same = answer("search", DEMO, "--k", "24")
    assert [hit["image_id"] for hit in found["hits"]] == [hit["image_id"] for hit in same["hits"]]
    assert json.dumps(found["query_terms"]) == json.dumps(same["query_terms"])
    assert found["seconds"].keys() == {"encode", "project", "search"}

    app = opened(q=DEMO, engine="milvus")
    assert not app.exception
    assert not app.error
    assert any("engine `milvus`" in caption.value for caption in app.caption)
    assert tiles(app)[:24] == [hit["image_id"] for hit in same["hits"]]
    [box] = [box for box in app.selectbox if box.label == "Engine"]
    assert (box.options, box.value) == (["memory", "milvus"], "milvus")
    for page in ("term", "expansion", "image"):
        assert not opened(page, engine="milvus").error


def test_the_sidebar_offers_only_engines_that_can_be_used_and_says_why(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda n, p=None: None if n == "pymilvus" else find(n, p)
    )
    app = opened()
    [box] = [box for box in app.selectbox if box.label == "Engine"]
    assert box.options == ["memory"]
    assert "`milvus` is not offered here. Milvus needs the package `pymilvus`" in box.help
    message = mistake(opened(engine="milvus"))
    assert "Engine `milvus` cannot be used here" in message
    assert "make milvus" in message


def test_the_command_line_says_which_package_is_missing(monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda n, p=None: None if n == "pymilvus" else find(n, p)
    )
    for arguments in (["search", DEMO, "--engine", "milvus"], ["index", "--engine", "milvus"]):
        assert main(arguments) == 2
        complaint = capsys.readouterr().err
        assert "`pymilvus`, which is not installed. Run `make milvus`" in complaint
        assert complaint.count("\n") == 1
