"""Bringing one's own: a form, what it would do, and the import itself."""

from __future__ import annotations

import re
import shlex
import time
from pathlib import Path

import streamlit as st

from lsr.collection.installed import overview
from lsr.encoders.drawn_scenes import drawn_scenes
from lsr.imports.formats import FORM_NAMES
from lsr.imports.imported import ImportRequest
from lsr.imports.planning import ImportPlan
from pages.parts import actions, address, background, explain, mode
from pages.parts.choice import free_name, names
from pages.parts.collections.encoding import encoder_box
from pages.parts.collections.left_out import show_left_out
from pages.parts.collections.tasks import Task, start
from pages.parts.glossary import glossed
from pages.parts.markup import bytes_in_words, escape, sentence
from pages.parts.messages import mistakes_shown, show_off

_RECOGNISED = "recognised"
_PATIENCE = 5.0  # seconds before the page is drawn without a plan
_EVERY = 1.0  # seconds between two looks at a plan that is being made
_SPLITS = ("kept", "made", "80/10/10", "0/0/100")
# Texts of the form that few need: parameter of the address, option of the command, label, help.
_RARE = (
    ("images", "--images", "Vectors of the images", "A .npy, .parquet or .safetensors file in "
     "place of an encoder. Then the source may be a list of captions, without pictures; *Encoder* "
     "says what computed them."),
    ("caption-vectors", "--caption-vectors", "Vectors of the captions", "The same of the captions, "
     "image by image."),
    ("image-ids", "--image-ids", "Whose the image vectors are", "A CSV with the columns `row` and "
     "`id` or `image`. Without one they go by the order of the list."),
    ("caption-ids", "--caption-ids", "Whose the caption vectors are", "A CSV with the columns "
     "`row` and `id`, or `image` and `caption`."),
    ("code-page", "--code-page", "Code page of names", "Of names in a zip or tar that are not "
     "UTF-8, such as `cp932` or `gbk`."),
)  # fmt: skip


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
        help=glossed("Reads lists and file names. Nothing is written, no picture is decoded."),
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
        address.fragment(_show_planning, _EVERY if work.running else None)(key, work.running)


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
        help=glossed(_where()),
        **address.bound("source", source, ""),
    )
    suggested = free_name(names("collections"), _name_for(source))
    name = address.read_text("name") or suggested
    st.text_input("Name of the collection", **address.bound("name", name, suggested))
    captions = address.read_text("captions") or ""
    st.text_input(
        "Captions, where they lie elsewhere",
        placeholder="/home/me/captions.csv",
        help=glossed(
            "A CSV, TSV, JSON, JSONL or parquet file with the columns `image` and `caption`, a "
            "COCO or Karpathy list, or a token file of Flickr. Lists beside the pictures are "
            "found by themselves, and named where they cannot be read."
        ),
        **address.bound("captions", captions, ""),
    )
    encoder = encoder_box("encoder", "bundled")
    with st.expander("More settings", key="import-settings"):
        form = address.read_option("as", [_RECOGNISED, *FORM_NAMES], _RECOGNISED)
        st.selectbox("Format", [_RECOGNISED, *FORM_NAMES], **address.bound("as", form, _RECOGNISED))
        splits = address.read_text("splits") or "kept"
        st.selectbox(
            "Splits",
            list(dict.fromkeys((*_SPLITS, splits))),
            accept_new_options=True,
            help=glossed(
                "`kept`: those of the source. `made`: a tenth each for val and test. Or shares of "
                "train, val and test of 100. A source without splits gets made ones, from seed 0."
            ),
            **address.bound("splits", splits, "kept"),
        )
        rare = {parameter: _rare(parameter, label, about) for parameter, _, label, about in _RARE}
    if rare["images"] and address.read_text("encoder") is None:
        encoder = ""  # what computed vectors is not guessed
    return ImportRequest(
        source.strip(),
        name.strip(),
        captions.strip() or None,
        encoder,
        None if form == _RECOGNISED else form,
        splits.strip(),
        code_page=rare["code-page"],
        images=rare["images"],
        caption_vectors=rare["caption-vectors"],
        image_ids=rare["image-ids"],
        caption_ids=rare["caption-ids"],
    )


def _where() -> str:
    """What a source may be here."""
    if mode.current() == "owner":
        return "A folder, .zip or .tar on the machine that runs the app, or a hub name."
    roots = ", ".join(f"`{root}`" for root in mode.import_roots())
    return f"A path on the server, below one of the folders that may be imported from: {roots}."


def _rare(parameter: str, label: str, about: str) -> str | None:
    """A text that may stay empty."""
    text = address.read_text(parameter) or ""
    st.text_input(label, help=glossed(about), **address.bound(parameter, text, ""))
    return text.strip() or None


def _name_for(source: str) -> str:
    """A plain name made of the last part of a source."""
    stem = Path(source.strip() or "mine").name.partition(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_")[:64] or "mine"


def _show_plan(plan: ImportPlan) -> None:
    noun = plan.kind.removesuffix("s")
    st.header(f"What importing {escape(plan.request.name)} will do", anchor=False)
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
    cells.metric(
        "Left out",
        f"{len(plan.skipped) - plan.n_absent:,}",
        help=glossed(
            "Files, rows and pictures of the source that are not taken. Images of a list that "
            "the source does not have are not counted."
        ),
    )
    splits = ", ".join(f"{name} {count:,}" for name, count in plan.splits.items())
    st.caption(
        f"Format: {escape(plan.form)}. Splits: {escape(splits)}. Encoder: {escape(plan.encoder)}."
    )
    st.caption("  \n".join(sentence(note) for note in plan.notes))
    show_left_out(plan.skipped, plan.n_absent, plan.request.name, key="plan")


def _command(request: ImportRequest) -> str:
    parts = ["python", "-m", "lsr", "import", request.source or "SOURCE", "--name", request.name]
    for option, value, usual in (
        ("--captions", request.captions, None),
        ("--encoder", request.encoder, "bundled"),
        ("--format", request.form, None),
        ("--splits", request.splits, "kept"),
        *(
            (option, getattr(request, parameter.replace("-", "_")), None)
            for parameter, option, _, _ in _RARE
        ),
    ):
        parts += [option, str(value)] if value != usual else []
    return shlex.join(parts)
