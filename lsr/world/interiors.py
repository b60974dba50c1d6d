"""Backdrops that people built: rooms, a stage, a street and a stadium."""

from __future__ import annotations

from lsr.world.canvas import Canvas, mix


def city(canvas: Canvas) -> None:
    """Rows of buildings along a street."""
    horizon = canvas.horizon
    canvas.sky(canvas.one_of("#8cc0ec", "#a8c8e6", "#9ab4e0"), "#f0f4f8")
    for pale, low, high, number in ((0.55, 0.22, 0.42, 9), (0.12, 0.14, 0.32, 7)):
        for k in range(number):
            left = k / number - 0.01
            top = horizon - canvas.between(low, high)
            wall = canvas.one_of("#8a93a8", "#b08a74", "#7f9aa0", "#c2a878", "#9c8aa6", "#a86f66")
            wall = mix(wall, "#dfe8f2", pale)
            canvas.box(left, top, left + 1 / number + 0.01, horizon + 0.02, wall)
            pane = mix(canvas.one_of("#fff0b8", "#dff0ff"), wall, 0.25 + 0.4 * pale)
            for row in range(int((horizon - top) / 0.045)):
                for column in range(3):
                    x = left + (column + 0.7) / number / 3.3
                    y = top + 0.02 + 0.045 * row
                    canvas.box(x, y, x + 0.45 / number / 3, y + 0.022, pane)
    canvas.box(0, horizon, 1, horizon + 0.05, "#c9c6c0")
    canvas.box(0, horizon + 0.05, 1, horizon + 0.06, "#a5a29c")
    canvas.fill(horizon + 0.06, 1, "#6d727b", "#83888f")
    offset = canvas.between(-0.1, 0.05)
    for k in range(7):
        x = offset + 0.18 * k
        canvas.polygon(
            [(x, 0.82), (x + 0.09, 0.82), (x + 0.085, 0.835), (x - 0.005, 0.835)], "#f2efe4"
        )


def stadium(canvas: Canvas) -> None:
    """Stands full of people round a striped field."""
    canvas.sky(canvas.one_of("#78bcf0", "#8cc6f2", "#90b2ea"), "#eaf5ff")
    canvas.polygon([(0, 0.22), (0.5, 0.27), (1, 0.22), (1, 0.56), (0, 0.56)], "#66708a")
    colours = ("#f25f5c", "#ffe066", "#70c1b3", "#f7f7f7", "#5b8def", "#f4a259")
    for row in range(7):
        y = 0.29 + 0.029 * row
        for k in range(42):
            x = (k + canvas.between(0.1, 0.9)) / 42
            canvas.disc(x, y, 0.009, 0.010, canvas.one_of(*colours))
    canvas.box(0, 0.49, 1, 0.53, canvas.one_of("#2f4b8a", "#8a2f3f", "#f2f2f2"))
    canvas.fill(0.53, 1, "#4f9f48", "#64b456")
    for k in range(0, 10, 2):
        left, right = ((k + d) / 10 for d in (0, 1))
        spread = [(0.5 + (x - 0.5) * wide) for wide in (1.0, 1.7) for x in (left, right)]
        points = [(spread[0], 0.53), (spread[1], 0.53), (spread[3], 1.0), (spread[2], 1.0)]
        canvas.polygon(points, "#ffffff1c")
    for y in (0.575, 0.9):
        canvas.line([(0, y), (1, y)], "#ffffffc0", 0.008)


def room(canvas: Canvas) -> None:
    """A wall with a window, a plank floor and a rug."""
    horizon = canvas.horizon
    wall = canvas.one_of("#f0dcc0", "#cfe0e6", "#e6d3df", "#d9e4c8", "#f3e3b4", "#dcd6ee")
    canvas.fill(0, horizon, mix(wall, "#ffffff", 0.25), wall)
    if canvas.random.random() < 0.4:
        for k in range(14):
            canvas.box(k / 14, 0, k / 14 + 0.03, horizon, mix(wall, "#ffffff", 0.35))
    x = canvas.between(0.2, 0.8)
    if not canvas.busy_sky:
        _window(canvas, x, 0.09, 0.3)
    _shelf(canvas, x + (0.42 if x < 0.5 else -0.42), 0.24)
    canvas.box(0, horizon - 0.022, 1, horizon, "#fbf7f0")
    floor = canvas.one_of("#b98652", "#a9754a", "#c79a68", "#94694a")
    canvas.fill(horizon, 1, mix(floor, "#5a3a20", 0.22), floor)
    for k in range(-6, 17):
        line = [(0.5 + (k / 10 - 0.5) * 0.9, horizon), (0.5 + (k / 10 - 0.5) * 2.0, 1.0)]
        canvas.line(line, mix(floor, "#4a2e18", 0.4) + "90", 0.003)
    rug = canvas.one_of("#c8605a", "#5d86b8", "#6fa58a", "#d8a64e", "#9a78b4")
    cx = canvas.between(0.42, 0.58)
    canvas.disc(cx, 0.85, 0.47, 0.125, mix(rug, "#ffffff", 0.55))
    canvas.disc(cx, 0.85, 0.44, 0.113, rug)
    canvas.disc(cx, 0.85, 0.33, 0.08, mix(rug, "#ffffff", 0.22))


