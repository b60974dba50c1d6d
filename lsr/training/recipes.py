"""Settings to train with: the recipes that commands and the Train page start from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lsr.model.expansion import ExpansionControl
from lsr.training.lexical.settings import LexicalSettings, TuningSettings
from lsr.training.settings import TrainingSettings

COMPACT_RECIPE = TrainingSettings(
    epochs=10,
    hidden_size=256,
    query_regularizer_weight=5e-3,
    document_regularizer_weight=5e-3,
    temperature=1e-2,
    projection_learning_rate=2e-3,
    learning_rate=1e-3,
    noise=0.1,
    terms="content",
    vocabulary_start="random",
    unsupported_charge=8.0,
    support_weight=0.06,
    select_by="last",
)
"""Settings for a collection of some ten thousand captions on two CPU cores, in minutes."""

CONTROL_ALONE = replace(
    COMPACT_RECIPE, vocabulary_start="bundled", unsupported_charge=1.0, support_weight=0.0
)
"""The compact recipe where only start and expansion control tie terms to words, as published."""

QUICK_RECIPE = replace(COMPACT_RECIPE, epochs=4, hidden_size=128)
"""A usable model of such a collection in less than two minutes."""


BUNDLED_TUNING = LexicalSettings(
    target_active_terms=40,
    control=ExpansionControl(per="batch"),
    recipe=TuningSettings(
        steps=800,
        batch_size=1024,
        noise=0.5,
        row_rate=1e-3,
        sharpness_rate=3e-3,
        regularizer_weight=1e-3,
        unsupported_charge=32.0,
    ),
)
"""The bundled model: more steps and larger batches than by default, because its pairs are many.

Rows move slowly and terms that no caption says cost much, so that words stay words: a half percent
of R@1 for a twentieth more of the strongest terms that captions say.
"""

BUNDLED_CLOSED_FORM = LexicalSettings("closed-form", target_active_terms=48)
"""The same without a step, to stand beside it."""


def with_overrides(settings: TrainingSettings, **changes: Any) -> TrainingSettings:
    """The settings with those changes that are not None."""
    return replace(settings, **{name: v for name, v in changes.items() if v is not None})
