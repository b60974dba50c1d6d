"""Whether a model reads a set of dense vectors."""

from __future__ import annotations

from typing import NamedTuple


class VectorKind(NamedTuple):
    """What dense vectors are: the encoder that made them and how many numbers each has."""

    encoder: str
    dense_size: int


def misfit(model: str, reads: VectorKind, collection: str, holds: VectorKind) -> str | None:
    """Why a model cannot read a collection's vectors, in one sentence; None where it can.

    Args:
        model, collection: their names, for the sentence.
    """
    if holds.dense_size != reads.dense_size:
        return (
            f"Model `{model}` reads vectors of {reads.dense_size} numbers, but those of collection "
            f"`{collection}` have {holds.dense_size}. Choose a model trained on `{holds.encoder}` "
            "vectors."
        )
    if holds.encoder != reads.encoder:
        return (
            f"Model `{model}` was trained on `{reads.encoder}` vectors, but collection "
            f"`{collection}` holds `{holds.encoder}` vectors. Choose another model."
        )
    return None
