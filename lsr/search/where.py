"""Where in a picture a term has its weight from: its parts are blanked, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from PIL import Image, ImageStat

from lsr.encoders.protocol import Encoder
from lsr.exceptions import QueryError
from lsr.model.protocol import Items, Model
from lsr.model.sparse import strongest

GRID = 8
_BATCH = 16
# A patch reaches beyond its cell by this share of a cell on each side, so that no object lies
# between two patches.
_BEYOND = 0.5
_MIDDLE = "middle"
_ROWS, _COLUMNS = ("top", _MIDDLE, "bottom"), ("left", _MIDDLE, "right")


@dataclass(frozen=True, eq=False)
class Occlusion:
    """What blanking each cell of a picture takes from some terms, as far as it is known.

    done, planned: patches. terms: t names, weight descending. weights: (t,) float32 in the whole
    picture. drops: (t, grid, grid) float32, weight in the whole picture minus weight with the cell
    blanked: above 0 where the term has its weight from, below where something stood in its way; 0
    for cells that are still to come.
    """

    done: int
    planned: int
    terms: tuple[str, ...]
    weights: np.ndarray
    drops: np.ndarray

    @property
    def complete(self) -> bool:
        return self.done == self.planned

    def of(self, term: str) -> np.ndarray:
        """(grid, grid) float32 drops of a term.

        Raises:
            ValueError: it is not among `terms`.
        """
        drops: np.ndarray = self.drops[self.terms.index(term)]
        return drops

    def place(self, term: str) -> str:
        """Where the weight drops most, in words such as `top left`; empty where it never drops."""
        drops = self.of(term)
        if not drops.max(initial=0) > 0:
            return ""
        row, column = np.unravel_index(int(drops.argmax()), drops.shape)
        size = len(drops)
        words = _ROWS[_third(row, size)], _COLUMNS[_third(column, size)]
        return " ".join(word for word in words if word != _MIDDLE) or _MIDDLE


def _third(cell: np.intp, size: int) -> int:
    """In which third of a picture the middle of a cell lies."""
    return int(3 * (int(cell) + 0.5) / size)


def occlusion(
    picture: Image.Image,
    encoder: Callable[[], Encoder],
    model: Model,
    terms: Sequence[str] = (),
    top: int = 10,
    grid: int = GRID,
) -> Iterator[Occlusion]:
    """Blank a picture cell by cell and see which weights drop; a report a batch, the last whole.

    A cell, with half a cell around it, is painted in the mean colour of the picture.

    Args:
        encoder: of the model; asked for where the model reads its vectors.
        terms: to follow besides the `top` strongest.

    Raises:
        QueryError: the model reads no new pictures, or a grid that is none.
        UnknownNameError: a word is not a term of the vocabulary.

    Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014,
    arXiv 1311.2901, section 4.2.
    """
    if not 2 <= grid <= 32:
        raise QueryError(f"A grid of {grid} by {grid} cells is not possible. Use 2 to 32.")
    picture = picture.convert("RGB")
    whole = _sparse([picture], encoder, model)
    best = whole.indices[strongest(whole.indices, whole.data, top)]
    asked = [model.vocabulary.id_of(term) for term in terms]
    numbers = np.array(list(dict.fromkeys([*best.tolist(), *asked])), np.int64)
    weights = whole[:, numbers].toarray()[0]
    order = np.lexsort((numbers, -weights))
    numbers, weights = numbers[order], weights[order]
    names = tuple(model.vocabulary.terms[number] for number in numbers)
    drops = np.zeros((len(numbers), grid * grid), np.float32)
    colour = tuple(round(value) for value in ImageStat.Stat(picture).mean)
    for start in range(0, grid * grid, _BATCH):
        cells = range(start, min(start + _BATCH, grid * grid))
        blanked = [_blanked(picture, cell, grid, colour) for cell in cells]
        left = _sparse(blanked, encoder, model)[:, numbers].toarray()
        drops[:, cells.start : cells.stop] = (weights - left).T
        shown = drops.reshape(len(numbers), grid, grid).copy()
        yield Occlusion(cells.stop, grid * grid, names, weights, shown)


def _sparse(
    pictures: Sequence[Image.Image], encoder: Callable[[], Encoder], model: Model
) -> sp.csr_matrix:
    items = Items(
        "images",
        None,
        lambda: encoder().encode_images(pictures),
        pictures=lambda: iter(pictures),
    )
    return model.sparse(items)


def _blanked(picture: Image.Image, cell: int, grid: int, colour: tuple[int, ...]) -> Image.Image:
    row, column = divmod(cell, grid)
    width, height = picture.width / grid, picture.height / grid
    box = (
        max(0, round((column - _BEYOND) * width)),
        max(0, round((row - _BEYOND) * height)),
        min(picture.width, max(1, round((column + 1 + _BEYOND) * width))),
        min(picture.height, max(1, round((row + 1 + _BEYOND) * height))),
    )
    changed = picture.copy()
    changed.paste(colour, box)
    return changed
