"""Long work in a thread of their own: pages ask how far they are, and may stop them.

A thread and not a process: it shares what pages have read, its loops are compiled and leave Python
free, and what it has made is on disk when the app ends.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

from lsr.exceptions import InputError

_LOG = logging.getLogger(__name__)
Key = TypeVar("Key")
Report = TypeVar("Report")
_MOST = 64
# One at a time of most kinds: two measurements would share the same cores, but nobody should wait
# for an import of an hour before a sweep of a second. A plan mostly waits for a disk, so one that
# has to look through a slow one holds nobody up.
_POOLS = {
    kind: ThreadPoolExecutor(threads, thread_name_prefix=kind)
    for kind, threads in (
        *(("laboratory", 1), ("collections", 1), ("heads", 1), ("pictures", 1)),
        ("plans", 8),
    )
}
_WORKS: OrderedDict[object, Work] = OrderedDict()  # type: ignore[type-arg]
_LOCK = threading.Lock()  # of _WORKS: every visitor's page has a thread of its own


class Work(Generic[Report]):
    """A generator of reports that runs in the background.

    latest: its last report; None before the first. problem: what a user can mend.
    defect: what is our own mistake, which the log has whole.
    """

    def __init__(self, reports: Callable[[], Iterator[Report]], pool: str) -> None:
        self.latest: Report | None = None
        self.problem: InputError | None = None
        self.defect: Exception | None = None
        self.stopped = False
        self.began = time.monotonic()
        self._future: Future[None] = _POOLS[pool].submit(self._run, reports)

    @property
    def running(self) -> bool:
        return not self._future.done()

    def wait(self, seconds: float) -> None:
        """Until it is finished, but no longer than this."""
        wait([self._future], timeout=seconds)
        finished = self._future.done() and not self._future.cancelled()
        if finished and (failure := self._future.exception()) is not None:
            raise failure

    def stop(self) -> None:
        """Ask for no more reports."""
        self.stopped = True
        self._future.cancel()

    def _run(self, reports: Callable[[], Iterator[Report]]) -> None:
        try:
            for report in reports():
                self.latest = report
                if self.stopped:
                    return
        except InputError as problem:
            self.problem = problem
        except Exception as defect:
            self.defect = defect
            _LOG.exception("Work in the background broke off")
            raise


def follow(
    key: object,
    reports: Callable[[], Iterator[Report]],
    patience: float = 1.2,
    pool: str = "laboratory",
) -> Work[Report]:
    """The work of a key, started if there is none; most are finished after a little patience.

    Args:
        pool: `laboratory`, `collections`, `heads` or `pictures`, one work at a time of each, or
            `plans`.
    """
    with _LOCK:
        work: Work[Report] | None = _WORKS.get(key)
        is_new = work is None
        if work is None:
            work = _WORKS[key] = Work(reports, pool)
            _forget_the_oldest()
        _WORKS.move_to_end(key)
    work.wait(patience if is_new else 0)
    return work


def _forget_the_oldest() -> None:
    """Keep no more than _MOST works; those that go on stay, however many visitors came since."""
    ended = [key for key, work in _WORKS.items() if not work.running]
    for key in ended[: max(0, len(_WORKS) - _MOST)]:
        del _WORKS[key]


def known(key: object) -> Work | None:  # type: ignore[type-arg]
    """The work of a key, if it was ever started."""
    return _WORKS.get(key)


def works_of(kind: type[Key]) -> list[tuple[Key, Work]]:  # type: ignore[type-arg]
    """The works whose keys are of a kind, the oldest first."""
    with _LOCK:
        return [(key, work) for key, work in _WORKS.items() if isinstance(key, kind)]


def forget(key: object) -> None:
    """Stop the work of a key; the next `follow` starts it anew."""
    with _LOCK:
        work = _WORKS.pop(key, None)
    if work is not None:
        work.stop()


def time_left(seconds: float) -> str:
    """Words for an estimate, no more exact than it is."""
    return f"{in_words(seconds)} left"


def in_words(seconds: float) -> str:
    """A time that is estimated, no more exact than it is."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 90:
        return f"about {math.ceil(seconds / 10) * 10} s"
    if seconds < 5_400:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3_600:.1f} h"
