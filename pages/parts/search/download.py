"""Hits to take away: with what made their scores, or as a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import streamlit as st

from lsr.exports.cells import harmless_table
from lsr.index.limits import MAX_K
from lsr.index.protocol import Hit
from lsr.search.results import SearchResult, SearchSettings, hits_as_json, hits_as_rows
from lsr.search.trec_run import run_lines, run_tag
from pages.parts.messages import mistakes_shown

COUNTS = (24, 100, MAX_K)


def offer_hits(
    search: Callable[[SearchSettings], SearchResult], settings: SearchSettings, model: str
) -> None:
    """The box of downloads; hits are searched for when a button is pressed."""
    with st.popover("Download", icon=":material/download:"), mistakes_shown():
        count = st.segmented_control(
            "Hits", COUNTS, default=100, format_func=lambda n: f"{n:,}", required=True
        )
        wanted = replace(settings, k=int(count or 100), skip=0)
        with st.container(horizontal=True, gap="xsmall"):
            for label, make, mime in (
                ("CSV", lambda: as_csv(search(wanted)), "text/csv"),
                ("JSON", lambda: as_json(search(wanted)), "application/json"),
                ("TREC run", lambda: as_trec(search(wanted), model), "text/plain"),
            ):
                ending = "run" if label == "TREC run" else label.lower()
                st.download_button(
                    label,
                    make,
                    file_name=f"hits.{ending}",
                    mime=mime,
                    on_click="ignore",
                    key=f"hits-{ending}",
                )
        st.caption(
            "CSV: a row for each term that adds to a score. JSON: as `search --json` prints it. "
            "TREC run: ranks and scores alone."
        )


def as_csv(result: SearchResult) -> bytes:
    """A row for each term of each hit."""
    columns = ["rank", "image_id", "score", "term", "query_weight", "image_weight", "product"]
    table = pd.DataFrame(hits_as_rows(result.hits), columns=columns)
    return harmless_table(table).to_csv(index=False).encode()


def as_json(result: SearchResult) -> bytes:
    """What the command `search --json` answers."""
    told = {
        "query": result.query,
        "query_terms": [term._asdict() for term in result.query_terms],
        "hits": hits_as_json(result.hits),
        "seconds": result.seconds,
    }
    return json.dumps(told, ensure_ascii=False, indent=1).encode()


def as_trec(result: SearchResult, model: str) -> bytes:
    """The lines of a run whose only query is named 1."""
    hits = [Hit(hit.image_id, hit.score) for hit in result.hits]
    return "".join(run_lines("1", hits, run_tag(model))).encode()
