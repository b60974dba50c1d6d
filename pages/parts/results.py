"""What a search shows beside its tiles: bars, timing, advice."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lsr.index.protocol import Index
from lsr.search.results import SearchResult
from pages.parts import charts
from pages.parts.glossary import glossed


def query_table(result: SearchResult) -> None:
    """All terms of a query as they were searched with, folded away, with a download."""
    table = pd.DataFrame(
        [(one.term, one.weight, one.origin) for one in result.query_terms],
        columns=["term", "weight", "kind"],
    )
    charts.folded_table(
        table,
        "The query's terms as a table",
        "All terms of the query with their weights",
        name="query-terms",
        key="query",
    )


def timing(result: SearchResult, index: Index, n_searched: int) -> None:
    """Where the time of a search went, which engine answered, and out of how many images."""
    parts = {"encode": "encode", "project": "project to terms", "search": "search"}
    spent = " · ".join(
        f"{label} {result.seconds[name] * 1e3:.1f} ms" for name, label in parts.items()
    )
    # A stored index may keep smaller weights than those that a model gives.
    precision = getattr(index, "precision", "float32")
    kept = "" if precision == "float32" else f", weights of {precision}"
    st.caption(
        f"{n_searched:,} images searched · {spent} · engine `{index.engine}`{kept}",
        help=glossed(
            "All images that can be shown are searched, of every split, unless a filter leaves "
            "some out; the Expansion page searches those of one split, so its counts and ranks "
            "differ. Encode: text or picture to a dense vector. Project: dense vector to weights "
            "of terms. Search: scores from the inverted index."
        ),
    )


def no_hits(expansion: bool) -> None:
    """What to do when nothing matched."""
    advice = (
        "Use other, more common words, or describe what a picture shows."
        if expansion
        else "Turn expansion on, so that the model may add related terms, or use other words."
    )
    st.info(
        f"No image shares an active term with this query. {advice}", icon=":material/lightbulb:"
    )
