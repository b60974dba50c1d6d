"""Expansion: what more or fewer terms do to accuracy, for two models side by side."""

from __future__ import annotations

import streamlit as st

from lsr.collection import Collection
from lsr.exceptions import CollectionError
from lsr.sweep import SweepRow
from pages.parts import address, caches, cards, charts, curves, explain
from pages.parts.choice import Choice, current_choice, names, read_name
from pages.parts.frame import draw
from pages.parts.knobs import Knob, turn_knob
from pages.parts.markup import escape
from pages.parts.messages import mistakes_shown
from pages.parts.pinned import Pinned, pin

NO_MODEL = "none"


def show() -> None:
    """Draw the page."""
    choice = current_choice()
    images = caches.collection(choice.collection)
    st.title("Expansion", anchor=False)
    st.caption(
        "How many terms may a caption use, and how well does it then find its image? Every "
        "caption of the split is a query; exactly one image is its answer."
    )
    with mistakes_shown():
        with st.container(horizontal=True, gap="small"):
            with st.popover("What the knobs do", icon=":material/school:"):
                st.markdown(explain.KNOBS)
            with st.popover("Split and second model", icon=":material/compare:"):
                split, against = _setting(choice, images)
        models = [choice.model] + ([against] if against != NO_MODEL else [])
        _explore(choice, models, split)


def _setting(choice: Choice, images: Collection) -> tuple[str, str]:
    """The split that is measured and the second model."""
    splits = measurable_splits(images)
    others = [name for name in names("models") if name != choice.model]
    default_split = "test" if "test" in splits else splits[0]
    default_other = preferred_other(others)
    split = address.read_option("split", splits, default_split)
    raw = address.read_text("against")
    against = default_other if raw is None else read_name("model", raw, [*others, NO_MODEL])
    st.selectbox(
        "Measured on",
        splits,
        help="A split of the collection whose captions have stored vectors.",
        **address.bound("split", split, default_split),
    )
    st.selectbox(
        "Beside the model of the sidebar",
        [*others, NO_MODEL],
        help="A second model, measured on the same captions.",
        **address.bound("against", against, default_other),
    )
    return split, against


def measurable_splits(images: Collection) -> list[str]:
    """Splits with captions whose vectors are stored.

    Raises:
        CollectionError: there is none.
    """
    splits = [split for split in images.vector_splits if len(images.caption_rows(split))]
    if not splits:
        raise CollectionError(
            f"Collection `{images.name}` holds no caption vectors, so nothing can be measured. "
            "Choose another collection in the sidebar."
        )
    return splits


def preferred_other(others: list[str]) -> str:
    """The second model where the address names none."""
    if not others:
        return NO_MODEL
    return "demo-uncontrolled" if "demo-uncontrolled" in others else others[0]


@st.fragment
def _explore(choice: Choice, models: list[str], split: str) -> None:
    """Everything that moves with the knob; the rest of the page stays as it is."""
    with mistakes_shown():
        left, right = st.columns([5, 2], gap="medium")
        with right:
            axis = _choose_axis()
        with left:
            knob = turn_knob()
        teacher = caches.teacher(choice.collection, models[0], split)
        grids: dict[str, list[SweepRow]] = {}
        for column, model in zip(_columns(models), models, strict=True):
            with column, mistakes_shown():
                st.subheader(escape(model), anchor=False)
                rows = caches.grid(choice.collection, model, split, knob.control, knob.values)
                grids[model] = rows
                _show_curve(model, rows, rows[knob.place], teacher, axis)
        charts.table_twin(curves.grid_table(grids), name=f"sweep-{knob.control}", key="sweep")
        _show_pinned(choice, models, knob)


def _choose_axis() -> str:
    """What accuracy is drawn against."""
    axis = address.read_option("axis", list(curves.AXES), "active")
    st.segmented_control(
        "Drawn against",
        list(curves.AXES),
        format_func={"active": "Active terms", "flops": "FLOPs"}.__getitem__,
        required=True,
        help="Active terms: how many terms a caption uses. FLOPs: how many active terms a "
        "random caption and a random image share, which is what a search costs.",
        **address.bound("axis", axis, "active"),
    )
    return axis


def _columns(models: list[str]) -> list:  # type: ignore[type-arg]
    return list(st.columns(len(models), gap="medium"))


def _show_curve(
    model: str, rows: list[SweepRow], current: SweepRow, teacher: dict[str, float], axis: str
) -> None:
    _metrics(current, teacher)
    st.plotly_chart(
        curves.curve_figure(rows, current, teacher, charts.colours(), axis),
        key=f"curve-{model}",
        alt=curves.curve_alt(model, rows, current, axis),
        config=charts.CONFIG,
    )


_MEASURE_HELP = {
    "R@1": "Share of captions whose image comes first.",
    "R@5": "Share of captions whose image is among the first five.",
    "MRR@10": "Mean of 1/rank of the image, 0 below rank ten.",
}


def _metrics(row: SweepRow, teacher: dict[str, float]) -> None:
    cells = st.grid(3, min_column_width=100, gap="xsmall")
    for measure in curves.MEASURES:
        share = row.mean[measure] / teacher[measure] if teacher[measure] else 0.0
        cells.metric(
            measure,
            f"{row.mean[measure]:.3f}",
            f"{share:.0%} of teacher",
            delta_color="off",
            delta_arrow="off",
            help=f"{_MEASURE_HELP[measure]} The dense teacher has {teacher[measure]:.3f}.",
        )
    cells.metric(
        "Active terms", f"{row.active_terms_query:.1f}", help="Mean number of terms of a caption."
    )
    cells.metric(
        "FLOPs",
        f"{row.flops:.1f}",
        help="Active terms that a random caption and a random image share.",
    )
    cells.metric(
        "Postings",
        f"{row.posting_cost:,.0f}",
        help="Entries of the inverted index that a search touches, on average.",
    )


def _show_pinned(choice: Choice, models: list[str], knob: Knob) -> None:
    images = caches.collection(choice.collection)
    examples = cards.example_queries(images, 1)
    default = examples[0] if examples else "dog"
    st.subheader("One query under the knob", anchor=False)
    text = address.read_text("q")
    text = default if text is None else text
    st.text_input(
        "Pinned query",
        help="Its terms and results change with the knob above.",
        **address.bound("q", text, default),
    )
    for column, model in zip(_columns(models), models, strict=True):
        with column, mistakes_shown():
            ready = caches.searcher(Choice(choice.collection, model, choice.engine))
            _show_pinned_in(ready.collection, model, pin(ready, text, knob))


def _show_pinned_in(images: Collection, model: str, pinned: Pinned) -> None:
    st.caption(f"In {escape(model)}")
    charts.term_bars(
        pinned.bars,
        charts.ORIGINS,
        key=f"pinned-{model}",
        alt=f"Weights that the knob leaves to the terms of the pinned query in {model}: "
        + ", ".join(f"{bar.term} {bar.weight:.2f}" for bar in pinned.bars[:5]),
        axis="weight that the knob leaves",
        limit=pinned.limit,
    )
    charts.table_twin(
        charts.bars_table(pinned.bars, charts.ORIGINS), name="pinned", key=f"pinned-{model}"
    )
    for place, outcome in enumerate(pinned.outcomes):
        st.caption(escape(outcome.title))
        if outcome.hits:
            tiles = [
                cards.Tile(hit.image_id, f"**{hit.rank}** · {hit.score:.2f}")
                for hit in outcome.hits
            ]
            cards.show_tiles(images, tiles, key=f"pinned-{model}-{place}", width=80)
        else:
            st.caption("No image shares an active term.")


draw(show)
