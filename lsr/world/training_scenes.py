"""What the encoder learns from: drawn pictures, tokenised captions and where things are.

Pictures are drawn once, at the size and through the very scaling that the encoder meets at
run time, and kept as bytes in the work folder, so that a restart draws nothing twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from lsr.encoders.bundled import picture_pixels
from lsr.storage.files import replacing_file, save_array
from lsr.world import scenes
from lsr.world.captions import captions
from lsr.world.concepts import CONCEPTS
from lsr.world.drawing import draw

CHUNK = 500
"""Scenes per cached file: what a kill can lose at most, per worker."""

PLACE_NUMBERS = {
    place: number
    for number, place in enumerate(
        (setting.name, weather)
        for setting in scenes.SETTINGS
        for weather in dict.fromkeys((*setting.weathers, "clear", ""))
    )
}
CONCEPT_NUMBERS = {concept.name: number for number, concept in enumerate(CONCEPTS)}


@dataclass(frozen=True, slots=True)
class DrawReport:
    """Progress of the drawing: scenes on disk, of how many."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class SceneTexts:
    """The captions of scenes as token ids; caption c belongs to scene `owners[c]`."""

    rows: list[list[int]]
    owners: np.ndarray
    """(m,) int64, ascending."""


def draw_pictures(
    folder: Path, seeds: Sequence[int], side: int, *, workers: int = 1
) -> Iterator[DrawReport]:
    """Draw the scenes of these seeds into `folder`, in files of 500, skipping those there."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        (path, chunk, side)
        for path, chunk in zip(_chunk_paths(folder, seeds), _chunks(seeds), strict=True)
        if not path.is_file()
    ]
    done = len(seeds) - sum(len(chunk) for _, chunk, _ in jobs)
    yield DrawReport(done, len(seeds))
    # A fresh interpreter per worker: forking a process with torch threads can hang.
    pool = ProcessPoolExecutor(workers, get_context("spawn")) if workers > 1 else None
    with pool or nullcontext():
        for count in pool.map(_draw_chunk, jobs) if pool else map(_draw_chunk, jobs):
            done += count
            yield DrawReport(done, len(seeds))


def load_pictures(folder: Path, seeds: Sequence[int]) -> np.ndarray:
    """The drawn scenes, (n, side, side, 3) uint8, in the order of the seeds."""
    return np.concatenate([np.load(path) for path in _chunk_paths(folder, seeds)])


def scene_texts(seeds: Sequence[int], tokenizer: Tokenizer, per_scene: int = 5) -> SceneTexts:
    """Every scene's captions, tokenised without special tokens."""
    texts = [captions(scenes.compose(seed), per_scene) for seed in seeds]
    owners = np.repeat(np.arange(len(texts)), [len(own) for own in texts])
    flat = [text for own in texts for text in own]
    return SceneTexts(
        [encoding.ids for encoding in tokenizer.encode_batch(flat, add_special_tokens=False)],
        owners,
    )


def scene_things(seeds: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Where each glyph of each scene is.

    Returns:
        things: (t, 2) int64, the scene's row and the concept's number.
        centres: (t, 2) float32, x and y of the glyph's centre in 0…1.
    """
    things: list[tuple[int, int]] = []
    centres: list[tuple[float, float]] = []
    for row, seed in enumerate(seeds):
        for placed in scenes.compose(seed).objects:
            lift = 0 if placed.zone == "sky" else placed.size / 2
            for x, y in placed.spots:
                things.append((row, CONCEPT_NUMBERS[placed.concept.name]))
                centres.append((x, y - lift))
    return np.array(things, dtype=np.int64), np.array(centres, dtype=np.float32)


def scene_places(seeds: Sequence[int]) -> np.ndarray:
    """The number of every scene's setting and weather together, (n,) int64."""
    composed = [scenes.compose(seed) for seed in seeds]
    return np.array([PLACE_NUMBERS[scene.setting, scene.weather] for scene in composed])


def _chunks(seeds: Sequence[int]) -> list[Sequence[int]]:
    return [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]


def _chunk_paths(folder: Path, seeds: Sequence[int]) -> list[Path]:
    """The cached files; a world that composes other scenes of the same seeds gets other names."""
    paths = []
    for chunk in _chunks(seeds):
        composed = repr([scenes.compose(seed) for seed in (chunk[0], chunk[-1])])
        digest = hashlib.sha256(composed.encode()).hexdigest()[:12]
        paths.append(folder / f"pictures-{chunk[0]}-{len(chunk)}-{digest}.npy")
    return paths


def _draw_chunk(job: tuple[Path, Sequence[int], int]) -> int:
    """Draw one file; returns how many scenes it holds."""
    path, seeds, side = job
    pictures = np.stack([picture_pixels(draw(scenes.compose(seed)), side) for seed in seeds])
    with replacing_file(path) as temporary:
        save_array(temporary, pictures)
    return len(seeds)
