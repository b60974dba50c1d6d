"""What is exported: images and captions of a split, their vectors block by block.

The queries of a query set may take the place of the captions.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np
import scipy.sparse as sp

from lsr.collection.collection import Collection
from lsr.collection.items import image_items
from lsr.evaluation.pairs import check_pairs, load_pairs, query_vectors
from lsr.exceptions import CollectionError
from lsr.model.protocol import Items, Model, Side
from lsr.storage.part_rows import PartRows

Kind = Literal["images", "captions"]
OTHER: dict[Kind, Kind] = {"images": "captions", "captions": "images"}
LARGEST_K = 1000
LARGEST_SCALE = 1000
ALL_SPLITS = "all"
# Rows whose vectors are in memory at once.
_BLOCK = 1024


@dataclass(frozen=True)
class ExportReport:
    """How far the writing of one file is.

    done, total: images, captions or queries. rows: lines or vectors that the file holds so far.
    reads: the vectors are still gathered, of which the file is written afterwards.
    """

    file: str
    done: int
    total: int
    rows: int
    reads: bool = False


_Outcome = TypeVar("_Outcome")
# What writes a file: reports while it writes, then something that only the end can tell.
Steps = Generator[ExportReport, None, _Outcome]
# A format's writer; the outcome is what the card says of it, with `notes`, a list of sentences.
Writing = Steps[dict[str, Any]]


@dataclass(frozen=True)
class VectorSet:
    """Images or captions with their vectors, in the order of the collection.

    ids: n different names. contents: n texts, a caption or where a picture is.
    dense: (N, d) float16 or float32, memory-mapped where it can be; rows: (n,) rows in it.
    queries: the query set that the texts are of, empty for captions.
    """

    kind: Kind
    ids: tuple[str, ...]
    contents: tuple[str, ...]
    dense: np.ndarray | PartRows
    rows: np.ndarray
    model: Model | None
    collection: Collection
    queries: str = ""

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, places: np.ndarray) -> VectorSet:
        """Some of them, by their places in `ids`, in the order given."""
        return replace(
            self,
            ids=tuple(self.ids[place] for place in places),
            contents=tuple(self.contents[place] for place in places),
            rows=self.rows[places],
        )

    def dense_blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Where a block lies in `ids`, and its (b, d) float32 vectors."""
        for start in range(0, len(self), _BLOCK):
            part = slice(start, min(start + _BLOCK, len(self)))
            yield part, np.asarray(self.dense[self.rows[part]], np.float32)

    def sparse_blocks(self) -> Iterator[tuple[slice, sp.csr_matrix]]:
        """Where a block lies in `ids`, and its (b, V) float32 csr, terms ascending."""
        if self.model is None:
            raise ValueError("there is no model, so there are no sparse vectors")
        for part, block in self.dense_blocks():
            yield part, self.model.sparse(self._items(part, block))

    def _items(self, part: slice, dense: np.ndarray) -> Items:
        if self.kind == "images":
            return image_items(self.collection, self.rows[part], dense)
        side: Side = "queries" if self.queries else "captions"
        return Items(side, self.ids[part], lambda: dense, self.contents[part])


