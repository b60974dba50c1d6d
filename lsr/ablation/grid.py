"""What an ablation trains: each study varies one thing and keeps the rest of a recipe."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from lsr.exceptions import QueryError, shorten
from lsr.model.expansion import parse_control
from lsr.storage.files import fingerprint
from lsr.training.settings import TrainingSettings, settings_as_json

STUDIES = ("controls", "mismatch", "size")
CONTROLS = (
    "none",
    "literal",
    "constant:0.25",
    "constant:0.5",
    "constant:0.75",
    "scheduled",
    "none+word",
    "scheduled+word",
)
SIZES = (64, 128, 256, 384, 768)
# Around the recipe's own weight of the regularizer, which is the middle one.
_WEIGHT_FACTORS = (0.25, 1.0, 4.0)
# What a grid varies itself, so a recipe need not agree on it.
_VARIED = ("control", "query_regularizer_weight", "document_regularizer_weight", "seed")


@dataclass(frozen=True)
class Grid:
    """The runs of an ablation.

    recipe: what is not varied; its `seed` is the first one.
    seeds: runs of every cell.
    weights: of the regularizer, for captions and images alike; empty takes a quarter of the
        recipe's, the recipe's own and four times as much.
    n_images: training images used, the first ones; 0 means all.
    queries: a query set on which every run is measured as well, or empty.
    """

    recipe: TrainingSettings
    seeds: int = 3
    weights: tuple[float, ...] = ()
    n_images: int = 0
    queries: str = ""

    def check(self, available: int) -> None:
        """Refuse a grid that cannot be trained.

        Args:
            available: training images of the collection.

        Raises:
            QueryError: naming the number and what it may be.
        """
        if not 1 <= self.seeds <= 100:
            raise QueryError(f"An ablation of {self.seeds} seeds is not possible. Use 1 to 100.")
        if self.n_images and not 2 <= self.n_images <= available:
            raise QueryError(
                f"An ablation on {self.n_images:,} of {available:,} training images is not "
                f"possible. Use 2 to {available:,}, or 0 for all."
            )
        for study in STUDIES:
            for run in self.runs(study):
                run.check()

    def runs(self, study: str) -> list[TrainingSettings]:
        """The runs of a study; all cells of the first seed come first.

        controls: every control × weight. mismatch: those of them without word level, which are
        measured at every inference rate. size: every hidden size, with the scheduled control
        and the middle weight.

        Raises:
            QueryError: an unknown study.
        """
        weights = self.all_weights
        if study == "size":
            middle = weights[len(weights) // 2]
            cells = [("scheduled", middle, size) for size in SIZES]
        else:
            check_study(study)
            kept = [c for c in CONTROLS if study == "controls" or "+word" not in c]
            cells = [(c, weight, self.recipe.hidden_size) for c in kept for weight in weights]
        return [self._run(*cell, seed) for seed in range(self.seeds) for cell in cells]

    @property
    def all_weights(self) -> tuple[float, ...]:
        """Weights of the regularizer, ascending."""
        own = self.recipe.document_regularizer_weight
        return tuple(sorted(set(self.weights or (own * factor for factor in _WEIGHT_FACTORS))))

    def _run(self, control: str, weight: float, size: int, seed: int) -> TrainingSettings:
        return replace(
            self.recipe,
            control=replace(parse_control(control), per=self.recipe.control.per),
            query_regularizer_weight=weight,
            document_regularizer_weight=weight,
            hidden_size=size,
            seed=self.recipe.seed + seed,
            # Runs are compared at the end of the same steps, so nothing is selected on the way.
            validate_every=1_000_000,
            select_by="last",
            select_below=None,
        )

    def constants(self) -> dict[str, Any]:
        """What all runs have in common, as JSON keeps it."""
        settings = settings_as_json(self._run("none", 0.0, self.recipe.hidden_size, 0))
        kept = {name: value for name, value in settings.items() if name not in _VARIED}
        return {**kept, "n_images": self.n_images, "queries": self.queries}

    def key(self, settings: TrainingSettings, collection: str) -> str:
        """The name of a run: another one for other settings or another collection fingerprint."""
        told: dict[str, Any] = {**settings_as_json(settings), "n_images": self.n_images}
        if self.queries:
            told["queries"] = self.queries
        return fingerprint(json.dumps(told, sort_keys=True), collection)


def check_study(name: str) -> None:
    """Refuse what is no study.

    Raises:
        QueryError: it is not one of STUDIES.
    """
    if name not in STUDIES:
        raise QueryError(f"`{shorten(name)}` is no study. Use {', '.join(STUDIES)} or all.")


def studies_named(name: str) -> tuple[str, ...]:
    """The studies that `all` or the name of one means.

    Raises:
        QueryError: an unknown study.
    """
    if name == "all":
        return STUDIES
    check_study(name)
    return (name,)
