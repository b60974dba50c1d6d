"""The images nearest to one, by shared terms and by dense vectors, side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import streamlit as st

from lsr.exceptions import InputError
from lsr.model.protocol import Items
from lsr.search.ranking import Ranking, dense_ranking, ranking
from lsr.search.results import SearchSettings
from lsr.search.searcher import Searcher
from pages.parts.glossary import glossed
from pages.parts.messages import show_mistake
from pages.parts.search.edit import Edit
from pages.parts.search.side_by_side import Column, show_agreement, show_lists

NEAREST = 12


def show_nearest(ready: Searcher, name: str, items: Items) -> None:
    """Both lists for a picture; an image of the collection is not near itself.

    Args:
        name: the image's id, or the name of a picture of the visitor's.
    """
    st.header(
        "Similar images",
        anchor=False,
        help=glossed(
            "On the left by the term weight that both share, on the right by the cosine of their "
            "dense vectors."
        ),
    )
    settings = SearchSettings(k=NEAREST + 1)
    result = ready.search_items(items, name, settings)
    kept = replace(result, hits=[hit for hit in result.hits if hit.image_id != name][:NEAREST])
    settings = replace(settings, k=NEAREST)
    sparse = _without(ranking(ready, result.query_terms), name)
    left = Column("by shared terms", ready, sparse, settings, Edit(), kept)
    dense = _dense(ready, name, lambda: items.dense[0])
    if dense is None:
        return
    right = Column("by dense vectors", ready, dense, settings, Edit(), None)
    show_agreement(left, right)
    show_lists(left, right, gold={}, selected=None, opens="id")


def _dense(ready: Searcher, name: str, vector: Callable[[], np.ndarray]) -> Ranking | None:
    try:
        unit = np.asarray(vector(), np.float32)
    except InputError as mistake:
        show_mistake(mistake)
        return None
    return _without(dense_ranking(ready, unit / max(float(np.linalg.norm(unit)), 1e-12)), name)


def _without(ranked: Ranking, image_id: str) -> Ranking:
    """The ranking without an image, if it is among those that are searched."""
    allowed = ranked.allowed.copy()
    if (row := ranked.row_of.get(image_id)) is not None:
        allowed[row] = False
    return replace(ranked, allowed=allowed)
