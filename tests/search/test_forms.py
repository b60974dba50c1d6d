"""Queries of terms alone, and of words with a picture."""

import numpy as np
import pytest
from PIL import Image

from lsr.collection.items import new_texts
from lsr.exceptions import QueryError, UnknownNameError
from lsr.search.forms import mixed, parse_terms
from lsr.search.results import SearchSettings
from lsr.search.searcher import Searcher

QUERY = "two red dogs on the beach"
ALL = SearchSettings(k=12)


@pytest.fixture
def searcher(collection, model, fake_encoder) -> Searcher:
    return Searcher(collection, model, encoder=fake_encoder)


@pytest.fixture
def picture(searcher):
    return searcher.picture_items(Image.new("RGB", (20, 16), (200, 40, 90)))


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("lion:1.5, desert", {"lion": 1.5, "desert": 1.0}),
        ("lion:2", {"lion": 2.0}),
        ("##ing:.5,dog:0", {"##ing": 0.5, "dog": 0.0}),
    ],
)
def test_terms_with_weights_are_a_query_of_their_own(text, weights):
    assert parse_terms(text) == weights


@pytest.mark.parametrize(
    "text",
    [
        "two lions",
        "lion, desert",
        "at 5:30 in the desert",
        "lion:1.5 desert",
        "",
        "a:b",
        "lion:1,,b",
    ],
)
def test_a_text_is_no_query_of_terms(text):
    assert parse_terms(text) is None


def test_terms_alone_score_what_images_weigh(searcher, fake_encoder):
    before = fake_encoder.calls
    found = searcher.search_terms({"dog": 1.5, "Beach": 0.5}, "mine", ALL)
    assert fake_encoder.calls == before
    vocabulary = searcher.model.vocabulary
    there = searcher.images.matrix[:, [vocabulary.id_of("dog"), vocabulary.id_of("beach")]]
    expected = there.toarray().astype(float) @ [1.5, 0.5]
    scores = {hit.image_id: hit.score for hit in found.hits}
    for image_id, score in zip(searcher.images.ids, expected, strict=True):
        assert scores.get(image_id, 0.0) == pytest.approx(score)
    assert {(one.term, one.origin) for one in found.query_terms} == {
        ("dog", "literal"),
        ("beach", "literal"),
    }


@pytest.mark.parametrize(
    ("weights", "error", "words"),
    [
        ({"notaterm": 1.0}, UnknownNameError, "notaterm"),
        ({"dog": 0.0}, QueryError, "None of the terms"),
        ({"dog": float("inf")}, QueryError, "weight of `dog`"),
    ],
)
def test_terms_that_cannot_be_searched_are_one_sentence(searcher, weights, error, words):
    with pytest.raises(error, match=words):
        searcher.search_terms(weights)


def test_the_ends_of_the_slider_are_each_query_alone(searcher, picture):
    words = searcher.search_text(QUERY, ALL)
    assert searcher.search_mixed(QUERY, picture, 0.0, ALL).hits == words.hits
    alone = searcher.search_items(picture, "", ALL)
    assert searcher.search_mixed(QUERY, picture, 1.0, ALL).hits == alone.hits
    between = searcher.search_mixed(QUERY, picture, 0.5, ALL)
    assert between.hits != words.hits
    assert between.hits != alone.hits


def test_words_and_picture_have_the_shares_that_are_asked(searcher, picture):
    model = searcher.model
    words = model.sparse(searcher_items(searcher)).toarray()[0].astype(float)
    seen = model.sparse(picture).toarray()[0].astype(float)
    sizes = np.linalg.norm(words), np.linalg.norm(seen)
    expected = (0.7 * words / sizes[0] + 0.3 * seen / sizes[1]) * (0.7 * sizes[0] + 0.3 * sizes[1])
    found = mixed(model.sparse(searcher_items(searcher)), model.sparse(picture), 0.3)
    np.testing.assert_allclose(found.toarray()[0], expected, rtol=1e-5)
    literal = {
        one.term
        for one in searcher.search_mixed(QUERY, picture, 0.3).plain_terms
        if one.origin == "literal"
    }
    assert literal <= set(QUERY.split()) | {"dog", "##s"}


def searcher_items(searcher):
    return new_texts([QUERY], lambda: searcher.encoder)


def test_a_share_beyond_the_slider_is_refused(searcher, picture):
    with pytest.raises(QueryError, match="Use 0 to 1"):
        searcher.search_mixed(QUERY, picture, -0.1)
