"""Search engines behind one protocol."""

from lsr.index.protocol import Hit, Index, SplitImages

__all__ = ["ENGINES", "Hit", "Index", "SplitImages"]

ENGINES = ("memory", "milvus")
