"""How near the terms of a caption are to the words that it says, by static word vectors."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

_BLOCK = 500


def closeness_to_words(
    matrix: sp.csr_matrix, said: sp.csr_matrix, term_vectors: np.ndarray
) -> np.ndarray:
    """(nnz,) float32: the best cosine of each term to a term that its caption says; else 0.

    Args:
        matrix: (m, V) captions. said: (m, V) bool, the terms that each says, indices sorted.
        term_vectors: (V, e) static word vectors; they are normalised here.
    """
    norms = np.linalg.norm(term_vectors, axis=1, keepdims=True)
    unit = (term_vectors / np.maximum(norms, 1e-12)).astype(np.float32)
    best = np.zeros(matrix.nnz, np.float32)
    for start in range(0, matrix.shape[0], _BLOCK):
        stop = min(start + _BLOCK, matrix.shape[0])
        span = slice(matrix.indptr[start], matrix.indptr[stop])
        best[span] = _block_closeness(matrix[start:stop], said[start:stop], unit)
    return best


def _block_closeness(matrix: sp.csr_matrix, said: sp.csr_matrix, unit: np.ndarray) -> np.ndarray:
    """The same of a few captions, from one table of the terms and words that they have."""
    terms, term_at = np.unique(matrix.indices, return_inverse=True)
    words, word_at = np.unique(said.indices, return_inverse=True)
    table = unit[terms] @ unit[words].T
    # Every entry against every word of its caption, one after the other.
    n_words = np.repeat(np.diff(said.indptr), np.diff(matrix.indptr))
    first_word = np.repeat(said.indptr[:-1], np.diff(matrix.indptr))
    ends = np.cumsum(n_words)
    entries = np.repeat(np.arange(matrix.nnz), n_words)
    places = np.arange(len(entries)) - np.repeat(ends - n_words, n_words) + first_word[entries]
    cosines = table[term_at[entries], word_at[places]]
    best = np.zeros(matrix.nnz, np.float32)
    any_word = n_words > 0
    if any_word.any():
        best[any_word] = np.maximum.reduceat(cosines, (ends - n_words)[any_word])
    return best
