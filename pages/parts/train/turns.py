"""Keeps the queue of training runs moving, in a thread of its own, while there is one."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

from lsr.exceptions import InputError
from lsr.training.jobs import queue
from pages.parts import mode

_EVERY = 1.0  # seconds between two looks at the queue
_LOCK = threading.Lock()
_KEEPERS: list[threading.Thread] = []


def keep() -> None:
    """Look after the queue from now on, until nothing is left in it."""
    with _LOCK:
        if _KEEPERS and _KEEPERS[0].is_alive():
            return
        _KEEPERS[:] = [threading.Thread(target=_keep, name="queue", daemon=True)]
        _KEEPERS[0].start()


def _keep() -> None:
    goes_on = True
    while goes_on:
        with suppress(InputError):  # a full disk may have room again, and a run says what it lacks
            goes_on = queue.turn(mode.training_minutes())
        time.sleep(_EVERY)
