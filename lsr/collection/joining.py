"""Collections that were made apart joined into one, whole or not at all.

Vectors are read from the disk and appended in blocks; pictures are linked.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import pyarrow as pa

from lsr.collection.collection import (
    CAPTION_COLUMNS,
    IMAGE_COLUMNS,
    SMALL_PICTURES,
    Collection,
)
from lsr.collection.joined_names import Renamed, joined_queries, part_labels, set_apart
from lsr.collection.parts import bring_pictures, places_of, refuse_shards
from lsr.collection.writing import link_or_copy, write_collection
from lsr.exceptions import BusyError, CollectionError, QueryError, shorten
from lsr.storage.files import save_blocks
from lsr.storage.folders import writing
from lsr.storage.leftovers import restore_if_lost
from lsr.storage.part_rows import PartRows
from lsr.storage.places import home, own_folder
from lsr.storage.room import told_when_full

# Rows of vectors, or pictures, between two reports.
_BLOCK = 65_536
_TYPES = {"text": pa.string(), "whole number": pa.int64()}


class JoinReport(NamedTuple):
    """How far a join is. done, total: vectors or pictures of all parts together."""

    stage: Literal["vectors", "pictures"]
    done: int
    total: int


@dataclass(frozen=True)
class Joined:
    """Several collections as one.

    renamed: how many ids of images, captions and queries got a prefix.
    notes: what was decided on the way, in sentences.
    """

    collection: Collection
    renamed: dict[str, int]
    notes: tuple[str, ...]


def join_collections(
    parts: Sequence[Collection], name: str, *, in_shards: bool = False
) -> Iterator[JoinReport | Joined]:
    """Images, captions, vectors, pictures and query sets of some collections as a new one.

    Rows stand in the order of the parts. An id that several parts have gets, in each of them, the
    part's name before it. What was imported in parts and joined is what one import would be: it
    has the same fingerprint where ids and splits are the same. The last report is the result.

    Args:
        name: of the new collection.
        in_shards: vectors and pictures stay in the folders of the parts, or in the object storage
            where a part lies, and are read there; the new folder has the tables alone.

    Raises:
        QueryError: fewer than two collections, one given twice, or a name that cannot be used.
        CollectionError: their vectors are not of one encoder, a picture is missing, or one of them
            was replaced meanwhile; or one that stays in a shard is in shards itself, or lacks
            caption vectors that others have.
        BusyError: another process is joining into that name.
        DiskFullError: there is no room.
    """
    folder = own_folder("collections", name)
    _check_new(folder)
    _check_parts(parts)
    work = home() / "cache" / "joining" / name
    taken = BusyError(f"Collection `{name}` is being joined by another process. Wait for it.")
    with told_when_full(folder), writing(work, taken):
        shutil.rmtree(work, ignore_errors=True)  # of a call that was killed
        work.mkdir(parents=True)
        try:
            yield from _join(_Join(parts, folder, work, in_shards))
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _check_new(folder: Path) -> None:
    restore_if_lost(folder)
    if folder.exists():
        raise QueryError(
            f"There is a collection `{folder.name}` of your own already. Choose another --name."
        )


def _check_parts(parts: Sequence[Collection]) -> None:
    if len(parts) < 2:
        raise QueryError(f"A join takes two collections or more, not {len(parts)}. Name another.")
    seen: set[Path] = set()
    for part in parts:
        if (place := part.folder.resolve()) in seen:
            raise QueryError(f"Collection `{part.name}` is given twice. Name each one once.")
        seen.add(place)
    for first, second in ((parts[0], part) for part in parts[1:]):
        if first.holds != second.holds:
            said = [f"`{one.encoder}`, {one.dense_size} numbers each" for one in (first, second)]
            raise CollectionError(
                f"Collections `{first.name}` and `{second.name}` hold vectors of two kinds: "
                f"{said[0]}, and {said[1]}. Encode one again with the other's encoder: `python -m "
                f"lsr encode --collection {second.name} --encoder {first.encoder}`."
            )
    marks = {mark: part.name for part in parts if (mark := _encoder_mark(part))}
    if len(marks) > 1:
        one, other = list(marks.items())[:2]
        raise CollectionError(
            f"Collections `{one[1]}` and `{other[1]}` were encoded with two versions of "
            f"`{parts[0].encoder}`, {one[0]} and {other[0]}. Encode one again where the other was "
            "made."
        )


def _encoder_mark(part: Collection) -> str:
    """The fingerprint of what made the vectors, empty where the card does not tell."""
    made = next((key for key in ("revised", "imported", "joined") if key in part.card), "")
    about = part.card.get(made)
    return str(about.get("encoder_fingerprint", "")) if isinstance(about, dict) else ""


class _Join:
    """What is known of a join before anything is written."""

    def __init__(
        self, parts: Sequence[Collection], folder: Path, work: Path, in_shards: bool
    ) -> None:
        self.parts, self.folder, self.work, self.in_shards = parts, folder, work, in_shards
        self.labels = part_labels([part.name for part in parts])
        self.images = set_apart([part.image_ids for part in parts], self.labels)
        self.captions = set_apart([part.caption_ids for part in parts], self.labels)
        files = [[file for file in part.images["file"].to_pylist() if file] for part in parts]
        self.files = set_apart(files, self.labels, between="/")
        if in_shards:
            self.files = Renamed(files, [{} for _ in files])  # they stay where they are
        self.pictured = [bool(part) for part in files]
        self.vector_splits = [split for split in self.splits if not self._lacking(split)]
        if in_shards:
            self._check_shards()

    @property
    def splits(self) -> list[str]:
        """Of the captions, in the order of the parts."""
        return list(dict.fromkeys(s for part in self.parts for s in part.caption_splits.tolist()))

    def _lacking(self, split: str) -> list[str]:
        """Parts that have captions of a split without vectors."""
        return [
            part.name
            for part in self.parts
            if split not in part.vector_splits and (part.caption_splits == split).any()
        ]

    def _check_shards(self) -> None:
        """Refuse parts whose vectors cannot stay as they are."""
        for part in self.parts:
            refuse_shards(part)
            if beyond := [one for one in part.vector_splits if one not in self.vector_splits]:
                others = self._lacking(beyond[0])
                raise CollectionError(
                    f"Captions of split `{shorten(beyond[0])}` have vectors in `{part.name}` but "
                    f"not in `{others[0] if others else 'any other part'}`, so they cannot stay in "
                    "shards. Join without --in-shards."
                )

    def kept_captions(self, part: Collection) -> np.ndarray:
        """Which of a part's caption vectors are taken, bool in their order."""
        stored = np.isin(part.caption_splits, part.vector_splits)
        return np.isin(part.caption_splits[stored], self.vector_splits)

    @property
    def small_pictures(self) -> int | None:
        """The size of the small pictures, where all parts with pictures agree on one."""
        sizes = {
            part.card.get("small_pictures")
            for part, pictured in zip(self.parts, self.pictured, strict=True)
            if pictured
        }
        return sizes.pop() if len(sizes) == 1 else None

    def notes(self) -> Iterator[str]:
        for split in self.splits:
            with_vectors = [part.name for part in self.parts if split in part.vector_splits]
            if (lacking := self._lacking(split)) and with_vectors:
                yield (
                    f"Captions of split `{shorten(split)}` have vectors in `{with_vectors[0]}` but "
                    f"not in `{lacking[0]}`, so all of them are encoded when they are needed."
                )
        shown = [bool(part.has_remote_pictures) for part in self.parts]
        shown = [one or other for one, other in zip(shown, self.pictured, strict=True)]
        for part, one in zip(self.parts, shown, strict=True):
            if any(shown) and not one:
                yield (
                    f"The {len(part.images):,} images of `{part.name}` have no pictures, so beside "
                    "those that have some they are not shown or searched."
                )


