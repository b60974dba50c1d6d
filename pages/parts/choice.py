"""The choice of the sidebar: collection, model and engine, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from lsr.collection.card import read_card
from lsr.collection.installed import fitting_models
from lsr.exceptions import (
    CollectionError,
    EngineError,
    InputError,
    ModelError,
    UnknownNameError,
    shorten,
)
from lsr.index.engines import ENGINES, why_not
from lsr.model.fit import VectorKind
from lsr.model.installed import reads_captions
from lsr.storage.places import find, folders, home
from pages.parts import address
from pages.parts.glossary import glossed

PREFERRED = "demo"
_HELP = {
    "collection": "Images, their captions and their dense vectors. Your own go to "
    "`$LEXISCOPE_HOME/collections`.",
    "model": "What gives images and texts weights over a vocabulary. The Models page tells more.",
    "engine": "What holds the inverted index and answers searches, exactly in either case. "
    "`memory` is inside this process, `milvus` a local file or a server. The Term and Expansion "
    "pages always use `memory`.",
}


@dataclass(frozen=True)
class Choice:
    """Names of the collection, model and engine that every page works with."""

    collection: str
    model: str
    engine: str

    @property
    def in_memory(self) -> Choice:
        """The same with the memory engine, for what needs all postings in this process."""
        return replace(self, engine="memory")


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


def fitting(collection: str) -> list[str]:
    """Names of the models that read the vectors of a collection, bundled ones first.

    Raises:
        CollectionError, UnknownNameError: the collection is damaged or not there.
    """
    card = read_card(find("collections", collection))
    return fitting_models(collection, VectorKind(card["encoder"], card["dense_size"]))


def second_model(others: Sequence[str]) -> str | None:
    """The model that stands beside the one of the sidebar where the address names none."""
    if not others:
        return None
    return "demo-uncontrolled" if "demo-uncontrolled" in others else others[0]


def engines() -> list[str]:
    """Names of the engines that can be used here."""
    return [engine for engine in ENGINES if why_not(engine) is None]


def read_engine(raw: str | None) -> str:
    """The engine that the address gives, or the first.

    Raises:
        EngineError: it cannot be used here.
        UnknownNameError: there is no such engine.
    """
    if raw in ENGINES and (why := why_not(raw)):
        raise EngineError(f"Engine `{raw}` cannot be used here. {why}")
    return read_name("engine", raw, engines())


def encoder_of(collection: str) -> str:
    """The encoder that a collection names.

    Raises:
        CollectionError, UnknownNameError: the collection is damaged or not there.
    """
    return str(read_card(find("collections", collection))["encoder"])


def choose_in_sidebar() -> None:
    """Draw the three boxes.

    Raises:
        CollectionError, ModelError: there is none to choose.
        EngineError: the address names an engine that cannot be used here; the boxes are drawn.
        UnknownNameError: the address names one that is not there; the boxes are drawn.
    """
    if not (collections := names("collections")):
        raise CollectionError(
            f"There is no collection yet. Run `python -m lsr world build`, or put a collection "
            f"folder into `{home() / 'collections'}`."
        )
    if not names("models"):
        raise ModelError(
            f"There is no model yet. Run `python -m lsr train`, or put a model folder into "
            f"`{home() / 'models'}`."
        )
    mistakes: list[InputError] = []
    collection = _chosen("collection", collections, mistakes)
    models = fitting(collection) if collection else names("models")
    # Without a model that fits, pages that need one say so; the others work.
    model = _chosen("model", models, mistakes) if models else None
    engine = None
    try:
        engine = read_engine(address.read_text("engine"))
    except (EngineError, UnknownNameError) as mistake:
        mistakes.append(mistake)
    _box("collection", collections, collection)
    if collection and collection != PREFERRED and encoder_of(collection) == "bundled":
        st.caption(
            ":material/warning: Its encoder, the bundled one, has only seen drawn scenes: on "
            "photos its terms are guesses."
        )
    _box("model", models, model)
    if model and reads_captions(find("models", model)):
        st.caption(
            ":material/warning: It reads texts alone: captions stand for their images, so nothing "
            "is what a model sees in a picture."
        )
    _box("engine", engines(), engine, _engine_help())
    if mistakes:
        raise mistakes[0]


def _chosen(noun: str, known: Sequence[str], mistakes: list[InputError]) -> str | None:
    try:
        return read_name(noun, address.read_text(noun), known)
    except UnknownNameError as mistake:
        mistakes.append(mistake)
        return None


def current_collection() -> str:
    """The collection of the sidebar; app.py has checked it."""
    return read_name("collection", address.read_text("collection"), names("collections"))


def current_choice() -> Choice:
    """What the sidebar says, read from the address; app.py has checked it.

    Raises:
        ModelError: no model reads the vectors of the collection.
    """
    collection = current_collection()
    if not (models := fitting(collection)):
        raise ModelError(
            f"No model reads the vectors of collection `{collection}` yet. Train one on the Train "
            "page, or choose another collection in the sidebar."
        )
    model = read_name("model", address.read_text("model"), models)
    return Choice(collection, model, read_engine(address.read_text("engine")))


def _engine_help() -> str:
    """What an engine is, and why some are not offered."""
    missing = [f"`{e}` is not offered here. {why}" for e in ENGINES if (why := why_not(e))]
    return "\n\n".join([_HELP["engine"], *missing])


def _box(noun: str, known: Sequence[str], value: str | None, about: str | None = None) -> None:
    tie = address.bound(noun, value, default=preferred(known) if known else None)
    if noun == "collection":
        tie |= {"on_change": _leave, "args": (tie["args"],)}
    nothing = f"Choose {'an' if noun == 'engine' else 'a'} {noun}" if known else "None fits yet"
    st.selectbox(
        noun.capitalize(),
        known,
        index=0 if value in known else None,
        placeholder=nothing,
        disabled=not known,
        help=glossed(about or _HELP[noun]),
        **tie,
    )


def _leave(arguments: tuple) -> None:  # type: ignore[type-arg]
    """Write the new collection; an image id, and a model that does not fit, mean nothing in it."""
    address.write_from_widget(*arguments)
    address.write("id", None)
    if address.read_text("model") not in fitting(current_collection()):
        address.write("model", None)


def free_name(taken: Sequence[str], wanted: str = "my-model") -> str:
    """A name for the next model or collection: the wanted one, with a number if it is taken."""
    numbered = (f"{wanted}-{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (wanted, *numbered) if name not in taken)
