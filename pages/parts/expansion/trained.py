"""The fifth knob, turned while training: the shipped ablation, and one's own models beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from lsr.ablation.reading import AblationTables, read_ablation, trained_models
from lsr.figures.trained import (
    RUN_LABELS,
    controls_figure,
    mismatch_figure,
    mismatch_table,
    sizes_figure,
)
from lsr.sweep.knobs import Knob
from pages.parts import address, caches, charts, explain
from pages.parts.choice import Choice
from pages.parts.expansion.dial import show_dial
from pages.parts.expansion.setting import choose_null, measurable_splits
from pages.parts.glossary import glossed
from pages.parts.markup import escape

_ACCURACY = (
    *("R@1", "literal_R@1", "queries_R@1", "queries_literal_R@1"),
    *("exact@20", "semantic@20", "overlap@10"),
)
_COST = ("flops", "active_terms_image", "active_terms_query")


# Rates at which the mismatch of training and search is measured.
_RATES = np.linspace(0, 1, 11)


def show_trained(choice: Choice) -> None:
    """Controls against each other, the mismatch of training and search, and the head's size."""
    show_dial(choice)
    tables = read_ablation()
    if tables is None:
        st.info(
            "No ablation is shipped with this copy. Run "
            "`python -m lsr ablate --out assets/ablation` to train the grid."
        )
        return
    null = choose_null(st.container())
    nulls = _null_rows(choice, null) if null else []
    if nulls:
        st.caption(f"{explain.NULLS[null]} Measured with {escape(choice.model)}.")
    _show_controls(tables, choice.collection, nulls)
    if tables.mismatch:
        _show_mismatch(tables, nulls)
    if sizes := tables.study("size"):
        _show_sizes(sizes, nulls)
    st.caption("These heads are small, so that the grid trains on two CPU cores. Made by")
    st.code(tables.command or "python -m lsr ablate", language="bash", wrap_lines=True)


def _null_rows(choice: Choice, null: str) -> list[dict]:  # type: ignore[type-arg]
    """The null of the sidebar's model as rows of the ablation, one for each inference rate."""
    images = caches.collection(choice.collection)
    splits = measurable_splits(images)
    split = "test" if "test" in splits else splits[0]
    ready = caches.laboratory(choice.collection, choice.model, split, "text-to-image", null)
    *_, last = ready.sweeping(Knob("caption"), _RATES)
    rows = [row.as_dict() for row in last.rows]
    told = {"control": "null", "regularizer_weight": 0.0, "literal_R@1": rows[0]["R@1"]}
    return [
        {**row, **told, "rate": row["value"], "active_terms_image": row["active_terms_document"]}
        for row in rows
    ]


def _show_controls(
    tables: AblationTables,
    collection: str,
    nulls: list[dict],  # type: ignore[type-arg]
) -> None:
    st.header("What each control gives", anchor=False)
    st.caption(
        "Each point is a mean over seeds, one for every weight of the regularizer. With all terms, "
        "the more expansion a head was allowed, the better it ranks. With the caption's own words "
        "alone it is the other way round: without control (none) they find nothing."
    )
    with st.container(horizontal=True, gap="medium"):
        measured = _measured(tables.study("controls"))
        y = address.option("trained-y", measured, "literal_R@1")
        x = address.option("trained-x", _COST, "flops")
        own = address.flag("own", False)
        st.selectbox(
            "Accuracy",
            measured,
            format_func=RUN_LABELS.__getitem__,
            **address.bound("trained-y", y, "literal_R@1"),
        )
        st.selectbox(
            "Cost",
            _COST,
            format_func=RUN_LABELS.__getitem__,
            **address.bound("trained-x", x, "flops"),
        )
        st.toggle(
            "Add the installed models",
            help=glossed(
                "Models trained on this collection, with the metrics kept beside them. They have "
                "other sizes and recipes than the grid."
            ),
            **address.bound("own", own, default=False, as_text=address.flag_text),
        )
    rows = tables.study("controls")
    if own:
        rows = rows + trained_models(caches.collection(collection).fingerprint)
    rows = rows + nulls[-1:]  # at full expansion, as all rows are
    st.plotly_chart(
        controls_figure(rows, charts.colours(), x=x, y=y),
        key="controls",
        config=charts.CONFIG,
        alt=_controls_alt(rows, x, y),
    )
    columns = ["control", "regularizer_weight", "seed", *measured, *_COST]
    table = pd.DataFrame(rows).reindex(columns=columns)
    charts.table_twin(table, name="ablation", key="controls")


