"""Backdrops by, on and under the water."""

from __future__ import annotations

import math

from lsr.world.canvas import Canvas, mix


def beach(canvas: Canvas) -> None:
    """Sea with waves, then sand."""
    horizon = canvas.horizon
    canvas.sky(canvas.one_of("#4fb3f6", "#5cc0f2", "#6aaef0"), "#d8f1ff")
    canvas.fill(horizon, 0.64, "#2f8fc9", "#49b8d8", "#8fe0e2")
    for level in (0.45, 0.5, 0.56):
        for _ in range(4):
            x = canvas.between(-0.05, 0.95)
            length = canvas.between(0.06, 0.16)
            canvas.line([(x, level), (x + length, level)], "#ffffff80", 0.004)
    sand = canvas.one_of("#f4dca2", "#f0d29a", "#f6e2b4")
    shore = canvas.between(0.61, 0.64)
    canvas.hill(shore - 0.018, 0.012, "#ffffffd0", 1.2)
    canvas.hill(shore, 0.012, mix(sand, "#a87f4a", 0.35), 1.2)
    canvas.hill(shore + 0.025, 0.012, sand, 1.1)
    for x, v in canvas.random.random((45, 2)):
        y = shore + 0.06 + v * (0.94 - shore)
        canvas.disc(x, y, 0.004, 0.0025, mix(sand, "#9a7440", 0.35))


def lake(canvas: Canvas) -> None:
    """Water between a far bank of trees and a near shore with reeds."""
    horizon = canvas.horizon
    canvas.sky(canvas.one_of("#86c5f0", "#93cff2", "#9ab9ea"), "#eaf6fb")
    canvas.hill(horizon - 0.06, 0.05, "#9dbfae", 1.0)
    for _ in range(14):
        canvas.fir(canvas.between(0, 1), horizon + 0.01, canvas.between(0.06, 0.13), "#4b7f5f")
    grey = 0.4 if canvas.weather in ("rain", "cloudy") else 0.0
    canvas.fill(
        horizon, 0.9, mix("#8fc7d8", "#8a9aa8", grey), mix("#4a9cc8", "#6d8296", grey), "#2f7fb4"
    )
    for _ in range(16):
        x, y = canvas.between(-0.05, 0.9), canvas.between(horizon + 0.03, 0.82)
        canvas.line([(x, y), (x + canvas.between(0.05, 0.15), y)], "#ffffff66", 0.004)
    canvas.hill(0.85, 0.012, "#c9b27a", 0.9)
    canvas.hill(0.87, 0.012, "#7fae55", 0.9)
    for x in (canvas.between(0.0, 0.08), canvas.between(0.92, 1.0)):
        for _ in range(6):
            root = x + canvas.between(-0.04, 0.04)
            tip = (root + canvas.between(-0.02, 0.02), canvas.between(0.66, 0.76))
            canvas.line([(root, 0.9), tip], "#4f7d3a", 0.006)
            canvas.disc(tip[0], tip[1], 0.007, 0.022, "#7a5230")


def sunset(canvas: Canvas) -> None:
    """The sun going down over the sea, seen from the shore."""
    horizon = canvas.horizon
    top = canvas.one_of("#4a3a86", "#7a3f86", "#38508c")
    canvas.fill(0, horizon, top, "#e0607a", "#ff9a56", "#ffd27a")
    x = canvas.between(0.2, 0.8)
    canvas.glow(x, horizon, 0.26, "#ffe08a", 28)
    canvas.disc(x, horizon, 0.085, 0.085, "#fff0b8")
    for _ in range(4):
        cx, y = canvas.between(0, 1), canvas.between(0.08, 0.36)
        for shift in (0.0, 0.018):
            canvas.rounded(
                cx - 0.14, y + shift, cx + 0.1 + shift * 4, y + 0.012 + shift, 0.006, "#ffb07a88"
            )
    canvas.fill(horizon, 0.7, "#f08a5c", "#a8567c", "#5b3f78")
    for k in range(12):
        y = horizon + 0.01 + 0.018 * k
        half = canvas.between(0.02, 0.05) + 0.006 * k
        canvas.line([(x - half, y), (x + half, y)], "#ffe3a0aa", 0.005)
    canvas.hill(0.675, 0.012, "#f3b58a", 1.0)
    canvas.hill(0.69, 0.012, "#a8705f", 1.0)
    canvas.hill(0.82, 0.02, "#936058", 0.7)


def underwater(canvas: Canvas) -> None:
    """Blue depth with rays of light, weeds and bubbles."""
    horizon = canvas.horizon
    canvas.fill(0, 1, canvas.one_of("#56cbe8", "#4fc0e6", "#62d2e0"), "#1f8fc4", "#125a94")
    for _ in range(5):
        x, lean = canvas.between(-0.1, 1.0), canvas.between(-0.25, 0.1)
        points = [(x, 0.0), (x + 0.07, 0.0), (x + 0.16 + lean, 0.85), (x + lean, 0.85)]
        canvas.polygon(points, "#ffffff18")
    canvas.hill(horizon - 0.04, 0.04, "#2b6f96", 1.2)
    canvas.hill(horizon + 0.02, 0.02, "#cdb57e", 0.8)
    canvas.hill(horizon + 0.1, 0.015, "#dcc690", 0.7)
    for _ in range(7):
        x, weed = canvas.between(0, 1), canvas.one_of("#2e8b63", "#3fa06a", "#5a8f3a")
        height, sway = canvas.between(0.08, 0.24), canvas.between(0.01, 0.025)
        for share in (-0.6, 0.0, 0.6):
            heights = [height * (1 - 0.3 * abs(share)) * k / 14 for k in range(15)]
            stem = [
                (x + share * rise * 0.4 + sway * math.sin(rise * 40 + share), horizon + 0.06 - rise)
                for rise in heights
            ]
            canvas.line(stem, weed, 0.009)
    for x, y, r in canvas.random.random((16, 3)):
        radius = 0.004 + 0.008 * r
        canvas.disc(x, y * horizon, radius, radius, "#ffffff55")
