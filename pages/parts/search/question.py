"""What the Search page searches with: words, a picture, both, or terms alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from lsr.model.protocol import Items
from lsr.search.forms import parse_terms
from lsr.search.results import SearchResult, SearchSettings
from lsr.search.searcher import Searcher
from pages.parts import address, caches
from pages.parts.glossary import glossed
from pages.parts.messages import or_default

_SHARE = 0.5  # of a picture that stands beside words


@dataclass(frozen=True)
class Question:
    """What is searched with: a name for it, and the search for any settings.

    dense: its dense vector, of length 1; None for terms, which have none. words: whether it is a
    text and nothing else. says: whether it says terms, which a picture does not.
    """

    name: str
    search: Callable[[Searcher, SearchSettings], SearchResult]
    dense: Callable[[], np.ndarray] | None
    words: bool = False
    says: bool = True


def words_alone(plain: Searcher, query: str) -> Question:
    """A text, or the terms that are written in its place."""
    if (weights := parse_terms(query)) is not None:
        return Question(query, lambda ready, one: ready.search_terms(weights, query, one), None)
    return Question(
        query,
        lambda ready, one: caches.search(ready, query, one),
        lambda: plain.encoder.encode_texts([query])[0],
        words=True,
    )


def picture_alone(name: str, items: Items) -> Question:
    """A picture of the visitor's."""
    return Question(
        name,
        lambda ready, one: ready.search_items(items, name, one),
        lambda: items.dense[0],
        says=False,
    )


def words_and_picture(plain: Searcher, query: str, items: Items) -> Question:
    """Words and a picture, with a slider between them."""
    share = or_default(lambda: address.read_number("picture", 0.0, 1.0, _SHARE), _SHARE)
    share = st.slider(
        "From the words to the picture",
        0.0,
        1.0,
        step=0.05,
        format="percent",
        help=glossed(
            "At 0 the words search alone, at 100 % the picture. Between them both vectors are "
            "brought to one length and added up with these shares, term by term."
        ),
        **address.bound("picture", share, _SHARE, address.number_text),
    )

    st.caption(f"Words {1 - share:.0%}, picture {share:.0%}")

    def dense() -> np.ndarray:
        both = (1 - share) * plain.encoder.encode_texts([query])[0] + share * items.dense[0]
        unit: np.ndarray = both / max(float(np.linalg.norm(both)), 1e-12)
        return unit

    return Question(
        query,
        lambda ready, one: ready.search_mixed(query, items, share, one),
        dense,
        words=share == 0,
        says=share < 1,
    )
