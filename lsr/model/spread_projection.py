"""Sparse vectors of many dense ones, blocks of them projected as tasks of Ray."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from lsr.exceptions import EngineError
from lsr.model.loading import load_model
from lsr.model.protocol import Items, Model, Side
from lsr.model.sparse import stack
from lsr.storage.spreading import Spread, this_machine

# Whole blocks of the rows that a head projects at once, so that parts give the same floats as one
# piece; the last part takes the rest, because very few rows are projected another way.
_ROWS = 1_024


def sparse_elsewhere(model: Model, items: Items, spread: Spread) -> sp.csr_matrix:
    """What `model.sparse` gives of items that are in a collection.

    Dense vectors go to the machines, which need the model's folder at the same path.

    Raises:
        EngineError: the model is no function of dense vectors; or a block failed three times, or a
            machine has another model there.
    """
    if model.reads is None:
        raise EngineError(
            f"Model `{model.name}` is no function of dense vectors, so Ray does not project with "
            "it. Leave out `--engine ray`."
        )
    work = partial(_projected, model.folder, model.fingerprint, items.side)
    parts = spread(work, _parts(items), f"{_ROWS:,} vectors", threads=spread.threads)
    with closing(parts):
        # Copies: what comes from Ray lies in its store, which is small.
        return stack([part.copy() for part in parts], len(model.vocabulary))


class _Part(NamedTuple):
    """Some rows of items: dense vectors, and texts where the items are texts."""

    dense: np.ndarray
    texts: list[str]


def _parts(items: Items) -> Generator[_Part]:
    dense = items.dense
    n = max(1, len(dense) // _ROWS)
    for part in range(n):
        rows = slice(part * _ROWS, len(dense) if part == n - 1 else (part + 1) * _ROWS)
        yield _Part(np.array(dense[rows]), list(items.texts[rows]))


def _projected(folder: Path, mark: str, side: Side, part: _Part) -> sp.csr_matrix:
    return _opened(folder, mark).sparse(Items(side, None, lambda: part.dense, part.texts))


@lru_cache(maxsize=2)  # a process keeps its model for the blocks that follow
def _opened(folder: Path, mark: str) -> Model:
    model = load_model(folder)
    if model.fingerprint != mark:
        raise EngineError(
            f"Model `{model.name}` is another one on machine `{this_machine()}`. Give all machines "
            f"the same `{folder}`."
        )
    return model
