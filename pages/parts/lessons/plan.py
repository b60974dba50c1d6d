"""The lessons in their order."""

from __future__ import annotations

from pages.parts.lessons import index, pixels, tradeoff
from pages.parts.lessons.frame import Lesson

LESSONS: tuple[Lesson, ...] = (pixels.LESSON, index.LESSON, tradeoff.LESSON)
