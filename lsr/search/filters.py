"""Which images a search may answer with: of a split, of a caption, of a number of terms."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache

import numpy as np
import pyarrow.compute as pc

from lsr.collection.collection import Collection
from lsr.collection.columns import Texts
from lsr.exceptions import QueryError
from lsr.index.protocol import ImageSubset
from lsr.search.results import SearchSettings

_KEPT = 16
_BLOCK = 2**16
# Texts in which letters have a case, or words a distance, that ASCII alone does not tell.
_ODD = r"[^ -~]|  "


class ImageFilter:
    """The images that settings let through, each answer kept: a byte for every image.

    Args:
        active_terms: gives (n,) how many terms each image that is searched activates, by ascending
            id; asked only where needed.
    """

    def __init__(self, collection: Collection, active_terms: Callable[[], np.ndarray]) -> None:
        self._collection, self._active_terms = collection, active_terms
        self._split = lru_cache(_KEPT)(self._of_split)
        self._kept = lru_cache(_KEPT)(self._of_all)

    def __call__(self, settings: SearchSettings) -> ImageSubset | None:
        """The images that may be hits; None where all may.

        Raises:
            QueryError: no image of the split is searched, or a number of terms cannot be.
            UnknownNameError: there is no such split.
        """
        limits = settings.active_terms
        if not settings.caption.strip() and limits == (None, None):
            return None if settings.split is None else self._split(settings.split)
        return self._kept(settings.split, _plain(settings.caption), *limits)

    @cached_property
    def _rows(self) -> np.ndarray:
        """(n,) rows in the collection of the images that are searched, by ascending id."""
        return self._collection.searchable_by_id

    @cached_property
    def _ids(self) -> Texts:
        return self._collection.image_ids.of(self._rows)

    def _searched(self, rows: np.ndarray) -> np.ndarray:
        """(n,) bool: which of the images that are searched are some rows of the collection."""
        there = np.zeros(len(self._collection.image_ids), bool)
        there[rows] = True
        return there[self._rows]

    def _of_split(self, split: str) -> ImageSubset:
        passing = self._searched(self._collection.image_rows(split))
        if not passing.any():
            raise QueryError(
                f"No image of split `{split}` is searched: where some images have a picture, "
                "only those are. Search another split, or all."
            )
        return ImageSubset(self._ids, passing, split)

    def _of_all(
        self, split: str | None, caption: str, least: int | None, most: int | None
    ) -> ImageSubset:
        passing = np.ones(len(self._rows), bool)
        if split is not None:
            passing &= self._split(split).passing
        if least is not None and most is not None and least > most:
            raise QueryError(
                f"No image has at least {least:,} and at most {most:,} active terms. Turn the two "
                "numbers round."
            )
        if least is not None:
            passing &= self._active_terms() >= least
        if most is not None:
            passing &= self._active_terms() <= most
        if caption:
            said = saying(self._collection.caption_texts, caption)
            passing &= self._searched(self._collection.caption_image_rows[said])
        return ImageSubset(self._ids, passing)


def saying(texts: Texts, phrase: str) -> np.ndarray:
    """(m,) bool: which texts hold a phrase, whatever their case and the space between words.

    Args:
        phrase: in lower case, with one space between words.
    """
    found = [np.zeros(0, bool)]
    for chunk in texts.column.iterchunks():
        for start in range(0, len(chunk), _BLOCK):
            block = chunk.slice(start, _BLOCK)
            held = pc.match_substring(pc.ascii_lower(block), phrase).to_numpy(zero_copy_only=False)
            odd = pc.match_substring_regex(block, _ODD)
            others = [phrase in _plain(text) for text in block.filter(odd).to_pylist()]
            found.append(np.array(held))
            found[-1][odd.to_numpy(zero_copy_only=False)] = others
    return np.concatenate(found)


def _plain(text: str) -> str:
    """A text in lower case, with one space between words."""
    return " ".join(text.split()).lower()
