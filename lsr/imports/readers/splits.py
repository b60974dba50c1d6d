"""Which images train, validate and test: as the source says, or drawn from a seed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from lsr.exceptions import PictureError
from lsr.imports.listing import SPLIT_NAMES, ListedImage, Place
from lsr.imports.readers.bounds import entries_in
from lsr.imports.readers.containers import Container
from lsr.imports.readers.contents import contents
from lsr.imports.readers.names import plain_stem
from lsr.storage.texts import EncodingError, decode_text

Wanted = Literal["kept", "made"]
# A tenth each, and never more than the field's usual number of images.
_SHARE = 0.1
_MOST = 1000
# `Flickr_8k.trainImages.txt`, or Flickr30k's `train.txt`.
_SPLIT_FILE = re.compile(r"(?:.*\.)?(train|dev|val|test)(?:images)?\.txt", re.IGNORECASE)


def with_splits(
    images: Sequence[ListedImage], wanted: Wanted, seed: int
) -> tuple[list[ListedImage], list[str]]:
    """(the images, each with a split; what was decided, in sentences).

    Splits of the source are kept where they set images apart: by its lists, or by folders named
    train, val and test. Otherwise an image with captions is drawn into `val` or `test` with a
    chance of a tenth each, and goes to `train` if it is not; one without captions trains.
    """
    said = [image.split for image in images]
    if not any(said):
        said = _by_folder(images)
    if wanted == "kept" and any(said):
        return _kept(images, said)
    captioned = [row for row, image in enumerate(images) if image.captions]
    if not captioned:
        note = "No image has captions, so nothing is set apart: all are in split `test`."
        return [replace(image, split="test") for image in images], [note]
    drawn = _drawn(captioned, len(images), seed)
    counts = _counted(drawn)
    note = f"Splits were drawn with seed {seed}: {counts}."
    return [replace(image, split=one) for image, one in zip(images, drawn, strict=True)], [note]


def _by_folder(images: Sequence[ListedImage]) -> list[str]:
    """The split that the first folder with such a name says, if every image lies in one."""
    said = []
    for image in images:
        folders = (part.lower() for part in PurePosixPath(image.name).parts[:-1])
        said.append(next((SPLIT_NAMES[part] for part in folders if part in SPLIT_NAMES), ""))
    return said if all(said) and len(set(said)) > 1 else [""] * len(images)


def _kept(
    images: Sequence[ListedImage], said: Sequence[str]
) -> tuple[list[ListedImage], list[str]]:
    filled = [split or "train" for split in said]
    notes = [f"The splits of the source are kept: {_counted(filled)}."]
    if missing := sum(not split for split in said):
        notes.append(f"{missing:,} images without a split count as `train`.")
    if absent := [name for name in ("train", "val") if name not in filled]:
        notes.append(
            f"No image is in {' or '.join(f'`{name}`' for name in absent)}, so a model cannot be "
            "trained on this collection; `--splits made` draws all three."
        )
    return [replace(image, split=one) for image, one in zip(images, filled, strict=True)], notes


def _drawn(captioned: Sequence[int], n_images: int, seed: int) -> list[str]:
    """From three captioned images on, every split has at least one."""
    splits = ["train"] * n_images
    n = len(captioned)
    if n < 3:
        for row in captioned:
            splits[row] = "test"
        return splits
    each = min(_MOST, max(1, round(n * _SHARE)))
    order = np.random.default_rng(seed).permutation(n)
    for place, chosen in enumerate(order[: 2 * each]):
        splits[captioned[chosen]] = "val" if place < each else "test"
    return splits


def _counted(splits: Sequence[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in Counter(splits).items())


def splits_from_files(
    images: Sequence[ListedImage], container: Container, captions: Path | None
) -> tuple[list[ListedImage], list[str]]:
    """The images with the splits that `*trainImages.txt` and its like give them.

    They are looked for among the pictures, and beside a list of captions that lies elsewhere.
    """
    files = {name: place for name, place in container.files.items() if names_split(name)}
    if not files and captions is not None and captions.is_file():
        for folder in (captions.parent, captions.parent / "splits"):
            if folder.is_dir():
                files |= _beside(folder)
    split_of_name: dict[str, str] = {}
    used, unread = [], []
    for (name, _), content in zip(files.items(), contents(list(files.values())), strict=True):
        found = _SPLIT_FILE.fullmatch(PurePosixPath(name).name)
        if found is None or isinstance(content, PictureError):
            continue
        split = SPLIT_NAMES[found[1].lower()]
        try:
            lines = decode_text(content).split("\n")
        except EncodingError as problem:
            unread.append(f"{name} was not read: it {problem}. Save it as UTF-8 text.")
            continue
        split_of_name |= {plain_stem(line): split for line in lines if line.strip()}
        used.append(PurePosixPath(name).name)
    told = [split_of_name.get(plain_stem(image.name), "") for image in images]
    if not any(told):
        return list(images), unread
    notes = [f"The splits come from {', '.join(used)}.", *unread]
    return [replace(image, split=one) for image, one in zip(images, told, strict=True)], notes


def names_split(name: str) -> bool:
    """Whether a file lists the images of one split, as `Flickr_8k.trainImages.txt` does."""
    return _SPLIT_FILE.fullmatch(PurePosixPath(name).name) is not None


def _beside(folder: Path) -> dict[str, Place]:
    """Only the folder itself: what lies deeper belongs to something else."""
    return {
        path.name: Place("file", path, path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(entries_in(folder))
        if names_split(path.name) and path.is_file()
    }
