"""Search under an inference setting: the model is cut as an experiment would cut it.

An inference setting is a list of knobs with their values, such as the cheapest setting that keeps
an accuracy: `top-k@images=40 top-k=8`. They act one after the other on what the model gives, so
terms that a person turns are turned after them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import scipy.sparse as sp

from lsr.evaluation.task import Side, Which
from lsr.exceptions import QueryError, shorten
from lsr.model.expansion import literal_flags
from lsr.model.protocol import Items, Model
from lsr.model.wrapped import WrappedModel
from lsr.search.audit import said_of_images
from lsr.search.searcher import Searcher
from lsr.storage.files import fingerprint
from lsr.sweep.knob_names import parse_knob
from lsr.sweep.knobs import (
    RANKINGS,
    TOKEN_PRUNINGS,
    Knob,
    pruning_stages,
    rounded,
    token_stages,
    word_numbers,
    word_stages,
)
from lsr.sweep.solve import in_words

_SEED = 0


@dataclass(frozen=True)
class InferenceSetting:
    """Knobs with their values, in the order in which they act."""

    steps: tuple[tuple[Knob, float], ...]

    def __str__(self) -> str:
        return " ".join(f"{knob}={value:g}" for knob, value in self.steps)

    def in_words(self) -> str:
        """What it does, in a sentence without its full stop."""
        text = "; ".join(part for one in self.steps if (part := in_words(*one)))
        return text[:1].upper() + text[1:] if text else "Every term takes part"

    def of(self, which: Which) -> tuple[tuple[Knob, float], ...]:
        """The steps that act on captions, which are the queries here, or on images."""
        return tuple(one for one in self.steps if which in one[0].sides)


def parse_inference(text: str) -> InferenceSetting:
    """The setting that `knob=value` names, several with blanks between, as `top-k@images=40`.

    Raises:
        QueryError: another form, a value that a knob does not have, or a coin for each caption,
            which leaves one query no setting of its own.
    """
    steps = []
    for word in text.split():
        name, _, number = word.partition("=")
        knob = parse_knob(name)
        if knob.control == "caption":
            raise QueryError(
                "`caption` flips a coin for each query, so one query searches either with all "
                "terms or with its own words alone. Turn expansion on or off, or set `mean`."
            )
        if knob.control in RANKINGS:
            raise QueryError(
                f"`{knob.control}` ranks in a way of its own and is no setting of the search. "
                "Sweep it on the Expansion page, or as `sweep --control`."
            )
        try:
            value = float(number)
        except ValueError:
            raise QueryError(
                f"`{shorten(word)}` sets nothing. Write it as `top-k=8`, with blanks between."
            ) from None
        knob.check(np.array([value]))
        steps.append((knob, value))
    return InferenceSetting(tuple(steps))


@dataclass(frozen=True, eq=False)
class SetModel(WrappedModel):
    """A model under an inference setting: images are cut as images, texts as captions.

    said_of_images: (n, V) of images by their ids. frequency: (V,) images that activate each term,
    of n_images. top: the weight that rounded weights reach up to.
    """

    kind: ClassVar[str] = "setting"

    inner: Model
    setting: InferenceSetting
    said_of_images: Callable[[Sequence[str]], sp.csr_matrix]
    frequency: np.ndarray
    n_images: int
    top: float

    def sparse(self, items: Items) -> sp.csr_matrix:
        matrix = self.sparse_before(items)
        steps = self.setting.of("images" if items.are_pictures else "captions")
        if not steps:
            return matrix
        said = np.zeros(matrix.nnz, bool)
        if any(knob.needs_words for knob, _ in steps):
            said = self._said(items, matrix)
        ids = tuple(str(row) for row in range(matrix.shape[0]))
        side = Side(ids, matrix, said, np.zeros((len(ids), 0), np.float32))
        for knob, value in steps:
            side = self._after(side, knob, value)
        return side.matrix

    def _said(self, items: Items, matrix: sp.csr_matrix) -> np.ndarray:
        """(nnz,) bool: the terms that a text says, or a caption of an image; none of new ones."""
        if not items.are_pictures:
            literal = self.vocabulary.literal_matrix(items.texts)
        elif items.ids is not None:
            literal = self.said_of_images(items.ids)
        else:
            return np.zeros(matrix.nnz, bool)
        return literal_flags(matrix, literal)

    def _after(self, side: Side, knob: Knob, value: float) -> Side:
        if knob.control == "mean":
            weights = side.matrix.data * np.where(side.said, 1.0, value).astype(np.float32)
        elif knob.control == "bits":
            weights = rounded(side, value, self.top)
        else:
            return side.keep(self._stages(side, knob, np.array([value])) == 0)
        return side.keep(weights > 0, weights)

    def _stages(self, side: Side, knob: Knob, values: np.ndarray) -> np.ndarray:
        if knob.random:
            return word_stages(side, values, self._numbers[knob])
        if knob.control in TOKEN_PRUNINGS:
            return token_stages(side, knob, values, self.frequency, self.n_images)
        return pruning_stages(side, knob, values)

    @cached_property
    def _numbers(self) -> dict[Knob, np.ndarray]:
        """What the first draw of an experiment gives each term, for the knobs that draw."""
        return {
            knob: word_numbers(knob, self.frequency, self.n_images, 0, _SEED)
            for knob, _ in self.setting.steps
            if knob.random
        }


def under_setting(ready: Searcher, setting: InferenceSetting) -> Searcher:
    """A searcher whose model is under an inference setting; it searches in memory.

    Texts are cut as the captions of an experiment are, with its first draw (seed 0) where a knob
    draws. Only rounding differs from an experiment: its steps reach up to the largest weight of an
    image, because a single query has no other captions beside it.

    Raises:
        QueryError: it tells literal terms from others, and the model's terms are no words.
    """
    model, collection = ready.model, ready.collection
    if not model.vocabulary.says and any(knob.needs_words for knob, _ in setting.steps):
        raise QueryError(
            f"The terms of model `{model.name}` are no words, so `{setting}` has nothing to tell "
            "literal terms by. Use top-k, threshold, max-ratio or bits."
        )
    images = ready.images
    under = SetModel(
        model.folder,
        model.card,
        model.vocabulary,
        fingerprint(model.fingerprint, str(setting)),
        model,
        setting,
        lambda ids: said_of_images(collection, ids, model.vocabulary),
        ready.memory.document_frequency,
        len(images),
        float(images.matrix.data.max(initial=0.0)),
    )
    kept = None if setting.of("images") else ready.memory
    return ready.with_model(under, kept)
