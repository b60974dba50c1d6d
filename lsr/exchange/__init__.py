"""Loading what others made: pictures with captions, dense vectors, checkpoints."""

from lsr.exchange.attaching import Attached, VectorFiles, attach
from lsr.exchange.fetching import PUBLISHED, FetchReport, fetch
from lsr.exchange.formats import FORM_NAMES
from lsr.exchange.imported import (
    Imported,
    ImportedCollection,
    ImportedModel,
    ImportWish,
    Skipped,
)
from lsr.exchange.planning import ImportPlan, plan_import
from lsr.exchange.running import import_source, run_import
from lsr.exchange.stages import ImportReport

__all__ = [
    "FORM_NAMES",
    "PUBLISHED",
    "Attached",
    "FetchReport",
    "ImportPlan",
    "ImportReport",
    "ImportWish",
    "Imported",
    "ImportedCollection",
    "ImportedModel",
    "Skipped",
    "VectorFiles",
    "attach",
    "fetch",
    "import_source",
    "plan_import",
    "run_import",
]
