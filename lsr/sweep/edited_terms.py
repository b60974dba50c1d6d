"""What edits of a vocabulary do to accuracy and cost, before they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lsr.collection.collection import Collection
from lsr.evaluation.passes import Record
from lsr.evaluation.projected import project_split
from lsr.evaluation.task import make_task
from lsr.model.edited import edit_terms
from lsr.model.protocol import Model
from lsr.model.term_edits import TermEdit
from lsr.sweep.knobs import Knob
from lsr.sweep.measure import measure

SHOWN = ("R@1", "R@5", "R@10", "MRR@10", "flops", "index_bytes", "posting_cost")
"""What of a record edits are judged by."""


class Edited(NamedTuple):
    """A split before and after: records of `lsr.evaluation.passes`, all terms taking part."""

    before: Record
    after: Record


def measure_edits(
    collection: Collection,
    model: Model,
    edits: Sequence[TermEdit],
    split: str = "test",
    queries: str = "",
) -> Edited:
    """Text to image, with the captions of a split or a query set.

    Raises:
        QueryError: as `lsr.model.term_edits.columns_after`.
        ModelError, CollectionError, UnknownNameError: as `project_split`.
    """
    edited = edit_terms(model, edits)
    before, after = (_record(collection, one, split, queries) for one in (model, edited))
    return Edited(before, after)


def _record(collection: Collection, model: Model, split: str, queries: str) -> Record:
    task = make_task(project_split(collection, model, split, queries=queries))
    return measure(task.without_teacher(), Knob("caption"), np.ones(1))[0]
