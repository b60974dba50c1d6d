"""Captioned images with their splits, as Karpathy's `dataset.json` lists them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lsr.exceptions import CollectionError, shorten
from lsr.storage import read_json

COCO_PICTURES = "http://images.cocodataset.org"
_COCO_FILE = re.compile(r"COCO_(train2014|val2014)_\d{12}\.jpg")


class KarpathyCaption(NamedTuple):
    """A caption: `sentid` as a string, and its text."""

    id: str
    text: str


@dataclass(frozen=True)
class KarpathyImage:
    """An image as the file lists it; what it does not say is empty.

    split: `restval` counts as `train`, the field's usual practice.
    """

    imgid: str
    cocoid: str
    filename: str
    filepath: str
    split: str
    captions: tuple[KarpathyCaption, ...]

    @property
    def id(self) -> str:
        return self.imgid or self.filename

    @property
    def url(self) -> str | None:
        """Where COCO keeps the picture, or None for an image that is not COCO's."""
        known = _COCO_FILE.fullmatch(self.filename)
        return f"{COCO_PICTURES}/{known[1]}/{self.filename}" if known else None


@dataclass(frozen=True)
class KarpathyList:
    """The images in the order of the file. n_restval: how many of them were `restval`."""

    dataset: str
    images: list[KarpathyImage]
    n_restval: int


def read_karpathy(path: Path) -> KarpathyList:
    """The images and captions that `path` lists.

    Raises:
        CollectionError: not JSON of that layout, or two images or captions share an id.
    """
    content = read_json(path, CollectionError)
    rows = content.get("images")
    if not isinstance(rows, list) or not rows:
        raise CollectionError(f"`{path.name}` lists no `images`. Give a file in Karpathy's format.")
    images = [_image(path, number, row) for number, row in enumerate(rows)]
    _check_unique(path, "images", (image.id for image in images))
    _check_unique(path, "captions", (c.id for image in images for c in image.captions))
    restval = sum(row["split"] == "restval" for row in rows)
    return KarpathyList(str(content.get("dataset", "")), images, restval)


def _image(path: Path, number: int, row: Any) -> KarpathyImage:
    try:
        captions = tuple(
            KarpathyCaption(str(one["sentid"]), str(one["raw"]).strip()) for one in row["sentences"]
        )
        split = str(row["split"])
        image = KarpathyImage(
            _text(row, "imgid"),
            _text(row, "cocoid"),
            _text(row, "filename"),
            _text(row, "filepath"),
            "train" if split == "restval" else split,
            captions,
        )
    except (KeyError, TypeError, AttributeError) as problem:
        raise CollectionError(
            f"Image {number:,} of `{path.name}` is not in Karpathy's format ({problem!r}). It "
            "needs `imgid`, `filename`, `split`, and `sentences` with `sentid` and `raw`."
        ) from None
    if not image.id:
        raise CollectionError(
            f"Image {number:,} of `{path.name}` has neither `imgid` nor `filename`. Add one."
        )
    return image


def _text(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    return "" if value is None else str(value)


def _check_unique(path: Path, noun: str, ids: Iterable[str]) -> None:
    counts = Counter(ids)
    if counts.total() > len(counts):
        example = counts.most_common(1)[0][0]
        raise CollectionError(
            f"`{path.name}` lists {counts.total():,} {noun} but only {len(counts):,} different "
            f"ids: `{shorten(example)}` comes {counts[example]:,} times. Make the ids unique."
        )
