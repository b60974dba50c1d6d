"""The form of the Train page; every field is a view of the address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from lsr.collection.collection import Collection
from lsr.model.expansion import ExpansionControl
from lsr.training import jobs
from lsr.training.settings import TrainingSettings
from pages.parts import address, caches
from pages.parts.choice import free_name, names
from pages.parts.markup import escape
from pages.parts.train.address import LARGEST_SEED, read_choice, with_points
from pages.parts.train.words import CONTROLS, HELP, PRESETS, REGULARIZERS

_SIZES = (64, 128, 256, 384, 512, 768)


def show_form(collection: str) -> None:
    """Draw the form; a click on Start begins a run and shows it.

    Raises:
        QueryError: a setting or a name in the address cannot be used.
        CollectionError, UnknownNameError: the collection has nothing to train or check on.
    """
    st.subheader("A new run", anchor=False)
    request = read_choice()
    recipe = PRESETS[request.preset].recipe
    _choose_preset(request.preset)
    _choose_collection(collection)
    images = caches.collection(collection)
    n_captions = _show_counts(images)
    name = _name_box()
    _choose_control(request.settings.control, recipe.control)
    with st.expander("More settings", key="more-settings"):
        _more_control(request.settings.control, recipe.control)
        _regularizer(request.settings, recipe)
        _support(request.settings, recipe)
        _sizes(request.settings, recipe)
    if any(job.alive for job in jobs.jobs()):
        st.caption("Another run is going on: both will take longer.")
    if st.button("Start training", type="primary", icon=":material/play_arrow:"):
        jobs.start(name, collection, with_points(request.settings, n_captions))
        address.write("run", name)
        address.write("name", None)
        st.rerun()


def _choose_preset(preset: str) -> None:
    _segments("preset", {key: one.label for key, one in PRESETS.items()}, preset, "quick", "Recipe")
    recipe, says = PRESETS[preset].recipe, PRESETS[preset].says
    passes = f"{recipe.epochs} passes over the captions, hidden size {recipe.hidden_size}"
    st.caption(f"{says} {passes}.")


def _choose_collection(collection: str) -> None:
    """The sidebar's box once more: both are views of the same part of the address."""
    st.session_state["train-collection"] = collection
    st.selectbox(
        "Collection",
        names("collections"),
        key="train-collection",
        help=HELP["collection"],
        on_change=_write_collection,
    )


def _write_collection() -> None:
    address.write("collection", st.session_state["train-collection"])


def _show_counts(images: Collection) -> int:
    """Say how much there is to learn from; the number of training captions."""
    images.check_captions()
    training, checking = images.caption_rows("train"), images.caption_rows("val")
    st.caption(
        f"{escape(images.title)}: {len(images.image_rows('train')):,} images with "
        f"{len(training):,} captions to learn from, {len(images.image_rows('val')):,} with "
        f"{len(checking):,} to check on."
    )
    return len(training)


def _name_box() -> str:
    suggested = free_name([*names("models"), *(job.name for job in jobs.jobs())])
    name = address.read_text("name") or suggested
    st.text_input("Name", help=HELP["name"], **address.bound("name", name, suggested))
    return name


def _choose_control(control: ExpansionControl, default: ExpansionControl) -> None:
    _select("control", CONTROLS, control.caption, default.caption, "Expansion control")
    if control.caption == "constant":
        st.slider(
            "Chance",
            0.0,
            1.0,
            step=0.05,
            help=HELP["rate"],
            **address.bound("rate", control.rate, 0.5, address.number_text),
        )


def _more_control(control: ExpansionControl, default: ExpansionControl) -> None:
    st.toggle(
        "Word-level control",
        help=HELP["word"],
        **address.bound("word", control.word_level, default.word_level, address.flag_text),
    )
    draws = {"batch": "each batch", "caption": "each caption"}
    _segments("draws", draws, control.per, default.per, "One draw for")


def _regularizer(settings: TrainingSettings, recipe: TrainingSettings) -> None:
    _select("regularizer", REGULARIZERS, settings.regularizer, recipe.regularizer, "Regularizer")
    left, right = st.columns(2)
    weight, default = settings.document_regularizer_weight, recipe.document_regularizer_weight
    left.number_input(
        "Weight",
        0.0,
        10.0,
        step=0.001,
        format="%.4f",
        help=HELP["weight"],
        **address.bound("weight", weight, default, address.number_text),
    )
    target, default_target = settings.target_active_terms or 0, recipe.target_active_terms or 0
    right.number_input(
        "Active terms, at most",
        0,
        100_000,
        help=HELP["target"],
        **address.bound("target", target, default_target),
    )


def _support(settings: TrainingSettings, recipe: TrainingSettings) -> None:
    left, right = st.columns(2)
    left.number_input(
        "Support weight",
        0.0,
        10.0,
        step=0.01,
        help=HELP["support"],
        **address.bound(
            "support", settings.support_weight, recipe.support_weight, address.number_text
        ),
    )
    charge, default = settings.unsupported_charge, recipe.unsupported_charge
    right.number_input(
        "Charge on unsaid terms",
        1.0,
        100.0,
        step=1.0,
        help=HELP["charge"],
        **address.bound("charge", charge, default, address.number_text),
    )


def _sizes(settings: TrainingSettings, recipe: TrainingSettings) -> None:
    sizes = {size: str(size) for size in sorted({*_SIZES, settings.hidden_size})}
    cells = st.columns(3)
    with cells[0]:
        _select("hidden", sizes, settings.hidden_size, recipe.hidden_size, "Hidden size")
    for cell, name, low, high in (
        (cells[1], "epochs", 1, 10_000),
        (cells[2], "seed", 0, LARGEST_SEED),
    ):
        value, default = getattr(settings, name), getattr(recipe, name)
        tie = address.bound(name, value, default)
        cell.number_input(name.capitalize(), low, high, help=HELP[name], **tie)
    terms = {"content": "content", "all": "all"}
    _segments("terms", terms, settings.terms, recipe.terms, "Terms")


def _select(name: str, labels: dict[Any, str], value: Any, default: Any, label: str) -> None:
    _options(st.selectbox, name, labels, value, default, label)


def _segments(name: str, labels: dict[Any, str], value: Any, default: Any, label: str) -> None:
    _options(st.segmented_control, name, labels, value, default, label, required=True)


def _options(
    widget: Callable[..., Any],
    name: str,
    labels: dict[Any, str],
    value: Any,
    default: Any,
    label: str,
    **more: bool,
) -> None:
    """A widget that offers the keys of `labels`, tied to the address."""
    widget(
        label,
        list(labels),
        format_func=labels.__getitem__,
        help=HELP[name],
        **more,
        **address.bound(name, value, default),
    )
