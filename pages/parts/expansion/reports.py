"""A report of what the page shows: written into a folder, taken away as one file, checked again."""

from __future__ import annotations

import shlex
from pathlib import Path

import pandas as pd
import streamlit as st

from lsr.report.checking import Checked
from lsr.report.report_tables import ReportSettings
from lsr.report.writing import ReportProgress
from lsr.storage.places import home
from pages.parts import actions, address, background, caches, cards, mode
from pages.parts.download import offer_zip
from pages.parts.expansion.setting import Setting
from pages.parts.markup import escape
from pages.parts.messages import show_off

_EXAMPLES = 4


def show_report(setting: Setting) -> bool:
    """Buttons to write and to check; whether one of them is at work."""
    if why := mode.why_not("report"):
        show_off(why)
        return False
    settings = _settings(setting)
    folder = _folder(setting)
    st.caption(
        "One page that opens without a network, with every knob for "
        f"{escape(' and '.join(setting.models))}, the nulls, the cheapest settings, the ablation "
        "and example queries; beside it the tables as CSV. Writing takes some minutes."
    )
    marks = [caches.collection(setting.collection).fingerprint]
    marks += [caches.model(model).fingerprint for model in setting.models]
    writing = ("report", settings, *marks)
    checking = ("check", str(folder))
    with st.container(horizontal=True):
        if st.button("Write the report", type="primary", key="write-report"):
            background.forget(writing)
            background.forget(checking)
            write = actions.write(folder, settings, _command(settings, folder))
            background.follow(writing, write, 0.2)
        if folder.exists() and st.button("Check the report that is there", key="check-report"):
            background.forget(checking)
            background.follow(checking, actions.check(folder), 0.2)
    busy = _show_work(writing, "Writing")
    if not busy and folder.exists():
        offer_zip(folder, key="report")
        st.caption("The command line writes the same:")
        st.code(_command(settings, folder), language="bash", wrap_lines=True)
    return _show_check(checking) or busy


def _settings(setting: Setting) -> ReportSettings:
    images = caches.collection(setting.collection)
    queries = list(cards.example_queries(images, _EXAMPLES))
    pinned = address.read_text("q")
    if pinned and pinned.strip() and pinned not in queries:
        queries.insert(0, pinned)
    return ReportSettings(
        setting.collection,
        setting.models,
        setting.split,
        setting.direction,
        queries=tuple(queries),
        query_set=setting.queries,
    )


def _folder(setting: Setting) -> Path:
    parts = [setting.collection, *setting.models, setting.split, setting.direction]
    parts += [setting.queries] if setting.queries else []
    return home() / "reports" / "-".join(parts)


def _command(settings: ReportSettings, folder: Path) -> str:
    parts = ["python", "-m", "lsr", "report", "--out", str(folder)]
    parts += ["--collection", settings.collection, "--model", settings.models[0]]
    parts += ["--against", settings.models[1]] if len(settings.models) > 1 else []
    parts += ["--split", settings.split, "--direction", settings.direction]
    parts += ["--queries", settings.query_set] if settings.query_set else []
    for query in settings.queries:
        parts += ["--query", query]
    return shlex.join(parts)


def _show_work(key: object, doing: str) -> bool:
    """How far a work is; whether it goes on."""
    work: background.Work[ReportProgress | Checked] | None = background.known(key)
    if work is None:
        return False
    if work.problem is not None:
        background.forget(key)
        raise work.problem
    if not work.running:
        return False
    report = work.latest
    share = report.done / max(report.planned, 1) if report else 0.0
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.progress(min(share, 1.0), f"{doing}: {escape(report.step) if report else 'starting'}")
        if st.button("Stop", key=f"stop-{doing}"):
            background.forget(key)
            st.toast("Stopped. Nothing was written; an earlier report stays as it is.")
            st.rerun(scope="fragment")
    return True


def _show_check(key: object) -> bool:
    if _show_work(key, "Checking"):
        return True
    work: background.Work[Checked] | None = background.known(key)
    if work is None or work.latest is None or work.latest.drifts is None:
        return False
    if not work.latest.drifts:
        st.success("Nothing drifted: every number came out the same.", icon=":material/check:")
        return False
    st.warning(
        f"{len(work.latest.drifts):,} values drifted since the report was written.",
        icon=":material/warning:",
    )
    st.dataframe(pd.DataFrame([vars(drift) for drift in work.latest.drifts]), hide_index=True)
    return False
