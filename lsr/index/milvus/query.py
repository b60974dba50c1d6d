"""One query to Milvus, made exact: what is asked, how often, and what is done with the answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lsr.exceptions import EngineError
from lsr.index.milvus.server import Place
from lsr.index.protocol import Hit

if TYPE_CHECKING:
    from pymilvus import MilvusClient

# What one search of a Milvus server returns at most.
MOST_CANDIDATES = 16_384
_CANDIDATES_BEYOND_K = 32
_PROBES = 64
_PROBE_TERMS = 16

Vector = dict[int, float]


class Candidates(NamedTuple):
    """hits: in order. least: the score of the last candidate; None where there are no more."""

    hits: list[Hit]
    least: float | None


@dataclass(frozen=True)
class Query:
    """One query, asked as often as it takes to know its k best images exactly.

    include, exclude: terms that every hit activates, and that none does. Milvus cannot filter by
    them, so candidates are dropped here.
    """

    client: MilvusClient
    place: Place
    name: str
    terms: np.ndarray
    weights: np.ndarray
    k: int
    include: frozenset[int] = frozenset()
    exclude: frozenset[int] = frozenset()

    def best(self, where: str, first: int, last: int, asked: Candidates | None = None) -> list[Hit]:
        """The k best of the rows from first to last, and maybe more.

        Args:
            asked: what `candidates` gives for as many as `least_asked` says, where it is known.

        Milvus breaks ties as it likes and adds in an order of its own, so an image that it left
        out may belong among the k best as long as its score, rounding allowed for, can reach the
        k-th. Then more is asked for, and beyond what a server returns, each half of the rows.
        """
        limit = self.least_asked
        while True:
            hits, least = asked or self.candidates(where, limit)
            asked = None
            kth = hits[self.k - 1].score if len(hits) >= self.k else 0.0
            if least is None or least * (1 + self.rounding) < kth:
                return hits
            if limit == MOST_CANDIDATES:
                break
            limit = min(4 * limit, MOST_CANDIDATES)
        middle = (first + last) // 2
        lower = self.best(both(where, f"row < {middle}"), first, middle)
        upper = self.best(both(where, f"row >= {middle}"), middle, last)
        return ranked(lower + upper)[: self.k]

    @property
    def least_asked(self) -> int:
        """How many candidates are asked for at first."""
        return min(self.k + _CANDIDATES_BEYOND_K, MOST_CANDIDATES)

    @property
    def rounding(self) -> float:
        """How much a float32 sum of these products can differ from the sum, as a share of it."""
        return float((len(self.terms) + 2) * np.finfo(np.float32).eps)

    def candidates(self, where: str, limit: int) -> Candidates:
        """What one request finds, exactly scored."""
        [found] = candidates([self], where, limit)
        return found

    def scored(self, found: Sequence[Any], limit: int) -> Candidates:
        """What Milvus answered, scored again.

        Raises:
            EngineError: Milvus does not score by the inner product.
        """
        scores = self.scores([row["entity"]["vector"] for row in found])
        said = np.array([row["distance"] for row in found], np.float64)
        if not np.allclose(said, scores, rtol=self.rounding, atol=0):
            raise EngineError(_inexact(self.place))
        hits = ranked(
            [
                Hit(row["id"], float(s))
                for row, s in zip(found, scores, strict=True)
                if s > 0 and self._passes(row["entity"]["vector"])
            ]
        )
        return Candidates(hits, float(said.min()) if len(found) >= limit else None)

    def _passes(self, vector: Vector) -> bool:
        return self.include <= vector.keys() and self.exclude.isdisjoint(vector)

    def scores(self, vectors: Sequence[Vector]) -> np.ndarray:
        """(n,) float64, added up in the order of the query's terms."""
        scores = np.zeros(len(vectors))
        for term, weight in zip(self.terms.tolist(), self.weights, strict=True):
            column = np.array([vector.get(term, 0.0) for vector in vectors])
            scores += weight * column
        return scores


def candidates(queries: Sequence[Query], where: str, limit: int) -> list[Candidates]:
    """The candidates of several queries to one index, in one request.

    Raises:
        EngineError: Milvus does not score by the inner product.
    """
    one = queries[0]
    found = one.client.search(
        one.name,
        data=[dict(zip(q.terms.tolist(), q.weights.tolist(), strict=True)) for q in queries],
        anns_field="vector",
        limit=limit,
        filter=where,
        output_fields=["vector"],
        search_params={"metric_type": "IP", "params": {"drop_ratio_search": 0.0}},
        consistency_level="Strong",
        timeout=len(queries) * one.place.call_seconds,
    )
    return [query.scored(rows, limit) for query, rows in zip(queries, found, strict=True)]


def check_exact(client: MilvusClient, place: Place, name: str) -> None:
    """Search the first rows with the strongest terms of one of them, and compute the same here.

    Raises:
        EngineError: other images or other scores than those of the inner product.
    """
    first = f"row < {_PROBES}"
    rows = client.query(
        name,
        filter=first,
        output_fields=["id", "vector"],
        consistency_level="Strong",
        timeout=place.call_seconds,
    )
    if not rows:
        return
    longest = max((row["vector"] for row in rows), key=len)
    terms = sorted(longest, key=longest.__getitem__)[-_PROBE_TERMS:]
    weights = np.array([longest[term] for term in terms])
    query = Query(client, place, name, np.array(terms), weights, _PROBES)
    scores = query.scores([row["vector"] for row in rows])
    expected = [Hit(row["id"], float(s)) for row, s in zip(rows, scores, strict=True) if s > 0]
    hits, _ = query.candidates(first, 2 * _PROBES)
    if hits != ranked(expected):
        raise EngineError(_inexact(place))


def ranked(hits: Sequence[Hit]) -> list[Hit]:
    """Score descending, ties by image id."""
    return sorted(hits, key=lambda hit: (-hit.score, hit.image_id))


def both(one: str, other: str) -> str:
    """A filter that holds where both do; an empty one always does."""
    return f"({one}) and ({other})" if one and other else one or other


def text(value: str | Sequence[str]) -> str:
    """A text, or a list of them, as filters write it."""
    return json.dumps(value, ensure_ascii=False)


def _inexact(place: Place) -> str:
    return (
        f"Milvus at `{place}` does not score by the inner product of the stored vectors, so its "
        "results would be others than Lexiscope's. Update Milvus, then run "
        "`python -m lsr index --engine milvus --again`."
    )
