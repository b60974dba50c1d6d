"""Scenes of the bundled world: which concepts stand where, decided by a seed alone.

Coordinates are shares of the picture: x from left to right, y from top to bottom. A scene is
meaning without pixels, so that `drawing` and `captions` describe the same thing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from lsr.world.concepts import CONCEPTS, Concept
from lsr.world.layout import arrange

TRAIN = range(12_000)
VALIDATION = range(100_000, 100_500)
TEST = range(200_000, 201_000)
PRETRAINING_START = 1_000_000

NUMBER_OF_OBJECTS = (0.02, 0.43, 0.38, 0.17)
COUNTS = (0.55, 0.22, 0.14, 0.09)
COUNTS_OF_LARGE = (0.75, 0.2, 0.05, 0.0)
LARGE = 0.33
MOST_THINGS = 8
THERE_IS_ONE = frozenset({"sun", "moon", "rainbow", "earth"})
SIZE_WORDS = ("small", "", "large")
SIZE_WORD_PROBABILITIES = (0.08, 0.84, 0.08)


@dataclass(frozen=True)
class Setting:
    """A place with its zones, each a range of y.

    Attributes:
        name: As in `Concept.settings`.
        horizon: y of the line where the ground begins.
        ground: y where things stand, far to near; None where nothing can stand.
        sky: y of the centres of things that fly or float.
        water: y of things that float on water; None where there is none.
        weathers: What the weather may be; empty where there is none.
    """

    name: str
    horizon: float
    ground: tuple[float, float] | None
    sky: tuple[float, float]
    water: tuple[float, float] | None = None
    weathers: tuple[str, ...] = ()


OPEN_AIR = ("clear", "clear", "cloudy", "rain")
SETTINGS = (
    Setting("beach", 0.40, (0.68, 0.95), (0.12, 0.32), (0.50, 0.58), ("clear", "clear", "cloudy")),
    Setting("meadow", 0.46, (0.60, 0.95), (0.12, 0.34), None, OPEN_AIR),
    Setting("forest", 0.52, (0.64, 0.95), (0.14, 0.40), None, OPEN_AIR),
    Setting("mountains", 0.52, (0.66, 0.95), (0.11, 0.32), None, OPEN_AIR),
    Setting("snow", 0.48, (0.62, 0.95), (0.12, 0.34), None, ("clear", "snowfall")),
    Setting("desert", 0.50, (0.62, 0.95), (0.12, 0.36), None, ("clear",)),
    Setting("lake", 0.40, (0.88, 0.96), (0.12, 0.30), (0.56, 0.78), OPEN_AIR),
    Setting("farm", 0.46, (0.62, 0.95), (0.12, 0.32), None, OPEN_AIR),
    Setting("city", 0.60, (0.70, 0.95), (0.12, 0.30), None, OPEN_AIR),
    Setting("night", 0.52, (0.64, 0.95), (0.12, 0.40), None, ()),
    Setting("sunset", 0.46, (0.74, 0.95), (0.12, 0.34), (0.54, 0.62), ()),
    Setting("underwater", 0.80, (0.86, 0.96), (0.18, 0.62), None, ()),
    Setting("space", 0.92, None, (0.18, 0.82), None, ()),
    Setting("room", 0.60, (0.70, 0.95), (0.16, 0.34), None, ()),
    Setting("kitchen", 0.52, (0.64, 0.93), (0.16, 0.34), None, ()),
    Setting("workshop", 0.52, (0.64, 0.93), (0.16, 0.34), None, ()),
    Setting("stage", 0.60, (0.72, 0.95), (0.18, 0.36), None, ()),
    Setting("picnic", 0.34, (0.60, 0.93), (0.12, 0.28), None, ("clear", "clear", "cloudy")),
    Setting("stadium", 0.46, (0.62, 0.95), (0.12, 0.30), None, ("clear", "cloudy")),
)
SETTING_BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True)
class Placed:
    """One concept in a scene, perhaps several times, always close together.

    Attributes:
        concept: What it is.
        count: How many there are, 1 to 4.
        size_word: `small`, `large` or empty; drawn accordingly.
        zone: `ground`, `water` or `sky` (anything that floats freely, under water too).
        x: Centre of the group.
        y: Foot of the group on ground and water, else its centre.
        size: Longer side of one glyph.
        flip: Whether the glyphs are mirrored.
        spots: The foot (in the sky: the centre) of each glyph, far to near.
    """

    concept: Concept
    count: int
    size_word: str
    zone: str
    x: float
    y: float
    size: float
    flip: bool
    spots: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Scene:
    """What a picture shows. `seed` also varies the drawn background."""

    seed: int
    setting: str
    weather: str
    objects: tuple[Placed, ...]


def zone_of(concept: Concept, setting: Setting) -> str:
    """Where in a setting a concept belongs: `ground`, `water` or `sky`."""
    if setting.ground is None or concept.placement == "sky":
        return "sky"
    if setting.name == "underwater":
        return "sky" if concept.placement in ("swim", "water") else "ground"
    if concept.placement in ("swim", "water") and setting.water is not None:
        return "water"
    return "ground"


@cache
def _inhabitants(setting: str) -> tuple[tuple[Concept, ...], tuple[float, ...]]:
    """The concepts of a setting, and how likely each is to keep another company there.

    A concept that lives in many settings is asked less often in each, so that all of them occur
    about equally often.
    """
    concepts = tuple(concept for concept in CONCEPTS if setting in concept.settings)
    weights = np.array([1 / len(concept.settings) for concept in concepts])
    return concepts, tuple(weights / weights.sum())


def _choose(random: np.random.Generator) -> tuple[Setting, list[Concept]]:
    first = CONCEPTS[random.integers(len(CONCEPTS))]
    setting = SETTING_BY_NAME[first.settings[random.integers(len(first.settings))]]
    number = 1 + int(random.choice(4, p=NUMBER_OF_OBJECTS))
    concepts, weights = _inhabitants(setting.name)
    order = random.choice(len(concepts), size=min(12, len(concepts)), replace=False, p=weights)
    chosen = [first]
    for other in (concepts[i] for i in order):
        if len(chosen) == number:
            break
        large = sum(concept.size >= LARGE for concept in (*chosen, other))
        flying = sum(zone_of(concept, setting) == "sky" for concept in (*chosen, other))
        crowded = flying > 2 and setting.name not in ("space", "underwater")
        if other is not first and large <= 2 and not crowded:
            chosen.append(other)
    return setting, chosen


def _counts(concepts: list[Concept], random: np.random.Generator) -> list[int]:
    counts = []
    left = MOST_THINGS - len(concepts)
    for concept in concepts:
        weights = COUNTS_OF_LARGE if concept.size >= LARGE else COUNTS
        extra = int(random.choice(4, p=weights))
        extra = 0 if concept.name in THERE_IS_ONE else min(extra, left)
        left -= extra
        counts.append(1 + extra)
    return counts


def compose(seed: int) -> Scene:
    """The scene of a seed. Equal seeds give equal scenes on every machine."""
    random = np.random.default_rng(seed)
    setting, concepts = _choose(random)
    counts = _counts(concepts, random)
    size_words = random.choice(3, size=len(concepts), p=SIZE_WORD_PROBABILITIES)
    objects = [
        Placed(
            concept=concept,
            count=count,
            size_word=SIZE_WORDS[word] if count == 1 else "",
            zone=zone_of(concept, setting),
            x=0.5,
            y=0.5,
            size=concept.size * (0.78, 1.0, 1.25)[word if count == 1 else 1],
            flip=bool(random.integers(2)),
            spots=(),
        )
        for concept, count, word in zip(concepts, counts, size_words, strict=True)
    ]
    weathers = setting.weathers
    if any(concept.name in ("sun", "rainbow") for concept in concepts):
        weathers = ("clear",)
    weather = weathers[random.integers(len(weathers))] if weathers else ""
    ranges = {"ground": setting.ground, "water": setting.water, "sky": setting.sky}
    positions = arrange(
        [(placed.zone, placed.count, placed.size) for placed in objects], ranges, random
    )
    return Scene(
        seed,
        setting.name,
        weather,
        tuple(
            replace(placed, x=spot.x, y=spot.y, size=spot.size, spots=spot.spots)
            for placed, spot in zip(objects, positions, strict=True)
        ),
    )


def left_of(one: Placed, other: Placed) -> bool:
    """Whether the first lies clearly to the left of the second."""
    return one.x < other.x - 0.16


def next_to(one: Placed, other: Placed) -> bool:
    """Whether the two stand side by side in the same zone with little room between."""
    gap = abs(one.x - other.x) - (half_width(one) + half_width(other))
    return one.zone == other.zone and gap < 0.1 and abs(one.y - other.y) < 0.14


def behind(one: Placed, other: Placed) -> bool:
    """Whether the first stands on the ground farther away than the second, about in line."""
    in_line = abs(one.x - other.x) < 0.75 * (half_width(one) + half_width(other))
    return one.zone == other.zone == "ground" and in_line and one.y < other.y - 0.1


def above(one: Placed, other: Placed) -> bool:
    """Whether the first floats over the second."""
    feet = other.y - (other.size if other.zone != "sky" else other.size / 2)
    return one.zone == "sky" and abs(one.x - other.x) < 0.22 and one.y + one.size / 2 < feet + 0.05


def half_width(placed: Placed) -> float:
    """Half the width of a group, glyphs included."""
    xs = [x for x, _ in placed.spots]
    return (max(xs) - min(xs) + placed.size) / 2
