"""Settings to train with: the recipes that commands and the Train page start from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

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


def with_overrides(settings: TrainingSettings, **changes: Any) -> TrainingSettings:
    """The settings with those changes that are not None."""
    return replace(settings, **{name: v for name, v in changes.items() if v is not None})
