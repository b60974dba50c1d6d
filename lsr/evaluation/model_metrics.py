"""What a model's folder says of how good it is: measures on a split, and the verdict."""

from __future__ import annotations

from typing import Any

import numpy as np

from lsr.collection.collection import Collection
from lsr.collection.items import image_items
from lsr.evaluation.evaluate import evaluate, making_of
from lsr.evaluation.measured import Measured
from lsr.evaluation.verdict import judge
from lsr.exceptions import InputError
from lsr.model.protocol import Model

_SAMPLE = 1_000


def metrics_of(collection: Collection, model: Model) -> dict[str, Any]:
    """Measures on the first of `test`, `val`, `train` and the others that can be measured.

    Where none can, as without captions, only how sparse the images are is told.
    """
    usual = [name for name in ("test", "val", "train") if name in collection.splits]
    why = None
    for split in [*usual, *(one for one in collection.splits if one not in usual)]:
        if not len(collection.caption_rows(split)):
            continue
        try:
            return {"split": split, **evaluate(collection, model, split)}
        except InputError as problem:
            why = str(problem)
    rows = collection.searchable_rows
    chosen = rows[np.linspace(0, len(rows) - 1, min(len(rows), _SAMPLE)).astype(int)]
    active = model.sparse(image_items(collection, chosen)).nnz / max(len(chosen), 1)
    verdict = judge(Measured(collection.dense_size, active), making_of(model))
    return {"split": None, "why": why, "verdict": verdict.as_json()}
