"""Where answers stand, the best rival and the gap between them, against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest

from lsr.exceptions import QueryError
from lsr.failures.cases import QUADRANTS, Cases, find_cases, gaps
from lsr.sweep.laboratory import Laboratory, open_laboratory
from tests.conftest import make_head


@pytest.fixture(params=["text-to-image", "image-to-text"])
def lab(request, collection, model) -> Laboratory:
    return open_laboratory(collection, model, "test", request.param)


@pytest.fixture
def cases(lab) -> Cases:
    return find_cases(lab)


def dense_scores(lab: Laboratory) -> tuple[np.ndarray, np.ndarray]:
    """Scores of all documents for all queries, and which documents are right; ids ascending."""
    split, task = lab.projected, lab.plain
    captions = dict(zip(split.captions.ids, split.captions.matrix.toarray(), strict=True))
    images = dict(zip(split.images.ids, split.images.matrix.toarray(), strict=True))
    owner = {
        caption: lab.collection.image_ids[row]
        for caption, row in zip(
            lab.collection.caption_ids, lab.collection.caption_image_rows, strict=True
        )
    }
    ask, found = (captions, images) if lab.direction == "text-to-image" else (images, captions)
    scores = np.array(
        [
            [float(ask[q].astype(np.float64) @ found[d]) for d in task.documents.ids]
            for q in task.queries.ids
        ]
    )
    right = np.array(
        [
            [owner.get(q) == d or owner.get(d) == q for d in task.documents.ids]
            for q in task.queries.ids
        ]
    )
    return scores, right


def test_ranks_scores_and_rivals_are_those_of_all_scores(lab, cases):
    scores, right = dense_scores(lab)
    assert len(cases) == len(scores) > 10
    for row in range(len(cases)):
        own, others = scores[row][right[row]].max(), np.where(right[row], -1, scores[row])
        assert cases.scores[row] == pytest.approx(own)
        assert right[row, cases.answers[row]]
        assert cases.rival_scores[row] == pytest.approx(others.max())
        assert cases.rivals[row] == others.argmax()
        assert cases.ranks[row] == 1 + (others >= own).sum()
        assert (cases.ranks[row] == 1) == (cases.margins[row] > 0)
        both = (lab.plain.queries.matrix[row].toarray() > 0) & (
            lab.plain.documents.matrix[cases.answers[row]].toarray() > 0
        )
        assert cases.shared[row] == both.sum()


def test_a_gap_is_the_sum_of_its_terms(lab, cases):
    terms = lab.model.vocabulary.terms
    for row in range(len(cases)):
        found = gaps(cases, row, terms)
        assert len(found) == cases.active[row]
        assert sum(one.answer for one in found) == pytest.approx(cases.scores[row])
        assert sum(one.difference for one in found) == pytest.approx(-cases.margins[row])
        assert [one.difference for one in found] == sorted(
            (one.difference for one in found), reverse=True
        )


@pytest.mark.parametrize("k", [1, 5])
def test_every_query_is_in_one_quadrant(cases, k):
    found = cases.quadrants(k)
    sparse, dense = cases.found(k), cases.dense <= k
    for number, name in enumerate(QUADRANTS):
        assert (
            (found == number)
            == (
                (sparse == (name in ("both", "only sparse")))
                & (dense == (name in ("both", "only dense")))
            )
        ).all()


def test_what_the_dense_vectors_find_and_the_terms_do_not_comes_first(cases):
    order = cases.by_contrast()
    assert sorted(order.tolist()) == list(range(len(cases)))
    ratio = (np.where(cases.ranks > 0, cases.ranks, 99) / cases.dense)[order]
    assert (np.diff(ratio) <= 1e-9).all()


def test_texts_are_those_of_the_queries(lab, cases):
    if lab.direction == "image-to-text":
        assert cases.texts == cases.ids
        return
    told = dict(zip(lab.collection.caption_ids, lab.collection.caption_texts, strict=True))
    assert cases.texts == tuple(told[one] for one in cases.ids)
    assert cases.words.tolist() == [len(text.split()) for text in cases.texts]


def test_a_second_model_has_its_own_ranks(collection, model, vocabulary, home):
    from lsr.model.checkpoint import save_model

    card = {"title": "Other", "encoder": "fake"}
    head = make_head(vocabulary, seed=8)
    other = save_model(
        home / "models" / "other", head, vocabulary, card=card, training={}, metrics={}
    )
    labs = [open_laboratory(collection, one, "test") for one in (model, other)]
    both = find_cases(*labs)
    assert both.second.tolist() == find_cases(labs[1]).ranks.tolist()
    assert both.second.tolist() != both.ranks.tolist()
    with pytest.raises(QueryError, match="the same queries only"):
        find_cases(labs[0], open_laboratory(collection, other, "test", "image-to-text"))


@pytest.mark.parametrize("k", [0, 1_001])
def test_a_k_that_no_list_has_is_refused(cases, k):
    with pytest.raises(QueryError, match="Use 1 to 1,000"):
        cases.found(k)