def _window(canvas: Canvas, x: float, top: float, height: float) -> None:
    half = 0.14
    bottom = top + height
    canvas.box(x - half - 0.015, top - 0.015, x + half + 0.015, bottom + 0.015, "#fdfaf4")
    canvas.box(x - half, top, x + half, bottom, "#a9dbf5")
    canvas.disc(x - 0.05, bottom - 0.01, 0.08, 0.05, "#9ccf8a")
    canvas.disc(x + 0.07, bottom, 0.07, 0.06, "#86bf78")
    canvas.box(x - half, bottom, x + half, bottom + 0.06, "#fdfaf4")
    canvas.box(x - 0.006, top, x + 0.006, bottom, "#fdfaf4")
    canvas.box(x - half, top + height / 2 - 0.006, x + half, top + height / 2 + 0.006, "#fdfaf4")
    curtain = canvas.one_of("#d98a7a", "#8fb0d0", "#e0bd78", "#a8c49a", "#c79ac0")
    canvas.box(
        x - half - 0.04,
        bottom + 0.016,
        x + half + 0.04,
        bottom + 0.06,
        mix(curtain, "#ffffff", 0.7),
    )
    for side in (-1, 1):
        edge = x + side * (half + 0.045)
        inner = x + side * (half - 0.05)
        points = [
            (edge, top - 0.03),
            (inner, top - 0.03),
            (edge - side * 0.03, bottom + 0.05),
            (edge, bottom + 0.05),
        ]
        canvas.polygon(points, curtain)


def _shelf(canvas: Canvas, x: float, y: float) -> None:
    canvas.box(x - 0.13, y, x + 0.13, y + 0.016, "#8a5f3c")
    at = x - 0.115
    while at < x + 0.09:
        width, height = canvas.between(0.012, 0.024), canvas.between(0.05, 0.085)
        colour = canvas.one_of("#7f9fb8", "#c58f6a", "#a3b58a", "#d8c39a", "#9a86a8")
        canvas.box(at, y - height, at + width, y, colour)
        at += width + 0.003


def kitchen(canvas: Canvas) -> None:
    """Tiles and cupboards behind a wooden table."""
    horizon = canvas.horizon
    tile = canvas.one_of("#d8ebe4", "#e8e4d4", "#d6e4f0", "#f2dfd6", "#e3ecd0")
    canvas.fill(0, horizon, mix(tile, "#ffffff", 0.4), tile)
    for k in range(13):
        canvas.line([(k / 12, 0.16), (k / 12, horizon)], mix(tile, "#ffffff", 0.75), 0.004)
        if k < 5:
            y = 0.2 + 0.08 * k
            canvas.line([(0, y), (1, y)], mix(tile, "#ffffff", 0.75), 0.004)
    door = canvas.one_of("#7fa8a0", "#c98f6a", "#8fa6c4", "#b9b088", "#c47f74")
    canvas.box(0, 0, 1, 0.16, mix(door, "#000000", 0.18))
    for k in range(4):
        canvas.rounded(k / 4 + 0.008, -0.02, k / 4 + 0.242, 0.152, 0.01, door)
        canvas.disc(k / 4 + (0.215 if k % 2 == 0 else 0.035), 0.12, 0.009, 0.009, "#f6efe0")
    wood = canvas.one_of("#c08d56", "#b27d4c", "#d0a26c", "#a87650")
    canvas.fill(horizon, 1, mix(wood, "#ffffff", 0.18), wood)
    canvas.box(0, horizon, 1, horizon + 0.012, mix(wood, "#4a2c14", 0.3))
    for _ in range(9):
        x, y = canvas.between(-0.1, 0.9), canvas.between(horizon + 0.05, 0.98)
        length = canvas.between(0.12, 0.35)
        canvas.line(
            [(x, y), (x + length / 2, y + 0.006), (x + length, y)],
            mix(wood, "#5a3618", 0.28),
            0.003,
        )
    cloth = canvas.one_of("#f4ede0", "#d8695f", "#6f9ab8", "#8fb07a")
    if canvas.random.random() < 0.6:
        canvas.polygon(
            [(0.14, horizon + 0.1), (0.86, horizon + 0.1), (1.0, 0.97), (0.0, 0.97)], cloth + "b0"
        )
        canvas.polygon(
            [(0.17, horizon + 0.12), (0.83, horizon + 0.12), (0.95, 0.945), (0.05, 0.945)],
            mix(cloth, "#ffffff", 0.3) + "b0",
        )


