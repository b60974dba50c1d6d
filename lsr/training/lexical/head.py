"""A lexical head: for each term a direction, a threshold and a sharpness, in one common space.

A term weighs log(1 + sharpness · (cosine − threshold)) where the cosine of a vector and the term's
row is above its threshold, else 0. It has the published form of the projection, with a hidden
size equal to the dense size: the first layer and the layer norm make unit vectors times √d.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # torch takes a second to load
    from lsr.model.projection import Projection

# Rows read at once, and terms whose scores of all images are held at once.
ROWS, TERMS = 16_384, 512
# Images that a budget is set on: more would not change it.
_BUDGET_IMAGES = 4_096


@dataclass(frozen=True)
class Space:
    """Dense vectors z to unit vectors of `weight` z + `bias`, whose numbers have mean 0.

    The layer norm subtracts the mean of a vector's numbers: taking it out here changes nothing
    there, so that both give the same unit vectors.

    weight (d, d), bias (d,): float64.
    """

    weight: np.ndarray
    bias: np.ndarray

    @classmethod
    def between(cls, images: np.ndarray, texts: np.ndarray) -> Space:
        """The space without the direction between two mean vectors (d,), centred between them."""
        size = len(images)
        weight = np.eye(size) - 1 / size
        gap = weight @ (images - texts)
        if (length := float(np.linalg.norm(gap))) > 1e-9:
            gap /= length
            weight = weight - np.outer(gap, gap)  # the gap lies in what is left, so this is exact
        return cls(weight, -weight @ (images + texts) / 2)

    def units(self, vectors: np.ndarray) -> np.ndarray:
        """(n, d) float32 of unit length."""
        moved = vectors.astype(np.float32) @ self.weight.T.astype(np.float32)
        moved += self.bias.astype(np.float32)
        norms = np.linalg.norm(moved, axis=1, keepdims=True)
        moved /= np.maximum(norms, np.float32(1e-12))
        return moved


@dataclass(frozen=True)
class LexicalHead:
    """A head of t terms.

    terms (t,) int64: their ids, ascending. rows (t, d): of unit length.
    thresholds (t,), sharpness (t,).
    """

    space: Space
    terms: np.ndarray
    rows: np.ndarray
    thresholds: np.ndarray
    sharpness: np.ndarray

    def active_terms(self, vectors: np.ndarray) -> float:
        """Mean per vector of (n, d)."""
        units, rows = self.space.units(vectors), self.rows.T.astype(np.float32)
        counts = (int((units[b] @ rows > self.thresholds).sum()) for b in blocks(len(units)))
        return sum(counts) / len(units)

    def with_budget(self, images: np.ndarray, target: float) -> LexicalHead:
        """The head with all thresholds moved alike, so that images (n, d) activate `target` terms.

        As many on average, or all where there are fewer. The order of a vector's terms by how far
        they lie above their thresholds does not change.
        """
        chosen = np.linspace(0, len(images) - 1, min(len(images), _BUDGET_IMAGES)).astype(int)
        above = self.space.units(images[chosen]) @ self.rows.T.astype(np.float32)
        above -= self.thresholds.astype(np.float32)
        flat, wanted = above.ravel(), round(target * len(chosen))
        if not 0 < wanted < len(flat):
            return self
        flat.partition((len(flat) - wanted - 1, len(flat) - wanted))
        step = (flat[-wanted - 1].astype(float) + flat[-wanted]) / 2
        return replace(self, thresholds=self.thresholds + step)

    def projection(self, n_terms: int) -> Projection:
        """The head as a projection onto a vocabulary of `n_terms` terms, the others switched off.

        A row is its direction times its sharpness; the layer norm's weights are 1.
        """
        import torch

        from lsr.model.projection import Projection

        size = self.rows.shape[1]
        head = Projection(size, size, n_terms).eval()
        off = np.ones(n_terms, bool)
        off[self.terms] = False
        rows = self.rows * (self.sharpness / size**0.5)[:, None]
        with torch.no_grad():
            head.proj.weight.copy_(torch.from_numpy(self.space.weight))
            head.proj.bias.copy_(torch.from_numpy(self.space.bias))
            head.vocab_layer_norm.weight.fill_(1)
            head.vocab_layer_norm.bias.zero_()
            head.vocab_projector.weight[self.terms] = torch.from_numpy(rows.astype(np.float32))
            head.vocab_projector.bias[self.terms] = torch.from_numpy(
                (-self.sharpness * self.thresholds).astype(np.float32)
            )
        head.switch_off(torch.from_numpy(np.flatnonzero(off)))
        return head


def blocks(n: int) -> Iterator[slice]:
    """Blocks of at most ROWS rows."""
    return (slice(start, min(start + ROWS, n)) for start in range(0, n, ROWS))
