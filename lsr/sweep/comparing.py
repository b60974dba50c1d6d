"""Models of any kind beside each other on one split, at equal numbers of active terms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from lsr.collection.collection import Collection
from lsr.evaluation.evaluate import term_vectors_for
from lsr.evaluation.measures import exact_at, semantic_at, summarize
from lsr.evaluation.passes import run_stages
from lsr.evaluation.projected import ProjectedSplit, project_split
from lsr.evaluation.task import make_task
from lsr.exceptions import QueryError
from lsr.model.protocol import Model
from lsr.model.sparse import SparseVectors, flops, keep_strongest
from lsr.storage.room import bytes_on_disk
from lsr.sweep.latency import latency
from lsr.sweep.stability import Stability, stability, twin_of

BUDGETS = (4, 8, 16, 32)
"""Strongest terms that a vector keeps."""
_TOP = 10
# A posting is a row number and a weight, four bytes each.
_POSTING = 8
_HUB = 0.5


@dataclass(frozen=True)
class Budgeted:
    """A model whose vectors keep their `budget` strongest terms; None keeps all.

    active_terms_query, active_terms_image: means. flops: of a query and an image.
    """

    budget: int | None
    R1: float
    R5: float
    R10: float
    flops: float
    active_terms_query: float
    active_terms_image: float

    def as_json(self) -> dict[str, Any]:
        names = {"R1": "R@1", "R5": "R@5", "R10": "R@10"}
        return {names.get(name, name): value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Compared:
    """A model on the split.

    points: all terms first, then at each budget. exact, semantic: of the ten strongest terms of
    images; None where terms are no words, or there are no word vectors. hubs: terms that more than
    half of the images activate. dead: terms that none activates. index_bytes: of the postings of
    the split's images. model_bytes: of its folder. microseconds: of a query, at full length.
    dense: R@1 of the collection's dense vectors. stability: beside the same method with another
    seed, where such a model is installed.
    """

    model: str
    kind: str
    points: tuple[Budgeted, ...]
    exact: float | None
    semantic: float | None
    hubs: int
    dead: int
    n_terms: int
    index_bytes: int
    model_bytes: int
    microseconds: float
    dense: float
    stability: Stability | None

    def rows(self) -> list[dict[str, Any]]:
        """A row for each point, as tables and answers have it."""
        about = {
            "exact@10": self.exact,
            "semantic@10": self.semantic,
            "hubs": self.hubs,
            "dead_terms": self.dead,
            "n_terms": self.n_terms,
            "index_bytes": self.index_bytes,
            "model_bytes": self.model_bytes,
            "microseconds": self.microseconds,
            "stability_hits": self.stability and self.stability.hits,
            "stability_terms": self.stability and self.stability.terms,
            "twin": self.stability and self.stability.twin,
        }
        nothing = dict.fromkeys(about)
        return [
            {
                "model": self.model,
                "kind": self.kind,
                **point.as_json(),
                **(about if point.budget is None else nothing),
            }
            for point in self.points
        ]


def compare_models(
    collection: Collection,
    models: Sequence[Model],
    split: str = "test",
    queries: str = "",
    budgets: Sequence[int] = BUDGETS,
) -> Iterator[Compared]:
    """Each model in turn, on the same queries and images.

    Raises:
        QueryError: there is no model, or a budget below 1.
        ModelError, CollectionError, UnknownNameError: as `project_split`.
    """
    if not models or min(budgets, default=1) < 1:
        raise QueryError("Name one model or more, and budgets of 1 term or more.")
    for model in models:
        yield _compared(collection, model, split, queries, sorted(set(budgets)))


def _compared(
    collection: Collection, model: Model, split: str, queries: str, budgets: Sequence[int]
) -> Compared:
    projected = project_split(collection, model, split, queries=queries)
    task = make_task(projected)
    frequency = projected.images.document_frequency
    said, matrix = projected.literal_of_images, projected.images.matrix
    told = np.flatnonzero(np.diff(said.indptr))
    words = projected.says and len(told) > 0
    vectors = term_vectors_for(model.vocabulary) if words else None
    stable = None
    if (twin := twin_of(model)) is not None:
        again = project_split(collection, twin, split, queries=queries)
        stable = stability(model, twin, projected, again)
    return Compared(
        model.name,
        model.kind,
        (_point(projected, None), *(_point(projected, budget) for budget in budgets)),
        exact_at(matrix[told], said[told], _TOP) if words else None,
        None if vectors is None else semantic_at(matrix[told], said[told], _TOP, vectors),
        int((frequency > _HUB * len(projected.images)).sum()),
        int((frequency == 0).sum()),
        len(model.vocabulary),
        matrix.nnz * _POSTING,
        bytes_on_disk(model.folder),
        latency(task),
        summarize(task.teacher_ranks)["R@1"],
        stable,
    )


def _point(projected: ProjectedSplit, budget: int | None) -> Budgeted:
    if budget is not None:
        images, captions = (
            SparseVectors(keep_strongest(side.matrix, budget), side.ids, side.vocabulary)
            for side in (projected.images, projected.captions)
        )
        projected = replace(projected, images=images, captions=captions)
    ranks = run_stages(make_task(projected).without_teacher(), 1).ranks[:, 0]
    found = summarize(ranks)
    images, captions = projected.images, projected.captions
    cost = flops(captions, images)
    active = captions.active_terms, images.active_terms
    return Budgeted(budget, found["R@1"], found["R@5"], found["R@10"], cost, *active)
