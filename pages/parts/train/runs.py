"""The runs of the Train page: what one is doing, its curves, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from lsr.training import jobs
from lsr.training.jobs import Job
from pages.parts import address, charts
from pages.parts.background import time_left
from pages.parts.markup import escape, sentence
from pages.parts.messages import mistakes_shown
from pages.parts.train import charts as curves
from pages.parts.train.figures import show_figures, show_settings, teacher_recall

_EVERY = 2.0  # seconds between two looks at a run that is going on


def show_runs() -> None:
    """Draw the choice of a run and the run.

    Raises:
        UnknownNameError: the address names a run that is not there.
    """
    known = jobs.jobs()
    name = address.read_text("run")
    if not known and name is None:
        st.subheader("No run yet", anchor=False)
        st.markdown(
            "Choose a recipe and start: the curves appear here and grow while it learns. A run "
            "goes on when this page is closed."
        )
        return
    name = known[0].name if name is None else name
    _choose(known, name)
    job = jobs.find_job(name)
    # Nobody looks again and again at a run that rests.
    looked_at = st.fragment(_show, run_every=_EVERY if job.alive else None)
    looked_at(name, job.alive)


def _choose(known: Sequence[Job], name: str) -> None:
    # No states in the labels: Streamlit 1.67 goes on showing the label that was chosen.
    listed = [job.name for job in known]
    st.selectbox(
        "Run",
        listed,
        index=0 if name in listed else None,
        placeholder="Choose a run",
        help="Every run keeps its curve; a finished one is a model that can be searched with.",
        **address.bound("run", name if name in listed else None),
    )


def _show(name: str, was_alive: bool) -> None:
    """Everything about one run; drawn again by itself while it is going on."""
    with mistakes_shown():
        job = jobs.find_job(name)
        if was_alive and not job.alive:
            st.rerun()
        _state(job)
        _buttons(job)
        teacher = teacher_recall(job.collection)
        if job.reports or job.status == "finished":
            show_figures(job, teacher)
        if job.reports:
            _curves(job, teacher)
        show_settings(job)


def _state(job: Job) -> None:
    """What the run is doing, in one line, and how far it is."""
    done = job.reports[-1].step / job.reports[-1].steps if job.reports else 0.0
    match job.status:
        case "waiting" | "training" if done == 1:
            st.progress(1.0, "All steps done: measuring the test captions, writing the model")
        case "waiting":
            st.progress(done, f"Getting ready, {job.seconds:.0f} s so far")
            st.caption(
                "The collection is read and its captions become dense vectors. That takes up to "
                "two minutes for the first run on a collection, a few seconds later on."
            )
        case "training":
            st.progress(done, _progress(job))
        case "failed":
            st.error(sentence(job.reason), icon=":material/error:")
        case "stopped":
            st.progress(done, f"Stopped. {_steps(job)}")
            if job.reason:
                st.warning(sentence(job.reason), icon=":material/power_off:")
        case "finished":
            st.success(
                f"**{escape(job.name)}** is trained and can be chosen in the sidebar.",
                icon=":material/check_circle:",
            )
            if job.reason:
                st.caption(sentence(job.reason))


def _progress(job: Job) -> str:
    report = job.reports[-1]
    epoch = f"Epoch {report.epoch} of {report.epochs}"
    return f"{epoch} · {_steps(job)} · {time_left(job.seconds)}"


def _steps(job: Job) -> str:
    if not job.reports:
        return "It had not reported yet."
    return f"{job.reports[-1].step:,} of {job.reports[-1].steps:,} steps"


def _buttons(job: Job) -> None:
    """Stop what is going on; resume or discard what rests."""
    if job.status == "finished":
        return
    with st.container(horizontal=True, gap="small"):
        if job.ours:
            if st.button("Stop", icon=":material/stop:", help="What it reported is kept."):
                with st.spinner("Stopping…"):
                    jobs.stop(job)
                st.rerun()
            return
        if job.alive:
            st.caption("It was started elsewhere: stop it there, with Ctrl+C.")
            return
        if st.button(
            "Resume",
            icon=":material/resume:",
            type="primary",
            help="Goes on from the last report, to the same model as without a break.",
        ):
            jobs.resume(job)
            st.rerun()
        with st.popover("Discard", icon=":material/delete:"):
            st.markdown("Removes the run with all that it learned.")
            if st.button("Discard for good", key="discard-for-good"):
                jobs.discard(job)
                address.write("run", None)
                st.rerun()


def _curves(job: Job, teacher: float | None) -> None:
    reports, palette, epochs = job.reports, charts.colours(), job.reports[-1].epochs
    st.markdown(
        "**Validation R@1**",
        help="Share of the captions kept aside for checking whose own image comes first. The "
        "weights marked as kept become the model: few active terms come first, then a high R@1.",
    )
    st.plotly_chart(
        curves.recall_figure(reports, teacher, palette, epochs),
        key="training-recall",
        alt=curves.recall_alt(reports, teacher),
        config=charts.CONFIG,
    )
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(
            "**Active terms**",
            help="How many terms have a weight above zero, on average. The axis is logarithmic.",
        )
        st.plotly_chart(
            curves.terms_figure(reports, palette, epochs),
            key="training-terms",
            alt=curves.terms_alt(reports),
            config=charts.CONFIG,
        )
    with right:
        st.markdown(
            "**Loss**",
            help="Relevance: how far the ranking is from the dense teacher's. Penalty: what the "
            "active terms cost; its weight grows over the first fifth of the steps.",
        )
        st.plotly_chart(
            curves.loss_figure(reports, palette, epochs),
            key="training-loss",
            alt=curves.loss_alt(reports),
            config=charts.CONFIG,
        )
    charts.table_twin(curves.reports_table(reports), name=f"training-{job.name}", key="training")
