"""Indexes on disk: a folder of arrays that are mapped into memory, checked whenever it is opened.

`index.json` says the schema number, what the index was made from, and shape, type and checksum of
every array; the arrays of each part are `.npy` files. A write is whole or not at all, and a part
that has not changed is linked, not written again. `$LEXISCOPE_INDEXES` names an object storage
where several machines share theirs.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from lsr.exceptions import IndexFileError, InputError, QueryError, UnknownNameError, shorten
from lsr.index.memory.index import MemoryIndex
from lsr.index.memory.precision import PRECISIONS
from lsr.index.memory.rows import IdTable
from lsr.index.memory.segment import ArrayFile, Segment
from lsr.kernels.checksum import checksum
from lsr.storage.copies import copied_folder
from lsr.storage.files import (
    fingerprint,
    forget_array,
    load_array,
    read_json,
    save_array,
    write_json,
)
from lsr.storage.folders import read_one_version, replacing_folder
from lsr.storage.leftovers import restore_if_lost
from lsr.storage.places import home
from lsr.storage.remote import is_remote, opened

_LOG = logging.getLogger(__name__)

SCHEMA = 2
CARD = "index.json"
_SEARCHED = ("starts", "rows", "stored", "scales", "steps", "dense_of", "dense", "levels")
_ARRAYS = (*_SEARCHED, "id_ends", "id_text")


def index_origin(collection: str, model: str) -> dict[str, str]:
    """What an index of this collection and model is made from, by their fingerprints."""
    return {"collection": collection, "model": model}


def index_folder(collection: str, model: str) -> Path:
    """Where the index of a collection and a model lies, given their fingerprints."""
    return home() / "indexes" / fingerprint(collection, model)


def stored_index(collection: str, model: str) -> MemoryIndex | None:
    """The stored index of a collection and a model, None where there is none.

    One of this machine goes before the one that machines share.

    Raises:
        IndexFileError: it is damaged, or of another version.
        InputError: the object storage of `$LEXISCOPE_INDEXES` cannot be read.
    """
    folder = index_folder(collection, model)
    restore_if_lost(folder)
    if not folder.exists():
        if (address := shared_address(folder)) is None:
            return None
        try:
            folder = copied_folder(address, CARD)
        except UnknownNameError:
            return None
    return open_index(folder, index_origin(collection, model))


def shared_address(folder: Path) -> str | None:
    """Where `$LEXISCOPE_INDEXES` has the index of a folder; None without that variable.

    Raises:
        QueryError: it is no address.
    """
    root = os.environ.get("LEXISCOPE_INDEXES")
    if not root:
        return None
    if not is_remote(root):
        raise QueryError(
            f"`$LEXISCOPE_INDEXES` is `{shorten(root)}`, no address of an object storage. Set it "
            "to one such as `s3://bucket/indexes`, or unset it."
        )
    return f"{root.rstrip('/')}/{folder.name}"


def share_index(folder: Path) -> str | None:
    """Write a stored index where `$LEXISCOPE_INDEXES` says, whole; the address, None without it.

    Raises:
        QueryError: the variable holds no address.
        InputError: the object storage cannot be written to.
    """
    if (address := shared_address(folder)) is not None:
        opened(address).send(folder, CARD)
    return address


def usable_index(collection: str, model: str, build: Callable[[], MemoryIndex]) -> MemoryIndex:
    """The stored index of a collection and a model; else the one that `build` makes.

    A damaged one, or one of another version, is passed over and, since somebody wanted one stored,
    written anew.
    """
    try:
        if (stored := stored_index(collection, model)) is not None:
            return stored
    except IndexFileError as problem:
        _LOG.warning("%s It is done now.", problem)
        built = build()
        with suppress(InputError, OSError):  # it is only a shortcut
            save_index(built, index_folder(collection, model), index_origin(collection, model))
        return built
    return build()


def save_index(index: MemoryIndex, folder: Path, made_from: Mapping[str, str]) -> MemoryIndex:
    """Write an index; the one that was opened from there is returned.

    Args:
        made_from: fingerprints that `open_index` compares, such as `model` and `collection`.

    Raises:
        IndexFileError: another process is writing this index.
    """
    taken = IndexFileError(
        f"Another process is writing the index `{folder.name}`. Wait until it is done."
    )
    with replacing_folder(folder, taken) as temporary:
        parts = [
            _write(temporary, number, segment, alive)
            for number, (segment, alive) in enumerate(zip(index.segments, index.alive, strict=True))
        ]
        card = {
            "schema": SCHEMA,
            "engine": index.engine,
            "made_from": {**made_from, "vocabulary": index.vocabulary},
            "precision": index.precision,
            "n_terms": index.n_terms,
            "n_images": len(index),
            "parts": parts,
        }
        write_json(temporary / CARD, card)
    return open_index(folder, made_from)


def open_index(folder: Path, made_from: Mapping[str, str] | None = None) -> MemoryIndex:
    """The index in a folder, mapped into memory and compared with its checksums.

    Args:
        made_from: fingerprints that it must have been made from, `vocabulary` among them or not.

    Raises:
        IndexFileError: there is none, or it is truncated, changed, of another schema, or made
            from something else.
    """
    return read_one_version(folder, lambda: _open(folder, made_from or {}))


def _open(folder: Path, made_from: Mapping[str, str]) -> MemoryIndex:
    card = read_json(folder / CARD, IndexFileError)
    if card.get("schema") != SCHEMA:
        raise IndexFileError(
            f"Index `{folder.name}` has schema {card.get('schema')}; this version reads schema "
            f"{SCHEMA}. Build it again with `python -m lsr index`."
        )
    origin = card.get("made_from")
    for what, mark in made_from.items():
        other = origin.get(what) if isinstance(origin, dict) else None
        if other != mark:
            raise IndexFileError(
                f"Index `{folder.name}` was made from {what} {other}, not {mark}. Build it again "
                "with `python -m lsr index`."
            )
    try:
        precision = card["precision"]
        if precision not in PRECISIONS:
            raise ValueError(f"precision {precision}")
        parts = [
            _read(folder, number, part, precision) for number, part in enumerate(card["parts"])
        ]
        index = MemoryIndex.of_segments(
            [segment for segment, _ in parts],
            [alive for _, alive in parts],
            str(card["made_from"]["vocabulary"]),
        )
        if (len(index), index.n_terms) != (card["n_images"], card["n_terms"]):
            raise ValueError(f"{len(index):,} images of {card['n_images']:,}")
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OSError) as problem:
        raise IndexFileError(
            f"Index `{folder.name}` is truncated or damaged ({problem}). Build it again with "
            "`python -m lsr index`."
        ) from None
    return index


def _write(
    folder: Path, number: int, segment: Segment, alive: np.ndarray | None
) -> dict[str, dict[str, Any]]:
    """The arrays of one part, each with its description for the card."""
    table = segment.ids if isinstance(segment.ids, IdTable) else IdTable.of(segment.ids)
    arrays = dict(zip(_ARRAYS, (*segment.arrays, table.ends, table.text), strict=True))
    described = {}
    for name, array in arrays.items():
        target = folder / _file(number, name)
        known = segment.files.get(name) if segment.files else None
        if known is None or not _linked(known, target):
            save_array(target, array)
            known = None
        described[name] = _described(array, known.checksum if known else checksum(array))
    if alive is not None:
        save_array(folder / _file(number, "alive"), alive)
        described["alive"] = _described(alive, checksum(alive))
    return described


def _described(array: np.ndarray, mark: str) -> dict[str, Any]:
    return {"checksum": mark, "type": array.dtype.str, "shape": list(array.shape)}


def _linked(source: ArrayFile, target: Path) -> bool:
    """Make `target` another name of a file that is not written to again, or a copy.

    False where another index has taken the place of the file since it was opened.
    """
    try:
        os.link(source.path, target)
    except OSError:
        try:
            shutil.copyfile(source.path, target)
        except FileNotFoundError:
            return False
    if ArrayFile.of(source.path, source.checksum) == source:
        return True
    target.unlink()
    return False


def _read(
    folder: Path, number: int, part: dict[str, dict[str, Any]], precision: Any
) -> tuple[Segment, np.ndarray | None]:
    arrays, files = {}, {}
    for name in (*_ARRAYS, "alive"):
        if name == "alive" and name not in part:
            continue
        path = folder / _file(number, name)
        # Private and writable: compiled loops are made once for both fresh and mapped arrays.
        array = np.asarray(load_array(path, private=True))
        found = _described(array, checksum(array))
        forget_array(array)  # its pages come back as they are searched
        # The same bytes under another type would be searched by loops that are not compiled yet.
        # Earlier versions described an array by its checksum alone.
        if found | part[name] != found:
            raise ValueError(f"{path.name} is not what was written")
        arrays[name] = array
        files[name] = ArrayFile.of(path, part[name]["checksum"])
    alive = arrays.pop("alive", None)
    ids = IdTable(arrays.pop("id_ends"), arrays.pop("id_text"))
    return Segment(ids, precision, **arrays, files=files), alive


def _file(number: int, name: str) -> str:
    return f"part-{number}-{name}.npy"
