"""Picture files opened by several threads, in order, a bounded number ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from PIL import Image

from lsr.exceptions import PictureError
from lsr.storage.pictures import read_picture

# Encoders look at some 224 × 224 to 384 × 384 pixels. What waits to be encoded is kept at most
# this large, so that memory does not depend on what a camera made.
MOST_PIXELS = 2**19


def read_ahead(
    files: Sequence[Path], workers: int, ahead: int
) -> Generator[Image.Image | PictureError]:
    """Each picture, RGB and upright, or why it cannot be read, in the order of the files.

    Pillow decodes and resizes without holding Python back, so threads do it at the same time.

    Args:
        ahead: how many pictures may be opened before they are asked for; memory grows with it.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="pictures") as pool:
        left = iter(files)
        waiting: deque[Future[Image.Image | PictureError]] = deque(
            pool.submit(_open, file) for file in islice(left, ahead)
        )
        try:
            while waiting:
                opened = waiting.popleft().result()
                waiting.extend(pool.submit(_open, file) for file in islice(left, 1))
                yield opened
        finally:
            for future in waiting:
                future.cancel()


def _open(file: Path) -> Image.Image | PictureError:
    try:
        return read_picture(file, most_pixels=MOST_PIXELS)
    except PictureError as problem:
        return problem
