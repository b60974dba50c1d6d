"""The board: a query's terms to turn, and the images that they find, re-ranked in the browser.

Its JavaScript gets the postings of the query's terms and ranks as the engine does while a slider
moves; when it is let go, the edit is written to the address and the search is made here.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from lsr.search.live import LivePostings, live_postings
from lsr.search.results import ExplainedHit, SearchResult, SearchSettings
from lsr.search.searcher import Searcher
from lsr.search.terms import QueryTerm
from lsr.search.understood import active_words
from pages.parts import address, cards, links, pictures
from pages.parts.search.edit import Edit, add_term, drop_term, write_edit

_HERE = Path(__file__).parent
_BOARD = st.components.v2.component(
    "lexiscope_board",
    html=(_HERE / "board.html").read_text("utf-8"),
    css=(_HERE / "board.css").read_text("utf-8"),
    js=(_HERE / "board.js").read_text("utf-8"),
)
KEY = "board"
# Of each term, so many of its best images have their pictures ready when a slider moves.
_READY_EACH, _MOST_READY = 12, 300
_SLIDERS = 12  # of the terms that the board shows at first
_MOST_KNOWN = 500


def show_board(
    ready: Searcher,
    result: SearchResult,
    settings: SearchSettings,
    edit: Edit,
    *,
    tile: int,
    selected: str | None = None,
    gold: Mapping[str, str] | None = None,
    of_picture: bool = False,
    strip: bool = False,
) -> None:
    """Draw the board and do what a person asks of it.

    Args:
        settings: those of the search. tile: least pixels of a tile. selected: the hit that is
            explained. gold: marks of images that are known to answer, by id. of_picture: no term is
            said. strip: the terms alone, folded, where lists stand below.
    """
    terms = _terms(result, edit, ready)
    numbers = [ready.model.vocabulary.id_of(one.term) for one in terms]
    allowed = ready.memory.allowed(ready.allowed(settings))
    live = live_postings(ready.memory, numbers, allowed)
    ids = [ready.memory.ids[row] for row in live.rows.tolist()]
    hits = [] if strip else result.hits
    turned = sorted(
        range(len(terms)), key=lambda i: (terms[i].term not in edit.terms, -terms[i].weight)
    )
    likely = [] if strip else _likely(live, ids, turned[:_SLIDERS])
    shown = list(dict.fromkeys([*(hit.image_id for hit in hits), *likely]))
    here = {k: v for k, v in st.query_params.to_dict().items() if k != "hit"}
    images = ready.collection
    _BOARD(
        key=KEY,
        data={
            "terms": [
                {
                    "term": one.term,
                    "weight": one.weight,
                    "origin": "expansion"
                    if of_picture and one.term not in edit.add
                    else one.origin,
                    "added": one.term in edit.add,
                }
                for one in terms
            ],
            "postings": _packed(live),
            "ids": ids,
            "hits": [_told(hit, result) for hit in hits],
            "k": 0 if strip else settings.k,
            "strip": strip,
            "skip": settings.skip,
            "expansion": settings.expansion,
            "most": settings.max_query_terms or 0,
            "edit": edit.for_browser(),
            "pictures": pictures.addresses(images, shown[:_MOST_READY], key=KEY),
            "captions": {i: cards.description(images, i) for i in shown[:_MOST_READY]},
            "gold": dict(gold or {}),
            "selected": selected,
            "tile": tile,
            "picture": of_picture,
            "known": active_words(ready)[:_MOST_KNOWN],
            "here": here,
            "carried": links.parameters(st.query_params.to_dict()),
        },
        on_edit_change=_edited,
        on_add_change=lambda: _added(result),
        on_drop_change=_dropped,
        on_hit_change=_opened,
    )


@address.whole
def _opened() -> None:
    address.write("hit", st.session_state[KEY]["hit"] or None)


@address.whole
def _dropped() -> None:
    drop_term(st.session_state[KEY]["drop"])


@address.whole
def _edited() -> None:
    write_edit(st.session_state[KEY]["edit"])


@address.whole
def _added(result: SearchResult) -> None:
    """Add a term with the weight of the query's strongest; an unknown one is said by the search."""
    word = str(st.session_state[KEY]["add"])
    weight = max((one.weight for one in result.plain_terms), default=1.0)
    add_term(" ".join(word.split()), round(weight, 2))


def _terms(result: SearchResult, edit: Edit, ready: Searcher) -> list[QueryTerm]:
    """All terms that the board may need, in the order of their numbers, weights unturned."""
    found = {one.term: one for one in result.plain_terms}
    names, id_of = ready.model.vocabulary.terms, ready.model.vocabulary.id_of
    for word in edit.terms:
        term = names[id_of(word)]
        found.setdefault(term, QueryTerm(term, 0.0, "expansion"))
    for word, weight in edit.add.items():
        term = names[id_of(word)]
        found[term] = QueryTerm(term, float(np.float32(weight)), "literal")
    return sorted(found.values(), key=lambda one: id_of(one.term))


def _packed(live: LivePostings) -> list[dict[str, Any]]:
    return [
        {
            "places": b64encode(places.astype("<u4").tobytes()).decode(),
            "weights": b64encode(weights.astype("<f4").tobytes()).decode(),
            "cut": cut,
        }
        for places, weights, cut in zip(live.places, live.weights, live.cuts, strict=True)
    ]


def _likely(live: LivePostings, ids: Sequence[str], terms: Sequence[int]) -> list[str]:
    """The images that come up when a term is turned up: the best of each term, in turns."""
    best = [
        live.places[i][np.argsort(-live.weights[i], kind="stable")[:_READY_EACH]].tolist()
        for i in terms
    ]
    turns = (one[turn] for turn in range(_READY_EACH) for one in best if turn < len(one))
    return [ids[place] for place in dict.fromkeys(turns)]


def _told(hit: ExplainedHit, result: SearchResult) -> dict[str, Any]:
    origins = {one.term: one.origin for one in result.query_terms}
    return {
        "id": hit.image_id,
        "rank": hit.rank,
        "score": hit.score,
        "parts": [[c.term, c.product, origins[c.term]] for c in hit.contributions],
    }
