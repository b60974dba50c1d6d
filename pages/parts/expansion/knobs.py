"""The knobs of the Expansion page: which one is turned, and how far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, get_args

import streamlit as st

from lsr.exceptions import QueryError
from lsr.sweep.knobs import OTHER, PRUNED, PRUNINGS, TOKEN_PRUNINGS, Knob, Sides
from lsr.sweep.sweep import RATE_STOPS
from pages.parts import address
from pages.parts.glossary import glossed
from pages.parts.messages import or_default

KINDS = {
    "word": "Word rate",
    "caption": "Caption rate",
    "mean": "Mean score",
    "prune": "Pruning",
    "engine": "Engine rules",
    "training": "Training",
}
# Where expansion and its price show best: words that queries share with no caption. Where terms are
# no words, nothing tells expansion from the rest, and cutting is what is left.
_FIRST, _WITHOUT_WORDS = "word", "prune"
_LENGTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150, 200, 300, 500)
_LEAST = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)
_RATIOS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 20.0, 50.0, 100.0)
_WINDOWS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 20.0, 50.0, 100.0)


class Slider(NamedTuple):
    """What the address calls a slider, its stops, where it stands first, and its label."""

    parameter: str
    stops: tuple[float, ...]
    default: float
    label: str


SLIDERS = {
    "caption": Slider("rate", RATE_STOPS, 1.0, "Rate p of a caption's coin"),
    "mean": Slider("rate", RATE_STOPS, 1.0, "Share p of the expansion score"),
    "word": Slider("rate", RATE_STOPS, 1.0, "Rate p of a term's coin"),
    "word-df": Slider(
        "rate", RATE_STOPS, 1.0, "Rate p of a coin × (1 − the term's share of images)"
    ),
    "top-k": Slider("k", _LENGTHS, 20, "Strongest terms kept"),
    "threshold": Slider("least", _LEAST, 0.0, "Least weight kept"),
    "max-ratio": Slider("ratio", RATE_STOPS, 0.0, "Least share of the strongest weight kept"),
    "alpha_mass": Slider("alpha", RATE_STOPS, 1.0, "Share of its weights that a vector keeps"),
    "bits": Slider("bits", tuple(range(1, 9)), 8, "Bits of a weight"),
    "tokens_weight_threshold": Slider(
        "token-weight", RATE_STOPS, 0.4, "tokens_weight_threshold, a share of the strongest weight"
    ),
    "tokens_freq_ratio_threshold": Slider(
        "token-ratio", _RATIOS, 5.0, "tokens_freq_ratio_threshold, times the average frequency"
    ),
    "two_phase.prune_ratio": Slider(
        "prune-ratio", RATE_STOPS, 0.4, "prune_ratio, the least share of a heavy term's weight"
    ),
    "two_phase.expansion_rate": Slider(
        "expansion-rate", _WINDOWS, 5.0, "expansion_rate, times 10 documents that are ranked again"
    ),
    "hybrid": Slider("dense", RATE_STOPS, 0.5, "Weight of the dense score"),
}
CUTS = {
    "top-k": "Strongest k",
    "threshold": "Threshold",
    "max-ratio": "Max-ratio",
    "alpha_mass": "Alpha-mass",
    "bits": "Bits",
}
# What each rule is called, and what it does, after the engine's own documents.
_RULES = {
    "two_phase.prune_ratio": "Two-phase, prune_ratio",
    "two_phase.expansion_rate": "Two-phase, expansion_rate",
    "tokens_weight_threshold": "tokens_weight_threshold",
    "tokens_freq_ratio_threshold": "tokens_freq_ratio_threshold",
    "hybrid": "Hybrid",
}
_TWO_PHASE = (
    "OpenSearch, neural_sparse_two_phase_processor: terms of at least prune_ratio of the strongest "
    "weight find 10 × expansion_rate documents, which all terms rank again."
)
_TOKENS = (
    "Elasticsearch, pruning_config: a term of a query goes where it is more frequent than "
    "tokens_freq_ratio_threshold times the average and no heavier than tokens_weight_threshold of "
    "the strongest."
)
_HYBRID = (
    "OpenSearch, normalization-processor: the dense score counts this much and the sparse one the "
    "rest, both brought to 0 … 1. The dense scan of every image is in none of the costs."
)
_SOURCES = {"two_phase": _TWO_PHASE, "tokens": _TOKENS, "hybrid": _HYBRID}


@dataclass(frozen=True)
class Turned:
    """A knob, the stops of its slider, and where it stands."""

    knob: Knob
    values: tuple[float, ...]
    value: float
    label: str

    @property
    def place(self) -> int:
        """Where the value stands among `values`."""
        return self.values.index(self.value)

    @property
    def parameter(self) -> str:
        """What the address calls the value."""
        return SLIDERS[self.knob.control].parameter


def choose_kind(*, words: bool) -> str:
    """Draw the choice of a kind of knob and return it.

    Args:
        words: whether the model's terms are words, so that a text says some of them.
    """
    return address.choose("control", "Knob", KINDS, _FIRST if words else _WITHOUT_WORDS)


def turn_knob(kind: str) -> Turned:
    """Draw the choices of a kind of knob and its slider, and return where it stands."""
    if kind == "word":
        knob = Knob(_choose_rates())
    elif kind == "prune":
        knob = _choose_pruning()
    elif kind == "engine":
        knob = _choose_rule()
    else:
        knob = Knob(kind)
    name, stops, default, label = SLIDERS[knob.control]
    value = or_default(lambda: parse_stop(name, address.read_text(name), stops, default), default)
    whole = knob.control in ("top-k", "bits")
    st.select_slider(
        label,
        stops,
        format_func=lambda stop: f"{stop:g}" if whole else f"{stop:.2f}",
        **address.bound(name, value, default, address.number_text),
    )
    return Turned(knob, stops, value, label)


def _choose_rates() -> str:
    return address.choose(
        "rates",
        "Every term at",
        {"word": "the same rate", "word-df": "its own rate"},
        "word",
        help="Its own rate: p × (1 − share of images that activate the term), as word-level "
        "control in training has it. Frequent terms are held back more.",
    )


def _choose_rule() -> Knob:
    rule = address.choose("rule", "Rule", _RULES, next(iter(_RULES)))
    other = ""
    if rule in OTHER:
        name, value = OTHER[rule]
        other = f" Here {name} stays at {value:g}, the engine's default."
    st.caption(next(text for name, text in _SOURCES.items() if rule.startswith(name)) + other)
    part = "all"
    if rule in TOKEN_PRUNINGS:
        only = address.flag("only-pruned", False)
        st.toggle(
            PRUNED,
            help=glossed(
                "Search with the terms that would go, as the engine allows for ranking again."
            ),
            **address.bound("only-pruned", only, default=False, as_text=address.flag_text),
        )
        part = PRUNED if only else part
    return Knob(rule, part=part)  # type: ignore[arg-type]


def _choose_pruning() -> Knob:
    sides = {one: one.capitalize() for one in get_args(Sides)}
    parts = {one: one.capitalize() for one in ("all", "literal", "expansion")}
    with st.container(horizontal=True, gap="medium"):
        cut = address.choose("cut", "What stays", CUTS, "top-k")
        side = address.choose("side", "Of", sides, "captions")
        part = "all"
        if cut in PRUNINGS:
            part = address.choose(
                "part",
                "Which terms may go",
                parts,
                "all",
                help="Literal terms are said by the caption, or by a caption of the image.",
            )
    return Knob(cut, side, part)  # type: ignore[arg-type]


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


def move_to(turned: Turned, value: float) -> None:
    """Put another stop into the address, as a click on a point asks for."""
    default = SLIDERS[turned.knob.control].default
    address.write(turned.parameter, None if value == default else address.number_text(value))
