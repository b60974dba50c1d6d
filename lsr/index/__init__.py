"""Search engines behind one protocol."""

from lsr.index.protocol import Hit, Index

__all__ = ["ENGINES", "Hit", "Index"]

ENGINES = ("memory", "milvus")
