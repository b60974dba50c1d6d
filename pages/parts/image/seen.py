"""A picture beside its strongest terms: who says them, and where in the picture they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from PIL import Image

from lsr.encoders.loading import obstacle
from lsr.search.results import Inspection
from lsr.search.searcher import Searcher
from lsr.search.support import SaidBy, said_by
from lsr.search.where import Occlusion, occlusion
from pages.parts import address, background, caches, charts, links, mode
from pages.parts.glossary import glossed
from pages.parts.markup import sentence
from pages.parts.messages import mistakes_shown

_HERE = Path(__file__).parent
_SEEN = st.components.v2.component(
    "lexiscope_seen",
    html=(
        "<div class='seen'><figure><div class='frame'><img><canvas hidden></canvas></div>"
        "<figcaption role='status'></figcaption></figure>"
        "<div class='words'><p class='legend'></p><ol></ol></div></div>"
    ),
    css=(_HERE / "seen.css").read_text("utf-8"),
    js=(_HERE / "seen.js").read_text("utf-8"),
)
KEY = "seen"
_POLLING = "where-polls"
_EVERY, _PATIENCE = 0.7, 4.0  # seconds
_UNKNOWN = "unknown"
_LEGEND = {
    "own": "its captions say it, or a form of it",
    "other": "only captions of other images",
    "none": "no caption says it",
    _UNKNOWN: "no caption to check",
}
_HINTS: dict[str, str] = {
    "own": "A caption of this image says it",
    "form": "A caption of this image says another form of it",
    "other": "Only captions of other images say it",
    "none": "No caption of the collection says it",
    _UNKNOWN: "It is not known who says it",
}


@dataclass(frozen=True)
class Shown:
    """A picture that is looked at.

    place: its address for the browser. picture: reads it in full; None where it is not on this
    machine. mark: tells it apart from all others.
    """

    seen: Inspection
    place: str
    picture: Callable[[], Image.Image] | None
    mark: str


def show_seen(ready: Searcher, shown: Shown) -> None:
    """The picture, its terms as bars, and where they are, once that is asked."""
    polls = st.session_state.get(_POLLING, False)
    address.fragment(_show, _EVERY if polls else None)(ready, shown)


def kinds_of(ready: Searcher, seen: Inspection, *more: str) -> list[SaidBy | str]:
    """Who says each of the terms that are shown, and of some more."""
    names = [*(one.term for one in seen.terms), *more]
    if not seen.captions or not ready.model.vocabulary.says:
        return [_UNKNOWN] * len(names)
    return list(said_by(names, seen.captions, ready.model.vocabulary, caches.spoken(ready)))


def _show(ready: Searcher, shown: Shown) -> None:
    busy = False
    with mistakes_shown():
        why = _why_not(ready, shown)
        vocabulary = ready.model.vocabulary
        chosen = address.read_text("where") if not why else None
        if chosen is not None:
            chosen = vocabulary.terms[vocabulary.id_of(chosen)]
        work = _work(ready, shown, chosen) if chosen is not None else None
        running = work is not None and work.running
        found: Occlusion | None = work.latest if work is not None else None
        weights = {one.term: one.weight for one in shown.seen.terms}
        if found and chosen in found.terms:  # though it is not among the strongest
            weights.setdefault(chosen, float(found.weights[found.terms.index(chosen)]))
        kinds = kinds_of(ready, shown.seen, *list(weights)[len(shown.seen.terms) :])
        _draw(shown, weights, kinds, found, chosen, where=not why)
        if work is not None and running:
            busy = _progress(ready, shown, chosen, found)
        if why:
            st.caption(f"Where a term is cannot be shown. {sentence(why)}")
        elif chosen is None and shown.seen.terms:
            st.button(
                "Where in the picture?",
                key="where",
                icon=":material/center_focus_strong:",
                help=glossed(
                    "Blanks the picture part by part, 64 times, and sees which weights drop. Then "
                    "point at a term to see its place."
                ),
                on_click=address.write,
                args=("where", shown.seen.terms[0].term),
            )
        _twin(weights, kinds, found)
    if busy != st.session_state.get(_POLLING, False):
        st.session_state[_POLLING] = busy
        st.rerun()


def _why_not(ready: Searcher, shown: Shown) -> str:
    model, encoder = ready.model, ready.collection.encoder
    if why := model.no_pictures or (obstacle(encoder) if model.reads else None):
        return why
    if shown.picture is None:
        return "Its picture is not on this machine."
    # A picture is encoded 64 times: on a server for others only where that takes a second.
    quick = model.reads is not None and encoder == "bundled"
    return "" if quick else mode.why_not("encode")


def _key(ready: Searcher, shown: Shown, chosen: str | None) -> tuple[object, ...]:
    extra = chosen if chosen not in [one.term for one in shown.seen.terms] else None
    return "where", *caches.marks_of(ready), shown.mark, extra


def _work(ready: Searcher, shown: Shown, chosen: str) -> background.Work[Occlusion]:
    """The maps of the terms that are shown and of the chosen one.

    Raises:
        InputError: the picture cannot be read or encoded.
    """
    assert shown.picture is not None  # noqa: S101 (else it is not asked)
    key = _key(ready, shown, chosen)
    start = partial(_maps, ready, shown, chosen)
    with st.spinner("Blanking parts of the picture…"):
        work = background.follow(key, start, _PATIENCE, "pictures")
    if work.problem is not None:
        background.forget(key)
        raise work.problem
    return work


def _maps(ready: Searcher, shown: Shown, chosen: str) -> Any:
    assert shown.picture is not None  # noqa: S101 (else it is not asked)
    terms = [*(one.term for one in shown.seen.terms), chosen]
    return occlusion(shown.picture(), lambda: ready.encoder, ready.model, terms)


def _progress(ready: Searcher, shown: Shown, chosen: str | None, found: Occlusion | None) -> bool:
    done, planned = (found.done, found.planned) if found else (0, 64)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.progress(done / planned, f"{done} of {planned} parts blanked")
        if st.button("Stop", key="stop-where"):
            background.forget(_key(ready, shown, chosen))
            address.write("where", None)
            st.session_state[_POLLING] = False
            st.rerun()
    return True


def _draw(
    shown: Shown,
    weights: Mapping[str, float],
    kinds: Sequence[str],
    found: Occlusion | None,
    chosen: str | None,
    *,
    where: bool,
) -> None:
    terms = [
        {
            "term": term,
            "weight": weight,
            "kind": "own" if kind == "form" else kind,
            "hint": _HINTS[kind],
            **_place(term, found),
        }
        for (term, weight), kind in zip(weights.items(), kinds, strict=True)
    ]
    legend = _LEGEND
    if shown.seen.captions:  # then only terms that are no words are unknown
        legend = {**_LEGEND, _UNKNOWN: "no word, so no text says it"}
    _SEEN(
        key=KEY,
        data={
            "picture": shown.place,
            "alt": shown.seen.captions[0]
            if shown.seen.captions
            else f"Image {shown.seen.image_id}",
            "terms": terms,
            "legend": [{"kind": kind, "label": label} for kind, label in legend.items()],
            "chosen": chosen,
            "where": where,
            "carried": links.parameters(st.query_params.to_dict()),
        },
        on_where_change=_pointed,
    )


@address.whole
def _pointed() -> None:
    address.write("where", st.session_state[KEY]["where"] or None)


def _place(term: str, found: Occlusion | None) -> dict[str, Any]:
    """The map of a term as a list of numbers, and its place in words."""
    if found is None or not found.complete or term not in found.terms:
        return {"map": None, "place": ""}
    return {"map": found.of(term).ravel().tolist(), "place": found.place(term)}


def _twin(weights: Mapping[str, float], kinds: Sequence[str], found: Occlusion | None) -> None:
    """The terms as a table."""
    table = pd.DataFrame(
        {
            "term": list(weights),
            "weight": list(weights.values()),
            "said by": [_HINTS[kind] for kind in kinds],
            "mostly from": [_place(term, found)["place"] for term in weights],
        }
    )
    if len(table):
        charts.table_twin(table, name="image-terms", key="image")
