"""Two rankings of one query beside each other: moved ranks, how far they agree, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from lsr.evaluation.measures import overlap_at, rank_biased_overlap
from lsr.exceptions import InputError
from lsr.index.limits import MAX_K
from lsr.search.ranking import Ranking
from lsr.search.results import SearchResult, SearchSettings
from lsr.search.searcher import Searcher
from pages.parts import address, cards, pictures
from pages.parts.glossary import glossed
from pages.parts.markup import escape
from pages.parts.messages import show_mistake
from pages.parts.search.edit import Edit
from pages.parts.search.why import show_why

_HERE = Path(__file__).parent
_LISTS = st.components.v2.component(
    "lexiscope_side_by_side",
    html="<div class='pair'></div>",
    css=(_HERE / "side_by_side.css").read_text("utf-8"),
    js=(_HERE / "side_by_side.js").read_text("utf-8"),
)
KEY = "side-by-side"
P = 0.9
_WHERE = "where"  # a term that is looked for in one picture is not looked for in the next


@dataclass(frozen=True)
class Column:
    """One of the two rankings.

    name: which search it is. result: with what it was searched; None for the dense teacher.
    """

    name: str
    ready: Searcher
    ranked: Ranking
    settings: SearchSettings
    edit: Edit
    result: SearchResult | None

    @property
    def ids(self) -> list[str]:
        """All hits, best first, as far as a search returns them."""
        return [str(self.ranked.ids[row]) for row in self.ranked.order[:MAX_K]]

    def notes(self) -> dict[str, str]:
        """What added most to the score of each hit that is shown."""
        if self.result is None:
            return {}
        return {
            hit.image_id: " · ".join(f"{c.term} {c.product:.1f}" for c in hit.contributions[:3])
            for hit in self.result.hits
        }


def show_agreement(left: Column, right: Column) -> None:
    """How far the two rankings agree, in two figures."""
    k = left.settings.k
    share = overlap_at(left.ids, right.ids, k)
    agreement = rank_biased_overlap(left.ids, right.ids, P)
    st.markdown(
        f"**Overlap@{k} {share:.2f}** ({round(share * k)} of {k}) · **RBO {agreement:.2f}**",
        help=glossed(
            f"Overlap@{k}: how many of the first {k} of both lists are the same images. RBO: "
            f"rank-biased overlap at p = {P:g}, where a place counts less the lower it is, so "
            "that the first ten have 86 % of the weight (Webber, Moffat and Zobel 2010). 1 for "
            "equal rankings, 0 for nothing shared."
        ),
    )


def show_lists(
    left: Column,
    right: Column,
    *,
    gold: Mapping[str, str],
    selected: str | None,
    opens: str = "hit",
) -> None:
    """Both lists with a line between the two places of each image.

    Args:
        opens: the part of the address that an image is written to when it is clicked on.
    """
    sides = [_told(left, right), _told(right, left)]
    shown = list(dict.fromkeys(row["id"] for side in sides for row in side["rows"]))
    here = {k: v for k, v in st.query_params.to_dict().items() if k not in (opens, _WHERE)}
    images = left.ready.collection
    _LISTS(
        key=KEY,
        data={
            "sides": sides,
            "pictures": pictures.addresses(images, shown, key=KEY),
            "captions": {i: cards.description(images, i) for i in shown},
            "gold": dict(gold),
            "selected": selected,
            "here": here,
            "opens": opens,
        },
        on_hit_change=lambda: _open(opens),
    )


@address.whole
def _open(opens: str) -> None:
    address.write(opens, st.session_state[KEY]["hit"] or None)
    address.write(_WHERE, None)


def _told(column: Column, other: Column) -> dict[str, Any]:
    skip, k = column.settings.skip, column.settings.k
    notes = column.notes()
    return {
        "name": column.name,
        "rows": [
            {
                "id": image_id,
                "rank": rank,
                "score": column.ranked.score(image_id),
                "there": other.ranked.rank(image_id),
                "note": notes.get(image_id, ""),
            }
            for rank, image_id in enumerate(column.ids[skip : skip + k], skip + 1)
        ],
    }


def show_whys(
    columns: Sequence[Column], image_id: str, gold: Mapping[str, str], *, comparable: bool
) -> None:
    """Why an image stands where it stands, in each of the rankings."""
    for place, column in enumerate(columns):
        try:
            if column.result is None:
                _show_dense(column, image_id)
                continue
            show_why(
                column.ready,
                column.result,
                image_id,
                column.settings,
                column.ranked,
                gold,
                comparable=comparable,
                name=f"**{escape(column.name)}**",
                side="beside" if place else "",
            )
        except InputError as mistake:
            show_mistake(mistake)


def _show_dense(column: Column, image_id: str) -> None:
    rank = column.ranked.rank(image_id)
    st.header(f"In **{escape(column.name)}**", anchor=False)
    if image_id not in column.ranked.row_of:
        return
    place = f"Rank {rank:,} of {len(column.ranked):,}" if rank else "Kept out by a filter"
    st.markdown(f"**{place}** · cosine {column.ranked.score(image_id):.3f}")
    st.caption("A cosine of two dense vectors has no terms to explain it by.")
