"""The lessons in their order."""

from __future__ import annotations

from pages.parts.lessons import coin, index, pixels, tradeoff
from pages.parts.lessons.frame import Lesson

LESSONS: tuple[Lesson, ...] = (pixels.LESSON, index.LESSON, coin.LESSON, tradeoff.LESSON)
