"""Measures of a ranking: per query first, then the mean.

A rank counts from 1; 0 means that the system did not return the image at all. Ties count
against the system: whoever computes the rank counts every equal score as better.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import scipy.sparse as sp

from lsr.model.sparse import SparseVectors, flops, keep_strongest

CUTOFFS = (1, 5, 10)
RANK_MEASURES = (*(f"R@{k}" for k in CUTOFFS), "MRR@10")


def per_query(ranks: np.ndarray, measure: str) -> np.ndarray:
    """The value of one of RANK_MEASURES for every rank, float64, same shape as `ranks`.

    With several relevant documents and the best one's rank, R@k is what IR calls Success@k: a query
    is found when any of them is among the first k.
    """
    name, _, cutoff = measure.partition("@")
    found = (ranks > 0) & (ranks <= int(cutoff))
    if name == "R":
        return found.astype(np.float64)
    return np.where(found, 1.0 / np.maximum(ranks, 1), 0.0)


def summarize(ranks: np.ndarray) -> dict[str, float]:
    """Every one of RANK_MEASURES, averaged over queries (q,)."""
    return {name: float(per_query(ranks, name).mean()) for name in RANK_MEASURES}


def ranks_of_best(scores: np.ndarray, relevant: np.ndarray, *, sparse: bool) -> np.ndarray:
    """(q,) rank of the best relevant document in rows of scores (q, n).

    Args:
        relevant: (q, n) bool; at least one true in a row.
        sparse: a score of 0 means no shared term, so the document is not a hit (rank 0).
    """
    best = np.where(relevant, scores, -np.inf).max(axis=1, keepdims=True)
    ahead = ((scores >= best) & ~relevant).sum(axis=1) + 1
    return np.where(best[:, 0] > 0, ahead, 0) if sparse else ahead


def exact_at(sparse: sp.csr_matrix, said: sp.csr_matrix, k: int) -> float:
    """Exact@k: share of the k strongest terms of each row that `said` (n, V) bool holds.

    A row with fewer than k terms is judged on those it has; a row with none scores 0.
    """
    top = keep_strongest(sparse, k)
    agreed = sp.csr_matrix(top.multiply(said)).getnnz(axis=1)
    return float(np.mean(agreed / np.maximum(top.getnnz(axis=1), 1)))


def semantic_at(
    sparse: sp.csr_matrix, said: sp.csr_matrix, k: int, term_vectors: np.ndarray
) -> float:
    """Semantic@k: mean over the k strongest terms of the best cosine to a term said.

    Args:
        term_vectors: (V, e) static word vectors; they are normalised here.
    """
    norms = np.linalg.norm(term_vectors, axis=1, keepdims=True)
    unit = term_vectors / np.maximum(norms, 1e-12)
    top = keep_strongest(sparse, k)
    values = np.zeros(top.shape[0])
    for row in range(top.shape[0]):
        terms = top.indices[top.indptr[row] : top.indptr[row + 1]]
        words = said.indices[said.indptr[row] : said.indptr[row + 1]]
        if len(terms) and len(words):
            values[row] = (unit[terms] @ unit[words].T).max(axis=1).mean()
    return float(values.mean())


def co_activation(queries: SparseVectors, images: SparseVectors) -> dict[str, float]:
    """How unevenly terms are used; queries and images number the same terms.

    Returns:
        `flops_ratio`: FLOPs divided by those of the same active terms spread evenly over the
        whole vocabulary, 1 when they are. `top_share`: share of all postings of the images held
        by the 1 % most used terms (one term at least). `hubs`: terms active in more than half of
        all images. 0 where nothing is active.
    """
    n_terms = images.matrix.shape[1]
    evenly = queries.active_terms * images.active_terms / n_terms
    used = np.sort(images.document_frequency)[::-1]
    top = used[: max(1, n_terms // 100)].sum()
    return {
        "flops_ratio": flops(queries, images) / evenly if evenly else 0.0,
        "top_share": float(top / max(used.sum(), 1)),
        "hubs": int((2 * used > len(images)).sum()),
    }


def overlap_and_tau(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """How two rankings agree: (mean overlap of the two lists, mean Kendall τ).

    τ is over the documents in both lists; a query with fewer than two of them has none.

    Args:
        ours: (q, k) int documents, best first, each once; −1 fills the end of a shorter list.
        theirs: (q, depth) likewise, all filled.
    """
    same = (ours[:, :, None] == theirs[:, None, :]) & (ours >= 0)[:, :, None]
    shared = same.any(axis=2)
    places = same.argmax(axis=2)
    counts = shared.sum(axis=1)
    overlap = counts / max(theirs.shape[1], 1)
    pairs = counts * (counts - 1) / 2
    # Of two shared documents, do both lists have the same one first? Places never tie.
    later = np.triu(np.ones((ours.shape[1], ours.shape[1]), bool), 1)
    both = shared[:, :, None] & shared[:, None, :] & later
    agreed = np.sign(places[:, None, :] - places[:, :, None])
    known = pairs > 0
    taus = (agreed * both).sum(axis=(1, 2))[known] / pairs[known]
    return float(overlap.mean()), float(taus.mean()) if len(taus) else 0.0


def overlap_at(ours: Sequence[Hashable], theirs: Sequence[Hashable], k: int) -> float:
    """The share of k that the first k of both rankings have in common."""
    return len(set(ours[:k]) & set(theirs[:k])) / k


def rank_biased_overlap(
    ours: Sequence[Hashable], theirs: Sequence[Hashable], p: float = 0.9
) -> float:
    """RBO: how far two rankings agree, 0 to 1, where a place counts less the lower it is.

    It is the mean of the overlap at depths 1, 2, ..., depth d with weight (1 - p) p^(d-1), so that
    the first 10 places have 86 % of the weight at p = .9. What lies below the ends of the
    lists, which may differ, is extrapolated from the overlap that they reach: RBO_EXT.

    Args:
        ours, theirs: documents best first, each once. p: above 0, below 1.

    Returns:
        1 for equal rankings, two empty ones among them; 0 where nothing is shared.

    Raises:
        ValueError: p is outside (0, 1).

    Source: Webber, Moffat and Zobel, "A Similarity Measure for Indefinite Rankings", ACM
    Transactions on Information Systems 28(4), 2010, equation 32.
    """
    if not 0 < p < 1:
        raise ValueError(f"p is {p}, which is not between 0 and 1")
    short, long = sorted((ours, theirs), key=len)
    if not short:
        return float(not long)
    s, n = len(short), len(long)
    seen: set[Hashable] = set()
    shared = np.zeros(n)  # how many documents both have within each depth
    count = 0
    for depth, document in enumerate(long):
        pair = (document, short[depth]) if depth < s else (document,)
        if len(pair) == 2 and pair[0] == pair[1]:
            count += 1
        else:
            count += sum(one in seen for one in pair)
        seen.update(pair)
        shared[depth] = count
    depths = np.arange(1, n + 1)
    weights = p**depths
    total = (shared / depths * weights).sum()
    at_s, at_n = shared[s - 1], shared[n - 1]
    below = depths[s:]
    total += (at_s * (below - s) / (s * below) * weights[s:]).sum()
    return float((1 - p) / p * total + ((at_n - at_s) / n + at_s / s) * weights[-1])
