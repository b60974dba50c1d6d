"""Groups of failures: counts by hand, Wilson's formula, and rows that a click leaves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from lsr.exceptions import QueryError
from lsr.failures.cases import Cases, find_cases
from lsr.failures.causes import CAUSE_NAMES, Causes, find_causes
from lsr.failures.groups import BYS, Groups, group
from lsr.failures.wording import count_things, read
from lsr.search.audit import stem
from lsr.sweep.laboratory import open_laboratory


@pytest.fixture
def found(collection, model) -> tuple[Cases, Causes, list[str]]:
    lab = open_laboratory(collection, model, "test")
    cases = find_cases(lab)
    return cases, find_causes(cases, lab), model.vocabulary.terms


def groups_of(found, by: str, rows: np.ndarray | None = None, k: int = 1) -> Groups:
    cases, causes, terms = found
    listed = np.arange(len(cases)) if rows is None else rows
    return group(by, cases, causes, listed, k, terms)


@pytest.mark.parametrize("by", BYS)
def test_members_are_failures_and_as_many_as_told(found, by):
    cases = found[0]
    made = groups_of(found, by)
    assert len(set(made.names)) == len(made.names)
    for one in made.top(1_000):
        rows = made.members(one.name)
        assert len(rows) == one.count <= one.n
        assert (cases.ranks[rows] != 1).all()
        assert one.low <= one.rate <= one.high
        assert 0 <= one.base <= 1
    assert not len(made.members("no such group"))


def test_rates_of_terms_are_those_of_the_queries_that_have_them(found):
    cases, _, terms = found
    queries = cases.task.queries.matrix.toarray() > 0
    failed = cases.ranks != 1
    for one in groups_of(found, "term").top():
        mine = queries[:, terms.index(one.name)]
        assert (one.count, one.n) == ((mine & failed).sum(), mine.sum())
        assert one.base == pytest.approx(failed.mean())


@pytest.mark.parametrize("by", ["words", "things", "active"])
def test_parts_by_a_number_hold_every_query_once_and_in_order(found, by):
    cases = found[0]
    parts = groups_of(found, by).top()
    assert sum(one.n for one in parts) == len(cases)
    assert sum(one.count for one in parts) == (cases.ranks != 1).sum()
    lows = [int(one.name.split(" to ")[0]) for one in parts]
    assert lows == sorted(lows)


def test_documents_that_are_put_ahead_are_counted(found):
    cases = found[0]
    failed = np.flatnonzero(cases.ranks != 1)
    made = groups_of(found, "rival")
    for one in made.top():
        place = cases.task.documents.ids.index(one.name)
        assert one.count == (cases.rivals[failed] == place).sum()
        assert one.base == pytest.approx(1 / 11)
    assert sum(one.count for one in made.top(1_000)) == len(failed)


def test_causes_of_a_list_stand_against_those_of_all_failures(found):
    cases, causes, _ = found
    failed = np.flatnonzero(cases.ranks != 1)
    some = failed[: len(failed) // 2]
    for one in groups_of(found, "cause", some).top():
        place = CAUSE_NAMES.index(one.name)
        assert (one.count, one.n) == (causes.holds[some, place].sum(), len(some))
        assert one.base == pytest.approx(causes.holds[failed, place].mean())


def test_the_leading_term_is_that_of_the_largest_gain(found):
    cases, causes, terms = found
    failed = np.flatnonzero(cases.ranks != 1)
    made = groups_of(found, "pull")
    leads = {}
    for row in failed:
        mine = causes.gains.rows == row
        leads[row] = terms[causes.gains.terms[mine][causes.gains.gains[mine].argmax()]]
    for one in made.top(1_000):
        assert made.members(one.name).tolist() == [r for r in failed if leads[r] == one.name]


def test_a_confusion_is_what_was_asked_for_with_what_led_instead(found):
    cases, causes, terms = found
    made = groups_of(found, "confusion")
    assert made.top()
    for one in made.top(1_000):
        asked, led = one.name.split(" → ")
        assert stem(asked) != stem(led)
        for row in made.members(one.name):
            assert terms[causes.facts.asked[row]] == asked
            assert stem(asked) in read(cases.texts[row]).content
            mine = causes.gains.rows == row
            assert terms[causes.gains.terms[mine][causes.gains.gains[mine].argmax()]] == led


def test_three_cases_are_no_law():
    """Three of three have an interval down to 0.44, and are not sure among a hundred groups."""
    hits = sp.csc_matrix(np.ones((3, 100), bool))
    n = np.full(100, 3)
    names = tuple(f"t{place}" for place in range(100))
    made = Groups("term", names, n, hits, np.full(100, 0.3), np.arange(3))
    one = made.top()[0]
    z = 1.959963984540054
    low = (1 + z * z / 6 - z * np.sqrt(z * z / 36)) / (1 + z * z / 3)
    assert (one.rate, one.high, one.sure) == (1, 1, False)
    assert one.low == pytest.approx(low)
    all_of_many = sp.csc_matrix(np.ones((60, 1), bool))
    many = Groups("term", ("t",), np.array([60]), all_of_many, np.array([0.3]), np.arange(60))
    assert many.top()[0].sure
    of_one = replace(many, answers=np.zeros(60, int)).top()[0]
    assert (of_one.count, of_one.answers, of_one.rate, of_one.sure) == (60, 1, 1, False)


@pytest.mark.parametrize(
    ("text", "things"),
    [
        ("two dogs", 1),
        ("a pair of small dogs and the cat on a beach", 2),
        ("a group of three cups", 1),
        ("3 dogs", 1),
        ("dogs on grass", 0),
    ],
)
def test_things_are_counted_by_numbers_and_articles(text, things):
    assert count_things(text) == things


def test_another_kind_of_group_is_refused(found, collection, model):
    with pytest.raises(QueryError, match="`mood` groups nothing. Use cause, term,"):
        groups_of(found, "mood")
    lab = open_laboratory(collection, model, "test", "image-to-text")
    cases = find_cases(lab)
    with pytest.raises(QueryError, match="Images count no things"):
        group("things", cases, find_causes(cases, lab), np.arange(2), 1, found[2])
