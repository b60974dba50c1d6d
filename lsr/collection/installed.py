"""What is installed, read from cards and one column: quick even where a collection is large."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lsr.collection.checks import read_table
from lsr.exceptions import CollectionError, ModelError, UnknownNameError, shorten
from lsr.model.fit import VectorKind, misfit
from lsr.storage.files import read_json
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
    card = read_json(folder / "collection.json", CollectionError)
    try:
        imported = card.get("imported") or {}
        return Overview(
            folder.name,
            folder,
            str(card["title"]),
            str(card.get("licence", "not stated")),
            str(card.get("source", "not stated")),
            str(card["encoder"]),
            int(card["dense_size"]),
            int(card["counts"]["images"]),
            int(card["counts"]["captions"]),
            _splits(folder / "images.parquet"),
            home() not in folder.parents,
            str(imported.get("format", "")),
            tuple(map(str, imported.get("notes", ()))),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise CollectionError(
            f"`{folder / 'collection.json'}` is not a collection's card ({problem!r}). Restore "
            "the file or remove the folder."
        ) from None


def _splits(path: Path) -> dict[str, int]:
    counts = Counter(read_table(path, {"split": "text"})["split"].to_pylist())
    usual = {"train": 0, "val": 1, "test": 2}
    return dict(sorted(counts.items(), key=lambda split: usual.get(split[0], len(usual))))


def bytes_on_disk(folder: Path) -> int:
    """What all files below `folder` take."""
    total = 0
    for place, _, files in os.walk(folder):
        total += sum((Path(place) / name).stat().st_size for name in files)
    return total


def fitting_models(encoder: str, dense_size: int) -> list[str]:
    """Names of the models that read the vectors of an encoder, bundled ones first."""
    fitting = []
    for folder in folders("models"):
        try:
            card = read_json(folder / "config.json", ModelError)
        except ModelError:
            continue
        reads = VectorKind(str(card.get("encoder")), card.get("dense_size", 0))
        if misfit(folder.name, reads, "", VectorKind(encoder, dense_size)) is None:
            fitting.append(folder.name)
    return fitting


def remove_collection(name: str) -> None:
    """Delete a collection of the user's for good; it vanishes whole, also if this is killed.

    Raises:
        QueryError: the name is no plain name, or a bundled collection's.
        UnknownNameError: the user has none of that name.
    """
    folder = own_folder("collections", name)
    if not (folder / "collection.json").exists():
        raise UnknownNameError(f"You have no collection `{shorten(name)}` that could be deleted.")
    grave = Path(tempfile.mkdtemp(prefix=f".{name}-deleted-", dir=folder.parent))
    folder.rename(grave / name)
    shutil.rmtree(grave)
