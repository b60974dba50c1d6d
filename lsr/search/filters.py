"""Which images a search may answer with: of a split, of a caption, of a number of terms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache

import numpy as np

from lsr.collection.collection import Collection
from lsr.exceptions import QueryError
from lsr.index.protocol import SplitImages
from lsr.search.results import SearchSettings

_KEPT = 16


class ImageFilter:
    """The images that settings let through, each answer kept.

    Args:
        ids: of the images that are searched.
        active_terms: gives how many terms each image activates, by id; asked only where needed.
    """

    def __init__(
        self,
        collection: Collection,
        ids: Sequence[str],
        active_terms: Callable[[], dict[str, int]],
    ) -> None:
        self._collection, self._ids, self._active_terms = collection, ids, active_terms
        self._split = lru_cache(_KEPT)(self._of_split)
        self._kept = lru_cache(_KEPT)(self._of_all)

    def __call__(self, settings: SearchSettings) -> frozenset[str] | None:
        """The ids that may be hits; None where all may.

        Raises:
            QueryError: no image of the split is searched, or a number of terms cannot be.
            UnknownNameError: there is no such split.
        """
        limits = settings.active_terms
        if not settings.caption.strip() and limits == (None, None):
            return None if settings.split is None else self._split(settings.split)
        return self._kept(settings.split, " ".join(settings.caption.split()).lower(), *limits)

    def _of_split(self, split: str) -> SplitImages:
        rows = self._collection.image_rows(split)
        if not np.isin(rows, self._collection.searchable_rows, assume_unique=True).any():
            raise QueryError(
                f"No image of split `{split}` is searched: where some images have a picture, "
                "only those are. Search another split, or all."
            )
        return SplitImages(split, self._collection.image_ids.at(rows))

    def _of_all(
        self, split: str | None, caption: str, least: int | None, most: int | None
    ) -> frozenset[str]:
        ids = frozenset(self._ids) if split is None else self._split(split) & set(self._ids)
        if least is not None and most is not None and least > most:
            raise QueryError(
                f"No image has at least {least:,} and at most {most:,} active terms. Turn the two "
                "numbers round."
            )
        if least is not None or most is not None:
            counts = self._active_terms()
            low, high = least or 0, np.inf if most is None else most
            ids = frozenset(one for one in ids if low <= counts[one] <= high)
        return ids & self._saying(caption) if caption else ids

    def _saying(self, caption: str) -> set[str]:
        rows = self._collection.caption_image_rows
        names = self._collection.image_ids
        return {
            names[row] for row, text in zip(rows, self._lowered, strict=True) if caption in text
        }

    @cached_property
    def _lowered(self) -> list[str]:
        return [" ".join(text.split()).lower() for text in self._collection.caption_texts]
