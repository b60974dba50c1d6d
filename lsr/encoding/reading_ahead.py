"""Picture files opened by several threads, in order, a bounded number ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from threading import Lock

from PIL import Image

from lsr.exceptions import PictureError
from lsr.storage.pictures import read_picture

# Encoders look at some 224 × 224 to 384 × 384 pixels. What waits to be encoded is kept at most
# this large, so that memory does not depend on what a camera made.
MOST_PIXELS = 2**19
# Pictures that a thread opens before it asks for more: threads that meet often wait for each other.
_MOST_AT_ONCE = 16
# Blocks of at most 16 MB, those of photos 2 MB, that Pillow keeps for the next pictures.
_KEPT_BLOCKS = 64
_Opened = Image.Image | PictureError
_POOL = Image.core  # type: ignore[attr-defined]


def read_ahead(files: Sequence[Path], workers: int, ahead: int) -> Generator[_Opened]:
    """Each picture, RGB and upright, or why it cannot be read, in the order of the files.

    Pillow decodes and resizes without holding Python back, so threads do it at the same time.

    Args:
        ahead: how many pictures may be opened before they are asked for; memory grows with it.
    """
    size = max(1, min(_MOST_AT_ONCE, ahead // (4 * workers)))
    with ThreadPoolExecutor(workers, thread_name_prefix="pictures") as pool, _memory_kept():
        left = (files[start : start + size] for start in range(0, len(files), size))
        waiting: deque[Future[list[_Opened]]] = deque(
            pool.submit(_open_all, part) for part in islice(left, max(1, ahead // size))
        )
        try:
            while waiting:
                opened = waiting.popleft().result()
                waiting.extend(pool.submit(_open_all, part) for part in islice(left, 1))
                yield from opened
        finally:
            for future in waiting:
                future.cancel()


def _open_all(files: Sequence[Path]) -> list[_Opened]:
    return [_open(file) for file in files]


def _open(file: Path) -> _Opened:
    try:
        return read_picture(file, most_pixels=MOST_PIXELS)
    except PictureError as problem:
        return problem


class _Memory:
    """How many want Pillow to keep the memory of pictures that are gone."""

    def __init__(self) -> None:
        self._lock, self._users = Lock(), 0

    def change(self, by: int) -> None:
        with self._lock:
            self._users += by
            _POOL.set_blocks_max(_KEPT_BLOCKS if self._users else 0)
            if not self._users:
                _POOL.clear_cache()


_MEMORY = _Memory()


@contextmanager
def _memory_kept() -> Iterator[None]:
    """While many pictures are opened, Pillow gives their memory to the next ones.

    Otherwise each gets new pages from the system, for which all threads of a process queue: 16
    threads then prepare little more than half as many pictures (`python -m benchmarks.encoders`).
    Source: https://pillow.readthedocs.io/en/stable/reference/block_allocator.html
    """
    _MEMORY.change(1)
    try:
        yield
    finally:
        _MEMORY.change(-1)
