"""The lessons in their order."""

from __future__ import annotations

from pages.parts.lessons import pixels
from pages.parts.lessons.frame import Lesson

LESSONS: tuple[Lesson, ...] = (pixels.LESSON,)