@dataclass(frozen=True)
class Selection:
    """What an export is made of.

    sides: the vectors to write, and in a format made for search what is ranked.
    model: None where only dense vectors are wanted. split: a name, or `all`.
    k: most hits of a query in a run. scale: what quantised weights are multiplied by.
    queries: the query set that takes the place of the captions, or empty.
    """

    collection: Collection
    model: Model | None
    split: str
    sides: tuple[Kind, ...]
    k: int
    scale: int
    queries: str = ""

    @property
    def terms(self) -> list[str]:
        """The vocabulary's terms by number."""
        return self.fitted_model.vocabulary.terms

    @property
    def fitted_model(self) -> Model:
        """The model; `export` lets no format that needs one go without."""
        if self.model is None:
            raise ValueError("there is no model, so there are no terms")
        return self.model

    @property
    def sets(self) -> list[VectorSet]:
        """The vectors to write."""
        return [self.vector_set(kind) for kind in self.sides]

    @cached_property
    def image_rows(self) -> np.ndarray:
        if self.whole:
            return np.arange(len(self.collection.image_ids))
        return self.collection.image_rows(self.split)

    @cached_property
    def caption_rows(self) -> np.ndarray:
        """Rows of the captions; of a query set, the numbers of its queries."""
        if self.queries:
            return self._answered[0]
        if self.whole:
            return np.arange(len(self.collection.caption_ids))
        return self.collection.caption_rows(self.split)

    @property
    def whole(self) -> bool:
        """Is every split meant? A split that is named `all` is only itself."""
        return self.split == ALL_SPLITS and ALL_SPLITS not in self.collection.splits

    def vector_set(self, kind: Kind) -> VectorSet:
        return self._images if kind == "images" else self._captions

    @cached_property
    def _images(self) -> VectorSet:
        rows, collection = self.image_rows, self.collection
        places = [
            file or url or ""
            for file, url in zip(
                collection.images["file"].to_pylist(),
                collection.images["url"].to_pylist(),
                strict=True,
            )
        ]
        return VectorSet(
            "images",
            tuple(collection.image_ids.at(rows)),
            tuple(places[row] for row in rows),
            collection.image_vectors,
            rows,
            self.model,
            collection,
        )

    @cached_property
    def _answered(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The queries of the set that the images answer, as `QuerySet.among` gives them.

        Raises:
            CollectionError: none of them does.
        """
        if not self.whole:
            check_pairs(self.collection, self.split, self.queries)
        return self.collection.query_set(self.queries).among(self.image_rows)

    @cached_property
    def _query_vectors(self) -> VectorSet:
        rows, found = self.caption_rows, self.collection.query_set(self.queries)
        return VectorSet(
            "captions",
            tuple(found.ids[row] for row in rows),
            tuple(found.texts[row] for row in rows),
            query_vectors(self.collection, self.queries),
            rows,
            self.model,
            self.collection,
            self.queries,
        )

    @cached_property
    def _captions(self) -> VectorSet:
        if self.queries:
            return self._query_vectors
        rows, collection = self.caption_rows, self.collection
        ids = tuple(collection.caption_ids.at(rows))
        if len(set(ids)) < len(ids) or "" in ids:
            raise CollectionError(
                f"The {len(ids):,} captions of split `{self.split}` of collection "
                f"`{collection.name}` have only {len(set(ids) - {''}):,} different ids. Give every "
                "caption an id of its own."
            )
        dense, positions = _caption_vectors(collection, rows)
        return VectorSet(
            "captions",
            ids,
            tuple(collection.caption_texts.at(rows)),
            dense,
            positions,
            self.model,
            collection,
        )

    def answers(self) -> tuple[np.ndarray, np.ndarray]:
        """Which captions and images belong together, by their places in the ids of each.

        Returns:
            captions (a,), images (a,) int64, caption by caption. A caption has one image; a query
            of a set may have several.

        Raises:
            CollectionError: a caption describes an image of another split.
        """
        if self.queries:
            queries, starts, images = self._answered
            return np.repeat(np.arange(len(queries)), np.diff(starts)), images.astype(np.int64)
        place = np.full(len(self.collection.image_ids), -1, np.int64)
        place[self.image_rows] = np.arange(len(self.image_rows))
        owners = place[self.collection.caption_image_rows[self.caption_rows]]
        if (strangers := int((owners < 0).sum())) > 0:
            raise CollectionError(
                f"{strangers:,} captions of split `{self.split}` of collection "
                f"`{self.collection.name}` describe images of another split. Give both the same "
                "split."
            )
        return np.arange(len(owners)), owners


def _caption_vectors(
    collection: Collection, rows: np.ndarray
) -> tuple[np.ndarray | PartRows, np.ndarray]:
    """An array of vectors and the row in it of each caption; what is not stored is encoded."""
    stored = np.isin(collection.caption_splits, collection.vector_splits)
    if stored[rows].all():
        return collection.caption_vectors, (np.cumsum(stored) - 1)[rows]
    splits = collection.caption_splits[rows]
    dense = np.empty((len(rows), collection.dense_size), np.float32)
    for split in dict.fromkeys(splits.tolist()):
        vectors = collection.stored_caption_vectors(split)
        if vectors is None:
            vectors = load_pairs(collection, split).caption_vectors
        dense[splits == split] = vectors
    return dense, np.arange(len(rows))


def quantised(block: sp.csr_matrix, scale: int) -> sp.csr_matrix:
    """round(weight × scale), ties to even, as int32; what comes out as 0 is left out."""
    whole = block.astype(np.int32)
    whole.data = np.rint(block.data * scale).astype(np.int32)
    whole.eliminate_zeros()
    return whole


def quantiser_card(scale: int, rounded_to_0: int) -> dict[str, Any]:
    """What the card says of the quantiser."""
    return {
        "scale": scale,
        "rounding": "nearest, ties to even",
        "weights_rounded_to_0": rounded_to_0,
    }
