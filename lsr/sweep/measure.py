"""Measures of a task at every value of a knob, from as few passes over the postings as possible.

Word-level control and every pruning switch terms on in nested steps, so all their values come from
one staged pass. The caption level and the mean score have closed forms; rounded weights are tasks
of their own.
"""

from __future__ import annotations

import numpy as np

from lsr.evaluation.passes import Record, nested
from lsr.evaluation.task import Task
from lsr.sweep.engine_rules import engine_records
from lsr.sweep.knobs import (
    RANKINGS,
    Knob,
    set_to,
    sides_in,
    stage_order,
    stages_in,
    word_draw,
    word_stages,
)
from lsr.sweep.mixing import coin_of_documents, coin_of_queries, mean_score


def measure(
    task: Task, knob: Knob, values: np.ndarray, *, draw: int = 0, seed: int = 0
) -> list[Record]:
    """A record for each of ascending `values`; of one draw where the knob draws."""
    match knob.control:
        case "caption" if task.direction == "text-to-image":
            return coin_of_queries(task, values)
        case "caption":
            return coin_of_documents(task, values)
        case "mean":
            return mean_score(task, values)
        case control if control in RANKINGS:
            return engine_records(task, knob, values)
        case "bits":
            # Rounding does not switch terms on in steps, so every value is a task of its own.
            tasks = [set_to(task, knob, value) for value in values]
            passes = [nested(changed, 1, {}).records()[0] for changed in tasks]
            return [{**r, "value": float(v)} for r, v in zip(passes, values, strict=True)]
    if knob.random:
        uniform = word_draw(task, knob, draw, seed)
        stages = {"captions": word_stages(task.captions, values, uniform)}
    else:
        stages = {which: stages_in(task, which, knob, values) for which in sides_in(task, knob)}
    records = nested(task, len(values), stages).records()
    named = zip(stage_order(knob, values), records, strict=True)
    ordered = sorted(((float(value), record) for value, record in named), key=lambda pair: pair[0])
    return [{**record, "value": value, "draw": draw} for value, record in ordered]
