"""The knobs of the Expansion page: which one is turned, and how far."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from lsr.exceptions import QueryError
from pages.parts import address

RATES = tuple(round(step * 0.05, 2) for step in range(21))
LENGTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150, 200, 300, 500)
CONTROLS = {"caption": "Caption-level rate", "word": "Word-level rate", "top-k": "Top-k pruning"}
_DEFAULT_RATE, _DEFAULT_LENGTH = 1.0, 20
_HELP = {
    "caption": "The probability that a caption may use its expansion terms. 0 is literal search, "
    "1 is what the paper does at test time.",
    "word": "The probability that a term of the vocabulary may be used as an expansion term.",
    "top-k": "How many of its strongest terms a caption keeps.",
}


@dataclass(frozen=True)
class Knob:
    """A control of `lsr.sweep`, all the values it can take here, and the one it stands at."""

    control: str
    value: float

    @property
    def values(self) -> tuple[float, ...]:
        return LENGTHS if self.control == "top-k" else RATES

    @property
    def place(self) -> int:
        """Where the value stands among `values`."""
        return self.values.index(self.value)


def read_knob() -> Knob:
    """The knob that the address describes.

    Raises:
        QueryError: an unknown control, or a value that the slider does not have.
    """
    control = address.read_option("control", list(CONTROLS), "caption")
    if control == "top-k":
        return Knob(control, parse_stop("k", address.read_text("k"), LENGTHS, _DEFAULT_LENGTH))
    return Knob(control, parse_stop("rate", address.read_text("rate"), RATES, _DEFAULT_RATE))


def parse_stop(name: str, raw: str | None, stops: tuple[float, ...], default: float) -> float:
    """The stop of a slider that the address names.

    Raises:
        QueryError: no number, or none of `stops`.
    """
    number = address.parse_number(name, raw, stops[0], stops[-1], default)
    if number not in stops:
        near = min(stops, key=lambda stop: abs(stop - number))
        raise QueryError(
            f"`{name}` in the address is `{number:g}`, between two stops of the slider. "
            f"Use `{near:g}`."
        )
    return stops[stops.index(number)]


def turn_knob() -> Knob:
    """Draw the choice of a knob and its slider, and return where it stands.

    Raises:
        QueryError: see `read_knob`; the choice of knobs is drawn all the same.
    """
    try:
        knob = read_knob()
    except QueryError:
        _choose_control("caption")
        raise
    _choose_control(knob.control)
    name, default = ("k", _DEFAULT_LENGTH) if knob.control == "top-k" else ("rate", _DEFAULT_RATE)
    st.select_slider(
        CONTROLS[knob.control],
        knob.values,
        format_func=lambda stop: f"{stop:g}" if knob.control == "top-k" else f"{stop:.2f}",
        help=_HELP[knob.control],
        **address.bound(name, knob.value, default, address.number_text),
    )
    return knob


def _choose_control(control: str) -> None:
    st.segmented_control(
        "Knob",
        list(CONTROLS),
        format_func=CONTROLS.__getitem__,
        required=True,
        **address.bound("control", control, "caption"),
    )
