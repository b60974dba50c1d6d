"""What an autoencoder is trained with, and what is told of each step."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lsr.exceptions import QueryError

# How often each image comes, within bounds for the number of steps.
_PASSES, _STEPS = 20, (200, 4_000)


@dataclass(frozen=True)
class AutoencoderSettings:
    """latents: m. k: active ones of a vector. steps: by default so many that each image comes some
    twenty times. batch_size: images a step, each with one of its captions. auxiliary, contrastive:
    weights of the two terms.
    """

    latents: int = 4_096
    k: int = 32
    steps: int | None = None
    batch_size: int = 256
    learning_rate: float = 1e-3
    auxiliary: float = 1 / 32
    contrastive: float = 0.1
    temperature: float = 0.07
    seed: int = 0

    def check(self) -> None:
        """Refuse what no autoencoder can have.

        Raises:
            QueryError: naming the number and what it may be.
        """
        steps = 1 if self.steps is None else self.steps
        if not (0 < self.k <= self.latents <= 2**20 and steps > 0 and self.batch_size > 0):
            raise QueryError(
                f"An autoencoder of {self.latents:,} latents, {self.k:,} of them active, in "
                f"{steps:,} steps is not possible. Use 1 or more of each, and no more active "
                "latents than there are."
            )

    def for_images(self, n: int) -> AutoencoderSettings:
        """The settings with their number of steps, where it follows from n images."""
        if self.steps is not None:
            return self
        least, most = _STEPS
        return replace(self, steps=min(max(_PASSES * n // self.batch_size, least), most))


@dataclass(frozen=True)
class AutoencoderReport:
    """After a step: share of the variance that is rebuilt, dead latents, and seconds left."""

    step: int
    steps: int
    explained: float
    dead: int
    seconds_left: float
