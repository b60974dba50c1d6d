"""Why not on the Failures page: edits that lift an answer, tried on all, and taken to Search."""

from __future__ import annotations

from urllib.parse import parse_qs

import numpy as np
import pytest

from lsr.collection.collection import load_collection
from lsr.failures.cases import find_cases
from lsr.failures.shares import said_by_documents
from lsr.failures.teacher_gap import teacher_gap, usual_query
from lsr.failures.trying import try_edits
from lsr.failures.why_not import why_not
from lsr.model.loading import load_model
from lsr.sweep.laboratory import open_laboratory
from tests.pages.test_failures import page
from tests.pages.test_mode import said


def test_the_edits_of_a_missed_query_are_shown_tried_and_taken_to_search(scenes):
    model = load_model("demo")
    lab = open_laboratory(load_collection(scenes), model, "test")
    cases = find_cases(lab)
    terms = model.vocabulary.terms
    row = next(
        int(one) for one in np.flatnonzero(cases.ranks > 1) if why_not(cases, one, terms).edits
    )
    answer_says = said_by_documents(lab, cases)[cases.answers[row]].indices
    found = why_not(cases, row, terms, said=answer_says)
    app = page(scenes, case=cases.ids[row], tried="on")
    tried = try_edits(cases, row, found.edits, terms, 1)
    assert f"{len(tried.fixed):,} fixed, {len(tried.broken):,} broken" in said(app)
    links = [one.proto for one in app.get("page_link")]
    [search] = [one for one in links if one.label == "Try it in Search"]
    address = {name: value[0] for name, value in parse_qs(search.query_string).items()}
    assert address["q"] == cases.texts[row]
    edited = " ".join(address.get(name, "") for name in ("boost", "mute", "add"))
    assert sorted(one.partition("=")[0] for one in edited.split()) == sorted(
        one.term for one in found.edits
    )
    assert all(any(one.term in link.label for link in links) for one in found.edits)


def test_an_answer_that_is_found_needs_no_edits(scenes):
    app = page(scenes, which="both")
    assert "Why not" not in [one.value for one in app.subheader]


def test_where_an_answer_falls_behind_is_told_where_only_dense_vectors_find_it(scenes):
    model = load_model("demo")
    lab = open_laboratory(load_collection(scenes), model, "test")
    cases = find_cases(lab)
    row = int(np.flatnonzero((cases.ranks != 1) & (cases.dense == 1))[0])
    gap = teacher_gap(lab, cases, row, usual_query(lab))
    app = page(scenes, case=cases.ids[row])
    assert "Teacher gap" in [one.value for one in app.subheader]
    assert gap.in_words().rstrip(".") in said(app)
    parts = next(one.value for one in app.dataframe if "part" in one.value)
    assert parts["answer ahead by"].tolist()[1] == pytest.approx(cases.margins[row], abs=1e-3)
    both = int(np.flatnonzero(cases.ranks == 1)[0])
    app = page(scenes, which="all", case=cases.ids[both])
    assert "Teacher gap" not in [one.value for one in app.subheader]
