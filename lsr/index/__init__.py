"""Search engines behind one protocol."""

from lsr.index.choice import ENGINES, check_engine, why_not
from lsr.index.protocol import Hit, Index, SplitImages

__all__ = ["ENGINES", "Hit", "Index", "SplitImages", "check_engine", "why_not"]
