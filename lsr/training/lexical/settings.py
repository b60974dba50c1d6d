"""What a lexical head is made with, and what its making tells. Loads no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from lsr.exceptions import ModelError, QueryError
from lsr.model.expansion import ExpansionControl, Per, parse_control
from lsr.storage.records import check_fields, record_of
from lsr.storage.untrusted import UnexpectedError

Method = Literal["closed-form", "tuned", "encoder-terms"]
Stage = Literal["texts", "terms", "steps"]
METHODS: tuple[Method, ...] = ("closed-form", "tuned", "encoder-terms")


def check_target(target: int) -> None:
    """Refuse a number of active terms that no head can have.

    Raises:
        QueryError: naming the number and what it may be.
    """
    if not 1 <= target <= 100_000:
        raise QueryError(
            f"{target} active terms an image are not possible. Use 1 to 100,000, such as 64."
        )


@dataclass(frozen=True)
class TuningSettings:
    """What the head is tuned with; `for_pairs` gives what suits a number of pairs.

    target_active_terms: mean of a training image, met by the common threshold.
    noise: length of the Gaussian noise on the unit vectors.
    temperature: of the dense teacher.
    row_rate, threshold_rate, sharpness_rate: learning rates of Adam; that of the sharpness
        belongs to its logarithm. They rise over the first tenth of the steps, then fall to 0.
    regularizer_weight: of the L1 norm of images and captions.
    unsupported_charge: how many times the norm counts a term that no caption of the image says.
    """

    target_active_terms: int = 64
    control: ExpansionControl = field(default_factory=lambda: ExpansionControl(per="caption"))
    steps: int = 300
    batch_size: int = 256
    noise: float = 1.0
    temperature: float = 0.01
    row_rate: float = 2e-3
    threshold_rate: float = 3e-3
    sharpness_rate: float = 3e-2
    regularizer_weight: float = 2e-4
    unsupported_charge: float = 4.0
    seed: int = 0

    @classmethod
    def for_pairs(cls, n_pairs: int) -> TuningSettings:
        """Few pairs: fewer steps and more noise, so that they are not learnt by heart."""
        return cls(
            steps=round(100 * (max(n_pairs, 160) / 160) ** 0.25),
            batch_size=256 if n_pairs < 5_000 else 512,
            noise=min(2.0, 1.5 * (800 / max(n_pairs, 1)) ** 0.15),
        )

    def check(self) -> None:
        """Refuse what no head can have.

        Raises:
            QueryError: naming the number and what it may be.
        """
        check_target(self.target_active_terms)


@dataclass(frozen=True)
class TuningReport:
    """After a step: the mean loss since the report before, and the head as it would be kept."""

    step: int
    steps: int
    loss: float
    active_terms_image: float
    seconds_left: float


@dataclass(frozen=True)
class LexicalReport:
    """How far the making of a lexical head is.

    stage: texts become vectors, terms get their rows in closed form, or steps are taken.
    step, steps: of the stage; the steps on the folds that check it are counted with the tuning's.
    tuning: its last report; None before it.
    fold: which of `folds` is at work; 0 outside them.
    seconds_left: until all steps are done; None where it cannot be told yet.
    """

    stage: Stage
    step: int
    steps: int
    tuning: TuningReport | None = None
    fold: int = 0
    folds: int = 0
    seconds_left: float | None = None

    @property
    def says(self) -> str:
        """The stage in a few words."""
        counts = f"{self.step:,} of {self.steps:,}"
        match self.stage:
            case "texts":
                return f"Texts become vectors: {counts}"
            case "terms":
                return f"Terms get their rows: {counts} parts"
            case "steps":
                where = f", checked on fold {self.fold} of {self.folds}" if self.fold else ""
                return f"{counts} steps{where}"


@dataclass(frozen=True)
class LexicalSettings:
    """method: closed-form, tuned (from the closed form on), or encoder-terms (without captions).

    target_active_terms: mean of a training image.
    control, steps, noise, seed: of tuning; None follows from the number of pairs.
    recipe: of tuning in all else; None follows from the number of pairs.
    """

    method: Method = "tuned"
    target_active_terms: int = 64
    control: ExpansionControl | None = None
    steps: int | None = None
    noise: float | None = None
    seed: int = 0
    recipe: TuningSettings | None = None

    def check(self) -> None:
        """Refuse what no head can have.

        Raises:
            QueryError: naming the number and what it may be.
        """
        check_target(self.target_active_terms)

    def tuning(self, n_pairs: int) -> TuningSettings:
        """What tuning on so many pairs is done with."""
        given = {"control": self.control, "steps": self.steps, "noise": self.noise}
        return replace(
            self.recipe or TuningSettings.for_pairs(n_pairs),
            target_active_terms=self.target_active_terms,
            seed=self.seed,
            **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
        )

    def reasons(self, n_pairs: int) -> str:
        """In one sentence: what will be done with so many pairs, and why."""
        if self.method == "closed-form":
            return f"{n_pairs:,} pairs: in closed form, without a training step."
        tuning = self.tuning(n_pairs)
        return (
            f"{n_pairs:,} pairs: {tuning.steps:,} steps of {min(tuning.batch_size, n_pairs):,} "
            f"pairs with noise of {tuning.noise:.2g} times a vector's length, more the fewer "
            f"pairs there are, so that they are not learnt by heart."
        )

    def as_json(self) -> dict[str, Any]:
        """As JSON keeps them, without the recipe; the control by its name."""
        control, per = None, None
        if self.control is not None:
            control, per = str(self.control), self.control.per
        plain = {name: value for name, value in asdict(self).items() if name != "recipe"}
        return {**plain, "control": control, "draws_per": per}

    @classmethod
    def from_json(cls, known: dict[str, Any]) -> LexicalSettings:
        """The settings that `as_json` wrote.

        Raises:
            ModelError: another version wrote them.
        """
        try:
            check_fields(known, {"control": str | None}, draws_per=Per | None)
            control = known["control"] and parse_control(known["control"])
            if control and known.get("draws_per"):
                control = replace(control, per=known["draws_per"])
            names = {one.name for one in fields(cls)} - {"control", "recipe"}
            given = record_of(cls, {name: known[name] for name in names & known.keys()})
            return replace(given, control=control or None)
        except UnexpectedError as problem:
            raise ModelError(
                f"The settings were written by another version of Lexiscope ({problem}). Train "
                "anew."
            ) from None

    def as_arguments(self) -> list[str]:
        """The options of `train` that ask for these settings; there is none for `steps`."""
        given = [
            f"--method={self.method}",
            f"--target-active-terms={self.target_active_terms}",
        ]
        if self.method == "closed-form":
            return given
        if self.control is not None:
            given += [f"--control={self.control}", f"--draws-per={self.control.per}"]
        if self.noise is not None:
            given.append(f"--noise={self.noise!r}")
        return [*given, f"--seed={self.seed}"]
