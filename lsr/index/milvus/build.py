"""Storing images in Milvus, batch by batch, so that a killed build goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import scipy.sparse as sp

from lsr.exceptions import EngineError
from lsr.index.milvus.query import check_exact
from lsr.index.milvus.server import Place, connect, told

if TYPE_CHECKING:
    from pymilvus import CollectionSchema, MilvusClient

# Rows of one insert: whole blocks of `lsr.model.projection.project`, so that a build in parts gives
# the same floats as one in a piece; about 1 MB of the 64 MB that a server takes at once.
BATCH = 1_024
_FIELDS = {"id", "split", "row", "vector"}


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


def build(place: Place, rows: Rows, *, again: bool = False) -> Iterator[BuildReport]:
    """Store the images in Milvus, batch by batch.

    Stopped or killed at any moment, the next call goes on: rows are replaced by id, never added
    twice, and what is not stored yet begins at the first batch that is not whole.

    Args:
        again: remove what is stored under this name first.

    Raises:
        EngineError: nobody answers, or Milvus does not score by inner product; then a new index
            does not stay there.
    """
    client = connect(place, create=True)
    total = len(rows.ids)
    with told(place):
        if again:
            client.drop_collection(rows.name, timeout=place.call_seconds)
        if not client.has_collection(rows.name, timeout=place.call_seconds):
            create(client, place, rows.name)
        check_fields(client, place, rows.name)
        client.load_collection(rows.name, timeout=place.call_seconds)
        begun = _whole_rows(client, place, rows.name, total) // BATCH * BATCH
    started = time.perf_counter()
    for start in range(begun, total, BATCH):
        stop = min(start + BATCH, total)
        matrix = rows.vectors(start, stop)
        with told(place):
            client.upsert(
                rows.name, entities(rows, matrix, start, stop), timeout=place.call_seconds
            )
            if start == begun:
                _check_first(client, place, rows.name, new=not begun)
        rate = (stop - begun) / max(time.perf_counter() - started, 1e-9)
        yield BuildReport(stop, total, rate, (total - stop) / rate)
    with told(place):
        # A server writes its segments and begins to index them; searches are exact before that.
        client.flush(rows.name, timeout=10 * place.call_seconds)
        stored = count(client, place, rows.name)
    if stored != total:
        raise EngineError(unfinished(place, stored, total))
    if begun >= total:
        yield BuildReport(total, total, 0.0, 0.0)


def schema_of() -> CollectionSchema:
    """The fields of an image in Milvus."""
    from pymilvus import DataType, MilvusClient

    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=65_535)
    schema.add_field("split", DataType.VARCHAR, max_length=65_535)
    schema.add_field("row", DataType.INT64)
    schema.add_field("vector", DataType.SPARSE_FLOAT_VECTOR)
    return schema


def create(client: MilvusClient, place: Place, name: str) -> None:
    """A collection in Milvus, without images."""
    index = client.prepare_index_params()
    index.add_index("vector", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
    client.create_collection(
        name, schema=schema_of(), index_params=index, timeout=place.call_seconds
    )


def entities(rows: Rows, matrix: sp.csr_matrix, start: int, stop: int) -> list[dict[str, Any]]:
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
    stored = count(client, place, name)
    if count(client, place, name, f"row < {stored}") == stored:
        return stored
    # Row r is part of the gapless beginning where all rows up to it are there.
    low, high = 0, stored
    while low < high:
        middle = (low + high + 1) // 2
        if count(client, place, name, f"row < {middle}") == middle:
            low = middle
        else:
            high = middle - 1
    return min(low, total)


def count(client: MilvusClient, place: Place, name: str, where: str = "") -> int:
    """How many rows are stored, replaced ones counted once."""
    [row] = client.query(
        name,
        filter=where,
        output_fields=["count(*)"],
        consistency_level="Strong",
        timeout=place.call_seconds,
    )
    return int(row["count(*)"])


def check_fields(client: MilvusClient, place: Place, name: str) -> None:
    """Refuse what somebody else stored under the name."""
    told_of = client.describe_collection(name, timeout=place.call_seconds)
    parts = {field["name"] for field in told_of["fields"]}
    if parts != _FIELDS:
        raise EngineError(
            f"`{name}` in Milvus at `{place}` has the fields {', '.join(sorted(parts))}, not "
            f"{', '.join(sorted(_FIELDS))}. Run `python -m lsr index --engine milvus --again`."
        )


def _check_first(client: MilvusClient, place: Place, name: str, *, new: bool) -> None:
    """Refuse an inexact Milvus after one batch, not after all; what is new does not stay there."""
    try:
        check_exact(client, place, name)
    except EngineError:
        if new:
            client.drop_collection(name, timeout=place.call_seconds)
        raise


def unfinished(place: Place, stored: int, total: int) -> str:
    """The sentence for an index that holds not as many images as there are."""
    if stored > total:
        return (
            f"The index in Milvus at `{place}` holds {stored:,} images, the collection "
            f"{total:,}. Run `python -m lsr index --engine milvus --again`."
        )
    return (
        f"Milvus at `{place}` holds {stored:,} of the {total:,} images for this collection and "
        "model. Run `python -m lsr index --engine milvus` with both."
    )
