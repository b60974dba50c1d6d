"""How the bundled encoder is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lsr.encoders.bundled_config import EncoderConfig
from lsr.world import scenes


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """Both stages' settings."""

    networks: EncoderConfig = field(default_factory=EncoderConfig)
    training_scenes: int = len(scenes.TRAIN)
    further_scenes: int = 4_000
    """Scenes beyond the collection's, for the encoder only."""
    validation_scenes: int = len(scenes.VALIDATION)
    naming_epochs: int = 8
    naming_batch: int = 128
    naming_rate: float = 2e-3
    """Highest learning rate; it rises over `warm_up` and falls as a cosine to zero."""
    place_weight: float = 0.3
    """Of naming setting and weather, beside naming the glyphs."""
    pairing_epochs: int = 12
    pairing_batch: int = 256
    pairing_rate: float = 1e-3
    words_per_step: int = 256
    word_weight: float = 1.0
    """Of single words finding the pictures of their neighbours."""
    term_weight: float = 0.02
    """Of images telling which words their captions say."""
    word_temperature: float = 0.05
    """Of the softmax over a word's neighbours in the token table."""
    least_captions: int = 20
    """Words in at least that many captions teach the others."""
    warm_up: float = 0.15
    weight_decay: float = 0.02
    seed: int = 0

    def training_seeds(self) -> Sequence[int]:
        """The collection's training scenes, then the further ones."""
        first = scenes.PRETRAINING_START
        return [*scenes.TRAIN[: self.training_scenes], *range(first, first + self.further_scenes)]

    def validation_seeds(self) -> Sequence[int]:
        return scenes.VALIDATION[: self.validation_scenes]
