import numpy as np
import pytest
from PIL import Image

from lsr.evaluation.projected import check_fit
from lsr.exceptions import ModelError, QueryError, UnknownNameError
from lsr.search import searcher as searcher_module
from lsr.search.ranking import dense_ranking
from lsr.search.searcher import Searcher, SearchSettings
from tests.conftest import make_collection


@pytest.fixture
def searcher(collection, model, fake_encoder) -> Searcher:
    return Searcher(collection, model, encoder=fake_encoder)


QUERY = "two red dogs on the beach"


def test_hits_equal_the_dense_product_of_projected_vectors(searcher, fake_encoder):
    result = searcher.search_text(QUERY, SearchSettings(k=12))
    query = searcher.model.project(fake_encoder.encode_texts([QUERY])).toarray()[0]
    images = searcher.model.project(searcher.collection.image_vectors).toarray()
    scores = dict(zip(searcher.collection.image_ids, images @ query, strict=True))
    expected = sorted(scores, key=lambda i: (-scores[i], i))
    assert [hit.image_id for hit in result.hits] == [i for i in expected if scores[i] > 0]
    for hit in result.hits:
        assert hit.score == pytest.approx(scores[hit.image_id], rel=1e-5)


def test_contributions_add_up_to_the_score(searcher):
    for hit in searcher.search_text(QUERY).hits:
        assert sum(c.product for c in hit.contributions) == pytest.approx(hit.score, rel=1e-5)
        for c in hit.contributions:
            assert c.product == pytest.approx(c.query_weight * c.image_weight, rel=1e-6)
        products = [c.product for c in hit.contributions]
        assert products == sorted(products, reverse=True)


def test_literal_terms_are_those_the_text_says(searcher):
    terms = searcher.search_text(QUERY).query_terms
    said = {"two", "red", "dog", "##s", "on", "the", "beach"}
    assert {t.term for t in terms if t.origin == "literal"} <= said
    assert not {t.term for t in terms if t.origin == "expansion"} & said
    assert any(t.origin == "expansion" for t in terms)


def test_expansion_off_leaves_only_literal_terms(searcher):
    terms = searcher.search_text(QUERY, SearchSettings(expansion=False)).query_terms
    assert terms
    assert {t.origin for t in terms} == {"literal"}


def test_muted_terms_leave_the_query_and_boosted_ones_grow(searcher):
    plain = {t.term: t.weight for t in searcher.search_text(QUERY).query_terms}
    first, second = list(plain)[:2]
    settings = SearchSettings(mute=(first,), boost={second: 2.0})
    shaped = {t.term: t.weight for t in searcher.search_text(QUERY, settings).query_terms}
    assert first not in shaped
    assert shaped[second] == pytest.approx(2 * plain[second])
    assert len(shaped) == len(plain) - 1


def test_at_most_n_query_terms_keeps_the_strongest(searcher):
    plain = searcher.search_text(QUERY).query_terms
    cut = searcher.search_text(QUERY, SearchSettings(max_query_terms=3)).query_terms
    assert cut == plain[:3]


def test_a_split_limits_the_hits(home, model, fake_encoder):
    splits = ("val",) * 5 + ("test",) * 7
    mixed = make_collection(home / "collections" / "mixed", fake_encoder, splits=splits)
    searcher = Searcher(mixed, model, encoder=fake_encoder)
    hits = searcher.search_text(QUERY, SearchSettings(k=12, split="val")).hits
    vector = fake_encoder.encode_texts([QUERY])[0]
    dense = dense_ranking(searcher, vector, SearchSettings(split="val"))
    allowed = {mixed.image_ids[row] for row in range(5)}
    assert hits
    assert {h.image_id for h in hits} <= allowed
    assert {dense.at(rank) for rank in range(1, len(dense) + 1)} == allowed
    assert dense.rank(mixed.image_ids[8]) is None


@pytest.mark.parametrize("most", [0, 2**26])
def test_dense_hits_are_sorted_by_cosine_and_none_is_left_out(
    searcher, fake_encoder, monkeypatch, most
):
    """All at once, or of a large collection some rows at a time."""
    monkeypatch.setattr(searcher_module, "_FEW_NUMBERS", most)
    monkeypatch.setattr(searcher_module, "_BLOCK", 5)
    vector = -fake_encoder.encode_texts([QUERY])[0]
    images = searcher.collection
    cosines = images.image_vectors.astype(np.float32) @ vector
    assert cosines.min() < 0
    order = [images.image_ids[row] for row in np.argsort(-cosines)]
    found = dense_ranking(searcher, vector)
    assert [found.at(rank) for rank in range(1, len(found) + 1)] == order
    assert found.score(order[0]) == pytest.approx(cosines.max())


