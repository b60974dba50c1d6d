"""The card of a model, `config.json`: what it must say, and of which type."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lsr.exceptions import ModelError, shorten
from lsr.model.fit import VectorKind, misfit
from lsr.storage.files import read_json

CARD = "config.json"
PROJECTION = "projection"
VECTORS = "vectors"
SPLICE = "splice"
SAE = "sae"
SPARSE_ENCODER = "sparse-encoder"
EDITED = "edited"
READERS = (PROJECTION, SPLICE, SAE)
"""The kinds that read the dense vectors of an encoder."""
KINDS = (*READERS, VECTORS, SPARSE_ENCODER, EDITED)
_SIZES = ("dense_size", "hidden_size", "vocabulary_size")


def read_card(folder: Path) -> dict[str, Any]:
    """The card of the model in a folder.

    Of a kind that reads dense vectors it names their encoder; of others, where it belongs to one
    collection, that.

    Raises:
        ModelError: it is missing or damaged, or of a kind that is not known here.
    """
    path = folder / CARD
    card = read_json(path, ModelError)
    if (kind := card.get("kind", PROJECTION)) not in KINDS:
        raise ModelError(
            f"`{path}` is of the kind `{shorten(str(kind))}`, which this version does not know. It "
            f"knows {', '.join(f'`{one}`' for one in KINDS)}."
        )
    if base_kind(card) in READERS and "encoder" not in card:
        raise ModelError(f"`{path}` does not name its encoder. Add `encoder`.")
    for name in ("encoder", "title", "collection"):
        if not isinstance(card.get(name, ""), str):
            raise ModelError(f"`{path}` is damaged: `{name}` is no string. Restore the file.")
    for name in _SIZES:
        size = card.get(name, 1)
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ModelError(
                f"`{path}` is damaged: `{name}` is no whole number above 0. Restore the file."
            )
    return card


def kind_of(card: Mapping[str, Any]) -> str:
    """The kind of model that a card is of; those of older versions do not say it."""
    return str(card.get("kind", PROJECTION))


def base_kind(card: Mapping[str, Any]) -> str:
    """As `kind_of`, of the model that an edited one was made of."""
    kind = kind_of(card)
    return str(card.get("of", PROJECTION)) if kind == EDITED else kind


def card_misfit(
    name: str, card: Mapping[str, Any], collection: str, holds: VectorKind
) -> str | None:
    """Why a model does not go with a collection, as far as their cards tell; None where it does."""
    if base_kind(card) in READERS:
        reads = VectorKind(card["encoder"], card.get("dense_size", 0))
        return misfit(name, reads, collection, holds)
    if (own := card.get("collection", collection)) != collection:
        return (
            f"Model `{name}` holds vectors of collection `{own}`, not of `{collection}`. Choose "
            "another model."
        )
    return None
