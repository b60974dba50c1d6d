"""A drawing surface in shares of the picture, with the shapes that backdrops are made of."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageColor, ImageDraw

Points = list[tuple[float, float]]


@lru_cache(maxsize=256)
def _gradient(stops: tuple[str, ...], height: int) -> Image.Image:
    """A column one pixel wide running through the given colours from top to bottom."""
    colours = np.array([ImageColor.getrgb(stop) for stop in stops], dtype=float)
    at = np.linspace(0, 1, height)
    places = np.linspace(0, 1, len(stops))
    column = np.stack([np.interp(at, places, colours[:, k]) for k in range(3)], axis=1)
    return Image.fromarray(column[:, None, :].round().astype(np.uint8), "RGB")


def mix(one: str, other: str, share: float) -> str:
    """The colour `share` of the way from one to the other, as #rrggbb."""
    first, second = ImageColor.getrgb(one), ImageColor.getrgb(other)
    parts = [round(a + (b - a) * share) for a, b in zip(first[:3], second[:3], strict=True)]
    return "#{:02x}{:02x}{:02x}".format(*parts)


class Canvas:
    """A square picture with coordinates from 0 to 1, and what its backdrop depends on.

    Args:
        pixels: Width and height.
        random: Varies the backdrop.
        horizon: y of the line where the ground begins.
        weather: As in `Scene`.
        busy_sky: Whether anything flies, floats or hangs, so that there should be room for it.
    """

    def __init__(
        self,
        pixels: int,
        random: np.random.Generator,
        horizon: float = 0.5,
        weather: str = "",
        busy_sky: bool = False,
    ) -> None:
        self.pixels = pixels
        self.random = random
        self.horizon = horizon
        self.weather = weather
        self.busy_sky = busy_sky
        self.picture = Image.new("RGB", (pixels, pixels))
        self.pen = ImageDraw.Draw(self.picture, "RGBA")

    def between(self, low: float, high: float) -> float:
        """A random number in a range."""
        return float(self.random.uniform(low, high))

    def one_of(self, *options: str) -> str:
        """One of the options at random."""
        return options[int(self.random.integers(len(options)))]

    def fill(self, top: float, bottom: float, *stops: str) -> None:
        """A band across the picture, shaded from top to bottom."""
        first, last = round(top * self.pixels), round(bottom * self.pixels)
        column = _gradient(stops, max(1, last - first))
        self.picture.paste(column.resize((self.pixels, column.height)), (0, first))

    def polygon(self, points: Points, colour: str) -> None:
        """A filled polygon."""
        self.pen.polygon([(x * self.pixels, y * self.pixels) for x, y in points], fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: str) -> None:
        """A filled rectangle."""
        sides = [side * self.pixels for side in (left, top, right, bottom)]
        self.pen.rectangle(sides, fill=colour)

    def rounded(
        self, left: float, top: float, right: float, bottom: float, radius: float, colour: str
    ) -> None:
        """A filled rectangle with round corners."""
        sides = [side * self.pixels for side in (left, top, right, bottom)]
        self.pen.rounded_rectangle(sides, radius * self.pixels, fill=colour)

    def disc(self, x: float, y: float, rx: float, ry: float, colour: str) -> None:
        """A filled ellipse."""
        sides = [side * self.pixels for side in (x - rx, y - ry, x + rx, y + ry)]
        self.pen.ellipse(sides, fill=colour)

    def line(self, points: Points, colour: str, width: float) -> None:
        """A line through the points."""
        places = [(x * self.pixels, y * self.pixels) for x, y in points]
        self.pen.line(places, fill=colour, width=max(1, round(width * self.pixels)))

    def hill(self, level: float, height: float, colour: str, waves: float = 1.5) -> Points:
        """Rolling ground down to the lower edge; returns its upper outline."""
        xs = np.linspace(0, 1, 41)
        phases = self.random.uniform(0, 2 * np.pi, 2)
        rise = np.sin(xs * waves * 2 * np.pi + phases[0])
        rise = rise * 0.7 + 0.3 * np.sin(xs * waves * 4.4 * np.pi + phases[1])
        outline = [(float(x), float(y)) for x, y in zip(xs, level - height * rise, strict=True)]
        self.polygon([(0.0, 1.0), *outline, (1.0, 1.0)], colour)
        return outline

    def glow(self, x: float, y: float, radius: float, colour: str, strength: int = 26) -> None:
        """A soft light made of rings that add up."""
        for ring in range(6, 0, -1):
            self.disc(x, y, radius * ring / 6, radius * ring / 6, f"{colour}{strength:02x}")

    def cloud(self, x: float, y: float, size: float, colour: str) -> None:
        """A flat-bottomed cloud of three puffs."""
        self.disc(x - 0.55 * size, y, 0.55 * size, 0.3 * size, colour)
        self.disc(x + 0.6 * size, y, 0.5 * size, 0.26 * size, colour)
        self.disc(x, y - 0.16 * size, 0.55 * size, 0.42 * size, colour)
        self.rounded(x - size, y + 0.02 * size, x + size, y + 0.3 * size, 0.14 * size, colour)

    def sky(self, top: str, low: str) -> None:
        """A daytime sky with the clouds of the weather."""
        grey = {"rain": 0.72, "cloudy": 0.42, "snowfall": 0.35}.get(self.weather, 0.0)
        self.fill(0, self.horizon + 0.1, mix(top, "#7f8c9c", grey), mix(low, "#c3ccd6", grey))
        number = {"rain": 6, "cloudy": 6}.get(self.weather, int(self.random.integers(0, 3)))
        colour = {"rain": "#8f9bab", "cloudy": "#e3e8ee"}.get(self.weather, "#ffffff")
        for _ in range(number):
            x, y = self.between(0, 1), self.between(0.05, self.horizon * 0.62)
            self.cloud(x, y, self.between(0.06, 0.13), colour + "dd")

    def fir(self, x: float, foot: float, height: float, colour: str) -> None:
        """A fir of three tiers."""
        self.box(x - 0.03 * height, foot - 0.15 * height, x + 0.03 * height, foot, "#5b4030")
        for tier in range(3):
            low = foot - height * (0.1 + 0.26 * tier)
            half = height * (0.26 - 0.06 * tier)
            tip = low - height * 0.4
            self.polygon(
                [(x - half, low), (x + half, low), (x, tip)], mix(colour, "#ffffff", 0.06 * tier)
            )

    def bush(self, x: float, foot: float, size: float, colour: str) -> None:
        """A round bush."""
        for dx, dy, radius in ((-0.6, 0.35, 0.5), (0.6, 0.35, 0.5), (0.0, 0.5, 0.65)):
            self.disc(x + dx * size, foot - dy * size, radius * size, radius * size * 0.9, colour)

    def tufts(self, top: float, number: int, colour: str) -> None:
        """Blades of grass, or whatever has that shape, larger when nearer."""
        for x, v in self.random.random((number, 2)):
            y = top + v * (1 - top)
            size = 0.008 + 0.014 * v
            for lean in (-0.6, 0.0, 0.6):
                self.line([(x, y), (x + lean * size, y - size)], colour, 0.003)
