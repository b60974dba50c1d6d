"""The steps of a tuning and of the folds that check it, counted through, with the time left."""

from __future__ import annotations

import time

from lsr.training.lexical.settings import LexicalReport, TuningReport


class Steps:
    """Counts the steps of a tuning and of `folds` further ones of as many steps."""

    def __init__(self, steps: int, folds: int) -> None:
        self._steps, self._folds = steps, folds
        self._total, self._began = steps * (1 + folds), time.perf_counter()
        self._last: TuningReport | None = None

    def report(self, tuning: TuningReport | None, fold: int = 0) -> LexicalReport:
        """Where the work is.

        Args:
            tuning: the last report of the tuning at work; None before it.
            fold: whose tuning it is, counted from 1; 0 for the first one, on all pairs.
        """
        self._last = tuning or self._last
        done = fold * self._steps + (tuning.step if tuning else 0)
        left = None
        if done:
            left = (time.perf_counter() - self._began) / done * (self._total - done)
        return LexicalReport("steps", done, self._total, self._last, fold, self._folds, left)
