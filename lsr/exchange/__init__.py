"""Loading what others made: checkpoints and dense vectors, from a folder or the hub."""

from lsr.exchange.attaching import Attached, VectorFiles, attach
from lsr.exchange.fetching import PUBLISHED, FetchReport, fetch
from lsr.exchange.formats import import_source
from lsr.exchange.imported import Imported, ImportedCollection, ImportedModel, Skipped
from lsr.hub import Source, locate

__all__ = [
    "PUBLISHED",
    "Attached",
    "FetchReport",
    "Imported",
    "ImportedCollection",
    "ImportedModel",
    "Skipped",
    "Source",
    "VectorFiles",
    "attach",
    "fetch",
    "import_source",
    "locate",
]
