"""What a verdict on a model rests on: what was measured, and how the model was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Grade = Literal["good", "fair", "poor", "unknown"]

# An inverted index pays where vectors are about as long as documents of words are: a hundred or
# two. Past some hundred nobody reads them, and an index has no advantage over dense vectors.
SPARSE_TERMS, MOST_SPARSE_TERMS = 128, 512
# Rule of three: where none of n images shows a loss, a loss of 3 / n may still be there. From 60
# images on that is less than the loss that `good` allows.
LEAST_IMAGES = 60


@dataclass(frozen=True)
class Kept:
    """A measure as a share of the teacher's, with its 95 % interval over images."""

    share: float
    low: float
    high: float

    @property
    def in_words(self) -> str:
        return f"{self.share:.0%} ({self.low:.0%} to {self.high:.0%})"


@dataclass(frozen=True)
class Measured:
    """What a verdict rests on; None where it could not be measured.

    active_query, active_image: mean active terms. flops: of a query and an image.
    image_exact: share of an image's ten strongest terms that its captions say.
    image_said: mean of the terms that an image's captions say, of those that the model uses.
    function_words: share of the ten strongest terms that are English function words.
    own_words, all_terms, dense: R@1. dense_ten: R@10. kept: both as shares of the teacher's.
    n_images: that the queries ask for. n_searched: that they are searched among.
    words_count: false for queries in other words than captions.
    says: whether it is known which terms a text says.
    """

    dense_size: int
    active_image: float
    active_query: float | None = None
    flops: float | None = None
    image_exact: float | None = None
    image_said: float | None = None
    function_words: float = 0.0
    own_words: float | None = None
    all_terms: float | None = None
    dense: float | None = None
    dense_ten: float | None = None
    kept: Mapping[str, Kept] | None = None
    n_images: int = 0
    n_searched: int = 0
    words_count: bool = True
    says: bool = True


@dataclass(frozen=True)
class Making:
    """How a model was made, as far as it tells.

    method: as `train --method` names it. n_pairs: of training. control: of expansion.
    all_terms: whether function words were left in. kind: of another model than a projection head.
    taught: whether it was made of the collection's dense vectors.
    """

    method: str | None = None
    n_pairs: int | None = None
    control: str = ""
    all_terms: bool = False
    kind: str | None = None
    taught: bool = True
