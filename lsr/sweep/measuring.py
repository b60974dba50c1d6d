"""The draws of a sweep measured one after another here, or in blocks as tasks of Ray."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import partial

import numpy as np

from lsr.evaluation.passes import Record
from lsr.evaluation.task import Task
from lsr.storage.spreading import Spread
from lsr.sweep.knobs import Knob
from lsr.sweep.measure import measure

# Draws of a task: one takes a fraction of a second, and a sweep stops after eight at the earliest.
_DRAWS = 4
Draw = tuple[int, np.ndarray]
"""The number of a draw, and the values of the knob to measure in it."""


def measuring(
    task: Callable[[], Task],
    knob: Knob,
    draws: Sequence[Draw],
    seed: int,
    spread: Spread | None = None,
) -> Generator[list[Record]]:
    """The records of each draw, in order.

    Args:
        task: asked for where there is a draw. spread: measures elsewhere, a few draws ahead.

    Raises:
        EngineError: a block of draws failed three times there.
    """
    if not draws:
        return
    if spread is None:
        for draw, values in draws:
            yield measure(task(), knob, values, draw=draw, seed=seed)
        return
    known = task()
    known.teacher_top  # noqa: B018  worked out once here, and sent along
    work = partial(_measured, known, knob, seed)
    blocks = [draws[first : first + _DRAWS] for first in range(0, len(draws), _DRAWS)]
    with closing(spread(work, blocks, f"{_DRAWS} draws")) as made:
        for records in made:
            yield from records


def _measured(task: Task, knob: Knob, seed: int, draws: Sequence[Draw]) -> list[list[Record]]:
    return [measure(task, knob, values, draw=draw, seed=seed) for draw, values in draws]
