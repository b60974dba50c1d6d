"""Loading what others made: checkpoints and dense vectors, from a folder or the hub."""

from lsr.exchange.formats import import_source
from lsr.exchange.imported import Imported, ImportedCollection, ImportedModel, Skipped
from lsr.hub import Source, locate

__all__ = [
    "Imported",
    "ImportedCollection",
    "ImportedModel",
    "Skipped",
    "Source",
    "import_source",
    "locate",
]
