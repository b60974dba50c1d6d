"""Draws scenes: emoji glyphs with shadows, ripples and a tint of the light on a drawn backdrop."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from lsr.exceptions import InputError
from lsr.world.backdrops import backdrop, overlay
from lsr.world.scenes import Placed, Scene

FONT_PATHS = (
    "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf",
    "/usr/share/fonts/noto/NotoColorEmoji.ttf",
    "/usr/share/fonts/google-noto-emoji/NotoColorEmoji.ttf",
)
BITMAP_SIZE = 109  # the only size at which the font holds bitmaps
HALF_RAINBOW = "🌈"
# Brightness of the glyphs in a setting, the colour of its light, and how much of it they take on.
LIGHT = {"night": (0.95, "#2a3a7c", 0.13), "sunset": (0.94, "#ff8a4c", 0.13)}
LIGHT |= {"underwater": (0.97, "#1583b5", 0.16), "space": (0.97, "#3a2a6c", 0.06)}


def font_path(path: Path | str | None = None) -> Path:
    """The file of Noto Color Emoji: the given one, else the first usual place that has it.

    Raises:
        InputError: If there is no such file.
    """
    candidates = [Path(path)] if path is not None else [Path(usual) for usual in FONT_PATHS]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise InputError(
        f"The font Noto Color Emoji is not at {candidates[0]}. "
        "Run `apt install fonts-noto-color-emoji`."
    )


@lru_cache(maxsize=1)
def _font(path: Path) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), BITMAP_SIZE)


@cache
def glyph_picture(glyph: str, path: Path | None = None) -> Image.Image:
    """A glyph at the font's own size, RGBA, cut to what is not transparent.

    Raises:
        InputError: If the font is missing or lacks the glyph.
    """
    found = font_path(path)
    canvas = Image.new("RGBA", (300, 200))
    ImageDraw.Draw(canvas).text((20, 20), glyph, font=_font(found), embedded_color=True)
    box = canvas.getbbox()
    if box is None:
        raise InputError(
            f"The font {found.name} has no picture for {glyph!r}. "
            "Run `apt install fonts-noto-color-emoji` for a newer one."
        )
    picture = canvas.crop(box)
    return _arch(picture) if glyph == HALF_RAINBOW else picture


def _arch(half: Image.Image) -> Image.Image:
    """The font's half rainbow and its mirror image: a whole one."""
    whole = Image.new("RGBA", (2 * half.width, half.height))
    whole.paste(half, (0, 0))
    whole.paste(half.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (half.width, 0))
    return whole


@lru_cache(maxsize=4096)
def _scaled(glyph: str, pixels: int, flip: bool, light: str) -> Image.Image:
    """A glyph with its longer side `pixels` long, in the light of a setting."""
    picture = glyph_picture(glyph)
    scale = pixels / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    if flip:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if light not in LIGHT:
        return picture
    brightness, colour, share = LIGHT[light]
    alpha = picture.getchannel("A")
    colours = ImageEnhance.Brightness(picture.convert("RGB")).enhance(brightness)
    colours = Image.blend(colours, Image.new("RGB", colours.size, colour), share)
    colours.putalpha(alpha)
    return colours


@lru_cache(maxsize=512)
def _shadow(width: int, strength: int) -> Image.Image:
    """A soft dark ellipse, as an alpha mask."""
    height = max(4, width // 4)
    mask = Image.new("L", (width + height, 2 * height))
    ImageDraw.Draw(mask).ellipse(
        (height // 2, height // 2, width + height // 2, height + height // 2), fill=strength
    )
    return mask.filter(ImageFilter.GaussianBlur(height / 5))


@lru_cache(maxsize=256)
def _ripples(width: int) -> Image.Image:
    """Three short light arcs under something that floats, as an alpha mask."""
    mask = Image.new("L", (width * 4, width))
    pen = ImageDraw.Draw(mask)
    for ring, strength in ((0, 190), (1, 110)):
        inset = width * (6 - 5 * ring) // 8
        box = (inset, width * (3 - 2 * ring) // 8, width * 4 - inset, width * (5 + 2 * ring) // 8)
        pen.ellipse(box, outline=strength, width=max(2, width // 14))
    return mask.resize((width * 3 // 2, width * 3 // 8), Image.Resampling.LANCZOS)


def _paste(picture: Image.Image, placed: Placed, light: str) -> None:
    size = picture.width
    pixels = max(8, round(placed.size * size))
    glyph = _scaled(placed.concept.glyph, pixels, placed.flip, light)
    for x, y in placed.spots:
        left = round(x * size - glyph.width / 2)
        foot = y * size + (glyph.height / 2 if placed.zone == "sky" else 0)
        top = round(foot - glyph.height)
        if placed.zone == "ground":
            shadow = _shadow(round(glyph.width * 0.86), 105)
            corner = (round(x * size - shadow.width / 2), round(foot - shadow.height * 0.56))
            picture.paste("#10141c", corner, shadow)
        picture.paste(glyph, (left, top), glyph)
        if placed.zone == "water":
            ripples = _ripples(glyph.width)
            corner = (round(x * size - ripples.width / 2), round(foot - ripples.height * 0.62))
            picture.paste("#ffffff", corner, ripples)


def draw(scene: Scene, size: int = 320) -> Image.Image:
    """The picture of a scene, RGB, `size` pixels wide and high.

    The same scene drawn smaller shows the same things in the same places.

    Raises:
        InputError: If the font is missing.
    """
    picture = backdrop(scene, size)
    depth_order = sorted(
        scene.objects, key=lambda placed: (placed.zone != "sky", placed.zone == "ground", placed.y)
    )
    for placed in depth_order:
        _paste(picture, placed, scene.setting)
    return overlay(picture, scene)
