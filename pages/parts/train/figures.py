"""The numbers of a training run: of its last report, and of the finished model."""

from __future__ import annotations

from typing import Any

import streamlit as st

from lsr.collection.collection import Collection
from lsr.evaluation.evaluate import dense_ranks
from lsr.evaluation.measures import summarize
from lsr.evaluation.pairs import load_pairs
from lsr.exceptions import CollectionError, ModelError, UnknownNameError
from lsr.storage.files import read_json
from lsr.storage.places import home
from lsr.training.jobs import Job
from lsr.training.lexical.settings import TuningReport
from lsr.training.settings import settings_as_json
from pages.parts import caches, links
from pages.parts.glossary import glossed
from pages.parts.markup import escape, sentence
from pages.parts.train.verdict import show_verdict

_R1 = "Share of queries with a right answer in first place: here captions, and their own images"
_TERMS = "Mean number of terms with a weight above zero"


def teacher_recall(collection: str) -> float | None:
    """R@1 of the dense vectors on the validation split; None where it is not at hand."""
    try:
        images = caches.collection(collection)
    except (CollectionError, UnknownNameError):
        return None
    stored = "val" in images.vector_splits and len(images.caption_rows("val"))
    return _recall(images, images.fingerprint) if stored else None


@st.cache_data(max_entries=8, show_spinner="Measuring the dense teacher…")
def _recall(_images: Collection, mark: str) -> float:  # noqa: ARG001 (part of the cache key)
    return summarize(dense_ranks(load_pairs(_images, "val")))["R@1"]


def show_figures(job: Job, teacher: float | None) -> None:
    """The numbers, and where a finished model leads."""
    if job.status == "finished":
        _of_model(job)
    elif job.progress:
        if job.progress.tuning:
            _of_tuning(job.progress.tuning)
    else:
        _of_report(job, teacher)


def show_settings(job: Job) -> None:
    """What the run was told, folded away."""
    known = job.made.as_json() if job.made else None
    if job.settings is not None:
        known = settings_as_json(job.settings)
    if known is not None:
        with st.expander("Settings of this run", key="run-settings", on_change="rerun") as folded:
            if folded.open:
                shown = ((name, value) for name, value in known.items() if value is not None)
                st.table({escape(name): escape(str(value)) for name, value in shown})


def _of_tuning(report: TuningReport) -> None:
    cells = st.grid(3, min_column_width=120, gap="xsmall")
    cells.metric(
        "Loss", f"{report.loss:.3f}", help=glossed("Mean over the last steps, penalty included.")
    )
    cells.metric("Terms an image", f"{report.active_terms_image:,.0f}", help=glossed(f"{_TERMS}."))


def _of_report(job: Job, teacher: float | None) -> None:
    report = job.reports[-1]
    cells = st.grid(3, min_column_width=120, gap="xsmall")
    if report.measures:
        _recall_cell(cells, report.measures["R@1"], teacher, "the validation split")
    cells.metric("Terms a caption", f"{report.active_terms_query:,.0f}", help=glossed(f"{_TERMS}."))
    cells.metric("Terms an image", f"{report.active_terms_image:,.0f}", help=glossed(f"{_TERMS}."))


def _of_model(job: Job) -> None:
    folder = home() / "models" / job.name
    metrics: dict[str, Any] = read_json(folder / "metrics.json", ModelError)
    training: dict[str, Any] = read_json(folder / "training.json", ModelError)
    show_verdict(metrics.get("verdict"), job.name, job.collection)
    _budget_and_comparison(training)
    if "sparse" in metrics:
        _measures(metrics)
    with st.container(horizontal=True, gap="small", key="chips-model"):
        links.with_model(links.SEARCH, job.name, job.collection, "Search with this model")
        if "sparse" in metrics:
            links.with_model(links.EXPANSION, job.name, job.collection, "Compare on Expansion")


def _budget_and_comparison(training: dict[str, Any]) -> None:
    """A missed target, and what held-out captions said of tuning."""
    if (budget := training.get("budget")) and not budget["ok"]:
        st.warning(sentence(budget["says"]), icon=":material/warning:")
    if held_out := training.get("held_out"):
        before, after = held_out["before"], held_out["after"]
        verb = (
            "helped, so the tuned form is the model"
            if held_out["kept"]
            else ("did not help, so the closed form is the model")
        )
        st.markdown(
            f":material/balance: **Tuning {verb}.** MRR@10 of {held_out['captions']:,} held-out "
            f"captions ({escape(held_out['where'])}): {before:.3f} in closed form, {after:.3f} "
            "tuned."
        )
    if added := training.get("added_terms"):
        st.markdown(f":material/filter_alt: {sentence(added['says'])}")


def _measures(metrics: dict[str, Any]) -> None:
    """The numbers behind the verdict."""
    cells = st.grid(3, min_column_width=120, gap="xsmall")
    split = f"split {metrics['split']}"
    _recall_cell(cells, metrics["sparse"]["R@1"], metrics["dense"]["R@1"], split)
    active = metrics["active_terms"]
    cells.metric("Terms a caption", f"{active['query']:,.0f}", help=glossed(f"{_TERMS}."))
    cells.metric("Terms an image", f"{active['image']:,.0f}", help=glossed(f"{_TERMS}."))
    cells.metric(
        "R@10",
        f"{metrics['sparse']['R@10']:.3f}",
        help=glossed("Share of queries with a right answer among the first ten."),
    )
    cells.metric(
        "FLOPs",
        f"{metrics['flops']:.1f}",
        help=glossed(
            "Active terms that a random caption and a random image share: what a search costs."
        ),
    )
    if metrics["exact@20"] is None:  # terms are no words
        return
    cells.metric(
        "Exact@20",
        f"{metrics['exact@20']:.2f}",
        help=glossed(
            "Share of a caption's 20 strongest terms that it says itself. Near 0, the terms are "
            "a code that nobody can read."
        ),
    )


def _recall_cell(cells: Any, value: float, teacher: float | None, where: str) -> None:
    beside = f" The dense teacher has {teacher:.3f}." if teacher else ""
    cells.metric(
        "R@1",
        f"{value:.3f}",
        f"{value / teacher:.0%} of teacher" if teacher else None,
        delta_color="off",
        delta_arrow="off",
        help=glossed(f"{_R1}, on {where}.{beside}"),
    )
