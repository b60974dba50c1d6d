"""Captioned images with their splits, as Karpathy's `dataset.json` lists them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lsr.exceptions import CollectionError, shorten
from lsr.imports.listing import ListedCaption, ListedImage, Listing, split_of
from lsr.imports.readers.fields import id_in, list_in, text_in
from lsr.storage.files import read_json

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
    """The images and captions that the file `path` lists.

    Raises:
        CollectionError: not JSON of that layout, or two images or captions share an id.
    """
    return parse_karpathy(path.name, read_json(path, CollectionError))


def parse_karpathy(file: str, content: dict[str, Any]) -> KarpathyList:
    """The images and captions that the content of `file` lists.

    Raises:
        CollectionError: not of that layout, or two images or captions share an id.
    """
    rows = content.get("images")
    if not isinstance(rows, list) or not rows:
        raise CollectionError(f"`{file}` lists no `images`. Give a file in Karpathy's format.")
    images = [_image(file, number, row) for number, row in enumerate(rows)]
    _check_unique(file, "images", (image.id for image in images))
    _check_unique(file, "captions", (c.id for image in images for c in image.captions))
    restval = sum(row["split"] == "restval" for row in rows)
    return KarpathyList(str(content.get("dataset", "")), images, restval)


def karpathy_listing(file: str, content: dict[str, Any]) -> Listing:
    """The same as a listing, pictures still to be found.

    Raises:
        CollectionError: as `parse_karpathy`.
    """
    listed = parse_karpathy(file, content)
    images = [
        ListedImage(
            f"{image.filepath}/{image.filename}" if image.filepath else image.filename,
            tuple(ListedCaption(caption.text, caption.id) for caption in image.captions),
            image.split,
            image.id,
            url=image.url,
            row=f"image {number:,} of {file}",
        )
        for number, image in enumerate(listed.images)
    ]
    return Listing("karpathy", images, listed.dataset, notes=restval_notes(listed))


def restval_notes(listed: KarpathyList) -> list[str]:
    """The sentence on `restval`, where images have that split."""
    if not listed.n_restval:
        return []
    return [
        f"{listed.n_restval:,} images of split `restval` count as `train`, the field's usual "
        "practice."
    ]


def _image(file: str, number: int, row: Any) -> KarpathyImage:
    try:
        captions = tuple(
            KarpathyCaption(id_in(one, "sentid"), text_in(one, "raw").strip())
            for one in list_in(row, "sentences")
        )
        image = KarpathyImage(
            _said(row, "imgid"),
            _said(row, "cocoid"),
            _said(row, "filename"),
            _said(row, "filepath"),
            split_of(text_in(row, "split")),
            captions,
        )
    except (KeyError, TypeError) as problem:
        raise CollectionError(
            f"Image {number:,} of `{file}` is not in Karpathy's format ({problem!r}). It "
            "needs `imgid`, `filename`, `split`, and `sentences` with `sentid` and `raw`."
        ) from None
    if not image.id:
        raise CollectionError(
            f"Image {number:,} of `{file}` has neither `imgid` nor `filename`. Add one."
        )
    return image


def _said(row: dict[str, Any], key: str) -> str:
    return "" if row.get(key) is None else id_in(row, key)


def _check_unique(file: str, noun: str, ids: Iterable[str]) -> None:
    counts = Counter(ids)
    if counts.total() > len(counts):
        example = counts.most_common(1)[0][0]
        raise CollectionError(
            f"`{file}` lists {counts.total():,} {noun} but only {len(counts):,} different "
            f"ids: `{shorten(example)}` comes {counts[example]:,} times. Make the ids unique."
        )
