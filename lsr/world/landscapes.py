"""Backdrops on dry land under an open sky, and in space."""

from __future__ import annotations

from lsr.world.canvas import Canvas, mix


def meadow(canvas: Canvas) -> None:
    """Rolling green hills with flowers."""
    horizon = canvas.horizon
    canvas.sky(canvas.one_of("#6bbcf5", "#7cc8f8", "#8ab8f2"), "#e6f6ff")
    green = canvas.one_of("#79bf55", "#8cc65a", "#68b35c")
    canvas.hill(horizon - 0.02, 0.05, mix(green, "#9fc9d8", 0.5), canvas.between(0.8, 1.4))
    for _ in range(int(canvas.random.integers(0, 5))):
        canvas.bush(canvas.between(0, 1), horizon + 0.03, canvas.between(0.02, 0.045), "#5d9a55")
    canvas.hill(horizon + 0.03, 0.035, mix(green, "#cfe3a0", 0.25), canvas.between(0.7, 1.2))
    canvas.hill(horizon + 0.12, 0.03, green, canvas.between(0.5, 1.0))
    canvas.hill(0.82, 0.03, mix(green, "#3f7a3a", 0.18), canvas.between(0.5, 0.9))
    canvas.tufts(horizon + 0.14, 34, mix(green, "#2f6a30", 0.5))
    petals = canvas.one_of("#ffffff", "#ffd84a", "#f7a6c8", "#d6a8f5")
    for x, v in canvas.random.random((22, 2)):
        size = 0.004 + 0.004 * v
        canvas.disc(x, horizon + 0.16 + v * 0.36, size, size, petals)


def forest(canvas: Canvas) -> None:
    """Rows of trees around a clearing."""
    horizon = canvas.horizon
    grey = 0.35 if canvas.weather in ("rain", "cloudy") else 0.0
    canvas.fill(0, horizon + 0.1, mix("#bfe3cf", "#8f9ca0", grey), mix("#eaf6da", "#bcc6c4", grey))
    deep = canvas.one_of("#2f6b46", "#3b7440", "#2d6552")
    for row, (foot, height, pale) in enumerate(((0.5, 0.34, 0.55), (0.54, 0.44, 0.3))):
        number = 11 - 3 * row
        for k in range(number):
            x = (k + canvas.between(0.2, 0.8)) / number
            canvas.fir(
                x, foot + 0.02, height * canvas.between(0.75, 1.1), mix(deep, "#cfe8d4", pale)
            )
    canvas.hill(horizon, 0.012, "#6f9a4c", 1.2)
    canvas.hill(horizon + 0.12, 0.02, "#5f8a44", 0.8)
    canvas.hill(0.82, 0.02, "#4f7a3c", 0.7)
    for x in (canvas.between(-0.02, 0.1), canvas.between(0.9, 1.02)):
        trunk = canvas.one_of("#6a4a34", "#5b4030", "#77553c")
        canvas.polygon(
            [(x - 0.04, 0.66), (x - 0.025, -0.01), (x + 0.03, -0.01), (x + 0.045, 0.66)], trunk
        )
        for dx in (-0.1, 0.0, 0.1):
            canvas.disc(x + dx, canvas.between(0.0, 0.07), 0.11, 0.09, mix(deep, "#000000", 0.12))
    canvas.tufts(0.6, 40, "#33602c")


def mountains(canvas: Canvas) -> None:
    """Peaks with snow caps over a valley."""
    horizon = canvas.horizon
    canvas.sky(canvas.one_of("#78b4ee", "#8fc3f0", "#86a9e6"), "#e9f3fb")
    for pale, height, number in ((0.5, 0.27, 4), (0.15, 0.34, 3)):
        rock = mix(canvas.one_of("#6d7f9c", "#77809a", "#7d8a94"), "#dbe8f5", pale)
        for k in range(number):
            x = (k + canvas.between(0.2, 0.8)) / number
            peak = horizon - height * canvas.between(0.65, 1.1)
            half = canvas.between(0.2, 0.3)
            _peak(canvas, x, peak, half, horizon + 0.05, rock)
    canvas.hill(horizon + 0.02, 0.02, "#86a56c", 1.0)
    for _ in range(7):
        canvas.fir(canvas.between(0, 1), horizon + 0.06, canvas.between(0.06, 0.11), "#3f6f4c")
    canvas.hill(horizon + 0.1, 0.025, "#93b066", 0.8)
    canvas.hill(0.8, 0.03, "#7f9c56", 0.6)
    canvas.tufts(horizon + 0.14, 26, "#5b7a3c")


