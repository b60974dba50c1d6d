"""Rows of sparse vectors as a file has them, and what must hold before they are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from lsr.exceptions import CollectionError, shorten

ROWS = 4096
"""Rows that are in memory at once."""


class Block(NamedTuple):
    """Some rows of a file.

    ids: whose they are, None where the file does not say. counts: (n,) entries of each row.
    terms (nnz,), weights (nnz,): row by row, in any order within one.
    """

    ids: list[str] | None
    counts: np.ndarray
    terms: np.ndarray
    weights: np.ndarray


Blocks = Iterator[Block]


class Checker:
    """Turns blocks into csr, and refuses what no sparse vector is.

    Args:
        file: its name, for messages. n_terms: of the vocabulary; None while it is being found out.
    """

    def __init__(self, file: str, n_terms: int | None) -> None:
        self.file, self.n_terms = file, n_terms
        self.n_rows = self.n_zeros = self.n_active = 0
        self.largest = -1

    def csr(self, block: Block) -> sp.csr_matrix:
        """(n, V) float32, sorted indices, no explicit zeros.

        Raises:
            CollectionError: a weight is negative or not finite, a term has no such number or comes
                twice in a row.
        """
        owners = np.repeat(np.arange(len(block.counts)), block.counts)
        weights = np.asarray(block.weights, np.float64)

        def refuse(wrong: np.ndarray, what: Callable[[int], str]) -> None:
            if wrong.any():
                entry = int(wrong.argmax())
                raise CollectionError(
                    f"{self._row(block, int(owners[entry]))} of `{self.file}` {what(entry)}."
                )

        with np.errstate(over="ignore"):
            narrow = weights.astype(np.float32)
        refuse(
            ~np.isfinite(narrow),
            lambda entry: f"has a weight of {weights[entry]}. Make the vectors again",
        )
        refuse(
            weights < 0,
            lambda entry: (
                f"has the negative weight {weights[entry]:g}, and sparse vectors have none. Cut "
                "them at 0"
            ),
        )
        terms = np.asarray(block.terms, np.int64)
        most = self.n_terms if self.n_terms is not None else 2**24
        refuse(
            (terms < 0) | (terms >= most),
            lambda entry: (
                f"has the term number {terms[entry]:,}, but the vocabulary has {most:,} terms, "
                "counted from 0. Give the vocabulary that the vectors were made with"
            ),
        )
        order = np.lexsort((terms, owners))
        owners, terms, narrow = owners[order], terms[order], narrow[order]
        twice = (np.diff(terms) == 0) & (np.diff(owners) == 0)
        refuse_twice = np.concatenate([[False], twice])
        refuse(refuse_twice, lambda entry: f"has the term {terms[entry]:,} twice. Add them up")
        kept = narrow > 0
        counts = np.bincount(owners[kept], minlength=len(block.counts))
        self.n_zeros += int((~kept).sum())
        self.n_rows += len(block.counts)
        self.n_active += int(kept.sum())
        self.largest = max(self.largest, int(terms.max(initial=-1)))
        ends = np.concatenate([[0], np.cumsum(counts)])
        columns = terms[kept].astype(np.int32)
        made = sp.csr_matrix((narrow[kept], columns, ends), (len(counts), most))
        made.has_sorted_indices = True
        return made

    def _row(self, block: Block, row: int) -> str:
        if block.ids is None:
            return f"Row {self.n_rows + row:,}"
        return f"The vector of `{shorten(block.ids[row])}`"
