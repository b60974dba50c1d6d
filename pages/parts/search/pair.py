"""What stands side by side on the Search page: the search of the sidebar, and a second one.

This is read with the first page, so nothing here may need the index or a sweep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from pages.parts import address, links
from pages.parts.choice import Choice, fitting, read_name, second_model
from pages.parts.glossary import glossed
from pages.parts.messages import or_default

NOTHING, DENSE, SEARCH = "none", "dense", "search"
_KINDS = {NOTHING: "Nothing", DENSE: "Dense teacher", SEARCH: "Another search"}
_SETTING_HELP = (
    "Knobs with their values, as the Expansion page finds them: `top-k=8` keeps a query's 8 "
    "strongest terms, `top-k@images=40 mean=0.5` the 40 strongest of images and half the weight of "
    "expansion terms. Empty for every term."
)
# What the address says of the second search.
PARAMETERS = ("beside", "dense", "against", "beside-expansion", "beside-setting")


@dataclass(frozen=True)
class Side:
    """A search: its model, whether it expands, and its inference setting as the address has it."""

    model: str
    expansion: bool
    setting: str


@dataclass(frozen=True)
class Pair:
    """What is searched with, and what stands beside: another search, the teacher, or nothing."""

    here: Side
    beside: Side | None = None
    dense: bool = False

    @property
    def single(self) -> bool:
        """Whether nothing stands beside."""
        return self.beside is None and not self.dense


def read_pair(choice: Choice, expansion: bool) -> Pair:
    """What the address says; a part that makes no sense is said and left out."""
    here = Side(choice.model, expansion, address.read_text("setting") or "")
    kind = or_default(_read_kind, NOTHING)
    if kind != SEARCH:
        return Pair(here, dense=kind == DENSE)
    return Pair(here, _read_beside(choice, here))


def _read_kind() -> str:
    # Before there was a choice of two searches, `dense=on` set the teacher beside.
    if address.read_text("beside") is None and (old := address.read_text("dense")) is not None:
        return DENSE if old == "1" or address.parse_flag("dense", old, False) else NOTHING
    return address.read_option("beside", list(_KINDS), NOTHING)


def _read_beside(choice: Choice, here: Side) -> Side:
    raw = address.read_text("against")
    models = fitting(choice.collection)
    model = _usual_model(models, here) if raw is None else read_name("model", raw, models)
    setting = address.read_text("beside-setting") or ""
    usual = _usual_expansion(here, model, setting)
    expansion = or_default(lambda: address.read_flag("beside-expansion", usual), usual)
    return Side(model, expansion, setting)


def _usual_model(models: Sequence[str], here: Side) -> str:
    """The model of the second search: the same where a setting is left out in it, else another."""
    others = [name for name in models if name != here.model]
    return here.model if here.setting.strip() else second_model(others) or here.model


def _usual_expansion(here: Side, model: str, setting: str) -> bool:
    """Expansion in the second search: the same where it differs otherwise, else turned over."""
    same = model == here.model and setting.split() == here.setting.split()
    return here.expansion != same


def show_pair(choice: Choice, pair: Pair, query: str | None) -> None:
    """The box that chooses what stands beside; `query` may be taken to the Expansion page."""
    kind = DENSE if pair.dense else SEARCH if pair.beside else NOTHING
    label = "Side by side" + ("" if pair.single else f" · {_KINDS[kind].lower()}")
    with st.popover(label, icon=":material/view_column_2:"):
        tie = address.bound("beside", kind, NOTHING)
        st.segmented_control(
            "Beside this search",
            list(_KINDS),
            format_func=_KINDS.__getitem__,
            required=True,
            help=glossed(
                "The dense teacher ranks by cosine between dense vectors, which the sparse model "
                "was trained to imitate."
            ),
            **(tie | {"on_change": _choose, "args": (tie["args"],)}),
        )
        if pair.beside is not None:
            _show_beside(choice, pair)
        st.text_input(
            "Inference setting of this search",
            placeholder="every term",
            help=glossed(_SETTING_HELP),
            **address.bound("setting", pair.here.setting, ""),
        )
        if query is not None:
            links.to_expansion(query, "Turn knobs on this query")


def _choose(arguments: tuple) -> None:  # type: ignore[type-arg]
    """Write what stands beside, in place of what an old address said."""
    address.write("dense", None)
    address.write_from_widget(*arguments)


def _show_beside(choice: Choice, pair: Pair) -> None:
    beside, models = pair.beside, fitting(choice.collection)
    assert beside is not None  # noqa: S101 (drawn only where there is one)
    expansion = _usual_expansion(pair.here, beside.model, beside.setting)
    st.selectbox(
        "Model of the other search",
        models,
        **address.bound("against", beside.model, _usual_model(models, pair.here)),
    )
    st.toggle(
        "Expansion in the other search",
        **address.bound("beside-expansion", beside.expansion, expansion, address.flag_text),
    )
    st.text_input(
        "Inference setting of the other search",
        placeholder="every term",
        help=glossed(_SETTING_HELP),
        **address.bound("beside-setting", beside.setting, ""),
    )
