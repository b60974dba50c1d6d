"""The engines there are, and which of them can be used here; nothing is opened or asked."""

from __future__ import annotations

from lsr.exceptions import UnknownNameError, shorten
from lsr.index.milvus.server import obstacle, place_from_environment

ENGINES = ("memory", "milvus")


def check_engine(engine: str) -> None:
    """Refuse a name that is no engine's.

    Raises:
        UnknownNameError: there is no such engine.
    """
    if engine not in ENGINES:
        raise UnknownNameError(
            f"There is no engine `{shorten(engine)}`. The engines are: {', '.join(ENGINES)}."
        )


def why_not(engine: str) -> str | None:
    """Why an engine cannot be used here, None where it may.

    Raises:
        UnknownNameError: there is no such engine.
    """
    check_engine(engine)
    return obstacle(place_from_environment()) if engine == "milvus" else None
