"""One thread or all: whichever makes steps quicker while others use the cores too."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

import torch

Result = TypeVar("Result")
# Steps between two trials, and steps tried with all threads and then with one.
_EVERY, _TRIED = 100, 3


class QuickestThreads:
    """Runs steps with one thread or with all, tried anew every hundred steps.

    Threads that wait for each other spin. Where another process has a core, steps with two threads
    took four times the processor time of those with one.
    """

    def __init__(self) -> None:
        self.most = torch.get_num_threads()
        self._count = 0
        self._seconds = {self.most: 0.0, 1: 0.0}

    def __enter__(self) -> QuickestThreads:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        torch.set_num_threads(self.most)

    def run(self, step: Callable[[], Result]) -> Result:
        """What a step gives."""
        place = self._count % _EVERY
        self._count += 1
        if self.most == 1 or place > 2 * _TRIED:
            return step()
        if place == 2 * _TRIED:
            torch.set_num_threads(min(self._seconds, key=self._seconds.__getitem__))
            return step()
        threads = self.most if place < _TRIED else 1
        if place % _TRIED == 0:
            self._seconds[threads] = 0.0
            torch.set_num_threads(threads)
        started = time.perf_counter()
        found = step()
        self._seconds[threads] += time.perf_counter() - started
        return found