def _measured(rows: list[dict]) -> list[str]:  # type: ignore[type-arg]
    """The measures that the runs have; only some were measured on a query set as well."""
    return [name for name in _ACCURACY if any(row.get(name) is not None for row in rows)]


def _controls_alt(rows: list[dict], x: str, y: str) -> str:  # type: ignore[type-arg]
    means = pd.DataFrame(rows).groupby("control")[[x, y]].mean()
    return "Means over weights and seeds: " + "; ".join(
        f"{name}: {RUN_LABELS[y]} {row[y]:.3f} at {RUN_LABELS[x]} {row[x]:.3g}"
        for name, row in means.iterrows()
    )


def _show_mismatch(tables: AblationTables, nulls: list[dict]) -> None:  # type: ignore[type-arg]
    st.header("Trained at one rate, searched at another", anchor=False)
    st.caption(
        "Rows: the rate of expansion while training. Columns: the caption-level rate while "
        "searching. A head trained without control (rate 1) knows nothing when it may not expand."
    )
    rows = [{**row, "control": _rate_of(row["control"])} for row in tables.mismatch]
    rows.sort(key=lambda row: (row["control"] == "scheduled", row["control"]))
    weights = sorted({row["regularizer_weight"] for row in rows})
    names = [f"{weight:g}" for weight in weights]
    chosen = address.option("weight", names, names[0])
    st.segmented_control(
        "Weight of the regularizer",
        names,
        required=True,
        **address.bound("weight", chosen, names[0]),
    )
    queries = _choose_searched(rows)
    rows = [
        row
        for row in rows
        if f"{row['regularizer_weight']:g}" == chosen and row["queries"] == queries
    ]
    if not queries:
        rows += [{**row, "rate": round(row["rate"], 2)} for row in nulls]
    controls, rates, values = mismatch_table(rows)
    table = pd.DataFrame(values, index=controls, columns=[f"{rate:g}" for rate in rates])
    st.plotly_chart(
        mismatch_figure(rows, charts.colours()),
        key="mismatch",
        config=charts.CONFIG,
        alt="R@1 by training rate and search rate; the table below has the numbers",
    )
    charts.table_twin(
        table.rename_axis("trained at").reset_index(), name="mismatch", key="mismatch"
    )


def _choose_searched(rows: list[dict]) -> str:  # type: ignore[type-arg]
    """The query set that searches, empty for the captions."""
    sets = list(dict.fromkeys(row["queries"] for row in rows))
    if len(sets) == 1:
        return str(sets[0])
    labels = {one or "captions": one.capitalize() or "Captions" for one in sets}
    chosen = address.choose("searched", "Searched with", labels, next(iter(labels)))
    return "" if chosen == "captions" else chosen


def _rate_of(control: str) -> str:
    """A control as the rate it trains at."""
    named = {"literal": "0", "none": "1"}
    return named.get(control, control.removeprefix("constant:"))


def _show_sizes(rows: list[dict], nulls: list[dict]) -> None:  # type: ignore[type-arg]
    st.header("Size of the head", anchor=False)
    palette = charts.colours()
    figure = sizes_figure(rows, palette)
    if nulls:
        figure.add_hline(
            nulls[-1]["R@1"],
            line={"color": palette.ink, "dash": "dash", "width": 1},
            annotation_text="null, all terms",
        )
    st.plotly_chart(
        figure,
        key="sizes",
        config=charts.CONFIG,
        alt="R@1 at full expansion and with literal terms only against the hidden size",
    )
    columns = ["hidden_size", "seed", *_measured(rows), *_COST, "seconds"]
    charts.table_twin(pd.DataFrame(rows)[columns], name="sizes", key="sizes")
