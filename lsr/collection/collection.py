"""A collection: images, their captions, and the dense vectors of both, in one folder."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lsr.collection.card import UNIT, read_card
from lsr.collection.checks import check_counts, check_places, check_vectors, map_table
from lsr.collection.columns import Ids, Texts
from lsr.collection.parts import Part, open_parts, part_of, stored_rows
from lsr.collection.queries import QuerySet, read_query_set
from lsr.exceptions import CollectionError, UnknownNameError, shorten
from lsr.model.fit import VectorKind
from lsr.storage.copies import bring
from lsr.storage.files import is_inside, read_json
from lsr.storage.folders import read_one_version
from lsr.storage.part_rows import PartRows
from lsr.storage.places import find, query_set_names
from lsr.storage.records import fits
from lsr.storage.tables import Column

IMAGE_COLUMNS: dict[str, Column] = {
    "id": "text",
    "file": "text or nothing",
    "url": "text or nothing",
    "width": "whole number or nothing",
    "height": "whole number or nothing",
    "split": "text",
}
# Inside `images/`, under the same names: pictures whose longer side has the card's `small_pictures`
# pixels. A picture that is no larger is not there.
SMALL_PICTURES = "small"
CAPTION_COLUMNS: dict[str, Column] = dict.fromkeys(("id", "image_id", "text", "split"), "text")
PROBES = "probes.json"
# Ids that a mistyped one is compared with.
_COMPARED = 100_000


@dataclass(frozen=True)
class Collection:
    """Images, captions and vectors, read by `load_collection`.

    Rows are numbered as in the parquet files. An image without a `file` and without a `url`
    is training material: it has captions and a vector, but it is not shown or searched,
    unless no image of the collection has a picture.
    """

    folder: Path
    card: dict[str, Any]
    images: pa.Table
    captions: pa.Table
    image_vectors: np.ndarray | PartRows  # (n, d), memory-mapped
    caption_vectors: np.ndarray | PartRows  # (m', d): captions of `vector_splits`, in order
    parts: tuple[Part, ...] = ()  # where vectors and pictures lie, if not in the folder

    @property
    def name(self) -> str:
        return str(self.card["name"])

    @property
    def title(self) -> str:
        return str(self.card["title"])

    @property
    def encoder(self) -> str:
        return str(self.card["encoder"])

    @property
    def dense_size(self) -> int:
        return int(self.card["dense_size"])

    @property
    def holds(self) -> VectorKind:
        return VectorKind(self.encoder, self.dense_size)

    @property
    def fingerprint(self) -> str:
        return str(self.card["fingerprint"])

    @cached_property
    def image_ids(self) -> Ids:
        return Ids(self.images["id"])

    @cached_property
    def image_splits(self) -> np.ndarray:
        return _names_of(self.images["split"])

    @cached_property
    def caption_texts(self) -> Texts:
        return Texts(self.captions["text"])

    @cached_property
    def caption_ids(self) -> Ids:
        return Ids(self.captions["id"])

    @cached_property
    def caption_splits(self) -> np.ndarray:
        return _names_of(self.captions["split"])

    @cached_property
    def caption_image_rows(self) -> np.ndarray:
        """(m,) int64: the image row that each caption describes."""
        return self.image_ids.rows(self.captions["image_id"])

    @cached_property
    def _captions_by_image(self) -> np.ndarray | None:
        """(m,) int64: captions by ascending image row; None where they stand that way."""
        rows = self.caption_image_rows
        return None if (rows[1:] >= rows[:-1]).all() else np.argsort(rows, kind="stable")

    @property
    def captions_with_vectors(self) -> np.ndarray:
        """(m',) int64: the captions whose vectors are stored, ascending."""
        split = self.captions["split"]
        stored = pc.is_in(split, value_set=pa.array(self.vector_splits, pa.string()))
        return np.flatnonzero(stored.to_numpy())

    @cached_property
    def splits(self) -> list[str]:
        return list(pc.unique(self.images["split"]).to_pylist())

    @cached_property
    def searchable_rows(self) -> np.ndarray:
        """Image rows that can be shown and searched, int64 ascending."""
        pictured = np.flatnonzero(self._has("file") | self._has("url"))
        return pictured if len(pictured) else np.arange(len(self.images))

    @property
    def searchable_by_id(self) -> np.ndarray:
        """(n,) the same rows by ascending id: row numbers of an index of this collection."""
        order, rows = self.image_ids.ascending, self.searchable_rows
        return order if len(rows) == len(order) else order[np.isin(order, rows)]

    @property
    def rows_with_files(self) -> np.ndarray:
        """Image rows whose pictures are in files, int64 ascending."""
        return np.flatnonzero(self._has("file"))

    @cached_property
    def has_remote_pictures(self) -> bool:
        """Whether an image has no picture file but an address."""
        return bool((self._has("url") & ~self._has("file")).any())

    def _has(self, name: str) -> np.ndarray:
        """(n,) bool: the images with a text in a column."""
        there = pc.greater(pc.binary_length(self.images[name]), 0)
        return np.asarray(pc.fill_null(there, fill_value=False).to_numpy())

    def image_row(self, image_id: str) -> int:
        """The row of an image id.

        Raises:
            UnknownNameError: no such image; the message offers the nearest ids.
        """
        row = self.image_ids.row(image_id)
        if row is None:
            few = self.image_ids[:_COMPARED]
            near = difflib.get_close_matches(image_id[:80], few, n=3, cutoff=0.5)
            known = near or self.image_ids.at(self.searchable_rows[:2])
            raise UnknownNameError(
                f"Collection `{self.name}` has no image `{shorten(image_id)}`. "
                f"Try one of its ids, such as {', '.join(f'`{i}`' for i in known)}."
            )
        return row

    def captions_of(self, image_row: int) -> list[str]:
        """The captions of an image, in the order of the file."""
        rows, order = self.caption_image_rows, self._captions_by_image
        first, last = np.searchsorted(rows, [image_row, image_row + 1], sorter=order)
        return self.caption_texts.at(range(first, last) if order is None else order[first:last])

    @cached_property
    def probes(self) -> dict[str, list[str]]:
        """Words with the ids of the images that show what they name; few collections have any.

        Raises:
            CollectionError: the file is damaged.
        """
        path = self.folder / PROBES
        probes = read_json(path, CollectionError) if path.exists() else {}
        if not fits(probes, dict[str, list[str]]):
            raise CollectionError(f"`{path}` holds something else than lists of ids. Restore it.")
        self.check_version()
        return probes

    def check_version(self) -> None:
        """Refuse to read on where another version of the collection has taken its place.

        Raises:
            CollectionError: the card in the folder has another fingerprint.
        """
        if read_card(self.folder)["fingerprint"] != self.fingerprint:
            raise CollectionError(
                f"Collection `{self.name}` was replaced while it was in use. Open it again."
            )
        for part in self.parts:
            if read_card(part.folder)["fingerprint"] != part.fingerprint:
                raise CollectionError(
                    f"Part `{part.folder}` of collection `{self.name}` was replaced. Join it again."
                )

    @property
    def query_sets(self) -> list[str]:
        """Names of the query sets beside the captions, ascending."""
        return query_set_names(self.folder)

    def query_set(self, name: str) -> QuerySet:
        """A query set; it is read when it is first asked for, and kept.

        Raises:
            UnknownNameError: there is none of that name; the message lists those there are.
            CollectionError: its file is damaged or does not fit the collection.
        """
        if name not in self._query_sets:
            try:
                found = read_query_set(self, name)
            finally:  # another version's set may not fit: that is what is wrong then
                self.check_version()
            self._query_sets[name] = found
        return self._query_sets[name]

    @cached_property
    def _query_sets(self) -> dict[str, QuerySet]:
        return {}

    def picture(self, image_row: int, pixels: int | None = None) -> Path | str | None:
        """Where the picture is: a file, else an address, else nothing.

        Args:
            pixels: how many are shown on the longer side; where the folder holds the picture in
                two sizes, the small one is taken if it has that many.

        Raises:
            CollectionError: a link leads out of the collection's folder.
            InputError: it lies in an object storage that cannot be read.
        """
        file = self.images["file"][image_row].as_py()
        if not file:
            url = self.images["url"][image_row].as_py()
            return None if url is None else str(url)
        folder, small = self.folder, self.card.get("small_pictures")
        if self.parts:
            part = part_of(self, image_row)
            folder, small = part.folder, part.small_pictures
        place = folder / "images" / file
        if small and pixels and pixels <= small and self._longer_side(image_row) > small:
            place = folder / "images" / SMALL_PICTURES / file
        if not is_inside(place, folder):
            raise CollectionError(
                f"The picture of image `{shorten(self.image_ids[image_row])}` is a link that leads "
                f"out of the folder of collection `{self.name}`. Put a copy in its place."
            )
        bring(place)
        return place

    def _longer_side(self, image_row: int) -> int:
        return max(self.images[name][image_row].as_py() or 0 for name in ("width", "height"))

    def check_split(self, split: str) -> None:
        if split not in self.splits:
            raise UnknownNameError(
                f"Collection `{self.name}` has no split `{shorten(split)}`. "
                f"Its splits are {', '.join(f'`{s}`' for s in self.splits)}."
            )

    def check_captions(self) -> None:
        """Refuse a collection without any caption, for what needs them.

        Raises:
            CollectionError: it has none.
        """
        if not len(self.captions):
            raise CollectionError(
                f"Collection `{self.name}` has {len(self.images):,} images but no captions, so "
                "nothing can be measured or trained on it. Import it again with captions."
            )

    def image_rows(self, split: str) -> np.ndarray:
        """Rows of the images in a split, ascending."""
        self.check_split(split)
        return np.flatnonzero(pc.equal(self.images["split"], split).to_numpy())

    def caption_rows(self, split: str) -> np.ndarray:
        """Rows of the captions in a split, ascending."""
        self.check_split(split)
        return np.flatnonzero(pc.equal(self.captions["split"], split).to_numpy())

    @property
    def vector_splits(self) -> list[str]:
        """Splits whose caption vectors are stored; others are encoded when they are needed."""
        return list(self.card["caption_vector_splits"])

    def stored_caption_vectors(self, split: str) -> np.ndarray | None:
        """(captions of the split, d) in row order, or None where the folder holds none."""
        self.check_split(split)
        if split not in self.vector_splits:
            return None
        stored = np.isin(self.captions_with_vectors, self.caption_rows(split), assume_unique=True)
        return self.caption_vectors[np.flatnonzero(stored)]


def _names_of(column: pa.ChunkedArray) -> np.ndarray:
    """A column of few different names as an array of strings."""
    names = pc.unique(column)
    return np.asarray(names.to_pylist(), np.str_)[pc.index_in(column, value_set=names).to_numpy()]


def load_collection(place: str | Path) -> Collection:
    """A collection, checked for completeness.

    Args:
        place: its name, its folder, or an address such as `s3://bucket/folder`.

    Raises:
        UnknownNameError: there is no collection of that name, or at that address.
        CollectionError: a file is missing or truncated, or the counts do not fit together.
    """
    folder = place if isinstance(place, Path) else find("collections", place)
    return read_one_version(folder, lambda: _load(folder))


def _load(folder: Path) -> Collection:
    card = read_card(folder)
    parts = open_parts(folder, card)
    images = map_table(folder / "images.parquet", IMAGE_COLUMNS)
    captions = map_table(folder / "captions.parquet", CAPTION_COLUMNS)
    collection = Collection(
        folder,
        card,
        images.table,
        captions.table,
        stored_rows(folder / "image_vectors.npy", parts),
        stored_rows(folder / "caption_vectors.npy", parts),
        parts,
    )
    check_counts(collection)
    check_places(collection)
    if not card.get(UNIT):
        check_vectors(collection)
    collection.check_version()
    for table in (images, captions):
        table.forget()
    return collection