def _peak(canvas: Canvas, x: float, top: float, half: float, foot: float, rock: str) -> None:
    canvas.polygon([(x - half, foot), (x, top), (x + half, foot)], rock)
    canvas.polygon([(x, top), (x + half, foot), (x + 0.15 * half, foot)], mix(rock, "#20304a", 0.2))
    cap, height = 0.28, foot - top
    zigzag = [(-cap, cap), (-0.12, cap * 0.75), (0.0, cap * 1.15), (0.13, cap * 0.8), (cap, cap)]
    points = [(x + dx * half, top + dy * height) for dx, dy in zigzag]
    canvas.polygon([(x, top), *points], "#f8fbff")


def snow(canvas: Canvas) -> None:
    """White hills with firs."""
    horizon = canvas.horizon
    canvas.sky(canvas.one_of("#9cc7ee", "#b3d0ee", "#a8bfe6"), "#f2f8fe")
    canvas.hill(horizon - 0.01, 0.05, "#d3e2f0", 1.0)
    for _ in range(9):
        x, height = canvas.between(0, 1), canvas.between(0.08, 0.17)
        canvas.fir(x, horizon + 0.05, height, "#4d7c74")
        tip = horizon + 0.05 - 1.02 * height
        canvas.polygon(
            [
                (x - 0.06 * height, tip + 0.16 * height),
                (x, tip),
                (x + 0.06 * height, tip + 0.16 * height),
            ],
            "#ffffff",
        )
    canvas.hill(horizon + 0.06, 0.025, "#e6eff8", 0.8)
    canvas.hill(horizon + 0.18, 0.03, "#f1f6fb", 0.6)
    canvas.hill(0.84, 0.03, "#fbfdff", 0.5)
    for x, v in canvas.random.random((24, 2)):
        canvas.disc(x, horizon + 0.12 + 0.4 * v, 0.012, 0.003, "#d5e3f066")


def desert(canvas: Canvas) -> None:
    """Dunes in warm light."""
    horizon = canvas.horizon
    top, low = canvas.one_of("#7cc0ea", "#f0a868", "#8cb8e0"), "#ffe9bf"
    canvas.fill(0, horizon + 0.1, top, low)
    sand = canvas.one_of("#e6b566", "#e0a860", "#edc27a")
    for level, pale in ((horizon - 0.02, 0.45), (horizon + 0.05, 0.25), (horizon + 0.16, 0.0)):
        outline = canvas.hill(level, 0.04, mix(sand, "#ffe6bb", pale), canvas.between(0.5, 1.1))
        canvas.line(outline, mix(sand, "#fff2d8", 0.6), 0.004)
    for _ in range(7):
        x, y = canvas.between(0, 0.85), canvas.between(horizon + 0.2, 0.96)
        shade = mix(sand, "#a06a30", 0.3)
        canvas.line([(x, y), (x + 0.06, y - 0.008), (x + 0.13, y)], shade, 0.004)


def farm(canvas: Canvas) -> None:
    """Fields, a barn and a fence."""
    horizon = canvas.horizon
    canvas.sky(canvas.one_of("#74bff4", "#8ccaf5", "#84b4ee"), "#eef8ff")
    canvas.hill(horizon - 0.01, 0.03, "#a9c87c", 1.0)
    x = canvas.between(0.12, 0.88)
    _barn(canvas, x, horizon + 0.05, 0.09)
    canvas.hill(horizon + 0.05, 0.012, "#c8c05a", 0.8)
    for k in range(-8, 18):
        foot = 0.5 + (k / 10 - 0.5) * 2.4
        start = (0.5 + (k / 10 - 0.5) * 1.1, horizon + 0.06)
        canvas.line([start, (foot, 0.66)], "#a8a04255", 0.006)
    canvas.hill(0.64, 0.012, canvas.one_of("#96bb58", "#a2b85c", "#89b25a"), 0.7)
    canvas.hill(0.84, 0.02, "#86a84e", 0.6)
    for level in (0.585, 0.61):
        canvas.line([(0, level), (1, level)], "#f1e3c8", 0.007)
    for k in range(11):
        canvas.box(k / 10 - 0.008, 0.562, k / 10 + 0.008, 0.645, "#f6ecd6")
    canvas.tufts(0.66, 30, "#5d8a38")


