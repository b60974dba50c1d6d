"""The audit grades every term of every image as a plain loop over words does."""

from dataclasses import replace

import numpy as np
import pytest

from lsr.exceptions import CollectionError
from lsr.search.audit import GRADES, audit, stem, usage
from lsr.search.hypernyms import broader_forms, hypernyms
from lsr.search.searcher import Searcher


@pytest.fixture
def searcher(collection, model, fake_encoder) -> Searcher:
    return Searcher(collection, model, encoder=fake_encoder)


def test_grades_are_those_of_a_loop_over_words(searcher):
    images = searcher.collection
    found = audit(searcher)
    spoken = set(" ".join(images.caption_texts).split())
    counts = np.zeros((len(found.ids), len(GRADES)), int)
    for row, image_id in enumerate(found.ids):
        said = set(" ".join(images.captions_of(images.image_row(image_id))).split())
        forms = {stem(word) for word in said}
        for one in searcher.inspect(image_id, 1000).terms:
            if one.term in said:
                grade = 0
            elif stem(one.term) in forms:
                grade = 1
            elif any(one.term in hypernyms().get(word, ()) for word in said):
                grade = 2
            else:
                grade = 3 if one.term in spoken else 4
            counts[row, grade] += 1
    assert found.of_images.tolist() == counts.tolist()
    shares = counts[:, 0] / counts.sum(axis=1)
    told = found.share(0)
    assert told.mean == pytest.approx(shares.mean())
    assert told.low < told.mean < told.high
    assert found.of_terms.sum(axis=1).tolist() == counts.sum(axis=0).tolist()
    assert counts[:, [0, 2, 3, 4]].sum(axis=0).all()


def test_usage_counts_and_weighs_terms_as_the_vectors_do_without_making_all(searcher):
    found = usage(searcher)
    assert "images" not in searcher.memory.__dict__
    active = searcher.images.matrix.toarray().astype(np.float64)
    assert found.frequency.tolist() == np.count_nonzero(active, axis=0).tolist()
    assert found.largest.tolist() == active.max(axis=0).tolist()
    means = [column[column > 0].mean() if column.any() else 0 for column in active.T]
    np.testing.assert_allclose(found.mean, means, rtol=1e-12)
    graded = audit(searcher)
    assert found.frequency.tolist() == graded.frequency.tolist()
    assert found.largest.tolist() == graded.largest.tolist()
    np.testing.assert_allclose(found.mean, graded.mean, rtol=1e-12)
    assert list(found.ids) == list(graded.ids)


def test_broader_words_are_found_by_their_forms():
    forms = [stem(one) for one in ("animals", "puppies", "house", "dogs")]
    table = broader_forms(forms).toarray()
    assert [[forms[column] for column in np.flatnonzero(row)] for row in table] == [
        [], [stem("animal"), "dog"], [], [stem("animal")],
    ]  # fmt: skip
    assert broader_forms(["xylem"]).nnz == 0


def test_no_word_is_broader_than_itself_and_only_synonyms_than_each_other():
    table = hypernyms()
    assert not any(word in broader for word, broader in table.items())
    both = {word for word in table if any(word in table.get(one, ()) for one in table[word])}
    assert both == {"child", "kid"}


def test_only_the_strongest_terms_are_graded_where_asked(searcher):
    found = audit(searcher, top=3)
    top = [{one.term for one in searcher.inspect(i, 3).terms} for i in found.ids]
    assert found.of_images.sum(axis=1).tolist() == [len(terms) for terms in top]
    assert found.frequency.tolist() == [sum(term in one for one in top) for term in found.terms]


def test_images_are_graded_block_by_block_without_all_their_vectors(searcher, monkeypatch):
    whole = audit(searcher)
    monkeypatch.setattr("lsr.search.audit._BLOCK", 5)
    monkeypatch.setattr("lsr.index.memory.index.FEW_ROWS", 0)
    searcher.memory.__dict__.pop("images", None)
    found = audit(searcher)
    assert "images" not in searcher.memory.__dict__
    assert (found.said != whole.said).nnz == 0
    for name in ("of_terms", "of_images", "largest"):
        assert getattr(found, name).tolist() == getattr(whole, name).tolist()
    np.testing.assert_allclose(found.mean, whole.mean, rtol=1e-12)
    assert found.share(1) == whole.share(1)


def test_an_interval_is_that_of_a_thousand_draws_of_images(searcher):
    found = audit(searcher)
    shares = found.of_images[:, 0] / found.of_images.sum(axis=1)
    draws = np.random.default_rng(0).integers(0, len(shares), (1_000, len(shares)))
    low, high = np.quantile(shares[draws].mean(axis=1), [0.025, 0.975])
    assert found.share(0).low == pytest.approx(low)
    assert found.share(0).high == pytest.approx(high)


@pytest.mark.parametrize(
    ("one", "other"),
    [("dog", "dogs"), ("city", "cities"), ("horse", "horses")],
)
def test_forms_of_a_word_share_a_stem(one, other):
    assert stem(one) == stem(other)
    assert stem(one) != stem("beach")


def test_a_collection_without_captions_is_said(searcher):
    searcher.collection = replace(searcher.collection, captions=searcher.collection.captions[:0])
    with pytest.raises(CollectionError, match="no captions"):
        audit(searcher)
