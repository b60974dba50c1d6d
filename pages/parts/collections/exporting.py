"""A collection's vectors written for other tools."""

from __future__ import annotations

import re
import shlex

import streamlit as st

from lsr.collection.installed import Overview
from lsr.exports.exporting import ExportRequest
from lsr.exports.formats import formats
from lsr.storage.files import fingerprint
from lsr.storage.places import home
from pages.parts import actions, address, mode
from pages.parts.choice import fitting
from pages.parts.collections.tasks import Task, start
from pages.parts.markup import escape
from pages.parts.messages import show_off


def show_export(one: Overview, only: str = "") -> None:
    """The form of an export, of dense vectors alone where no model fits; a click starts it.

    Args:
        only: the model whose vectors are written, where there is nothing to choose.

    Raises:
        QueryError: the address names another format or split.
    """
    if why := mode.why_not("export"):
        show_off(why)
        return
    models = [only] if only else fitting(one.name)
    known = {form.name: form for form in formats() if models or not form.needs_model}
    name = address.option("format", list(known), next(iter(known)))
    split_names = [*one.splits, "all"]
    default = "test" if "test" in split_names else "all"
    split = address.option("export-split", split_names, default)
    raw = address.read_text("export-model")
    model = raw if raw in models else next(iter(models), None)
    st.selectbox("Format", list(known), **address.bound("format", name, next(iter(known))))
    form = known[name]
    st.caption(f"{form.what[0].upper()}{form.what[1:]}. For {escape(form.reader)}.")
    if models and not only:
        st.selectbox("Model", models, **address.bound("export-model", model, models[0]))
    elif not models:
        st.caption("No model reads the vectors yet, so dense vectors are all there is to export.")
    st.selectbox("Split", split_names, **address.bound("export-split", split, default))
    title = "-".join([one.name, *([model] if model else []), name, _plain(split)])
    request = ExportRequest(one.name, model, name, home() / "exports" / title, split)
    st.code(_command(request), language="bash", wrap_lines=True)
    if st.button("Export", type="primary", key="export"):
        start(Task("Exporting", title), actions.export(request))


def _plain(split: str) -> str:
    """The name of a split as a part of a file name; what would lead elsewhere becomes a mark."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", split)[:40]
    return plain if plain == split else f"{plain}-{fingerprint(split)[:6]}"


def _command(request: ExportRequest) -> str:
    parts = ["python", "-m", "lsr", "export", "--collection", request.collection]
    parts += ["--model", request.model] if request.model else ["--dense-only"]
    parts += ["--format", request.format, "--split", request.split]
    return shlex.join([*parts, "--out", str(request.out)])
