"""The card of a model, `config.json`: what it must say, and of which type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lsr.exceptions import ModelError
from lsr.storage.files import read_json

CARD = "config.json"
_SIZES = ("dense_size", "hidden_size", "vocabulary_size")


def read_card(folder: Path) -> dict[str, Any]:
    """The card of the model in a folder; it names the encoder whose vectors the model reads.

    Raises:
        ModelError: it is missing or damaged.
    """
    path = folder / CARD
    card = read_json(path, ModelError)
    if "encoder" not in card:
        raise ModelError(f"`{path}` does not name its encoder. Add `encoder`.")
    for name in ("encoder", "title"):
        if not isinstance(card.get(name, ""), str):
            raise ModelError(f"`{path}` is damaged: `{name}` is no string. Restore the file.")
    for name in _SIZES:
        size = card.get(name, 1)
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ModelError(
                f"`{path}` is damaged: `{name}` is no whole number above 0. Restore the file."
            )
    return card
