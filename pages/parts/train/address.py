"""What the address of the Train page asks for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, cast

from lsr.exceptions import QueryError
from lsr.model.expansion import ExpansionControl
from lsr.training.lexical.settings import LexicalSettings, Method
from lsr.training.other_settings import OTHER_METHODS, MadeSettings, OtherSettings
from lsr.training.settings import TrainingSettings
from pages.parts import address
from pages.parts.train.words import (
    CONTROLS,
    LEXICAL_TARGET,
    METHODS,
    OTHER_TARGET,
    PRESETS,
    REGULARIZERS,
    WITHOUT_CAPTIONS,
)

POINTS = 20  # of a curve: a validation takes a second or two
LARGEST_SEED = 2**31 - 1
# Parameters that only free training has.
_FREE = (
    "preset", "control", "rate", "word", "draws", "regularizer", "weight", "target", "support",
    "charge", "hidden", "epochs", "terms", "seed",
)  # fmt: skip


@dataclass(frozen=True)
class TrainingChoice:
    """What the form asks for; `preset` is a key of PRESETS."""

    preset: str
    settings: TrainingSettings


def read_method(has_captions: bool) -> str:
    """The method that the address asks for; what was chosen before there were methods is free.

    Without captions there are fewer, whatever the address says.
    """
    if not has_captions:
        asked = address.read_text("method")
        return asked if asked in WITHOUT_CAPTIONS else WITHOUT_CAPTIONS[0]
    free = any(address.read_text(name) is not None for name in _FREE)
    return address.option("method", list(METHODS), "trained" if free else "tuned")


def read_made(method: str) -> MadeSettings:
    """The settings of a method that makes a model in one go, as the address asks for.

    Raises:
        QueryError: a number of active terms that no head can have.
    """
    if method in OTHER_METHODS:
        target = _whole("active", 1, 4_096, OTHER_TARGET)
        return OtherSettings(method, target)
    target = _whole("active", 1, 100_000, LEXICAL_TARGET)
    return LexicalSettings(cast(Method, method), target)


def read_choice() -> TrainingChoice:
    """What the address asks for.

    Raises:
        QueryError: a value that no field has.
    """
    preset = address.read_option("preset", list(PRESETS), "quick")
    recipe = PRESETS[preset].recipe
    control = recipe.control
    asked = ExpansionControl(
        _option("control", CONTROLS, control.caption),
        address.read_number("rate", 0, 1, 0.5),
        address.read_flag("word", control.word_level),
        _option("draws", ("batch", "caption"), control.per),
    )
    if asked.caption != "constant":
        asked = replace(asked, rate=control.rate)
    weight = address.read_number("weight", 0, 10, recipe.document_regularizer_weight)
    share = weight / (recipe.document_regularizer_weight or 1.0)
    settings = replace(
        recipe,
        control=asked,
        regularizer=_option("regularizer", REGULARIZERS, recipe.regularizer),
        document_regularizer_weight=weight,
        # The recipe's proportion between captions and images stays.
        query_regularizer_weight=recipe.query_regularizer_weight * share,
        target_active_terms=_whole("target", 0, 100_000, recipe.target_active_terms or 0) or None,
        support_weight=address.read_number("support", 0, 10, recipe.support_weight),
        unsupported_charge=address.read_number("charge", 1, 100, recipe.unsupported_charge),
        hidden_size=_whole("hidden", 1, 8_192, recipe.hidden_size),
        epochs=_whole("epochs", 1, 10_000, recipe.epochs),
        terms=_option("terms", ("content", "all"), recipe.terms),
        seed=_whole("seed", 0, LARGEST_SEED, recipe.seed),
    )
    return TrainingChoice(preset, settings)


def _option(name: str, options: Iterable[str], default: str) -> Any:
    return address.read_option(name, list(options), default)


def _whole(name: str, low: int, high: int, default: int) -> int:
    number = address.read_number(name, low, high, default)
    if number != int(number):
        raise QueryError(f"`{name}` in the address is `{number:g}`. Use a whole number.")
    return int(number)


def with_points(settings: TrainingSettings, n_captions: int) -> TrainingSettings:
    """The settings with so many steps between validations that a curve has POINTS points."""
    steps = max(1, n_captions // settings.batch_size) * settings.epochs
    return replace(settings, validate_every=math.ceil(steps / POINTS))
