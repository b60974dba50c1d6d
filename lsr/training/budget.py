"""How many active terms an image was to have, and how many the training images have."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # torch takes a second to load
    from lsr.model.projection import Projection

# A target counts as met within this share of it.
TOLERANCE = 0.1
# Images that a mean is taken of: more would not change it.
_IMAGES = 4_096


@dataclass(frozen=True)
class Budget:
    """target: active terms an image. met: their mean on training images.

    at_most: fewer are as well, as in free training, whose penalty only pushes down.
    """

    target: int
    met: float
    at_most: bool = False

    @property
    def ok(self) -> bool:
        """Whether the target is met within a tenth."""
        above = self.met - self.target
        return (above if self.at_most else abs(above)) <= TOLERANCE * self.target

    @property
    def says(self) -> str:
        """What was met, in one sentence; where it is missed, with a remedy."""
        asked = f"{'at most ' if self.at_most else ''}{self.target:,}"
        told = f"training images activate {self.met:,.1f} terms on average; asked for: {asked}."
        if self.ok:
            return f"The target is met: {told}"
        if self.met < self.target:
            remedy = "Too few words are said often enough: add captions, or lower the target."
        elif self.at_most:
            remedy = "Train longer, or with `--method tuned`, which keeps to a target."
        else:
            remedy = "Set a higher target, or train on more images."
        return f"The target is missed: {told} {remedy}"

    def as_json(self) -> dict[str, Any]:
        """As answers and `training.json` hold it."""
        return {**asdict(self), "ok": self.ok, "says": self.says}


def active_terms(head: Projection, image_vectors: np.ndarray) -> float:
    """Mean of the images (n, d), of some of them where there are many."""
    from lsr.model.projection import project

    n = len(image_vectors)
    chosen = np.linspace(0, n - 1, min(n, _IMAGES)).astype(int)
    return float(project(head, image_vectors[chosen]).nnz / len(chosen))
