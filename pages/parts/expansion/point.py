"""The point where the knob stands against a baseline: which queries flip, and why."""

from __future__ import annotations

import streamlit as st

from lsr.collection.collection import Collection
from lsr.evaluation.measures import RANK_MEASURES
from lsr.sweep.knobs import Knob
from lsr.sweep.laboratory import Laboratory
from lsr.sweep.nulls import NULLS
from lsr.sweep.points import Difference, Flip, Point, compare
from pages.parts import address, caches, cards
from pages.parts.expansion.curve import DRAWS
from pages.parts.expansion.knobs import Turned
from pages.parts.expansion.setting import Setting
from pages.parts.glossary import glossed
from pages.parts.links import to_search, to_terms
from pages.parts.markup import escape

_FULL, _LITERAL, _OTHER, _NULL = "full", "literal", "other", "null"
_SHOWN = 8


def show_point(setting: Setting, turned: Turned) -> None:
    """The configuration, the difference with its interval, and the flips."""
    model = setting.models[0]
    if address.read_text("point") not in (None, *setting.models):
        address.write("point", None)  # another model was chosen since
    if len(setting.models) > 1:
        named = {name: name for name in setting.models}
        model = address.choose("point", "Point of", named, setting.models[0])
    options = {_FULL: "Every term", _LITERAL: "Literal terms only"}
    for other in setting.models:
        if other != model:
            options[_OTHER] = f"{other} at the same setting"
    if setting.null and model == setting.models[0]:
        options[_NULL] = f"{NULLS[setting.null]}, at the same setting"
    # At full expansion the usual baseline would be the point itself.
    whole = turned.knob.control in ("caption", "mean", "word") and turned.value == 1
    default = _LITERAL if whole else _FULL
    raw = address.option("baseline", [_FULL, _LITERAL, _OTHER, _NULL], default)
    baseline = raw if raw in options else default
    st.segmented_control(
        "Against",
        list(options),
        format_func=options.__getitem__,
        required=True,
        help=glossed("What the point is compared with: the same model unless another is named."),
        **address.bound("baseline", baseline, default),
    )
    measure = setting.y if setting.y in RANK_MEASURES else "R@1"
    found = _compare(
        _laboratory(setting, model),
        _other(setting, model, baseline),
        turned.knob,
        turned.value,
        baseline,
        measure,
        setting.null if baseline == _NULL else "",
        model,
        *_marks(setting),
    )
    st.markdown(
        f"**{escape(model)}**, {escape(str(turned.knob))} = {turned.value:g}, "
        f"{setting.direction}, split {escape(setting.split)}, seed {DRAWS.seed}, "
        f"against *{escape(options[baseline])}*"
    )
    _metrics(found)
    if not found.flips:
        st.info(
            "No query changes: both settings rank every right answer the same. Turn the knob, or "
            "choose another baseline."
        )
        return
    st.caption(
        "The largest losses and gains, with the terms that decide between the right answer and "
        "its rival. A minus means that the term now speaks less for the right one."
    )
    images, texts = caches.collection(setting.collection), _texts(setting)
    for place, flip in enumerate(found.flips):
        _show_flip(flip, place, f"{measure} {{}}; {_outcome(turned)} {{}}", texts, images)


def _laboratory(setting: Setting, model: str) -> Laboratory:
    return setting.laboratory(model)


def _other(setting: Setting, model: str, baseline: str) -> Laboratory:
    """The laboratory of the baseline of a model's point."""
    if baseline == _OTHER:
        model = next(name for name in setting.models if name != model)
    null = setting.null if baseline == _NULL else ""
    return setting.laboratory(model, null)


def _marks(setting: Setting) -> tuple[str, ...]:
    images = caches.collection(setting.collection)
    heads = [caches.model(model).fingerprint for model in setting.models]
    return images.fingerprint, setting.split, setting.queries, setting.direction, *heads


@st.cache_data(max_entries=200, show_spinner="Comparing query by query…")
def _compare(
    _ready: Laboratory,
    _other: Laboratory,
    knob: Knob,
    value: float,
    baseline: str,
    measure: str,
    *marks: str,  # noqa: ARG001 (only part of the key)
) -> Difference:
    point = _ready.point(knob, value, DRAWS.seed)
    before = {
        _FULL: Point(_ready.task, Knob("caption"), 1.0),
        _LITERAL: Point(_ready.task, Knob("caption"), 0.0),
        _OTHER: _other.point(knob, value, DRAWS.seed),
        _NULL: _other.point(knob, value, DRAWS.seed),
    }[baseline]
    return compare(before, point, _ready.model.vocabulary, measure, most=_SHOWN)


def _metrics(found: Difference) -> None:
    cells = st.grid(3, min_column_width=120, gap="xsmall")
    cells.metric(
        f"Change of {found.measure}",
        f"{found.mean:+.4f}",
        f"{found.low:+.4f} … {found.high:+.4f}",
        help=glossed(
            "Mean over all queries, over coins and draws. Below it its 95 % interval: a paired "
            "bootstrap, 2,000 resamples of images with all their captions. An interval without 0 "
            "is unlikely to be chance."
        ),
        delta_color="off",
        delta_arrow="off",
    )
    cells.metric("Queries that lose", f"{found.lost:,}", help=glossed(f"Of {found.n_queries:,}."))
    cells.metric("Queries that gain", f"{found.gained:,}", help=glossed(f"Of {found.n_queries:,}."))


def _texts(setting: Setting) -> dict[str, str]:
    images = caches.collection(setting.collection)
    if setting.queries:
        found = images.query_set(setting.queries)
        return dict(zip(found.ids, found.texts, strict=True))
    rows = images.caption_rows(setting.split)
    return {images.caption_ids[row]: images.caption_texts[row] for row in rows}


def _outcome(turned: Turned) -> str:
    """Of which outcome of the knob a rank is told, where it has several."""
    if turned.knob.control == "caption" and turned.value < 1:
        return "without expansion rank"
    return "in the first draw rank" if turned.knob.random else "rank"


def _show_flip(flip: Flip, place: int, told: str, texts: dict[str, str], ready: Collection) -> None:
    lost = flip.after < flip.before
    change = told.format(
        f"{flip.before:.2f} → {flip.after:.2f}",
        f"{_rank(flip.rank_before)} → {_rank(flip.rank_after)}",
    )
    with st.container(border=True, key=f"flip-{place}"):
        words, answer, rival = st.columns([4, 1, 1], vertical_alignment="top")
        with words:
            if text := texts.get(flip.query_id, ""):
                to_search(text, escape(text))
            else:
                cards.show_tiles(
                    ready, [cards.Tile(flip.query_id, "query")], key=f"flip-{place}-query", width=80
                )
            st.markdown(
                f"{':material/south: Lost' if lost else ':material/north: Gained'}: {change}"
            )
            if flip.terms:
                weights = [f"{value:+.2f}" for _, value in flip.terms]
                to_terms([term for term, _ in flip.terms], weights, key=f"flip-terms-{place}")
        for column, title, name in (
            (answer, "right", flip.answer_id),
            (rival, "rival", flip.rival),
        ):
            with column:
                if not name:
                    continue
                if name in texts:
                    st.caption(f"**{title}**")
                    to_search(texts[name], escape(texts[name]))
                else:
                    cards.show_tiles(
                        ready, [cards.Tile(name, title)], key=f"flip-{place}-{title}", width=80
                    )


def _rank(rank: int) -> str:
    return str(rank) if rank else "no hit"
