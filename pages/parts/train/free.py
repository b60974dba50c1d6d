"""The fields of free training; every one is a view of the address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from lsr.model.expansion import ExpansionControl
from lsr.training.settings import TrainingSettings
from pages.parts import address
from pages.parts.glossary import glossed
from pages.parts.train.address import LARGEST_SEED, read_choice, with_points
from pages.parts.train.duration import say_free_duration
from pages.parts.train.words import CONTROLS, HELP, PRESETS, REGULARIZERS

_SIZES = (64, 128, 256, 384, 512, 768)


def free_settings(n_captions: int) -> TrainingSettings:
    """Draw the fields; the settings that they show, with a curve of about twenty points.

    Raises:
        QueryError: a setting in the address cannot be used.
    """
    request = read_choice()
    recipe = PRESETS[request.preset].recipe
    _choose_preset(request.preset)
    _choose_control(request.settings.control, recipe.control)
    with st.expander("More settings", key="more-settings"):
        _more_control(request.settings.control, recipe.control)
        _regularizer(request.settings, recipe)
        _support(request.settings, recipe)
        _sizes(request.settings, recipe)
    say_free_duration(request.settings, n_captions)
    return with_points(request.settings, n_captions)


def _choose_preset(preset: str) -> None:
    _segments("preset", {key: one.label for key, one in PRESETS.items()}, preset, "quick", "Recipe")
    recipe, says = PRESETS[preset].recipe, PRESETS[preset].says
    passes = f"{recipe.epochs} passes over the captions, hidden size {recipe.hidden_size}"
    st.caption(f"{says} {passes}.")


def _choose_control(control: ExpansionControl, default: ExpansionControl) -> None:
    _select("control", CONTROLS, control.caption, default.caption, "Expansion control")
    if control.caption == "constant":
        st.slider(
            "Chance",
            0.0,
            1.0,
            step=0.05,
            help=glossed(HELP["rate"]),
            **address.bound("rate", control.rate, 0.5, address.number_text),
        )


def _more_control(control: ExpansionControl, default: ExpansionControl) -> None:
    st.toggle(
        "Word-level control",
        help=glossed(HELP["word"]),
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
        help=glossed(HELP["weight"]),
        **address.bound("weight", weight, default, address.number_text),
    )
    target, default_target = settings.target_active_terms or 0, recipe.target_active_terms or 0
    right.number_input(
        "Active terms, at most",
        0,
        100_000,
        help=glossed(HELP["target"]),
        **address.bound("target", target, default_target),
    )


def _support(settings: TrainingSettings, recipe: TrainingSettings) -> None:
    left, right = st.columns(2)
    left.number_input(
        "Support weight",
        0.0,
        10.0,
        step=0.01,
        help=glossed(HELP["support"]),
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
        help=glossed(HELP["charge"]),
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
        cell.number_input(name.capitalize(), low, high, help=glossed(HELP[name]), **tie)
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
        help=glossed(HELP[name]),
        **more,
        **address.bound(name, value, default),
    )
