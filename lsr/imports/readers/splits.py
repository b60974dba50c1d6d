"""Which images train, validate and test: as the source says, or made from a seed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from lsr.exceptions import PictureError
from lsr.imports.listing import SPLIT_NAMES, ListedImage, Place
from lsr.imports.readers.bounds import entries_in
from lsr.imports.readers.containers import Container
from lsr.imports.readers.contents import contents
from lsr.imports.readers.names import plain_stem
from lsr.imports.readers.shares import NAMES, drawn, shares_in
from lsr.storage.texts import EncodingError, decode_text

# `Flickr_8k.trainImages.txt`, or Flickr30k's `train.txt`.
_SPLIT_FILE = re.compile(r"(?:.*\.)?(train|dev|val|test)(?:images)?\.txt", re.IGNORECASE)


def with_splits(
    images: Sequence[ListedImage], wanted: str, seed: int
) -> tuple[list[ListedImage], list[str]]:
    """(the images, each with a split; what was decided, in sentences).

    Splits of the source are kept where they set images apart: by its lists, or by folders named
    train, val and test. Otherwise they are made of the images with captions; one without captions
    trains, or where nothing is to train it is in the largest split.

    Args:
        wanted: `kept`, `made`, or shares such as `80/10/10`.

    Raises:
        QueryError: another word.
    """
    shares = shares_in(wanted)
    said = [image.split for image in images]
    if not any(said):
        said = _by_folder(images)
    if shares is None and any(said):
        return _kept(images, said)
    captioned = [row for row, image in enumerate(images) if image.captions]
    if not captioned and wanted in ("kept", "made"):
        note = "No image has captions, so nothing is set apart: all are in split `test`."
        return [replace(image, split="test") for image in images], [note]
    shares = shares or shares_in("made")
    assert shares is not None  # noqa: S101  shares of `made` are known
    chosen = captioned or list(range(len(images)))
    made = [NAMES[0] if shares.train else NAMES[1:][int(shares.test >= shares.val)]] * len(images)
    for row, split in zip(chosen, drawn(shares, len(chosen), seed), strict=True):
        made[row] = split
    note = f"Splits were made with seed {seed}: {_counted(made)}."
    return [replace(image, split=one) for image, one in zip(images, made, strict=True)], [note]


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
    lacks = {
        "train": "a model cannot learn from captions of this collection",
        "val": "training cannot choose the best of its steps on this collection",
    }
    if absent := [name for name in lacks if name not in filled]:
        notes.append(
            f"No image is in `{absent[0]}`, so {lacks[absent[0]]}; `--splits made` makes all three "
            "splits."
        )
    return [replace(image, split=one) for image, one in zip(images, filled, strict=True)], notes


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
