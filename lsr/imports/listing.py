"""What every format is read into: images with their captions, and where their pictures lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from lsr.imports.imported import Skipped

SPLIT_NAMES = {
    **dict.fromkeys(("train", "training", "restval"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


class Place(NamedTuple):
    """Where the bytes of a file lie.

    kind: a file of its own, or a part of a zip, a tar or a table. size: in bytes.
    stamp: when `path` was last changed, in nanoseconds. member: the name in a zip, the column of
    a table. offset: the first byte in a tar, the row of a table.
    """

    kind: Literal["file", "zip", "tar", "table"]
    path: Path
    size: int
    stamp: int
    member: str = ""
    offset: int = 0


class ListedCaption(NamedTuple):
    """A caption, and its id where the source gives one."""

    text: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class ListedImage:
    """An image as the source has it; what the source does not say is empty.

    name: path and file name, as messages show it. row: where a list names it, as `line 12`.
    """

    name: str
    captions: tuple[ListedCaption, ...] = ()
    split: str = ""
    id: str = ""
    place: Place | None = None
    url: str | None = None
    row: str = ""


@dataclass(frozen=True)
class GivenVectors:
    """Dense vectors that were computed elsewhere, so that nothing is encoded.

    encoder: what made them. images: (n, d) unit norm, in the order of the listed images.
    captions: (m, d), image by image; None where the captions have none.
    """

    encoder: str
    images: np.ndarray
    captions: np.ndarray | None


@dataclass(frozen=True)
class Listing:
    """What a source holds, in its order.

    form: the format it is in. title: the name of the data set, where the source says it.
    skipped: what was left out while reading. notes: what was decided, in sentences.
    vectors: None where an encoder is to make them. absent: listed images that the source does not
    have; a list may cover more than a source.
    """

    form: str
    images: list[ListedImage]
    title: str = ""
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    vectors: GivenVectors | None = None
    absent: list[Skipped] = field(default_factory=list)


def split_of(word: str) -> str:
    """`train`, `val` or `test` for any usual spelling; another word stays as it is."""
    return SPLIT_NAMES.get(word.strip().lower(), word.strip())
