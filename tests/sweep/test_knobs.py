from __future__ import annotations

import itertools

import numpy as np
import pytest

from lsr.exceptions import QueryError
from lsr.sweep.knob_names import parse_knob, parse_setting
from lsr.sweep.knobs import CONTROLS, PRUNED, PRUNINGS, RATES, TOKEN_PRUNINGS, Knob

SIDES = ("captions", "images", "both")
PARTS = ("all", "literal", "expansion")


def complaint(call, *arguments) -> str:
    with pytest.raises(QueryError) as caught:
        call(*arguments)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 300
    return message


def test_every_knob_is_read_back_from_its_name():
    knobs = [Knob(control) for control in CONTROLS]
    knobs += [Knob(one, part=PRUNED, beside=0.5) for one in TOKEN_PRUNINGS]
    knobs += [Knob(one, beside=2.0) for one in ("two_phase.prune_ratio", TOKEN_PRUNINGS[0])]
    knobs += [Knob("bits", side) for side in SIDES]
    knobs += [Knob(*parts) for parts in itertools.product(PRUNINGS, SIDES, PARTS)]
    with pytest.raises(QueryError, match="from 0 to 1"):
        parse_knob("two_phase.expansion_rate:2")
    assert [parse_knob(str(knob)) for knob in knobs] == knobs
    assert len({str(knob) for knob in knobs}) == len(set(knobs))


@pytest.mark.parametrize(
    ("text", "knob"),
    [
        ("caption", Knob("caption")),
        ("word-df", Knob("word-df")),
        ("top-k", Knob("top-k", "captions", "all")),
        ("top-k@captions/all", Knob("top-k")),
        ("threshold@images", Knob("threshold", "images")),
        ("max-ratio/expansion", Knob("max-ratio", "captions", "expansion")),
        ("top-k@both/literal", Knob("top-k", "both", "literal")),
        ("bits@both", Knob("bits", "both")),
        ("alpha_mass@images", Knob("alpha_mass", "images")),
        ("abs_value", Knob("threshold")),
        ("max_ratio@both", Knob("max-ratio", "both")),
        ("top_k/expansion", Knob("top-k", "captions", "expansion")),
        ("tokens_weight_threshold:3", Knob("tokens_weight_threshold", beside=3.0)),
        ("two_phase.prune_ratio:2", Knob("two_phase.prune_ratio", beside=2.0)),
    ],
)
def test_a_knob_names_its_control_side_and_part(text, knob):
    assert parse_knob(text) == knob


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "`` is no control. Use caption, mean, word,"),
        ("phrase", "`phrase` is no control"),
        ("x" * 500, "xxx…` is no control"),
        ("Caption", "`Caption` is no control"),
        ("top-k@", "After @ write captions, images or both"),
        ("top-k@texts", "After @ write captions, images or both"),
        ("top-k/", "after / write all, literal or expansion"),
        ("top-k/some", "after / write all, literal or expansion"),
        ("top-k/all@images", "`top-k/all@images` is no control"),
        ("caption@images", "caption acts on the expansion terms of captions"),
        ("mean/expansion", "mean acts on the expansion terms of captions"),
        ("word-df@both", "word-df acts on the expansion terms of captions"),
        ("bits@images/literal", "bits acts on all terms of a side"),
        ("tokens_weight_threshold@images", "acts on queries, whichever side they are"),
        ("tokens_weight_threshold/literal", "acts on queries, whichever side they are"),
        ("top-k/only_score_pruned_tokens", "top-k acts on all terms of a side"),
        ("hybrid@images", "hybrid acts on the ranking"),
        ("top-k:3", "top-k has no second threshold"),
        ("two_phase.prune_ratio:", "write the two_phase.expansion_rate"),
        ("two_phase.prune_ratio:0.5", "values from 1 to"),
    ],
)
def test_what_names_no_knob_is_refused_in_one_sentence(text, message):
    assert message in complaint(parse_knob, text)


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("top-k@images=40", (Knob("top-k", "images"), 40.0)),
        ("threshold=0", (Knob("threshold"), 0.0)),
        ("max-ratio@both/expansion=0.25", (Knob("max-ratio", "both", "expansion"), 0.25)),
        ("bits@images=8", (Knob("bits", "images"), 8.0)),
    ],
)
def test_a_setting_fixes_a_pruning_at_a_value(text, setting):
    assert parse_setting(text) == setting


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("top-k@images", "fixes nothing. Write it as top-k@images=40"),
        ("top-k=", "fixes nothing"),
        ("top-k=many", "`top-k=many` fixes nothing"),
        ("top-k=1=2", "fixes nothing"),
        ("=4", "`` is no control"),
        ("phrase=4", "`phrase` is no control"),
        ("caption=0.5", "caption can only be swept"),
        ("mean=0.5", "mean can only be swept"),
        ("word=0.5", "word can only be swept"),
        ("hybrid=0.5", "hybrid can only be swept"),
        ("top-k=0", "numbers from 1 to"),
        ("top-k=inf", "numbers from 1 to"),
        ("max-ratio=nan", "values from 0 to 1"),
        ("max-ratio=1.1", "values from 0 to 1"),
        ("bits=0", "numbers from 1 to 16"),
        ("threshold=-1", "values from 0 to"),
    ],
)
def test_what_fixes_nothing_is_refused_in_one_sentence(text, message):
    assert message in complaint(parse_setting, text)


@pytest.mark.parametrize("text", ["top-k=2.5", "bits@images=7.5"])
def test_a_fraction_of_a_term_or_a_bit_is_refused(text):
    complaint(parse_setting, text)


@pytest.mark.parametrize(
    ("control", "start", "stop", "steps", "expected"),
    [
        ("caption", 0, 1, 5, [0, 0.25, 0.5, 0.75, 1]),
        ("threshold", 2, 4, 3, [2, 3, 4]),
        ("max-ratio", 0.5, 0.5, 1, [0.5]),
        ("top-k", 1, 4, 10, [1, 2, 3, 4]),
        ("bits", 4, 8, 3, [4, 6, 8]),
    ],
)
def test_values_are_evenly_spaced_and_whole_where_need_be(control, start, stop, steps, expected):
    np.testing.assert_allclose(Knob(control).values(start, stop, steps), expected)


@pytest.mark.parametrize(
    ("control", "start", "stop", "steps", "message"),
    [
        ("caption", 0, 1.5, 5, "caption sweep from 0 to 1.5"),
        ("caption", 0.9, 0.1, 5, "the smaller one first"),
        ("word", float("nan"), 1, 5, "from nan to 1"),
        ("threshold", 0, float("inf"), 5, "from 0 to inf"),
        ("top-k", 0, 10, 5, "values from 1 to"),
        ("bits", 1, 17, 5, "values from 1 to 16"),
        ("caption", 0, 1, 0, "0 steps"),
        ("caption", 0, 1, 1002, "1002 steps"),
    ],
)
def test_impossible_axes_are_refused(control, start, stop, steps, message):
    assert message in complaint(Knob(control).values, start, stop, steps)


def test_only_word_level_knobs_draw():
    assert {control for control in CONTROLS if Knob(control).random} == {"word", "word-df"}
    assert set(RATES) >= {"word", "word-df"}
    assert Knob("top-k", "both").sides == ("captions", "images")
