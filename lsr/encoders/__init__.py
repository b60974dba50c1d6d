"""Encoders by name. Each one is imported when it is first asked for."""

from __future__ import annotations

import functools

from lsr.catalog import BUNDLED_ENCODER
from lsr.encoders.protocol import Encoder
from lsr.exceptions import UnknownNameError, shorten

__all__ = ["NAMES", "Encoder", "load_encoder"]

NAMES = ("bundled",)


@functools.lru_cache(maxsize=2)
def load_encoder(name: str) -> Encoder:
    """The encoder of a name in NAMES, loaded once a process.

    Raises:
        UnknownNameError: there is no encoder of that name here.
    """
    if name == "bundled":
        from lsr.encoders.bundled import BundledEncoder

        encoder = BundledEncoder.load(BUNDLED_ENCODER)
        # A network's first call takes ten times as long as the next: let it belong to loading.
        encoder.encode_texts(["warm up"])
        return encoder
    raise UnknownNameError(
        f"There is no encoder `{shorten(name)}` here, so new texts and pictures cannot be "
        f"encoded. The encoders are: {', '.join(f'`{n}`' for n in NAMES)}."
    )
