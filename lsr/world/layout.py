"""Finds room for the groups of a scene: little overlap, farther means smaller and higher."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

SMALLEST = 0.15
TRIES = 40
FAR_SCALE = 0.78
MARGIN = 0.02
FILLED_SHARE = 0.24  # of the picture, by all glyphs together
LARGEST_SCALE = 1.5

# Offsets of the glyphs of a group, in glyph sizes, far to near.
STANDING = {
    1: ((0.0, 0.0),),
    2: ((-0.52, -0.06), (0.52, 0.0)),
    3: ((0.0, -0.5), (-0.56, 0.0), (0.56, 0.03)),
    4: ((-0.42, -0.52), (0.62, -0.5), (-0.62, 0.0), (0.45, 0.03)),
}
FLOATING = {
    1: ((0.0, 0.0),),
    2: ((-0.55, -0.2), (0.55, 0.2)),
    3: ((-0.6, 0.3), (0.0, -0.5), (0.65, 0.25)),
    4: ((-0.6, -0.55), (0.5, -0.45), (-0.5, 0.5), (0.62, 0.55)),
}
GROUP_SCALE = {1: 1.0, 2: 0.9, 3: 0.8, 4: 0.74}


@dataclass(frozen=True)
class Position:
    """Where a group lies; fields as in `Placed`."""

    x: float
    y: float
    size: float
    spots: tuple[tuple[float, float], ...]

    def box(self, floating: bool) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the group."""
        xs, ys = zip(*self.spots, strict=True)
        half = self.size / 2
        top, bottom = (half, half) if floating else (self.size, 0.0)
        return min(xs) - half, min(ys) - top, max(xs) + half, max(ys) + bottom


Box = tuple[float, float, float, float]
Group = tuple[str, int, float]
Ranges = dict[str, tuple[float, float] | None]


def _overlap(one: Box, other: Box) -> float:
    """The shared area, as a share of the smaller box."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / min(areas)


def _outside(box: Box) -> float:
    return sum(max(0.0, excess) for excess in (-box[0], -box[1], box[2] - 1, box[3] - 1))


def _candidate(group: Group, ranges: Ranges, shrink: float, u: float, v: float) -> Position:
    zone, count, size = group
    low, high = ranges[zone] or (0.3, 0.7)
    y = low + v * (high - low)
    depth = 1.0 if zone == "sky" else FAR_SCALE + (1 - FAR_SCALE) * v
    size = max(SMALLEST, size * depth * GROUP_SCALE[count] * shrink)
    offsets = (FLOATING if zone == "sky" else STANDING)[count]
    half = size * (0.5 + max(abs(dx) for dx, _ in offsets)) + MARGIN
    x = half + u * (1 - 2 * half) if half < 0.5 else 0.5
    if zone == "sky":
        rise = size * (0.5 + max(abs(dy) for _, dy in offsets)) + MARGIN
        y = max(y, rise)
    spots = tuple((x + dx * size, y + dy * size) for dx, dy in offsets)
    return Position(x, y, size, spots)


def arrange(groups: list[Group], ranges: Ranges, random: np.random.Generator) -> list[Position]:
    """A position for each group, the largest placed first.

    Where the groups do not fit, all of them shrink together, never below what can be recognised.

    Args:
        groups: Zone, count and size of each group.
        ranges: y range of each zone.
        random: Source of all choices.
    """
    order = sorted(range(len(groups)), key=lambda i: -groups[i][1] * groups[i][2])
    shrink = _opening_scale(groups)
    best: dict[int, Position] = {}
    least = float("inf")
    for _ in range(8):
        placed: dict[int, Position] = {}
        worst = 0.0
        for i in order:
            position, overlap = _place(groups, i, placed, ranges, shrink, random)
            placed[i] = position
            worst = max(worst, overlap)
        if worst < least:
            best, least = placed, worst
        if least < 0.06:
            break
        shrink *= 0.92
    return [best[i] for i in range(len(groups))]


def _opening_scale(groups: list[Group]) -> float:
    """How much larger than usual to try first: few small things may fill a picture, too."""
    area = sum(count * (size * GROUP_SCALE[count]) ** 2 for _, count, size in groups)
    return min(LARGEST_SCALE, max(1.0, math.sqrt(FILLED_SHARE / area)))


def _place(
    groups: list[Group],
    i: int,
    placed: dict[int, Position],
    ranges: Ranges,
    shrink: float,
    random: np.random.Generator,
) -> tuple[Position, float]:
    """The first position without overlap among some random ones, else the one with the least."""
    boxes = [placed[j].box(groups[j][0] == "sky") for j in placed]
    draws = random.random((TRIES, 2))
    least = float("inf")
    for u, v in draws:
        candidate = _candidate(groups[i], ranges, shrink, float(u), float(v))
        box = candidate.box(groups[i][0] == "sky")
        overlap = sum(_overlap(box, other) for other in boxes) + _outside(box)
        if overlap < least:
            best, least = candidate, overlap
        if least == 0:
            break
    return best, least