def _barn(canvas: Canvas, x: float, foot: float, size: float) -> None:
    wall = canvas.one_of("#b8423a", "#a63c3c", "#c05a3e")
    canvas.box(x - size, foot - size, x + size, foot, wall)
    roof = [(-1.15, -1.0), (-0.7, -1.55), (0.0, -1.8), (0.7, -1.55), (1.15, -1.0)]
    canvas.polygon([(x + dx * size, foot + dy * size) for dx, dy in roof], "#5d5560")
    canvas.box(x - 0.35 * size, foot - 0.7 * size, x + 0.35 * size, foot, "#f3e6d6")
    canvas.line([(x - 0.35 * size, foot), (x + 0.35 * size, foot - 0.7 * size)], wall, 0.006)
    canvas.line([(x + 0.35 * size, foot), (x - 0.35 * size, foot - 0.7 * size)], wall, 0.006)


def picnic(canvas: Canvas) -> None:
    """A checkered blanket on the grass of a park."""
    horizon = canvas.horizon
    canvas.sky(canvas.one_of("#7cc8f8", "#8fd2fa", "#86bdf2"), "#eef9ff")
    for _ in range(8):
        x, size = canvas.between(0, 1), canvas.between(0.05, 0.1)
        canvas.box(x - 0.008, horizon - size, x + 0.008, horizon + 0.04, "#6f5138")
        canvas.bush(x, horizon - 0.4 * size, size, canvas.one_of("#5c9f57", "#6cab5d", "#4f9159"))
    canvas.hill(horizon + 0.01, 0.01, "#84c063", 1.0)
    canvas.hill(horizon + 0.12, 0.02, "#78b757", 0.7)
    canvas.tufts(horizon + 0.05, 40, "#4f8f3f")
    red = canvas.one_of("#d9534f", "#4f83cc", "#e0873e", "#58a06a")
    left, right, top, bottom, tiles = 0.1, 0.9, 0.54, 1.02, 8
    for row in range(tiles):
        upper, lower = (top + (bottom - top) * ((row + d) / tiles) for d in (0, 1))
        for column in range(tiles):
            shade = red if (row + column) % 2 else "#fff6ec"
            corners = []
            for share, y in (
                (column, upper),
                (column + 1, upper),
                (column + 1, lower),
                (column, lower),
            ):
                spread = 1 + 0.38 * (y - top) / (bottom - top)
                x = 0.5 + (left + (right - left) * share / tiles - 0.5) * spread
                corners.append((x, y))
            canvas.polygon(corners, mix(shade, "#ffffff", 0.12))


def night(canvas: Canvas) -> None:
    """Dark hills, stars and a few lit windows."""
    horizon = canvas.horizon
    canvas.fill(
        0, horizon + 0.1, canvas.one_of("#0b1034", "#101445", "#0d1b3e"), "#2c3d78", "#51609a"
    )
    for x, y, brightness in canvas.random.random((75, 3)):
        radius = 0.0018 + 0.0035 * brightness**3
        canvas.disc(x, y * horizon, radius, radius, "#fff8dc" if brightness > 0.3 else "#aebbf0")
    canvas.hill(horizon - 0.02, 0.05, "#26386a", 1.1)
    for _ in range(int(canvas.random.integers(2, 7))):
        x, y = canvas.between(0, 1), horizon + canvas.between(-0.01, 0.05)
        canvas.glow(x, y, 0.018, "#ffd978", 24)
        canvas.box(x - 0.004, y - 0.005, x + 0.004, y + 0.005, "#ffe9a8")
    canvas.hill(horizon + 0.05, 0.03, "#22355c", 0.8)
    for _ in range(6):
        canvas.fir(canvas.between(0, 1), horizon + 0.1, canvas.between(0.08, 0.16), "#18284a")
    canvas.hill(horizon + 0.13, 0.02, "#2a4468", 0.7)
    canvas.hill(0.83, 0.02, "#304e70", 0.6)
    canvas.tufts(horizon + 0.17, 24, "#1f3557")


def space(canvas: Canvas) -> None:
    """Stars, clouds of gas and the curve of a world below."""
    horizon = canvas.horizon
    canvas.fill(0, 1, "#070716", canvas.one_of("#141038", "#0d1a3c", "#1d0f34"), "#0a0a1e")
    for _ in range(3):
        colour = canvas.one_of("#6a3fb5", "#2f5fb8", "#b54f8a", "#2f9a9a")
        canvas.glow(
            canvas.between(0.1, 0.9),
            canvas.between(0.1, 0.9),
            canvas.between(0.2, 0.36),
            colour,
            12,
        )
    for x, y, brightness in canvas.random.random((130, 3)):
        radius = 0.0015 + 0.004 * brightness**4
        canvas.disc(x, y, radius, radius, "#ffffff" if brightness > 0.4 else "#9fb0e8")
    ground = canvas.one_of("#5a4f78", "#7a5048", "#4a6280")
    canvas.disc(canvas.between(0.3, 0.7), horizon + 0.62, 1.0, 0.62, ground)
