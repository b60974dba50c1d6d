"""The sizes of the bundled encoder's two networks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """The two networks' sizes."""

    vocabulary_size: int = 30_522
    dense_size: int = 256
    picture_size: int = 128
    """Side in pixels to which every picture is stretched."""
    channels: tuple[int, int, int] = (48, 96, 192)
    """Of the three convolutional stages, at 1/4, 1/8 and 1/16 of the side."""
    pool_queries: int = 8
    """Learned questions that the attention pool asks of the last feature map."""
    text_layers: int = 2
    attention_heads: int = 4
    max_tokens: int = 64
    """Longer texts are cut here."""
