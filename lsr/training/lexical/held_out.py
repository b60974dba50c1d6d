"""Whether tuning helps, and which terms it should add: asked of captions it was not made of."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import add
from typing import NamedTuple

import numpy as np

from lsr.collection.collection import Collection
from lsr.evaluation.pairs import Pairs, load_pairs, some_images
from lsr.model.vocabulary import Vocabulary
from lsr.training.lexical.added_terms import AddedTerms, measure_added
from lsr.training.lexical.head import LexicalHead
from lsr.training.lexical.settings import TuningReport, TuningSettings
from lsr.training.lexical.tuning import Tuning
from lsr.training.parts import told
from lsr.training.validation import validate

# Fewer validation captions than that cannot tell which of two heads is better.
_LEAST_VALIDATION = 200
_FOLDS = 5
# Below that many training images every one of the folds is tried, else one.
_FEW_IMAGES = 2_000

Fit = Callable[[Pairs], Generator[tuple[int, int], None, LexicalHead]]
"""A head in closed form, by parts."""


class FoldReport(NamedTuple):
    """Which fold is at work, counted from 1, and the last report of its tuning."""

    fold: int
    tuning: TuningReport | None


@dataclass(frozen=True)
class Comparison:
    """Mean reciprocal rank on held-out captions, before and after tuning."""

    before: float
    after: float
    captions: int
    where: str

    @property
    def helps(self) -> bool:
        return self.after > self.before


class Checked(NamedTuple):
    """What held-out captions say of a tuning."""

    comparison: Comparison
    added: AddedTerms


def validation_split(collection: Collection) -> str | None:
    """`val`, where its captions are enough to tell heads apart."""
    if "val" not in collection.splits or len(collection.caption_rows("val")) < _LEAST_VALIDATION:
        return None
    return "val"


def validation_pairs(collection: Collection) -> Pairs | None:
    """The pairs of `val`, where they are enough to tell heads apart."""
    split = validation_split(collection)
    return load_pairs(collection, split) if split else None


def n_folds(n_images: int) -> int:
    """How many of the five folds of so many training images are tried."""
    return _FOLDS if n_images < _FEW_IMAGES else 1


def check(
    before: LexicalHead,
    after: LexicalHead,
    images: np.ndarray,
    held_out: Pairs,
    vocabulary: Vocabulary,
    seed: int,
    device: str = "cpu",
) -> Checked:
    """Both heads on pairs that neither was made of, and what is worth adding by the tuned one.

    Args:
        images: (n, d) dense vectors that they were made of. seed: of words that are taken away.
    """
    n_terms = len(vocabulary)
    comparison = compare(before, after, held_out, n_terms, device=device)
    projection = after.projection(n_terms)
    return Checked(comparison, measure_added(projection, images, held_out, vocabulary, seed))


def compare(
    before: LexicalHead,
    after: LexicalHead,
    held_out: Pairs,
    n_terms: int,
    where: str = "val",
    device: str = "cpu",
) -> Comparison:
    """Both heads on pairs that neither was made of."""
    ranked = [
        validate(head.projection(n_terms).to(device), held_out).measures["MRR@10"]
        for head in (before, after)
    ]
    return Comparison(ranked[0], ranked[1], len(held_out.texts), where)


def cross_validated(
    pairs: Pairs,
    fit: Fit,
    vocabulary: Vocabulary,
    settings: TuningSettings,
    device: str = "cpu",
) -> Generator[FoldReport, None, Checked]:
    """Closed form and tuning on held-out folds of the images, each fold's others to learn from.

    All five folds of few images, one of many. Only captions are held against a head, no labels.
    """
    n = len(pairs.image_vectors)
    fold_of = np.random.default_rng(settings.seed).permutation(n) % _FOLDS
    parts, captioned = [], _captions_alone(pairs)
    for fold in range(n_folds(n)):
        learning, held_out = (
            some_images(pairs, fold_of != fold),
            some_images(captioned, fold_of == fold),
        )
        if not held_out.texts:
            continue
        start = yield from told(fit(learning), partial(_fitting, fold + 1))
        tuning = Tuning(start, learning, vocabulary, settings, device)
        for report in tuning.run():
            yield FoldReport(fold + 1, report)
        parts.append(
            check(
                start,
                tuning.head,
                learning.image_vectors,
                held_out,
                vocabulary,
                settings.seed,
                device,
            )
        )
    compared = [part.comparison for part in parts]
    captions = sum(one.captions for one in compared)
    before, after = (
        sum(getattr(one, name) * one.captions for one in compared) / captions
        for name in ("before", "after")
    )
    where = f"{len(parts)} of {_FOLDS} folds of the training images"
    added = reduce(add, [part.added for part in parts])
    return Checked(Comparison(before, after, captions, where), added)


def _captions_alone(pairs: Pairs) -> Pairs:
    """The pairs without labels, which have no row among the captions."""
    kept = np.flatnonzero(pairs.caption_rows >= 0)
    return replace(
        pairs,
        caption_rows=pairs.caption_rows[kept],
        caption_vectors=pairs.caption_vectors[kept],
        relevant=pairs.relevant[kept],
        texts=[pairs.texts[row] for row in kept],
    )


def _fitting(fold: int, _part: tuple[int, int]) -> FoldReport:
    return FoldReport(fold, None)
