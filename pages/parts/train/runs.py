"""The runs of the Train page: what one is doing, its curves, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from lsr.training import jobs
from lsr.training.jobs import Job, queue
from lsr.training.lexical.settings import LexicalReport
from lsr.training.settings import TrainingReport
from pages.parts import actions, address, charts, mode
from pages.parts.background import time_left
from pages.parts.glossary import glossed
from pages.parts.markup import escape, sentence
from pages.parts.messages import mistakes_shown, show_off
from pages.parts.train import charts as curves
from pages.parts.train.figures import show_figures, show_settings, teacher_recall
from pages.parts.train.words import METHODS

_EVERY = 2.0  # seconds between two looks at a run that is going on


def show_runs() -> None:
    """Draw the choice of a run and the run.

    Raises:
        UnknownNameError: the address names a run that is not there.
    """
    known = jobs.jobs()
    name = address.read_text("run")
    if not known and name is None:
        st.header("No run yet", anchor=False)
        st.markdown(
            "Choose a method and start: what it learns appears here, and a verdict when it is "
            "done. A run goes on when this page is closed."
        )
        st.markdown("\n".join(f"- **{one.label}.** {one.says}" for one in METHODS.values()))
        return
    name = known[0].name if name is None else name
    _choose(known, name)
    job = jobs.find_job(name)
    # Nobody looks again and again at a run that rests.
    looked_at = address.fragment(_show, _EVERY if job.alive else None)
    looked_at(name, job.alive)


def _choose(known: Sequence[Job], name: str) -> None:
    # No states in the labels: Streamlit 1.67 goes on showing the label that was chosen.
    listed = [job.name for job in known]
    st.selectbox(
        "Run",
        listed,
        index=0 if name in listed else None,
        placeholder="Choose a run",
        help=glossed(
            "Every run keeps its curve; a finished one is a model that can be searched with."
        ),
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
        if job.reports or job.progress or job.status == "finished":
            show_figures(job, teacher)
        if job.reports:
            _curves(job, teacher)
        show_settings(job)


def _state(job: Job) -> None:
    """What the run is doing, in one line, and how far it is."""
    report = _last_report(job)
    done = report.step / report.steps if report else 0.0
    match job.status:
        case "waiting" | "training" if done == 1 and _ends_with(job):
            checked = job.method == "tuned" and job.progress and not job.progress.folds
            compares = "comparing with the closed form, " if checked else ""
            st.progress(
                1.0, f"All parts done: {compares}measuring the test captions, writing the model"
            )
        case "queued":
            place = next((n for n, one in enumerate(queue.queued(), 1) if one.name == job.name), 1)
            st.progress(done, f"Waits for its turn: number {place} of those that wait")
        case "waiting":
            st.progress(done, f"Getting ready, {job.seconds:.0f} s so far")
            st.caption(
                "The collection is read. The first run on it also turns its captions into dense "
                "vectors, which later runs find."
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


def _last_report(job: Job) -> TrainingReport | LexicalReport | None:
    return job.progress or (job.reports[-1] if job.reports else None)


def _ends_with(job: Job) -> bool:
    """Whether nothing but checks follows what the run reports now."""
    if job.progress is None:
        return True
    last = "terms" if job.method == "closed-form" else "steps"
    return job.progress.stage == last


def _progress(job: Job) -> str:
    if job.progress:
        left = job.progress.seconds_left
        return job.progress.says + ("" if left is None else f" · {time_left(job.seconds)}")
    epoch = ""
    if job.reports:
        epoch = f"Epoch {job.reports[-1].epoch} of {job.reports[-1].epochs} · "
    return f"{epoch}{_steps(job)} · {time_left(job.seconds)}"


def _steps(job: Job) -> str:
    if (report := _last_report(job)) is None:
        return "It had not reported yet."
    if isinstance(report, LexicalReport):
        return report.says
    return f"{report.step:,} of {report.steps:,} steps"


def _buttons(job: Job) -> None:
    """Stop what is going on; resume or discard what rests."""
    if job.status == "finished":
        return
    with st.container(horizontal=True, gap="small"):
        if (job.ours or job.status == "queued") and actions.owns(f"run {job.name}"):
            kept = "What it reported is kept." if job.resumes else "It can be started again."
            if st.button("Stop", icon=":material/stop:", help=glossed(kept)):
                with st.spinner("Stopping…"):
                    actions.stop(job)
                st.rerun()
            return
        if job.alive:
            if job.ours or job.status == "queued":
                st.caption("Another visitor, or an earlier session of yours, started it.")
            else:
                st.caption("It was started elsewhere: stop it there, with Ctrl+C.")
            return
        if why := mode.why_not("train"):
            show_off(why)
            return
        _go_on(job)
        with st.popover("Discard", icon=":material/delete:"):
            if why := mode.why_not("delete"):
                show_off(why)
                return
            st.markdown("Removes the run with all that it learned.")
            if st.button("Discard for good", key="discard-for-good"):
                actions.discard(job)
                address.write("run", None)
                st.rerun()


def _go_on(job: Job) -> None:
    """A run goes on where it stopped, or begins anew."""
    if not job.resumes:
        label, icon = "Start again", ":material/replay:"
        about = "It cannot be resumed: it begins anew, with the same settings."
    else:
        label, icon = "Resume", ":material/resume:"
        about = "Goes on from the last report, to the same model as without a break."
    if st.button(label, icon=icon, type="primary", help=glossed(about)):
        actions.go_on(job)
        st.rerun()


def _curves(job: Job, teacher: float | None) -> None:
    reports, palette, epochs = job.reports, charts.colours(), job.reports[-1].epochs
    if not any(report.measures for report in reports):
        st.caption("No split `val` was held out, so nothing is measured while it trains.")
    st.markdown(
        "**Validation R@1**",
        help=glossed(
            "Share of queries with a right answer in first place: captions kept aside to check, "
            "and their own images. The weights marked as kept become the model: few active terms "
            "come first, then a high R@1."
        ),
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
            help=glossed(
                "How many terms have a weight above zero, on average. The axis is logarithmic."
            ),
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
            help=glossed(
                "Relevance: how far the ranking is from the dense teacher's. Penalty: what the "
                "active terms cost; its weight grows over the first fifth of the steps."
            ),
        )
        st.plotly_chart(
            curves.loss_figure(reports, palette, epochs),
            key="training-loss",
            alt=curves.loss_alt(reports),
            config=charts.CONFIG,
        )
    charts.table_twin(curves.reports_table(reports), name=f"training-{job.name}", key="training")
