"""Exact search in Milvus: a local file inside this process, a server, or a cluster.

Milvus finds candidates; this module decides the order. It scores every candidate again with the
stored float32 weights, term by term as the memory engine does, so that both engines give the same
scores to the last bit and break ties alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Collection as Container
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from lsr.exceptions import EngineError
from lsr.index.milvus_query import MOST_CANDIDATES, Query, Vector, both, check_exact, ranked, text
from lsr.index.milvus_server import Place, connect, told
from lsr.index.protocol import Hit, check_query

if TYPE_CHECKING:
    from pymilvus import MilvusClient

# Rows of one insert: whole blocks of `lsr.projection.project`, so that a build in parts gives the
# same floats as one in a piece; about 1 MB of the 64 MB that a server takes at once.
BATCH = 1_024
# Ids of one filter: far below the 64 MB of a request.
_IDS = 10_000
_PARTS = {"id", "split", "row", "vector"}


@dataclass(frozen=True)
class BuildReport:
    """How far a build is; what it counts is stored."""

    done: int
    total: int
    per_second: float
    seconds_left: float


@dataclass(frozen=True)
class Rows:
    """The images to index, in a fixed order.

    name: of the collection in Milvus; it changes with the images and the model.
    vectors: sparse vectors (stop - start, V) float32 of the rows from start to stop.
    """

    name: str
    ids: Sequence[str]
    splits: Sequence[str]
    n_terms: int
    vectors: Callable[[int, int], sp.csr_matrix]


class MilvusIndex:
    """The images of one collection in a Milvus, already built.

    Raises:
        EngineError: nobody answers, the index is missing or unfinished, or Milvus does not score
            by inner product.
    """

    engine = "milvus"

    def __init__(self, place: Place, name: str, n_images: int, n_terms: int) -> None:
        self.place, self.name, self.n_terms = place, name, n_terms
        self._n_images = n_images
        self._client = connect(place)
        with told(place):
            there = self._client.has_collection(name, timeout=place.call_seconds)
            stored = _count(self._client, place, name) if there else 0
        if stored != n_images:
            raise EngineError(_unfinished(place, stored, n_images))
        with told(place):
            _check_parts(self._client, place, name)
            self._client.load_collection(name, timeout=place.call_seconds)
            check_exact(self._client, place, name)

    def __len__(self) -> int:
        return self._n_images

    def search(
        self,
        terms: np.ndarray,
        weights: np.ndarray,
        k: int,
        only: Container[str] | None = None,
        split: str | None = None,
    ) -> list[Hit]:
        """See `lsr.index.protocol.Index.search`.

        Raises:
            QueryError: k is below 1, or a term or weight cannot be used.
            EngineError: Milvus does not answer, or not by inner product.
        """
        terms, weights = check_query(terms, weights, k, self.n_terms)
        terms, weights = terms[weights > 0], weights[weights > 0]
        if not len(terms) or not len(self):
            return []
        query = Query(self._client, self.place, self.name, terms, weights, min(k, len(self)))
        filters = ["" if split is None else f"split == {text(split)}"]
        if only is not None:
            ids = sorted(only)
            parts = [ids[start : start + _IDS] for start in range(0, len(ids), _IDS)]
            filters = [both(filters[0], f"id in {text(part)}") for part in parts]
        with told(self.place):
            found = [hit for one in filters for hit in query.best(one, 0, len(self))]
        return ranked(found)[:k]

    def vectors(self, image_ids: Sequence[str]) -> list[tuple[np.ndarray, np.ndarray]]:
        """(terms int32, weights float32) as stored of some images, terms ascending.

        Raises:
            EngineError: Milvus does not answer, or does not hold one of them.
        """
        found: dict[str, Vector] = {}
        with told(self.place):
            for start in range(0, len(image_ids), MOST_CANDIDATES):
                some = list(image_ids[start : start + MOST_CANDIDATES])
                rows = self._client.query(
                    self.name,
                    filter=f"id in {text(some)}",
                    output_fields=["id", "vector"],
                    consistency_level="Strong",
                    timeout=self.place.call_seconds,
                )
                found |= {row["id"]: row["vector"] for row in rows}
        if absent := set(image_ids) - found.keys():
            raise EngineError(
                f"Milvus at `{self.place}` no longer holds image `{min(absent)}`. "
                "Run `python -m lsr index --engine milvus`."
            )
        return [_arrays(found[image_id], self.n_terms) for image_id in image_ids]


def build(place: Place, rows: Rows, *, again: bool = False) -> Iterator[BuildReport]:
    """Store the images in Milvus, batch by batch.

    Stopped or killed at any moment, the next call goes on: rows are replaced by id, never added
    twice, and what is not stored yet begins at the first batch that is not whole.

    Args:
        again: remove what is stored under this name first.

    Raises:
        EngineError: nobody answers, or Milvus does not score by inner product; nothing is kept
            of an index that was begun in such a Milvus.
    """
    client = connect(place, create=True)
    total = len(rows.ids)
    with told(place):
        if again:
            client.drop_collection(rows.name, timeout=place.call_seconds)
        if not client.has_collection(rows.name, timeout=place.call_seconds):
            _create(client, place, rows.name)
        _check_parts(client, place, rows.name)
        client.load_collection(rows.name, timeout=place.call_seconds)
        begun = _whole_rows(client, place, rows.name, total) // BATCH * BATCH
    started = time.perf_counter()
    for start in range(begun, total, BATCH):
        stop = min(start + BATCH, total)
        matrix = rows.vectors(start, stop)
        with told(place):
            client.upsert(
                rows.name, _entities(rows, matrix, start, stop), timeout=place.call_seconds
            )
            if start == begun:
                _check_or_drop(client, place, rows.name)
        rate = (stop - begun) / max(time.perf_counter() - started, 1e-9)
        yield BuildReport(stop, total, rate, (total - stop) / rate)
    with told(place):
        # A server writes its segments and begins to index them; searches are exact before that.
        client.flush(rows.name, timeout=10 * place.call_seconds)
        stored = _count(client, place, rows.name)
    if stored != total:
        raise EngineError(_unfinished(place, stored, total))
    if begun >= total:
        yield BuildReport(total, total, 0.0, 0.0)


def _create(client: MilvusClient, place: Place, name: str) -> None:
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=65_535)
    schema.add_field("split", DataType.VARCHAR, max_length=65_535)
    schema.add_field("row", DataType.INT64)
    schema.add_field("vector", DataType.SPARSE_FLOAT_VECTOR)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
    client.create_collection(name, schema=schema, index_params=index, timeout=place.call_seconds)


def _entities(rows: Rows, matrix: sp.csr_matrix, start: int, stop: int) -> list[dict[str, Any]]:
    """Rows as Milvus takes them.

    Milvus stores no empty vector. An image without terms gets the term V, beyond the vocabulary,
    which no query has: so the count of what is stored is the count of images.
    """
    entities = []
    for row in range(start, stop):
        span = slice(*matrix.indptr[row - start : row - start + 2])
        pairs = zip(matrix.indices[span].tolist(), matrix.data[span].tolist(), strict=True)
        vector = dict(pairs) or {rows.n_terms: 1.0}
        entities.append(
            {"id": rows.ids[row], "split": rows.splits[row], "row": row, "vector": vector}
        )
    return entities


def _whole_rows(client: MilvusClient, place: Place, name: str, total: int) -> int:
    """How many rows from the first on are stored without a gap."""
    stored = _count(client, place, name)
    if _count(client, place, name, f"row < {stored}") == stored:
        return stored
    # Row r is part of the gapless beginning where all rows up to it are there.
    low, high = 0, stored
    while low < high:
        middle = (low + high + 1) // 2
        if _count(client, place, name, f"row < {middle}") == middle:
            low = middle
        else:
            high = middle - 1
    return min(low, total)


def _count(client: MilvusClient, place: Place, name: str, where: str = "") -> int:
    """How many rows are stored, replaced ones counted once."""
    [row] = client.query(
        name,
        filter=where,
        output_fields=["count(*)"],
        consistency_level="Strong",
        timeout=place.call_seconds,
    )
    return int(row["count(*)"])


def _check_parts(client: MilvusClient, place: Place, name: str) -> None:
    """Refuse what somebody else stored under the name."""
    told_of = client.describe_collection(name, timeout=place.call_seconds)
    parts = {field["name"] for field in told_of["fields"]}
    if parts != _PARTS:
        raise EngineError(
            f"`{name}` in Milvus at `{place}` has the fields {', '.join(sorted(parts))}, not "
            f"{', '.join(sorted(_PARTS))}. Run `python -m lsr index --engine milvus --again`."
        )


def _check_or_drop(client: MilvusClient, place: Place, name: str) -> None:
    try:
        check_exact(client, place, name)
    except EngineError:
        client.drop_collection(name, timeout=place.call_seconds)
        raise


def _unfinished(place: Place, stored: int, total: int) -> str:
    if stored > total:
        return (
            f"The index in Milvus at `{place}` holds {stored:,} images, the collection "
            f"{total:,}. Run `python -m lsr index --engine milvus --again`."
        )
    return (
        f"Milvus at `{place}` holds {stored:,} of the {total:,} images for this collection and "
        "model. Run `python -m lsr index --engine milvus` with both."
    )


def _arrays(vector: Vector, n_terms: int) -> tuple[np.ndarray, np.ndarray]:
    terms = sorted(term for term in vector if term < n_terms)
    return np.array(terms, np.int32), np.array([vector[t] for t in terms], np.float32)
