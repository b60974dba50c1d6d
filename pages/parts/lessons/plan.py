"""The lessons in their order."""

from __future__ import annotations

from pages.parts.lessons import cipher, coin, failing, index, pixels, tradeoff
from pages.parts.lessons.frame import Lesson

LESSONS: tuple[Lesson, ...] = (
    pixels.LESSON,
    index.LESSON,
    cipher.LESSON,
    coin.LESSON,
    tradeoff.LESSON,
    failing.LESSON,
)
