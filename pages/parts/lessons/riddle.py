"""The riddle of lesson 3: four pictures, and the terms of one of them that English misreads."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st

from lsr.model.sparse import keep_strongest
from pages.parts.lessons import bundled

PICTURES, TARGET, TERMS = 4, 2, 10
_SEED = 0


class Riddle(NamedTuple):
    """What is asked, and how far English helps.

    ids: the pictures, the right one at TARGET. guess: the place of the one that the terms fit best
    when they are read as English. right: the share of all such riddles in which that is the right
    one, by the name of the head that gave the terms. riddles: how many there are.
    """

    ids: tuple[str, ...]
    guess: int
    right: dict[str, float]
    riddles: int


def riddle() -> Riddle:
    """The riddle of the head without control in which English leads farthest astray."""
    heads = [bundled.head(name).fingerprint for name in (bundled.FREE, bundled.CONTROLLED)]
    return _riddle(bundled.collection().fingerprint, *heads)


@st.cache_resource(
    max_entries=2, show_spinner="Reading the terms of every picture as if they were English…"
)
def _riddle(*_marks: str) -> Riddle:
    """Pictures are dealt into fours at random; each of a four is asked for once."""
    ids = bundled.searcher(bundled.FREE).memory.ids
    fours = np.random.default_rng(_SEED).permutation(len(ids))
    fours = fours[: len(ids) // PICTURES * PICTURES].reshape(-1, PICTURES)
    fits = {name: _fits(name, fours) for name in (bundled.FREE, bundled.CONTROLLED)}
    among, places = fits[bundled.FREE], np.arange(PICTURES)
    own = among[:, places, places]
    four, asked = np.unravel_index((among.max(axis=2) - own).argmax(), own.shape)
    turn = TARGET - int(asked)
    return Riddle(
        tuple(ids[row] for row in np.roll(fours[four], turn)),
        int((among[four, asked].argmax() + turn) % PICTURES),
        {name: float((one.argmax(axis=2) == places).mean()) for name, one in fits.items()},
        int(own.size),
    )


def _fits(head: str, fours: np.ndarray) -> np.ndarray:
    """(fours, asked for, pictures): the cosine of a picture with the terms of the one asked for.

    The encoder reads the strongest terms as a text: its vectors of words come from a language model
    that knows what they mean.
    """
    ready = bundled.searcher(head)
    top, terms = keep_strongest(ready.images.matrix, TERMS), ready.model.vocabulary.terms
    texts = [" ".join(terms[term].removeprefix("##") for term in row.indices) for row in top]
    near = np.array([ready.dense_scores(one) for one in ready.encoder.encode_texts(texts)])
    return np.asarray(near[fours[:, :, None], fours[:, None, :]])
