"""The index of a collection and a model, kept in `$LEXISCOPE_HOME/indexes`."""

from __future__ import annotations

import logging
from pathlib import Path

from lsr.exceptions import IndexFileError
from lsr.index.memory.files import CARD, open_index
from lsr.index.memory.index import MemoryIndex
from lsr.storage.files import fingerprint
from lsr.storage.places import home

_LOG = logging.getLogger(__name__)


def made_from(collection: str, model: str) -> dict[str, str]:
    """What an index of this collection and model is made from, by their fingerprints."""
    return {"collection": collection, "model": model}


def index_folder(collection: str, model: str) -> Path:
    """Where the index of a collection and a model lies, given their fingerprints."""
    return home() / "indexes" / fingerprint(collection, model)


def stored_index(collection: str, model: str) -> MemoryIndex | None:
    """The stored index of a collection and a model, None where none can be used."""
    folder = index_folder(collection, model)
    if not (folder / CARD).is_file():
        return None
    try:
        return open_index(folder, made_from(collection, model))
    except IndexFileError as problem:
        # It is only a shortcut: whoever cannot open it builds the same in memory.
        _LOG.warning("%s Until then it is computed anew.", problem)
        return None
