"""What models of other kinds than a head are made with, as pages ask for them. Loads no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, cast

from lsr.exceptions import ModelError
from lsr.model.card import SAE, SPLICE
from lsr.storage.records import record_of
from lsr.storage.untrusted import UnexpectedError
from lsr.training.lexical.settings import LexicalSettings, check_target

OtherMethod = Literal["splice", "sae"]
OTHER_METHODS: tuple[OtherMethod, ...] = ("splice", "sae")
"""As `train --method` names them."""


@dataclass(frozen=True)
class OtherSettings:
    """target_active_terms: mean of a training image, or of an autoencoder its k. seed: of `sae`."""

    method: OtherMethod
    target_active_terms: int = 32
    seed: int = 0

    def check(self) -> None:
        """Refuse what no model can have.

        Raises:
            QueryError: naming the number and what it may be.
        """
        check_target(self.target_active_terms)

    def reasons(self, n_images: int) -> str:
        """In one sentence: what will be done with so many images."""
        if self.method == SPLICE:
            return (
                "10,000 words become vectors, and the penalty is chosen on a sample of the "
                f"{n_images:,} images. Nothing is trained."
            )
        from lsr.training.autoencoder_settings import AutoencoderSettings

        settings = AutoencoderSettings().for_images(n_images)
        return (
            f"{n_images:,} images: {settings.steps:,} steps of {settings.batch_size} images with "
            f"a caption each, {settings.latents:,} latents. It can be stopped and resumed."
        )

    def as_json(self) -> dict[str, Any]:
        """As JSON keeps them."""
        return asdict(self)

    def as_arguments(self) -> list[str]:
        """The options of `train` that ask for these settings."""
        given = [f"--method={self.method}", f"--target-active-terms={self.target_active_terms}"]
        return [*given, f"--seed={self.seed}", "--resume"] if self.method == SAE else given


MadeSettings = LexicalSettings | OtherSettings


def made_settings(known: dict[str, Any]) -> MadeSettings:
    """The settings that `as_json` of either wrote.

    Raises:
        ModelError: another version wrote them.
    """
    if known.get("method") not in OTHER_METHODS:
        return LexicalSettings.from_json(known)
    try:
        names = {one.name for one in fields(OtherSettings)}
        return record_of(OtherSettings, {name: known[name] for name in names & known.keys()})
    except UnexpectedError as problem:
        raise ModelError(
            f"The settings were written by another version of Lexiscope ({problem}). Make it anew."
        ) from None


def settings_of_model(training: dict[str, Any]) -> OtherSettings:
    """The settings of a finished model, as its `training.json` tells them."""
    settings = training["settings"]
    target = settings.get("k", settings.get("target_active_terms"))
    method = cast(OtherMethod, training["method"])
    return OtherSettings(method, int(target), int(settings.get("seed", 0)))
