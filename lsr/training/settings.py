"""What a training run is told, and what it tells."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np

from lsr.evaluation.measures import RANK_MEASURES
from lsr.exceptions import ModelError, QueryError
from lsr.model.expansion import ExpansionControl, Per, parse_control
from lsr.storage.records import check_fields, record_of
from lsr.storage.untrusted import UnexpectedError

Regularizer = Literal["l1", "flops", "df-flops"]

_LIMITS = {
    "epochs": (1, 10_000),
    "batch_size": (2, 65_536),
    "hidden_size": (1, 8_192),
    "temperature": (1e-6, 100),
    "projection_learning_rate": (0, 10),
    "learning_rate": (0, 10),
    "query_regularizer_weight": (0, 1e3),
    "document_regularizer_weight": (0, 1e3),
    "noise": (0, 10),
    "unsupported_charge": (1, 1e3),
    "support_weight": (0, 1e3),
    "target_active_terms": (1, 100_000),
    "validate_every": (0, 1_000_000),
    "select_below": (1, 100_000),
}


@dataclass(frozen=True)
class TrainingSettings:
    """The paper's recipe; every default is the published value.

    regularizer: of the weights of captions (queries) and images (documents), each with its η.
    unsupported_charge: the regularizer counts a term that no caption of the image says that many
        times, in the image and in its captions alike; 1 is the paper's.
    support_weight: of the loss that wants an image to activate what its captions say; 0 is the
        paper's.
    target_active_terms: of an image, at most; the weights η grow while it is exceeded.
    temperature: τ of the dense teacher's soft targets.
    warm_up: share of all steps in which learning rate and regularizer rise.
    noise: standard deviation of Gaussian noise on the student's unit input vectors, as a
        share of their norm; 0 is the paper's.
    terms: "all", or "content" to switch off punctuation, function words and lone word pieces
        (`lsr.training.stop_list`).
    vocabulary_start: what the vocabulary weights start from (`lsr.training.vocabulary_start`).
    precision: of the forward pass; weights and losses are float32 either way.
    validate_every: steps between validations; 0 means once an epoch.
    select_by, select_below: the weights kept are those of the validation with the highest
        `select_by` among those with at most `select_below` active terms an image; without a
        limit, among all. "last" keeps those of the end.
    """

    control: ExpansionControl = field(default_factory=ExpansionControl)
    epochs: int = 200
    batch_size: int = 512
    hidden_size: int = 768
    regularizer: Regularizer = "l1"
    query_regularizer_weight: float = 1e-3
    document_regularizer_weight: float = 1e-3
    unsupported_charge: float = 1.0
    support_weight: float = 0.0
    target_active_terms: int | None = None
    temperature: float = 1e-3
    projection_learning_rate: float = 1e-3
    learning_rate: float = 5e-5
    warm_up: float = 0.2
    noise: float = 0.0
    terms: Literal["all", "content"] = "all"
    vocabulary_start: str = "bundled"
    precision: Literal["bfloat16", "float32"] = "bfloat16"
    validate_every: int = 0
    select_by: str = "R@1"
    select_below: int | None = None
    seed: int = 0

    def check(self) -> None:
        """Refuse settings that cannot train.

        Raises:
            QueryError: naming the setting, its value and what it may be.
        """
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and low <= value <= high):
                noun = name.replace("_", " ")
                raise QueryError(f"The {noun} is {value:g}. Use a number from {low:g} to {high:g}.")
        if self.select_by not in (*RANK_MEASURES, "last"):
            wanted = ", ".join(RANK_MEASURES)
            raise QueryError(f"`{self.select_by}` is no measure. Use {wanted} or last.")


@dataclass(frozen=True)
class TrainingReport:
    """State at a validation; losses are means over the steps since the one before.

    epoch: passes over the captions begun so far; step counts from 1.
    measures: of captions searching images at full expansion, on the validation pairs.
    active_terms_query, active_terms_image: mean per validation caption and image.
    regularizer_factor: what the target has made of the regularizer's weights.
    best: whether these weights are the ones to keep so far.
    seconds: since the report before; seconds_left: an estimate to the end.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    relevance_loss: float
    penalty: float
    measures: dict[str, float]
    active_terms_query: float
    active_terms_image: float
    regularizer_factor: float
    best: bool
    pairs_per_second: float
    seconds: float
    seconds_left: float


def settings_as_json(settings: TrainingSettings) -> dict[str, object]:
    """The settings as JSON keeps them; the control by its name."""
    return {**asdict(settings), "control": str(settings.control), "draws_per": settings.control.per}


def settings_from_json(known: dict[str, Any]) -> TrainingSettings:
    """The settings that `settings_as_json` wrote.

    Raises:
        ModelError: another version wrote them.
    """
    try:
        check_fields(known, {"control": str, "draws_per": Per})
        control = replace(parse_control(known["control"]), per=known["draws_per"])
        names = {field.name for field in fields(TrainingSettings)} - {"control"}
        given = record_of(TrainingSettings, {name: known[name] for name in names & known.keys()})
        return replace(given, control=control)
    except UnexpectedError as problem:
        raise ModelError(
            f"The settings were written by another version of Lexiscope ({problem}). Train anew."
        ) from None
