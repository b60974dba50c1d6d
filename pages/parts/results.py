"""What a search shows beside its tiles: bars, timing, comparison with the teacher, advice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from lsr.index.protocol import Hit, Index
from lsr.search.results import ExplainedHit, SearchResult
from pages.parts import charts
from pages.parts.cards import Tile, hit_tiles


@dataclass(frozen=True)
class ComparedTile:
    """A tile with whether its image stands on both sides."""

    tile: Tile
    shared: bool


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


def timing(result: SearchResult, index: Index) -> None:
    """Where the time of a search went, and which engine answered."""
    parts = {"encode": "encode", "project": "project to terms", "search": "search"}
    spent = " · ".join(
        f"{label} {result.seconds[name] * 1e3:.1f} ms" for name, label in parts.items()
    )
    # A stored index may keep smaller weights than those that a model gives.
    precision = getattr(index, "precision", "float32")
    kept = "" if precision == "float32" else f", weights of {precision}"
    st.caption(
        f"{spent} · engine `{index.engine}`{kept}",
        help="Encode: text or picture to a dense vector. Project: dense vector to weights of "
        "terms. Search: scores from the inverted index.",
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


def compared(
    sparse: Sequence[ExplainedHit], dense: Sequence[Hit]
) -> tuple[list[ComparedTile], list[ComparedTile]]:
    """Tiles of both rankings; an image in both is marked with its rank on the other side."""
    sparse_rank = {hit.image_id: hit.rank for hit in sparse}
    dense_rank = {hit.image_id: rank for rank, hit in enumerate(dense, 1)}
    ours = [_marked(tile, "dense", dense_rank.get(tile.image_id)) for tile in hit_tiles(sparse)]
    theirs = [
        _marked(
            Tile(hit.image_id, f"**{rank}** · {hit.score:.2f}"),
            "sparse",
            sparse_rank.get(hit.image_id),
        )
        for rank, hit in enumerate(dense, 1)
    ]
    return ours, theirs


def _marked(tile: Tile, side: str, rank: int | None) -> ComparedTile:
    if rank is None:
        return ComparedTile(tile, False)
    label = f"{tile.label} :blue-badge[{side} {rank}]"
    return ComparedTile(Tile(tile.image_id, label, tile.note), True)
