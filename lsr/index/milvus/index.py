"""Exact search in Milvus: a local file inside this process, a server, or a cluster.

Milvus finds candidates, scored in float32 and with ties in any order. This side scores them again
in float64 with the stored weights and decides the order, so that its hits are the memory engine's.
"""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.sparse as sp

from lsr.exceptions import EngineError
from lsr.index.limits import check_k, usable
from lsr.index.milvus.build import BuildReport, Rows, build, check_fields, count, unfinished
from lsr.index.milvus.query import (
    MOST_CANDIDATES,
    Query,
    Vector,
    candidates,
    check_exact,
    ranked,
    text,
)
from lsr.index.milvus.server import Place, connect, told
from lsr.index.protocol import Found, Hit, ImageSubset

__all__ = ["BuildReport", "MilvusIndex", "Rows", "build"]

# Requests of a batch that wait for Milvus at once; a server has threads of its own for them.
_AT_ONCE = 16
# Vectors that the answer to one request holds: some hundred bytes each, far below the 64 MB of one.
_VECTORS = 1_024
# Ids of one filter: far below the 64 MB of a request.
_IDS = 10_000


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
            if not self._client.has_collection(name, timeout=place.call_seconds):
                raise EngineError(unfinished(place, 0, n_images))
            check_fields(self._client, place, name)
            self._client.load_collection(name, timeout=place.call_seconds)
            if (stored := count(self._client, place, name)) != n_images:
                raise EngineError(unfinished(place, stored, n_images))
            check_exact(self._client, place, name)

    def __len__(self) -> int:
        return self._n_images

    def search(
        self,
        terms: np.ndarray,
        weights: np.ndarray,
        k: int,
        only: Container[str] | None = None,
        *,
        include: Iterable[int] = (),
        exclude: Iterable[int] = (),
    ) -> list[Hit]:
        """See `lsr.index.protocol.Index.search`.

        Raises:
            QueryError: k is not from 1 to MAX_K, or a term or weight cannot be used.
            EngineError: Milvus does not answer, or not by inner product.
        """
        query = self._query(terms, weights, k, frozenset(include), frozenset(exclude))
        [hits] = self._searched([query], _filters(only))
        return hits

    def _query(
        self,
        terms: np.ndarray,
        weights: np.ndarray,
        k: int,
        include: frozenset[int],
        exclude: frozenset[int],
    ) -> Query:
        check_k(k)
        terms, weights = usable(terms, weights, self.n_terms)
        terms, weights = terms[weights > 0], weights[weights > 0]
        asked = (self._client, self.place, self.name, terms, weights, min(k, len(self)))
        return Query(*asked, include, exclude)

    def _searched(self, queries: Sequence[Query], filters: Sequence[str]) -> list[list[Hit]]:
        """The hits of queries that are asked in one request, and again where they must be."""
        found: list[list[Hit]] = [[] for _ in queries]
        some = [place for place, query in enumerate(queries) if len(query.terms) and len(self)]
        if not some:
            return found
        with told(self.place):
            for one in filters:
                limit = queries[some[0]].least_asked
                asked = candidates([queries[place] for place in some], one, limit)
                for place, first in zip(some, asked, strict=True):
                    found[place] += queries[place].best(one, 0, len(self), first)
        return [ranked(hits)[: query.k] for query, hits in zip(queries, found, strict=True)]

    def find(
        self,
        terms: np.ndarray,
        weights: np.ndarray,
        k: int,
        only: Container[str] | None = None,
        *,
        include: Iterable[int] = (),
        exclude: Iterable[int] = (),
    ) -> Found:
        """See `lsr.index.protocol.Index.find`."""
        hits = self.search(terms, weights, k, only, include=include, exclude=exclude)
        ids = [hit.image_id for hit in hits]
        return Found(ids, np.array([hit.score for hit in hits]), self._weights_in(ids, terms))

    def search_many(
        self,
        queries: sp.csr_matrix,
        k: int,
        only: Container[str] | None = None,
        *,
        include: Iterable[int] = (),
        exclude: Iterable[int] = (),
    ) -> list[list[Hit]]:
        """See `lsr.index.protocol.Index.search_many`; many are asked at once."""
        about, filters = (k, frozenset(include), frozenset(exclude)), _filters(only)
        spans = map(slice, queries.indptr[:-1], queries.indptr[1:])
        asked = [self._query(queries.indices[one], queries.data[one], *about) for one in spans]
        size = max(_VECTORS // asked[0].least_asked, 1) if asked else 1
        requests = [asked[at : at + size] for at in range(0, len(asked), size)]

        def searched(request: list[Query]) -> list[list[Hit]]:
            return self._searched(request, filters)

        # The first one alone, so that where Milvus is gone it is waited for once.
        found = [searched(request) for request in requests[:1]]
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="milvus") as pool:
            return [hits for some in (*found, *pool.map(searched, requests[1:])) for hits in some]

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

    def _weights_in(self, image_ids: Sequence[str], terms: np.ndarray) -> np.ndarray:
        """(hits, t) float32: what each term weighs in each image, 0 where it is not active."""
        table = np.zeros((len(image_ids), len(terms)), np.float32)
        for row, (active, weights) in enumerate(self.vectors(image_ids)):
            weight_of = dict(zip(active.tolist(), weights.tolist(), strict=True))
            table[row] = [weight_of.get(term, 0.0) for term in terms.tolist()]
        return table


def _filters(only: Container[str] | None) -> list[str]:
    """Filters that together let the images through that may be hits."""
    if only is None:
        return [""]
    if isinstance(only, ImageSubset) and only.split is not None:
        return [f"split == {text(only.split)}"]
    ids = sorted(only)
    return [f"id in {text(ids[at : at + _IDS])}" for at in range(0, len(ids), _IDS)]


def _arrays(vector: Vector, n_terms: int) -> tuple[np.ndarray, np.ndarray]:
    terms = sorted(term for term in vector if term < n_terms)
    return np.array(terms, np.int32), np.array([vector[t] for t in terms], np.float32)
