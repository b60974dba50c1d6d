"""The causes of failures: built cases with exactly one cause each, and shares that add up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lsr.failures.cases import find_cases
from lsr.failures.causes import CAUSE_NAMES, CAUSES, explain, find_causes
from lsr.failures.shares import find_shares, said_by_documents
from lsr.sweep.inference import parse_inference
from lsr.sweep.laboratory import Laboratory, open_laboratory
from tests.failures.built import Picture, built

# Where the answer has what the query asks: the captions say dog, and the weights have it.
DOG = Picture(["a dog on a beach"], {"dog": 1.0}, to_query=0.9)
ONE_CAUSE = {
    "no shared term": (
        "a dog in snow",
        {"dog": 1.0},
        Picture(["a dog in snow"], {}, to_query=0.9),
        Picture(["a dog on a beach"], {"dog": 1.0}),
    ),
    "word in pieces": (
        "birding in the snow",
        {"bird": 1.0, "snow": 1.0},
        Picture(["snow"], {"snow": 1.0}, to_query=0.9),
        Picture(["a dog in the snow"], {"bird": 1.0, "snow": 1.0}),
    ),
    "under-activation": (
        "a dog on a beach with a cat",
        {"dog": 1.0, "beach": 1.0},
        Picture(["a dog on a beach with a cat"], {"beach": 1.0}, to_query=0.9),
        Picture(["a dog on a beach"], {"dog": 1.0, "beach": 1.0}),
    ),
    "unsupported rival": (
        "a dog on a beach",
        {"dog": 1.0, "beach": 1.0},
        Picture(["a dog on a beach"], {"dog": 1.0, "beach": 1.0}, to_query=0.9),
        Picture(["a horse on a beach"], {"dog": 2.0, "beach": 1.0}, to_query=-0.1),
    ),
    "unsupported query": (
        "a dog on a beach",
        {"dog": 1.0, "snow": 1.0},
        Picture(["a dog on a beach"], {"dog": 1.0}, to_query=0.9),
        Picture(["a dog in snow"], {"dog": 1.0, "snow": 1.0}),
    ),
    "number or order": (
        "two dogs on a beach",
        {"dog": 1.0},
        Picture(["two dogs on a beach"], {"dog": 1.0}, to_query=0.9),
        Picture(["a dog on a beach", "three dogs"], {"dog": 2.0}),
    ),
    "ambiguous text": (
        "a dog on a beach",
        {"dog": 1.0},
        DOG,
        Picture(["a dog and a cat on a beach"], {"dog": 2.0}),
    ),
    "near-duplicate": (
        "a dog on a beach",
        {"dog": 1.0},
        Picture(["a dog on a beach"], {"dog": 1.0}, to_query=0.3, to_rival=0.9),
        Picture(["a dog in the city"], {"dog": 2.0}, to_query=0.2, to_rival=0.9),
    ),
    "teacher": (
        "a dog on a beach",
        {"dog": 1.0},
        Picture(["a dog on a beach"], {"dog": 1.0}, to_query=0.2),
        Picture(["a dog in the city"], {"dog": 2.0}, to_query=0.9),
    ),
    "unexplained": (
        "a dog on a beach",
        {"dog": 1.0},
        DOG,
        Picture(["a dog in the city"], {"dog": 2.0}),
    ),
}


@pytest.mark.parametrize("name", ONE_CAUSE)
def test_a_case_with_one_cause_has_that_cause_alone(tmp_path, vocabulary, name):
    lab = built(tmp_path / "built", vocabulary, *ONE_CAUSE[name])
    cases = find_cases(lab)
    assert cases.ranks[0] != 1
    assert cases.task.documents.ids[cases.rivals[0]] == "image-1"
    found = find_causes(cases, lab)
    [cause] = explain(found, cases, 0, vocabulary.terms)
    assert cause.name == name
    assert cause.share == pytest.approx(1)
    assert cause.evidence
    assert CAUSE_NAMES[found.main[0]] == name


def test_evidence_is_in_the_words_of_the_query(tmp_path, vocabulary):
    lab = built(tmp_path / "built", vocabulary, *ONE_CAUSE["number or order"])
    cases = find_cases(lab)
    [cause] = explain(find_causes(cases, lab), cases, 0, vocabulary.terms)
    assert cause.evidence == "asked for 2 dogs; both say dogs, beach"


def test_terms_that_a_quarter_of_all_images_have_and_say_are_generic(tmp_path, vocabulary):
    weights = {"big": 1.0, "dog": 1.0}
    lab = built(
        tmp_path / "built",
        vocabulary,
        "a big dog in a city",
        weights,
        Picture(["a big dog in a city"], {"big": 0.5, "dog": 1.0}, to_query=0.9),
        Picture(["a big dog"], {"big": 2.0, "dog": 1.0}),
        others={"big": 0.1},
    )
    cases = find_cases(lab)
    found = find_causes(cases, lab)
    [cause] = explain(found, cases, 0, vocabulary.terms)
    assert (cause.name, cause.share, cause.evidence) == ("generic terms", 1, "big 1.50")


def test_every_cause_but_those_that_need_more_is_built():
    assert set(ONE_CAUSE) | {"generic terms", "pruning or control"} == set(CAUSES)


def under(lab: Laboratory, setting: str) -> Laboratory:
    return replace(lab, fixed=parse_inference(setting).steps)


def test_what_a_setting_cuts_is_the_cause(tmp_path, vocabulary):
    lab = built(
        tmp_path / "built",
        vocabulary,
        "a dog on a beach",
        {"dog": 1.0, "beach": 1.0},
        Picture(["a dog on a beach"], {"dog": 2.0, "beach": 3.0}, to_query=0.9),
        Picture(["a dog in the city"], {"dog": 2.5}),
    )
    assert find_cases(lab).ranks[0] == 1
    cases = find_cases(under(lab, "top-k=1"))  # beach goes, which has the larger number
    assert [cases.ranks[0], cases.active[0]] == [2, 1]
    found = find_causes(cases, lab)
    assert CAUSE_NAMES[found.main[0]] == "pruning or control"
    assert found.shares[0, found.main[0]] == 1


def test_a_setting_that_makes_a_gap_wider_has_that_part_of_it(tmp_path, vocabulary):
    lab = built(
        tmp_path / "built",
        vocabulary,
        "a dog on a beach",
        {"dog": 1.0, "beach": 1.0},
        Picture(["a dog on a beach"], {"dog": 2.0, "beach": 1.0}, to_query=0.9),
        Picture(["a dog in the city"], {"dog": 6.0}),
    )
    cases = find_cases(under(lab, "top-k=1"))
    assert cases.margins[0] == pytest.approx(-4)
    [cut, rest] = sorted(
        explain(find_causes(cases, lab), cases, 0, vocabulary.terms), key=lambda one: one.share
    )
    assert (cut.name, cut.share) == ("pruning or control", pytest.approx(1 / 4))
    assert (rest.name, rest.share) == ("unexplained", pytest.approx(3 / 4))


def test_a_gap_of_two_causes_is_split_by_its_terms(tmp_path, vocabulary):
    lab = built(
        tmp_path / "built",
        vocabulary,
        "a dog on a beach",
        {"dog": 1.0, "beach": 1.0, "snow": 1.0},
        Picture(["a dog on a beach"], {"dog": 1.0}, to_query=0.9),
        Picture(["a horse in snow", "a beach"], {"beach": 1.0, "dog": 1.0, "snow": 3.0}),
    )
    cases = find_cases(lab)
    named = explain(find_causes(cases, lab), cases, 0, vocabulary.terms)
    assert [(one.name, one.share, one.evidence) for one in named] == [
        ("unsupported query", pytest.approx(3 / 4), "snow 3.00"),
        ("under-activation", pytest.approx(1 / 4), "beach 1.00"),
    ]


@pytest.mark.parametrize("direction", ["text-to-image", "image-to-text"])
def test_shares_of_a_failure_add_up_to_one(collection, model, direction):
    lab: Laboratory = open_laboratory(collection, model, "test", direction)
    cases = find_cases(lab)
    found = find_causes(cases, lab)
    failed = cases.ranks != 1
    assert failed.any()
    assert found.shares[failed].sum(axis=1) == pytest.approx(np.ones(failed.sum()))
    assert not found.shares[~failed].any()
    assert (found.main[~failed] == -1).all()
    assert found.of(np.arange(len(cases))).sum() == pytest.approx(1)
    terms = model.vocabulary.terms
    for row in np.flatnonzero(failed):
        named = explain(found, cases, row, terms)
        assert named[0].name == CAUSE_NAMES[found.main[row]]
        assert [one.share for one in named] == sorted((one.share for one in named), reverse=True)
        kinds = find_shares(cases, terms, said_by_documents(lab, cases)).by_kind[row]
        at = CAUSE_NAMES.index("unsupported rival")
        if cases.shared[row] and not found.facts.cut[row]:
            assert found.shares[row, at] == pytest.approx(kinds[1] / kinds.sum())


def test_where_terms_are_no_words_documents_still_have_causes(collection, model):
    lab = open_laboratory(collection, model, "test")
    silent = replace(lab.projected, says=False)
    lab = replace(lab, ready=lambda: silent)
    cases = find_cases(lab)
    found = find_causes(cases, lab)
    named = found.holds[cases.ranks != 1].any(axis=0)
    of_words = ("under-activation", "unsupported rival", "unsupported query")
    assert not named[[CAUSE_NAMES.index(one) for one in of_words]].any()
    assert named[CAUSE_NAMES.index("teacher")]
