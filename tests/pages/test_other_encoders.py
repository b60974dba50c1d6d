"""Pages over collections that something else than the bundled encoder made."""

from __future__ import annotations

from pathlib import Path

from lsr.search.results import SearchSettings
from lsr.search.searcher import Searcher
from tests.pages.test_pages import board, opened, tiles

OWN = """
from lsr.model.vocabulary import Vocabulary
from tests.conftest import FakeEncoder, make_tokenizer

def load():
    return FakeEncoder(Vocabulary(make_tokenizer()))
"""
CHOICE = {"collection": "tiny", "model": "tiny"}


def test_without_an_encoder_the_search_page_says_why_and_shows_the_images(collection, model):
    for address in ({}, {"q": "a dog"}):
        app = opened("search", **CHOICE, **address)
        assert not app.exception
        assert not app.error
        assert "There is no encoder `fake` here" in app.info[0].value
        assert not [box for box in app.text_input if box.label.startswith("What should")]
        assert not board(app)["hits"]
        assert len(tiles(app)) == 12
    app = opened("search", **CHOICE, q="dog:1.5, beach")
    assert not app.exception
    assert "There is no encoder `fake` here" in app.info[0].value
    assert board(app)["hits"]


def test_without_an_encoder_captions_are_searched_with(collection, model):
    caption = collection.caption_texts[4]
    app = opened("search", **CHOICE, q=caption)
    assert not app.exception
    assert not app.error
    assert not app.info
    expected = Searcher(collection, model).search_text(caption, SearchSettings(k=24)).hits
    assert [one["id"] for one in board(app)["hits"]] == [hit.image_id for hit in expected]
    app = opened("against", **CHOICE, q=caption, id=collection.image_ids[0])
    assert not app.exception
    assert not app.error
    assert not app.info
    assert "There is no encoder `fake` here" in opened("against", **CHOICE, q="no").info[0].value


def test_without_an_encoder_the_images_of_the_collection_keep_their_terms(collection, model):
    app = opened("image", **CHOICE, id=collection.image_ids[0])
    assert not app.exception
    assert not app.error
    assert [metric.label for metric in app.metric][:2] == ["Active terms", "Said in a caption"]
    assert "There is no encoder `fake` here" in app.info[0].value


def test_the_users_own_encoder_makes_a_collection_searchable(collection, model, home: Path):
    (home / "encoders").mkdir()
    (home / "encoders" / "fake.py").write_text(OWN)
    app = opened("search", **CHOICE, q="a dog on the beach")
    assert not app.exception
    assert not app.error
    assert not app.info
    assert tiles(app)


def test_an_own_encoder_that_fails_is_told_in_one_sentence(collection, model, home: Path):
    (home / "encoders").mkdir()
    (home / "encoders" / "fake.py").write_text("def load():\n    raise OSError('no weights')")
    app = opened("search", **CHOICE, q="a dog")
    assert not app.exception
    assert "could not be loaded (OSError: no weights)" in app.error[0].value.replace("\\", "")
    app = opened("image", **CHOICE, id=collection.image_ids[0])
    assert not app.exception
    assert not app.error
    assert "could not be loaded (OSError: no weights)" in app.info[0].value.replace("\\", "")
