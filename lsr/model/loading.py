"""Models on disk: the card of a folder says of which kind it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lsr.model.card import (
    EDITED,
    PROJECTION,
    SAE,
    SPARSE_ENCODER,
    SPLICE,
    VECTORS,
    kind_of,
    read_card,
)
from lsr.model.centred import open_centred
from lsr.model.checkpoint import open_projection
from lsr.model.edited import open_edited
from lsr.model.protocol import Model
from lsr.model.sparse_encoder import open_encoder
from lsr.model.stored import open_stored
from lsr.storage.folders import read_one_version
from lsr.storage.places import find

_OPEN: dict[str, Callable[[Path, dict[str, Any]], Model]] = {
    PROJECTION: open_projection,
    VECTORS: open_stored,
    SPLICE: open_centred,
    SAE: open_centred,
    SPARSE_ENCODER: open_encoder,
}


def load_model(place: str | Path) -> Model:
    """A model of any kind.

    Args:
        place: its name, its folder, or an address such as `s3://bucket/folder`.

    Raises:
        UnknownNameError: there is no model of that name, or at that address.
        ModelError: a file is missing or damaged, or they do not fit together.
    """
    folder = place if isinstance(place, Path) else find("models", place)
    return read_one_version(folder, lambda: _load(folder))


def _load(folder: Path) -> Model:
    card = read_card(folder)
    if kind_of(card) == EDITED:
        return open_edited(folder, card, _load)
    return _OPEN[kind_of(card)](folder, card)
