"""What is lost between the teacher and the terms, against sums over the head's own numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lsr.failures.cases import find_cases, gaps
from lsr.failures.teacher_gap import Part, TeacherGap, teacher_gap, usual_query
from lsr.sweep.knob_names import parse_setting
from lsr.sweep.laboratory import open_laboratory

DIRECTIONS = ["text-to-image", "image-to-text"]


def signed(model, dense: np.ndarray) -> np.ndarray:
    """u of every term, from the head's layers one after the other."""
    head = model.head
    with torch.no_grad():
        hidden = head.vocab_layer_norm(
            head.proj(torch.tensor(np.array(dense), dtype=torch.float32))
        )
        x = head.vocab_projector(hidden).double().numpy()
    return np.sign(x) * np.log1p(np.abs(x))


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_every_part_is_the_sum_that_it_says(collection, model, direction):
    lab = open_laboratory(collection, model, "test", direction)
    cases = find_cases(lab)
    asks, told = (signed(model, side.dense) for side in (cases.task.queries, cases.task.documents))
    usual = usual_query(lab)
    assert usual == pytest.approx(asks.mean(axis=0), abs=1e-5)
    seen = set()
    for row in range(len(cases)):
        gap = teacher_gap(lab, cases, row, usual)
        query = asks[row]
        for name, place in (("answer", cases.answers[row]), ("rival", cases.rivals[row])):
            document = told[place]
            score = sum(q * d for q, d in zip(query, document, strict=True) if q > 0 and d > 0)
            against = sum(q * d for q, d in zip(query, document, strict=True) if q > 0 and d <= 0)
            unasked = sum(
                (q - mean) * d for q, mean, d in zip(query, usual, document, strict=True) if q <= 0
            )
            assert getattr(gap.score, name) == pytest.approx(score, rel=1e-5, abs=1e-5)
            assert getattr(gap.document_side, name) == pytest.approx(against, rel=1e-4, abs=1e-4)
            assert getattr(gap.query_side, name) == pytest.approx(unasked, rel=1e-4, abs=1e-4)
        assert gap.pruned == (0, 0)
        assert gap.off == 0
        seen.add(gap.where)
        for one in gap.lost:
            assert one.answer > one.rival
        if gap.where == "document side":
            assert {one.side for one in gap.lost} == {"document"}
    assert {"nowhere", "query side"} <= seen


def test_what_pruning_takes_is_what_the_terms_gave_that_it_cut(collection, model):
    plain = open_laboratory(collection, model, "test")
    lab = replace(plain, fixed=(parse_setting("top-k@both=4"),))
    cases, whole = find_cases(lab), find_cases(plain)
    terms = model.vocabulary.terms
    for row in range(len(cases)):
        gap = teacher_gap(lab, cases, row, usual_query(lab))
        # The rival and the answer are those of the pruned model.
        there = replace(whole, answers=cases.answers, rivals=cases.rivals)
        assert gap.pruned.answer == pytest.approx(
            sum(one.answer for one in gaps(there, row, terms)) - cases.scores[row], abs=1e-5
        )
        assert gap.score == pytest.approx((cases.scores[row], cases.rival_scores[row]), abs=1e-5)
    assert any(cases.ranks != whole.ranks)


def test_where_is_the_first_part_that_brings_the_answer_ahead():
    def gap(*margins: float | None) -> TeacherGap:
        parts = [None if one is None else Part(one, 0) for one in margins]
        return TeacherGap(Part(1, 0), *parts, (), 0, ())  # type: ignore[arg-type]

    assert gap(1, 0, 0, 0).where == "nowhere"
    assert gap(-1, 2, 0, 0).where == "pruning"
    assert gap(-1, 0, 2, -5).where == "document side"
    assert gap(-1, 0, -1, 3).where == "query side"
    assert gap(-1, 0, 0, 1).where == "head"
    assert gap(-1, 0, None, None).where == "unknown"
    assert "does not tell" in gap(-1, 0, None, None).in_words()


def test_terms_switched_off_are_counted_and_named_and_give_nothing(collection, model):
    lab = open_laboratory(collection, model, "test")
    number = model.vocabulary.id_of("dog")
    model.head.switch_off(torch.tensor([number]))
    lab = open_laboratory(collection, model, "test")
    cases = find_cases(lab)
    gap = teacher_gap(lab, cases, 0, usual_query(lab))
    assert gap.off == 1
    saying = [row for row in range(len(cases)) if "dog" in cases.texts[row].split()]
    assert saying
    for row in saying:
        gap = teacher_gap(lab, cases, row, usual_query(lab))
        assert gap.off_said == ("dog",)
        assert "dog" not in [one.term for one in gap.lost]


def test_a_model_that_tells_nothing_below_its_threshold_says_so(collection, model, monkeypatch):
    monkeypatch.setattr(type(model), "before_threshold", lambda *_: None)
    lab = open_laboratory(collection, model, "test")
    cases = find_cases(lab)
    assert usual_query(lab) is None
    row = int(np.flatnonzero(cases.ranks != 1)[0])
    gap = teacher_gap(lab, cases, row, None)
    assert gap.where == "unknown"
    assert gap.off is None
