"""What is installed, read from cards and one column: quick even where a collection is large."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lsr.collection.card import CARD, read_card
from lsr.collection.checks import read_table
from lsr.exceptions import ModelError, UnknownNameError, shorten
from lsr.model.card import card_misfit
from lsr.model.card import read_card as read_model_card
from lsr.model.fit import VectorKind
from lsr.storage.folders import read_one_version, remove_folder, writing
from lsr.storage.leftovers import restore_if_lost
from lsr.storage.places import folders, home, own_folder


@dataclass(frozen=True)
class Overview:
    """A collection at a glance.

    splits: images of each. bundled: it came with the program and stays.
    imported: the format that it was imported from, empty where it was not imported.
    notes: what an import decided on the way, in sentences.
    """

    name: str
    folder: Path
    title: str
    licence: str
    source: str
    encoder: str
    dense_size: int
    n_images: int
    n_captions: int
    splits: dict[str, int]
    bundled: bool
    imported: str
    notes: tuple[str, ...]


def overview(folder: Path) -> Overview:
    """The collection in `folder` at a glance.

    Raises:
        CollectionError: its card or its images are missing or damaged.
    """
    return read_one_version(folder, lambda: _overview(folder))


def _overview(folder: Path) -> Overview:
    card = read_card(folder)
    imported = card.get("imported") or {}
    notes = imported.get("notes")
    return Overview(
        folder.name,
        folder,
        card["title"],
        card.get("licence") or "not stated",
        card.get("source") or "not stated",
        card["encoder"],
        card["dense_size"],
        card["counts"]["images"],
        card["counts"]["captions"],
        _splits(folder / "images.parquet"),
        home() not in folder.parents,
        str(imported.get("format", "")),
        tuple(map(str, notes)) if isinstance(notes, list) else (),
    )


def _splits(path: Path) -> dict[str, int]:
    counted = read_table(path, {"split": "text"})["split"].value_counts().to_pylist()
    counts = {one["values"]: one["counts"] for one in counted}
    usual = {"train": 0, "val": 1, "test": 2}
    return dict(sorted(counts.items(), key=lambda split: usual.get(split[0], len(usual))))


def fitting_models(collection: str, holds: VectorKind) -> list[str]:
    """Names of the models that go with a collection of such vectors, bundled ones first."""
    fitting = []
    for folder in folders("models"):
        try:
            card = read_model_card(folder)
        except ModelError:
            continue
        if card_misfit(folder.name, card, collection, holds) is None:
            fitting.append(folder.name)
    return fitting


def remove_collection(name: str) -> None:
    """Delete a collection of the user's for good; it vanishes whole, also if this is killed.

    Raises:
        QueryError: the name is no plain name, or a bundled collection's.
        UnknownNameError: the user has none of that name.
        InputError: another process is writing it.
    """
    folder = own_folder("collections", name)
    restore_if_lost(folder)
    if not (folder / CARD).exists():
        raise UnknownNameError(f"You have no collection `{shorten(name)}` that could be deleted.")
    with writing(folder):
        remove_folder(folder)
