"""Which terms each row says: kept sparse on a device, made dense a batch at a time."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor


class SaidTerms:
    """A sparse (n, t) bool matrix on a device."""

    def __init__(self, matrix: sp.csr_matrix, device: torch.device) -> None:
        self.n_terms = matrix.shape[1]
        self._starts, self._columns = (
            torch.from_numpy(part.astype(np.int64)).to(device)
            for part in (matrix.indptr, matrix.indices)
        )

    def of(self, rows: Tensor, others: Tensor) -> Tensor:
        """(B, t) float32, 1 where a row says the term, for rows (B,) int64 on the device.

        Args:
            others: what stands elsewhere, one number (1, 1) or one a row (B, 1).
        """
        starts = self._starts[rows]
        counts = self._starts[rows + 1] - starts
        numbers = torch.arange(len(rows), device=rows.device)
        owners = torch.repeat_interleave(numbers, counts)
        # How far each entry lies behind the first of its row.
        within = torch.arange(len(owners), device=rows.device) - (counts.cumsum(0) - counts)[owners]
        said = others.expand(len(rows), self.n_terms).contiguous()
        said[owners, self._columns[starts[owners] + within]] = 1.0
        return said