def _join(one: _Join) -> Iterator[JoinReport | Joined]:
    vectors: list[PartRows] | list[Path]
    if one.in_shards:
        # None of the parts is in shards itself.
        of_images = [cast("np.ndarray", part.image_vectors) for part in one.parts]
        of_captions = [cast("np.ndarray", part.caption_vectors) for part in one.parts]
        vectors = [PartRows(of_images), PartRows(of_captions)]
    else:
        yield from _vectors(one)
        yield from _pictures(one)
        vectors = [one.work / "image_vectors.npy", one.work / "caption_vectors.npy"]
    queries, n_queries, said = joined_queries(one.parts, one.labels, one.images)
    collection = write_collection(
        one.folder,
        card=_card(one),
        images=_images(one),
        captions=_captions(one),
        image_vectors=vectors[0],
        caption_vectors=vectors[1],
        pictures=one.work / "images" if any(one.pictured) and not one.in_shards else None,
        probes=_probes(one),
        queries=queries,
        check=lambda: _check_unchanged(one),
    )
    renamed = {"images": one.images.n, "captions": one.captions.n, "queries": n_queries}
    yield Joined(collection, renamed, (*one.notes(), *said))


def _check_unchanged(one: _Join) -> None:
    _check_new(one.folder)
    for part in one.parts:
        part.check_version()


