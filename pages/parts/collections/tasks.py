"""Imports, encodings and exports that a visitor started: how far they are, what they made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lsr.encoding.encoding import EncodingReport
from lsr.encoding.reencoding import Reencoded
from lsr.exceptions import NotAllowedError
from lsr.exports.exporting import Exported
from lsr.exports.selection import ExportReport
from lsr.imports.imported import ImportedCollection, ImportedModel
from lsr.imports.stages import ImportReport
from pages.parts import actions, address, background, links
from pages.parts.background import time_left
from pages.parts.choice import fitting, names
from pages.parts.collections.left_out import show_left_out
from pages.parts.download import offer_zip
from pages.parts.markup import bytes_in_words, escape, sentence
from pages.parts.messages import mistakes_shown, show_mistake

_EVERY = 1.0  # seconds


@dataclass(frozen=True)
class Task:
    """What was started: doing, such as `Importing`, and the name of what it makes."""

    doing: str
    name: str


def start(task: Task, reports: Callable[[], Iterator[Any]]) -> None:
    """Begin a task, or begin it again; it goes on when the page is left.

    Raises:
        NotAllowedError: another visitor's task of that name is going on.
    """
    earlier = background.known(task)
    if earlier is not None and earlier.running and not actions.owns(_claimed(task)):
        raise NotAllowedError(f"Another visitor is making `{task.name}` now. Choose another name.")
    actions.claim(_claimed(task))
    background.forget(task)
    background.follow(task, reports, 0.3, pool="collections")
    st.toast(f"{task.doing} **{escape(task.name)}**: see the top of the page.")
    st.rerun()


def show_tasks() -> None:
    """Everything that was started, drawn again by itself while something goes on."""
    known = _own_tasks()
    if known:
        busy = any(work.running for _, work in known)
        address.fragment(_show, _EVERY if busy else None)(busy)


def _own_tasks() -> list[tuple[Task, background.Work[Any]]]:
    """On a server that is shared, nobody sees or stops another's."""
    return [one for one in background.works_of(Task) if actions.owns(_claimed(one[0]))]


def _claimed(task: Task) -> str:
    return f"{task.doing} {task.name}"


def _show(was_busy: bool) -> None:
    known = _own_tasks()
    if was_busy and not any(work.running for _, work in known):
        st.rerun()
    for task, work in known:
        with st.container(border=True, key=f"task-{task.doing}-{task.name}"), mistakes_shown():
            if work.running:
                _going_on(task, work)
            else:
                _ended(task, work)


def _going_on(task: Task, work: background.Work[Any]) -> None:
    share, told = _progress(work.latest)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.progress(share, f"{task.doing} **{escape(task.name)}**: {told}")
        if st.button("Stop", key=f"stop-{task.doing}-{task.name}"):
            work.stop()


def _progress(report: object) -> tuple[float, str]:
    """The share that is done, and words for it."""
    match report:
        case ImportReport(stage=stage, done=done, total=total, seconds_left=left, per_second=speed):
            told = f"{stage}, {done:,} of {total:,}"
        case EncodingReport(
            kind=stage, done=done, total=total, seconds_left=left, per_second=speed
        ):
            told = f"{stage}, {done:,} of {total:,}"
        case ExportReport(file=file, done=done, total=total, reads=reads):
            what = f"{'vectors for ' if reads else ''}{escape(file)}"
            return done / max(total, 1), f"{what}, {done:,} of {total:,}"
        case _:
            return 0.0, "reading what is there"
    told += f", {speed:,.0f} a second" if speed else ""
    share = done / max(total, 1)
    return share, told if share == 1 else f"{told}, {time_left(left)}"


def _ended(task: Task, work: background.Work[Any]) -> None:
    if work.problem is not None:
        show_mistake(work.problem)
        _put_away(task)
    elif work.defect is not None:
        st.error(
            f"{task.doing} **{escape(task.name)}** broke off by a mistake of Lexiscope's own "
            f"({type(work.defect).__name__}). The log of the server has all of it.",
            icon=":material/error:",
        )
        _put_away(task)
    elif work.stopped:
        with _line():
            st.markdown(
                f"{task.doing} **{escape(task.name)}** was stopped. Start it again and it goes on "
                "where it was."
            )
            _put_away(task)
    else:
        _made(task, work.latest)


def _put_away(task: Task) -> None:
    if st.button("Put away", icon=":material/close:", key=f"forget-{task.doing}-{task.name}"):
        background.forget(task)
        st.rerun()


def _made(task: Task, report: object) -> None:
    """What a task made, and where to go from there."""
    match report:
        case ImportReport(imported=ImportedCollection() as made):
            name, n_images = made.collection.name, len(made.collection.images)
            _collection(task, name, n_images, made.skipped, made.n_absent)
        case ImportReport(imported=ImportedModel() as made):
            with _line():
                st.markdown(f"Model **{escape(made.model.name)}** can be chosen in the sidebar.")
                _put_away(task)
        case Reencoded():
            new = report.collection
            _collection(task, new.name, len(new.images), list(report.skipped.items()))
        case Exported():
            files = ", ".join(f"{one.name} ({bytes_in_words(one.bytes)})" for one in report.files)
            with _line():
                st.markdown(f"Exported **{escape(task.name)}**: {escape(files)}")
                _put_away(task)
            for note in report.notes:
                st.caption(sentence(note))
            offer_zip(Path(report.folder), key=task.name)


def _line() -> DeltaGenerator:
    return st.container(horizontal=True, gap="small", vertical_alignment="center")


def _collection(
    task: Task,
    name: str,
    n_images: int,
    skipped: Sequence[tuple[str, str]],
    n_absent: int = 0,
) -> None:
    if name not in names("collections"):
        with _line():
            st.markdown(
                f"{task.doing} **{escape(task.name)}** is done, and its collection is not there "
                "any more."
            )
            _put_away(task)
        return
    with _line():
        st.markdown(f"Collection **{escape(name)}** is ready: {n_images:,} images.")
        links.with_collection(links.COLLECTIONS, name, "Look into it")
        page, label = (links.SEARCH, "Search it") if fitting(name) else (links.TRAIN, "Train on it")
        links.with_collection(page, name, label)
        _put_away(task)
    show_left_out(skipped, n_absent, name, key=name)
