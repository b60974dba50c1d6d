"""Writing vectors, runs and judgements in the formats that other tools of the field read."""

from lsr.export.exporting import Exported, ExportedFile, ExportWish, export
from lsr.export.formats import Format, formats
from lsr.export.selection import LARGEST_K, LARGEST_SCALE, ExportReport

__all__ = [
    "LARGEST_K",
    "LARGEST_SCALE",
    "ExportReport",
    "ExportWish",
    "Exported",
    "ExportedFile",
    "Format",
    "export",
    "formats",
]
