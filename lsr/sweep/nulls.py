"""What a curve is worth: the same task with what should matter taken out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from lsr.evaluation.projected import ProjectedSplit
from lsr.evaluation.task import Side
from lsr.exceptions import QueryError
from lsr.model.sparse import SparseVectors, keep_strongest, stack

if TYPE_CHECKING:
    from lsr.model.projection import Projection

NULLS = {
    "shuffled": "Expansion terms shuffled",
    "random-head": "Random head",
    "words": "Caption words only",
}
_BLOCK = 250


def check_null(null: str) -> None:
    """Refuse what is none of NULLS.

    Raises:
        QueryError: it is not.
    """
    if null not in NULLS:
        raise QueryError(f"`{null[:40]}` is no null. Use {', '.join(NULLS)}.")


def null_split(
    projected: ProjectedSplit, null: str, hidden_size: int, seed: int = 0
) -> ProjectedSplit:
    """A split in which a model's work is undone.

    shuffled: every caption keeps its literal terms and as many expansion terms of the same
        weights, but these are dealt out anew among all captions: how often each term is used
        stays, whom it fits does not. random-head: a head of the same shape with random weights,
        cut to as many terms a vector as the model has. words: captions keep their literal terms
        only, each with weight 1.

    Raises:
        QueryError: an unknown null.
    """
    check_null(null)
    captions = projected.captions
    if null == "shuffled":
        matrix = _dealt_out(captions.matrix, projected.literal_flags, seed)
        return _with(projected, matrix, projected.images.matrix)
    if null == "words":
        matrix = sp.csr_matrix(projected.literal, dtype=np.float32)
        return _with(projected, matrix, projected.images.matrix)
    n_terms = captions.matrix.shape[1]
    head = _random_head(projected.pairs.image_vectors.shape[1], hidden_size, n_terms, seed)
    return _with(
        projected,
        _cut(head, projected.pairs.caption_vectors, captions.active_terms),
        _cut(head, projected.pairs.image_vectors, projected.images.active_terms),
    )


def null_query(
    projected: ProjectedSplit,
    query: Side,
    literal: np.ndarray,
    null: str,
    hidden_size: int,
    seed: int = 0,
) -> Side:
    """One query, which need not belong to the split, with a model's work undone in the same way.

    Args:
        projected: the split under the null.
        literal: numbers of the terms that the query says.

    Raises:
        QueryError: an unknown null.
    """
    check_null(null)
    n_terms = query.matrix.shape[1]
    if null == "words":
        weights = np.ones(len(literal), np.float32)
        matrix = sp.csr_matrix((weights, (np.zeros_like(literal), literal)), (1, n_terms))
    elif null == "shuffled":
        pool = projected.captions.matrix.indices[~projected.literal_flags]
        terms, free = query.matrix.indices.copy(), np.flatnonzero(~query.said)
        if len(pool):
            terms[free] = np.random.default_rng(seed).choice(pool, len(free))
        matrix = sp.csr_matrix((query.matrix.data, (np.zeros_like(terms), terms)), (1, n_terms))
    else:
        head = _random_head(query.dense.shape[1], hidden_size, n_terms, seed)
        most = np.diff(projected.captions.matrix.indptr).max(initial=1)
        matrix = keep_strongest(_vectors(head, query.dense), int(most))
    matrix.sort_indices()
    return replace(query, matrix=matrix, said=np.isin(matrix.indices, literal))


def _dealt_out(matrix: sp.csr_matrix, said: np.ndarray, seed: int) -> sp.csr_matrix:
    """Expansion entries with their terms permuted among all rows.

    A term dealt twice to a row, or to one that says it, adds its weights there.
    """
    terms = matrix.indices.copy()
    free = np.flatnonzero(~said)
    terms[free] = np.random.default_rng(seed).permutation(terms[free])
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    dealt = sp.csr_matrix((matrix.data, (rows, terms)), shape=matrix.shape, dtype=np.float32)
    dealt.sort_indices()
    return dealt


def _random_head(dense_size: int, hidden_size: int, n_terms: int, seed: int) -> Projection:
    import torch  # takes a second to load, and most sweeps have no null

    from lsr.model.projection import Projection

    with torch.random.fork_rng(devices=[]):
        head = Projection(dense_size, hidden_size, n_terms).eval()
    source = torch.Generator().manual_seed(seed)
    for linear in (head.proj, head.vocab_projector):
        torch.nn.init.normal_(linear.weight, std=linear.in_features**-0.5, generator=source)
        torch.nn.init.zeros_(linear.bias)
    return head


def _cut(head: Projection, vectors: np.ndarray, active: float) -> sp.csr_matrix:
    """A random head's vectors, cut block by block: whole, they take gigabytes."""
    k = max(1, round(active))
    blocks = [
        keep_strongest(_vectors(head, np.asarray(vectors[start : start + _BLOCK])), k)
        for start in range(0, len(vectors), _BLOCK)
    ]
    return stack(blocks, head.vocabulary_size)


def _vectors(head: Projection, dense: np.ndarray) -> sp.csr_matrix:
    from lsr.model.projection import project

    return project(head, dense)


def _with(
    projected: ProjectedSplit, captions: sp.csr_matrix, images: sp.csr_matrix
) -> ProjectedSplit:
    mark = projected.captions.vocabulary
    return replace(
        projected,
        captions=SparseVectors(captions, projected.captions.ids, mark),
        images=SparseVectors(images, projected.images.ids, mark),
    )