def test_similar_images_leave_out_the_image_itself(searcher):
    image_id = searcher.collection.image_ids[0]
    hits = searcher.similar(image_id, 5)
    assert image_id not in {hit.image_id for hit in hits}
    assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5]


def test_inspection_marks_terms_that_a_caption_says(searcher):
    image_id = searcher.collection.image_ids[3]
    seen = searcher.inspect(image_id, 42)
    words = set(" ".join(seen.captions).split())
    for term in seen.terms:
        assert (term.support == "caption") == (term.term in words)
    weights = [term.weight for term in seen.terms]
    assert weights == sorted(weights, reverse=True)
    assert seen.active_terms == len(seen.terms)


def test_a_picture_is_inspected_and_searched_like_an_image(searcher):
    picture = Image.new("RGB", (30, 30), (200, 30, 90))
    seen = searcher.inspect_picture(picture, "mine.png", 5)
    result = searcher.search_picture(picture, "mine.png")
    assert seen.image_id == result.query == "mine.png"
    assert [t.term for t in seen.terms] == [t.term for t in result.query_terms[:5]]
    assert {t.origin for t in result.query_terms} == {"expansion"}
    assert result.hits


def test_a_term_card_agrees_with_the_matrix(searcher):
    matrix = searcher.images.matrix.toarray()
    column = int((matrix > 0).sum(axis=0).argmax())
    word = searcher.model.vocabulary.terms[column]
    card = searcher.term(word, 40)
    assert card.document_frequency == (matrix[:, column] > 0).sum()
    weights = dict(zip(searcher.images.ids, matrix[:, column], strict=True))
    assert dict(card.images) == pytest.approx({i: w for i, w in weights.items() if w > 0})
    ids = {term: number for number, term in enumerate(searcher.model.vocabulary.terms)}
    active = matrix > 0
    for other in card.co_activated:
        both = (active[:, column] & active[:, ids[other.term]]).sum()
        expected = 12 * both / (active[:, column].sum() * active[:, ids[other.term]].sum())
        assert both >= 3
        assert other.lift == pytest.approx(expected)
    lifts = [other.lift for other in card.co_activated]
    assert lifts == sorted(lifts, reverse=True)


@pytest.mark.parametrize(
    ("text", "settings", "error", "message"),
    [
        (" \n", {}, QueryError, "The query is empty"),
        ("a" * 10_000, {}, QueryError, "10,000 characters; up to 2,000"),
        ("dog", {"k": 0}, QueryError, "k is 0"),
        ("dog", {"max_query_terms": 0}, QueryError, "leave no query"),
        ("dog", {"mute": ("zebra",)}, UnknownNameError, "`zebra` is not a term"),
        ("dog", {"boost": {"dog": -1.0}}, QueryError, "boost of `dog` is -1.0"),
        ("dog", {"boost": {"dog": float("nan")}}, QueryError, "boost of `dog` is nan"),
        ("dog", {"split": "train"}, UnknownNameError, "no split `train`"),
    ],
)
def test_what_cannot_be_searched_gets_one_sentence(searcher, text, settings, error, message):
    with pytest.raises(error, match=message):
        searcher.search_text(text, SearchSettings(**settings))


@pytest.mark.parametrize("text", ["🦊🎻", "<b>dog</b> **x** $y$", "كلب على الشاطئ", "dog\x00cat"])
def test_odd_texts_are_searched(searcher, text):
    assert len(searcher.search_text(text).query_terms) > 0


def test_a_model_of_other_vectors_is_refused(collection, model):
    object.__setattr__(model, "card", {**model.card, "encoder": "blip"})
    with pytest.raises(ModelError, match="trained on `blip` vectors.*holds `fake` vectors"):
        check_fit(collection, model)


def test_an_unknown_engine_is_refused(collection, model):
    with pytest.raises(UnknownNameError, match="no engine `qdrant`. The engines are: memory"):
        Searcher(collection, model, "qdrant")
