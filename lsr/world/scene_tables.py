"""The scenes of the bundled collection as tables: ids, files, captions, probes."""

from __future__ import annotations

import pyarrow as pa

from lsr.world import scenes
from lsr.world.captions import captions, held_out_words

SIDE = 320
SPLITS = {"train": scenes.TRAIN, "val": scenes.VALIDATION, "test": scenes.TEST}
SHOWN = ("val", "test")
CAPTIONS_PER_SCENE = 5


def image_id(split: str, number: int) -> str:
    """The id of a scene: its split and its number within it."""
    return f"{split}-{number:05d}"


def file_name(split: str, number: int) -> str:
    """The picture file of a shown scene."""
    return f"{image_id(split, number)}.webp"


def tables() -> tuple[pa.Table, pa.Table]:
    """The tables of images and captions of all splits."""
    images: dict[str, list[object]] = {
        name: [] for name in ("id", "file", "url", "width", "height", "split")
    }
    texts: dict[str, list[str]] = {name: [] for name in ("id", "image_id", "text", "split")}
    for split, seeds in SPLITS.items():
        for number, seed in enumerate(seeds):
            name = image_id(split, number)
            file = file_name(split, number) if split in SHOWN else None
            for column, value in zip(images, (name, file, None, SIDE, SIDE, split), strict=True):
                images[column].append(value)
            for turn, text in enumerate(captions(scenes.compose(seed), CAPTIONS_PER_SCENE)):
                row = (f"{name}-{turn}", name, text, split)
                for column, value in zip(texts, row, strict=True):
                    texts[column].append(value)
    schema = pa.schema(
        [(n, pa.string()) for n in ("id", "file", "url")]
        + [(n, pa.int32()) for n in ("width", "height")]
        + [("split", pa.string())]
    )
    return pa.table(images, schema=schema), pa.table(texts)


def probes() -> dict[str, list[str]]:
    """Each held-out synonym with the shown images in which its concept is drawn."""
    shown_in: dict[str, list[str]] = {}
    for split in SHOWN:
        for number, seed in enumerate(SPLITS[split]):
            for placed in scenes.compose(seed).objects:
                shown_in.setdefault(placed.concept.name, []).append(image_id(split, number))
    return {
        word: shown_in[concept] for word, concept in held_out_words().items() if concept in shown_in
    }
