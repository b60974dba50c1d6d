"""Backdrops of all settings, varied by the seed of the scene, and the weather in front."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from lsr.world import interiors, landscapes, seascapes
from lsr.world.canvas import Canvas
from lsr.world.scenes import SETTING_BY_NAME, Scene

BACKDROP_STREAM = 11
OVERSAMPLING = 2

PAINTERS: dict[str, Callable[[Canvas], None]] = {
    "beach": seascapes.beach,
    "meadow": landscapes.meadow,
    "forest": landscapes.forest,
    "mountains": landscapes.mountains,
    "snow": landscapes.snow,
    "desert": landscapes.desert,
    "lake": seascapes.lake,
    "farm": landscapes.farm,
    "picnic": landscapes.picnic,
    "night": landscapes.night,
    "sunset": seascapes.sunset,
    "underwater": seascapes.underwater,
    "space": landscapes.space,
    "city": interiors.city,
    "stadium": interiors.stadium,
    "room": interiors.room,
    "kitchen": interiors.kitchen,
    "workshop": interiors.workshop,
    "stage": interiors.stage,
}


def backdrop(scene: Scene, size: int) -> Image.Image:
    """The scene's background, RGB, `size` pixels wide and high."""
    random = np.random.default_rng([BACKDROP_STREAM, scene.seed])
    canvas = Canvas(
        size * OVERSAMPLING,
        random,
        SETTING_BY_NAME[scene.setting].horizon,
        scene.weather,
        any(placed.zone == "sky" for placed in scene.objects),
    )
    PAINTERS[scene.setting](canvas)
    return canvas.picture.reduce(OVERSAMPLING)


def overlay(picture: Image.Image, scene: Scene) -> Image.Image:
    """The picture with falling rain or snow in front of everything."""
    if scene.weather not in ("rain", "snowfall"):
        return picture
    random = np.random.default_rng([BACKDROP_STREAM, scene.seed, 1])
    size = picture.width * OVERSAMPLING
    mask = Image.new("L", (size, size))
    pen = ImageDraw.Draw(mask)
    if scene.weather == "rain":
        for x, y, length in random.random((70, 3)):
            length = 0.03 + 0.05 * length
            ends = (x, y, x - 0.3 * length, y + length)
            pen.line([end * size for end in ends], fill=150, width=max(1, size // 230))
        colour = "#e4f0ff"
    else:
        for x, y, radius in random.random((90, 3)):
            radius = 0.003 + 0.006 * radius
            box = (x - radius, y - radius, x + radius, y + radius)
            pen.ellipse([side * size for side in box], fill=225)
        colour = "#ffffff"
    picture.paste(colour, (0, 0), mask.reduce(OVERSAMPLING))
    return picture
