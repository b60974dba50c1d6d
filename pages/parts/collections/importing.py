"""Bringing one's own: a form, what it would do, and the import itself."""

from __future__ import annotations

import re
import shlex
import time
from pathlib import Path

import pandas as pd
import streamlit as st

from lsr.collection.installed import overview
from lsr.imports.formats import FORM_NAMES
from lsr.imports.imported import ImportRequest
from lsr.imports.planning import ImportPlan
from pages.parts import actions, address, background, charts, explain, mode
from pages.parts.choice import free_name, names
from pages.parts.collections.encoding import encoder_box
from pages.parts.collections.tasks import Task, start
from pages.parts.markup import bytes_in_words, escape, sentence
from pages.parts.messages import mistakes_shown, show_off
from pages.parts.uploads import drawn_scenes

_RECOGNISED = "recognised"
_PATIENCE = 5.0  # seconds before the page is drawn without a plan
_EVERY = 1.0  # seconds between two looks at a plan that is being made
_SPLITS = {"kept": "those of the source", "made": "new ones"}


def show_import() -> None:
    """The form, and below it what the import would do.

    Raises:
        NotAllowedError: the form names what may not be imported from on this server.
    """
    if why := mode.why_not("import"):
        show_off(why)
        return
    with st.popover("What can be brought", icon=":material/help:"):
        st.markdown(explain.SOURCES)
    request = _form()
    asked = st.button(
        "See what will happen",
        icon=":material/preview:",
        type="primary",
        help="Reads lists and file names. Nothing is written, no picture is decoded.",
        disabled=not request.source.strip(),
    )
    st.caption("The command line does the same:")
    st.code(_command(request), language="bash", wrap_lines=True)
    key = ("plan", request)
    if asked:
        background.forget(key)
        with st.spinner("Reading lists and file names…"):
            background.follow(key, actions.plan(request), _PATIENCE, pool="plans")
    work: background.Work[ImportPlan] | None = background.known(key)
    if work is not None:
        actions.plan(request)  # whoever made this plan: may this visitor see it?
        st.fragment(_show_planning, run_every=_EVERY if work.running else None)(key, work.running)


def _show_planning(key: object, was_running: bool) -> None:
    """What the plan says, as soon as there is one."""
    work: background.Work[ImportPlan] | None = background.known(key)
    with mistakes_shown():
        if work is None:
            return
        if was_running and not work.running:
            st.rerun()
        if work.running:
            passed = time.monotonic() - work.began
            st.info(f"Still reading lists and file names, {passed:.0f} s so far.")
        elif work.problem is not None:
            background.forget(key)
            raise work.problem
        elif work.latest is not None:
            _show_plan(work.latest)


def _form() -> ImportRequest:
    source = address.read_text("source") or ""
    st.text_input(
        "Source",
        placeholder="/home/me/photos, or owner/name on huggingface.co",
        help=_where(),
        **address.bound("source", source, ""),
    )
    suggested = free_name(names("collections"), _name_for(source))
    name = address.read_text("name") or suggested
    st.text_input("Name of the collection", **address.bound("name", name, suggested))
    captions = address.read_text("captions") or ""
    st.text_input(
        "Captions, where they lie elsewhere",
        placeholder="/home/me/captions.csv",
        help="A CSV, TSV or JSONL with the columns `image` and `caption`, a COCO or Karpathy "
        "list, or a token file of Flickr. Lists beside the pictures are found by themselves.",
        **address.bound("captions", captions, ""),
    )
    encoder = encoder_box("encoder", "bundled")
    with st.expander("More settings", key="import-settings"):
        form = address.read_option("as", [_RECOGNISED, *FORM_NAMES], _RECOGNISED)
        st.selectbox("Format", [_RECOGNISED, *FORM_NAMES], **address.bound("as", form, _RECOGNISED))
        splits = address.choose(
            "splits",
            "Splits",
            _SPLITS,
            "kept",
            help="A source without splits gets new ones either way, drawn from seed 0.",
        )
    return ImportRequest(
        source.strip(),
        name.strip(),
        captions.strip() or None,
        encoder,
        None if form == _RECOGNISED else form,
        splits,
    )


def _where() -> str:
    """What a source may be here."""
    if mode.current() == "owner":
        return "A path on the machine that runs the app, or a hub name."
    roots = ", ".join(f"`{root}`" for root in mode.import_roots())
    return f"A path on the server, below one of the folders that may be imported from: {roots}."


def _name_for(source: str) -> str:
    """A plain name made of the last part of a source."""
    stem = Path(source.strip() or "mine").name.partition(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_")[:64] or "mine"


def _show_plan(plan: ImportPlan) -> None:
    noun = plan.kind.removesuffix("s")
    st.subheader(f"What importing {escape(plan.request.name)} will do", anchor=False)
    if plan.replaces:
        st.warning(f"It replaces the {noun} of that name, which was imported earlier.{_old(plan)}")
    if plan.kind == "collections" and (why := drawn_scenes(plan.encoder)):
        st.warning(why, icon=":material/warning:")
    if plan.listing is None:
        st.markdown("It is a trained head: it becomes a model of that name.")
    else:
        _facts(plan)
    if st.button("Import", type="primary", icon=":material/download:", key="import"):
        reports = actions.carry_out(plan)
        background.forget(("plan", plan.request))
        start(Task("Importing", plan.request.name), reports)


def _old(plan: ImportPlan) -> str:
    """What stands where the import will."""
    if plan.kind != "collections":
        return ""
    old = overview(plan.target)
    return f" It has {old.n_images:,} images with {old.n_captions:,} captions."


def _facts(plan: ImportPlan) -> None:
    cells = st.grid(4, min_column_width=110, gap="xsmall")
    cells.metric("Images", f"{plan.n_images:,}")
    cells.metric("Captions", f"{plan.n_captions:,}")
    cells.metric("To read", bytes_in_words(plan.n_bytes))
    cells.metric("Left out", f"{len(plan.skipped):,}")
    splits = ", ".join(f"{name} {count:,}" for name, count in plan.splits.items())
    st.caption(
        f"Format: {escape(plan.form)}. Splits: {escape(splits)}. Encoder: {escape(plan.encoder)}."
    )
    st.caption("  \n".join(sentence(note) for note in plan.notes))
    if plan.skipped:
        table = pd.DataFrame([(one.file, one.why) for one in plan.skipped], columns=["file", "why"])
        charts.table_twin(table, name=f"left-out-{plan.request.name}", key="plan-left-out")


def _command(request: ImportRequest) -> str:
    parts = ["python", "-m", "lsr", "import", request.source or "SOURCE", "--name", request.name]
    for option, value, usual in (
        ("--captions", request.captions, None),
        ("--encoder", request.encoder, "bundled"),
        ("--format", request.form, None),
        ("--splits", request.splits, "kept"),
    ):
        parts += [option, str(value)] if value != usual else []
    return shlex.join(parts)
