"""The choice of the sidebar: collection, model and engine, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from lsr.catalog import folders, home
from lsr.exceptions import CollectionError, InputError, ModelError, UnknownNameError, shorten
from lsr.index import ENGINES
from pages.parts import address

PREFERRED = "demo"
_HELP = {
    "collection": "Images, their captions and their dense vectors. Your own go to "
    "`$LEXISCOPE_HOME/collections`.",
    "model": "The projection head that turns dense vectors into weights over a vocabulary.",
    "engine": "What holds the inverted index. `memory` searches exactly, inside this process.",
}


@dataclass(frozen=True)
class Choice:
    """Names of the collection, model and engine that every page works with."""

    collection: str
    model: str
    engine: str


def names(kind: str) -> list[str]:
    """Names of the collections or models there are, bundled ones first."""
    return [folder.name for folder in folders(kind)]


def preferred(known: Sequence[str]) -> str:
    """The name that is meant where the address names none."""
    return PREFERRED if PREFERRED in known else known[0]


def read_name(noun: str, raw: str | None, known: Sequence[str]) -> str:
    """The name that the address gives, or the preferred one.

    Raises:
        UnknownNameError: it is not among `known`.
    """
    if raw is None:
        return preferred(known)
    if raw not in known:
        offered = ", ".join(f"`{name}`" for name in known)
        raise UnknownNameError(
            f"There is no {noun} `{shorten(raw)}`. Choose one in the sidebar: {offered}."
        )
    return raw


def choose_in_sidebar() -> Choice:
    """Draw the three boxes and return what they say.

    Raises:
        CollectionError, ModelError: there is none to choose.
        UnknownNameError: the address names one that is not there; the boxes are drawn.
    """
    if not (collections := names("collections")):
        raise CollectionError(
            f"There is no collection yet. Run `python -m lsr world build`, or put a collection "
            f"folder into `{home() / 'collections'}`."
        )
    if not (models := names("models")):
        raise ModelError(
            f"There is no model yet. Run `python -m lsr train`, or put a model folder into "
            f"`{home() / 'models'}`."
        )
    chosen: dict[str, str] = {}
    mistakes: list[InputError] = []
    for noun, known in (("collection", collections), ("model", models), ("engine", ENGINES)):
        try:
            chosen[noun] = read_name(noun, address.read_text(noun), known)
        except UnknownNameError as mistake:
            mistakes.append(mistake)
        _box(noun, known, chosen.get(noun))
    if mistakes:
        raise mistakes[0]
    return Choice(**chosen)


def current_choice() -> Choice:
    """What the sidebar says, read from the address; app.py has checked it."""
    known = {"collection": names("collections"), "model": names("models"), "engine": ENGINES}
    return Choice(
        **{noun: read_name(noun, address.read_text(noun), these) for noun, these in known.items()}
    )


def _box(noun: str, known: Sequence[str], value: str | None) -> None:
    tie = address.bound(noun, value, default=preferred(known))
    if noun == "collection":
        tie |= {"on_change": _leave_image, "args": (tie["args"],)}
    st.selectbox(
        noun.capitalize(),
        known,
        index=0 if value in known else None,
        placeholder=f"Choose {'an' if noun == 'engine' else 'a'} {noun}",
        help=_HELP[noun],
        **tie,
    )


def _leave_image(arguments: tuple) -> None:  # type: ignore[type-arg]
    """Write the new collection; an image id of the old one means nothing in it."""
    address.write_from_widget(*arguments)
    address.write("id", None)
