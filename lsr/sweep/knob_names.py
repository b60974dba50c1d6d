"""Knobs as the command line and addresses write them."""

from __future__ import annotations

from typing import get_args

import numpy as np

from lsr.exceptions import QueryError, shorten
from lsr.sweep.knobs import (
    ALSO,
    CONTROLS,
    OTHER,
    PRUNED,
    PRUNINGS,
    RANKINGS,
    RATES,
    TOKEN_PRUNINGS,
    Knob,
    Part,
    Sides,
    check_fixable,
)


def parse_knob(text: str) -> Knob:
    """The knob that `control[@side][/part]` names, such as `top-k@images/expansion`.

    Raises:
        QueryError: an unknown word, or a side or part that the control does not have.
    """
    head, slash, part = text.partition("/")
    named, at, side = head.partition("@")
    side, part = side if at else "captions", part if slash else "all"
    control, colon, number = named.partition(":")
    control = ALSO.get(control, control)
    if control not in CONTROLS:
        raise QueryError(f"`{shorten(control)}` is no control. Use {', '.join(CONTROLS)}.")
    if side not in get_args(Sides) or part not in get_args(Part):
        raise QueryError(
            f"`{shorten(text)}` is no control. After @ write captions, images or both; after / "
            "write all, literal or expansion."
        )
    beside = _beside(control, number, text) if colon else None
    knob = Knob(control, side, part, beside)  # type: ignore[arg-type]
    sided = control in (*PRUNINGS, "bits")
    if (not sided and at) or (slash and part not in _parts(control)):
        acts = "the expansion terms of captions" if control in RATES else "all terms of a side"
        acts = "queries, whichever side they are" if control in TOKEN_PRUNINGS else acts
        acts = "the ranking" if control in RANKINGS else acts
        raise QueryError(f"`{shorten(text)}` is no control: {control} acts on {acts}.")
    return knob


def _parts(control: str) -> tuple[str, ...]:
    """What may stand after the slash of a control."""
    if control in PRUNINGS:
        return ("all", "literal", "expansion")
    return ("all", PRUNED) if control in TOKEN_PRUNINGS else ()


def _beside(control: str, number: str, text: str) -> float:
    """The value of the other knob of a pair, after a colon."""
    if control not in OTHER:
        raise QueryError(f"`{shorten(text)}` is no control: {control} has no second threshold.")
    other = OTHER[control][0]
    try:
        value = float(number)
    except ValueError:
        raise QueryError(
            f"`{shorten(text)}` is no control. After the colon write the {other}, as {control}:1."
        ) from None
    Knob(other).check(np.array([value]))
    return value


def parse_setting(text: str) -> tuple[Knob, float]:
    """The pruning that `knob=value` fixes, such as `top-k@images=40`.

    Raises:
        QueryError: another form, a knob that draws or mixes, or a value it does not have.
    """
    name, _, number = text.partition("=")
    knob = parse_knob(name)
    check_fixable(knob)
    try:
        value = float(number)
    except ValueError:
        raise QueryError(f"`{shorten(text)}` fixes nothing. Write it as top-k@images=40.") from None
    knob.check(np.array([value]))
    return knob, value