def _vectors(one: _Join) -> Iterator[JoinReport]:
    """Write both arrays into the work folder."""
    kept = [one.kept_captions(part) for part in one.parts]
    of_images = [part.image_vectors for part in one.parts]
    of_captions = [part.caption_vectors for part in one.parts]
    all_of = [np.ones(len(vectors), bool) for vectors in of_images]
    counts = [sum(int(one.sum()) for one in rows) for rows in (all_of, kept)]
    size, done = one.parts[0].dense_size, 0
    for name, arrays, rows, n in (
        ("image_vectors.npy", of_images, all_of, counts[0]),
        ("caption_vectors.npy", of_captions, kept, counts[1]),
    ):
        blocks = _blocks(arrays, rows)
        save_blocks(
            one.work / name, blocks, (n, size), np.result_type(*(one.dtype for one in arrays))
        )
        done += n
        yield JoinReport("vectors", done, sum(counts))


def _blocks(
    arrays: Sequence[np.ndarray | PartRows], rows: Sequence[np.ndarray]
) -> Iterator[np.ndarray]:
    """The wanted rows of some arrays, one after the other."""
    for array, wanted in zip(arrays, rows, strict=True):
        for start in range(0, len(array), _BLOCK):
            part = slice(start, start + _BLOCK)
            yield array[part] if wanted[part].all() else array[part][wanted[part]]


def _pictures(one: _Join) -> Iterator[JoinReport]:
    """Link every picture into the work folder, in both sizes where all parts have both."""
    total = sum(len(named) for named in one.files.names)
    into, done = one.work / "images", 0
    for part, new in zip(one.parts, one.files.names, strict=True):
        bring_pictures(part)
        rows = (row for row, file in enumerate(part.images["file"].to_pylist()) if file)
        for row, file in zip(rows, new, strict=True):
            large = _link(part, row, None, into / file)
            if one.small_pictures and part.picture(row, 1) != large:
                _link(part, row, 1, into / SMALL_PICTURES / file)
            done += 1
            if done % _BLOCK == 0 or done == total:
                yield JoinReport("pictures", done, total)


def _link(part: Collection, row: int, pixels: int | None, to: Path) -> Path | str | None:
    place = part.picture(row, pixels)
    assert isinstance(place, Path)  # noqa: S101  the image has a file
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        link_or_copy(place.resolve(), to)
    except FileNotFoundError:
        raise CollectionError(
            f"The picture of image `{shorten(part.image_ids[row])}` of collection `{part.name}` is "
            f"missing from `{place.parent}`. Restore it, or import the collection again."
        ) from None
    return place


def _images(one: _Join) -> pa.Table:
    tables = []
    for part, ids, files in zip(one.parts, one.images.names, one.files.names, strict=True):
        new = iter(files)
        named = [next(new) if file else None for file in part.images["file"].to_pylist()]
        tables.append(_table(part.images, IMAGE_COLUMNS, {"id": ids, "file": named}))
    return pa.concat_tables(tables)


def _captions(one: _Join) -> pa.Table:
    tables = []
    for number, part in enumerate(one.parts):
        owners = one.images.of(number, part.captions["image_id"].to_pylist())
        changed = {"id": one.captions.names[number], "image_id": owners}
        tables.append(_table(part.captions, CAPTION_COLUMNS, changed))
    return pa.concat_tables(tables)


def _table(table: pa.Table, columns: Any, changed: dict[str, list[Any]]) -> pa.Table:
    """A part's table with some columns in the place of its own, of the same types in all parts."""
    schema = pa.schema({name: _TYPES[kind.split(" or ")[0]] for name, kind in columns.items()})
    arrays = [
        pa.chunked_array([pa.array(changed[field.name], field.type)])
        if field.name in changed
        else table[field.name].cast(field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _probes(one: _Join) -> dict[str, list[str]]:
    probes: dict[str, list[str]] = {}
    for number, part in enumerate(one.parts):
        for word, ids in part.probes.items():
            probes.setdefault(word, []).extend(one.images.of(number, ids))
    return probes


def _card(one: _Join) -> dict[str, Any]:
    def together(field: str) -> str:
        return "; ".join(
            dict.fromkeys(str(part.card.get(field) or "not stated") for part in one.parts)
        )

    marks = [_encoder_mark(part) for part in one.parts]
    agreed = all(mark and mark == other for mark, other in pairwise(marks))
    small = one.small_pictures
    return {
        "name": one.folder.name,
        "title": one.folder.name,
        "licence": together("licence"),
        "source": together("source"),
        "encoder": one.parts[0].encoder,
        "caption_vector_splits": one.vector_splits,
        "joined": {
            "from": [{"name": part.name, "fingerprint": part.fingerprint} for part in one.parts],
            **({"encoder_fingerprint": marks[0]} if agreed else {}),
        },
        **({"parts": places_of(one.parts, one.folder)} if one.in_shards else {}),
        **({"small_pictures": small} if small and not one.in_shards else {}),
    }
