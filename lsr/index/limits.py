"""What a search may be asked: the same for every engine."""

from __future__ import annotations

import numpy as np

from lsr.exceptions import QueryError

MAX_K = 1_000


def check_k(k: int) -> None:
    """Refuse a number of results that no search gives.

    Raises:
        QueryError: not from 1 to MAX_K.
    """
    if not 1 <= k <= MAX_K:
        raise QueryError(
            f"k is {k:,}, but a search answers with 1 to {MAX_K:,} results. "
            f"Use k from 1 to {MAX_K:,}."
        )


def check_term(term: int, n_terms: int) -> None:
    """Refuse a term number outside the vocabulary.

    Raises:
        QueryError: the index has no such term.
    """
    if not 0 <= term < n_terms:
        raise QueryError(
            f"Query term {term:,} lies outside the vocabulary of {n_terms:,} terms. "
            "Project the query with the model of the index."
        )


def usable(terms: np.ndarray, weights: np.ndarray, n_terms: int) -> tuple[np.ndarray, np.ndarray]:
    """The terms of a query as int32 and its weights as float64, where they can be searched with.

    Raises:
        QueryError: a weight is negative or not a number, or a term is out of range.
    """
    from lsr.kernels.search import is_query  # reads numba, which who asks for MAX_K can do without

    terms, weights = np.ascontiguousarray(terms, np.int32), np.ascontiguousarray(weights, float)
    if not is_query(terms, weights, n_terms):
        for term in terms.tolist():
            check_term(term, n_terms)
        raise QueryError("A query weight is negative or not a number. Use weights from 0 up.")
    return terms, weights