def workshop(canvas: Canvas) -> None:
    """A pegboard and a lamp over a workbench."""
    horizon = canvas.horizon
    board = canvas.one_of("#c9ad84", "#b8b0a0", "#a8b4b8", "#bfa890")
    canvas.fill(0, horizon, mix(board, "#ffffff", 0.12), mix(board, "#6a5a48", 0.12))
    for row in range(8):
        for column in range(16):
            x, y = (column + 0.5) / 16, 0.05 + 0.06 * row
            canvas.disc(x, y, 0.004, 0.004, mix(board, "#3a2c1c", 0.4))
    x = canvas.between(0.25, 0.75)
    canvas.line([(x, 0), (x, 0.07)], "#3c3c40", 0.007)
    canvas.polygon(
        [(x - 0.3, horizon), (x - 0.06, 0.11), (x + 0.06, 0.11), (x + 0.3, horizon)], "#fff3c428"
    )
    canvas.polygon(
        [(x - 0.08, 0.12), (x - 0.03, 0.065), (x + 0.03, 0.065), (x + 0.08, 0.12)], "#4a5a5c"
    )
    canvas.disc(x, 0.12, 0.03, 0.018, "#fff1b0")
    canvas.box(0, horizon - 0.1, 1, horizon - 0.085, "#7a5a3c")
    for k in range(6):
        jar = canvas.one_of("#9ab8b0", "#c88f5c", "#8f9fc0", "#b4b08a")
        at = (k + canvas.between(0.2, 0.8)) / 6
        canvas.rounded(at - 0.025, horizon - 0.155, at + 0.025, horizon - 0.1, 0.008, jar)
    wood = canvas.one_of("#8f6540", "#7d5838", "#9c7450")
    canvas.fill(horizon, 1, mix(wood, "#ffffff", 0.14), wood)
    for level in (0.12, 0.26, 0.42):
        canvas.line([(0, horizon + level), (1, horizon + level)], mix(wood, "#2c1a0c", 0.4), 0.004)
    for x, v in canvas.random.random((30, 2)):
        canvas.disc(x, horizon + 0.03 + 0.44 * v, 0.006, 0.003, "#d8b88a90")


def stage(canvas: Canvas) -> None:
    """A curtain, spotlights and boards."""
    horizon = canvas.horizon
    cloth = canvas.one_of("#8e2433", "#6a2460", "#27407e", "#1f5f5a")
    canvas.fill(0, horizon, mix(cloth, "#000000", 0.45), mix(cloth, "#000000", 0.2))
    for k in range(16):
        shade = mix(cloth, "#000000", 0.25) if k % 2 else mix(cloth, "#ffffff", 0.06)
        canvas.box(k / 16, 0, (k + 1) / 16, horizon, shade + "88")
    wood = canvas.one_of("#a06f42", "#8f6240", "#b07f4e")
    canvas.fill(horizon, 1, mix(wood, "#2a170a", 0.35), wood)
    for k in range(7):
        y = horizon + 0.012 + 0.4 * (k / 7) ** 1.4
        canvas.line([(0, y), (1, y)], mix(wood, "#2a170a", 0.45), 0.003)
    for x in (canvas.between(0.25, 0.4), canvas.between(0.6, 0.75)):
        start = x + canvas.between(-0.2, 0.2)
        canvas.polygon(
            [(start - 0.02, 0), (start + 0.02, 0), (x + 0.22, 0.86), (x - 0.22, 0.86)], "#fff2c024"
        )
        canvas.disc(x, 0.86, 0.22, 0.06, "#fff2c02c")
    for side in (0, 1):
        for k in range(4):
            near, far = (abs(side - 0.035 * (k + d)) for d in (0, 1))
            colour = mix(cloth, "#ffffff", 0.14 if k % 2 else 0.04)
            left, right = min(near, far), max(near, far)
            canvas.polygon([(left, 0), (right, 0), (right, 0.78), (left, 0.78)], colour)
    for k in range(9):
        canvas.disc((k + 0.5) / 9, 0.0, 0.065, 0.075, mix(cloth, "#ffffff", 0.1))
        canvas.disc((k + 0.5) / 9, -0.008, 0.065, 0.07, cloth)
