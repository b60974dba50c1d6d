"""The models that are installed, read from their cards: quick, whatever their size."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsr.exceptions import ModelError, UnknownNameError, shorten
from lsr.model.card import CARD, EDITED, SPARSE_ENCODER, base_kind, kind_of, read_card
from lsr.model.expansion_thresholds import ExpansionThresholds
from lsr.storage.files import read_json
from lsr.storage.folders import read_one_version, remove_folder, writing
from lsr.storage.leftovers import restore_if_lost
from lsr.storage.places import home, own_folder


@dataclass(frozen=True)
class ModelOverview:
    """A model at a glance.

    made_from: the encoder whose vectors it reads, the collection that it holds vectors of, or what
    of an image it reads.
    origin: where it comes from, in words. bundled: it came with the program and stays.
    verdict: as JSON holds it; None where nothing was measured.
    """

    name: str
    folder: Path
    title: str
    kind: str
    made_from: str
    n_terms: int | None
    origin: str
    bundled: bool
    verdict: Mapping[str, Any] | None
    notes: tuple[str, ...]


def model_overview(folder: Path) -> ModelOverview:
    """The model in `folder` at a glance.

    Raises:
        ModelError: its card or its metrics are missing or damaged.
    """
    return read_one_version(folder, lambda: _overview(folder))


def _overview(folder: Path) -> ModelOverview:
    card = read_card(folder)
    imported = card.get("imported")
    imported = imported if isinstance(imported, dict) else {}
    verdict = _told(folder, "metrics.json").get("verdict")
    n_terms = card.get("vocabulary_size")
    notes = imported.get("notes")
    thresholds = ExpansionThresholds.from_card(folder, card)
    return ModelOverview(
        folder.name,
        folder,
        str(card.get("title", folder.name)),
        kind_of(card),
        _made_from(card),
        n_terms if isinstance(n_terms, int) else None,
        _origin(card, imported, _told(folder, "training.json")),
        home() not in folder.parents,
        verdict if isinstance(verdict, dict) and verdict else None,
        (
            *(map(str, notes) if isinstance(notes, list) else ()),
            *([thresholds.says] if thresholds else ()),
        ),
    )


def reads_captions(folder: Path) -> bool:
    """Whether a model reads captions in place of images; False where its card is damaged."""
    with suppress(ModelError):
        card = read_card(folder)
        return base_kind(card) == SPARSE_ENCODER and not card.get("reads_pictures")
    return False


def _made_from(card: Mapping[str, Any]) -> str:
    if base_kind(card) == SPARSE_ENCODER:
        return "pictures" if card.get("reads_pictures") else "captions in place of images"
    if "encoder" in card:
        return f"vectors of encoder {card['encoder']}"
    return f"collection {card.get('collection', 'unknown')}"


def _told(folder: Path, name: str) -> dict[str, Any]:
    return read_json(folder / name, ModelError) if (folder / name).exists() else {}


def _origin(
    card: Mapping[str, Any], imported: Mapping[str, Any], training: Mapping[str, Any]
) -> str:
    if kind_of(card) == EDITED:
        return f"terms of model {card.get('base', 'unknown')}, edited"
    if imported:
        return f"imported from {imported.get('source', 'elsewhere')} ({imported.get('format')})"
    collection = training.get("collection")
    if isinstance(collection, dict):
        method = training.get("method") or "trained"
        return f"made here of collection {collection.get('name', 'unknown')} ({method})"
    return "not stated"


def remove_model(name: str) -> None:
    """Delete a model of the user's for good; it vanishes whole, also if this is killed.

    Raises:
        QueryError: the name is no plain name, or a bundled model's.
        UnknownNameError: the user has none of that name.
        InputError: another process is writing it.
    """
    folder = own_folder("models", name)
    restore_if_lost(folder)
    if not (folder / CARD).exists():
        raise UnknownNameError(f"You have no model `{shorten(name)}` that could be deleted.")
    with writing(folder):
        remove_folder(folder)
