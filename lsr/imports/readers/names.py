"""One way to compare the names of files, wherever they come from."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath


def plain_name(name: str) -> str:
    r"""A name as it is compared: NFC, `/` between folders, no blanks at the ends or in a row.

    macOS stores accents apart from their letters, Windows writes `\`, and lists lose blanks.
    """
    parts = unicodedata.normalize("NFC", name).replace("\\", "/").split("/")
    kept = (" ".join(part.split()) for part in parts)
    return "/".join(part for part in kept if part not in ("", "."))


def plain_stem(name: str) -> str:
    """The same without folders and without the last ending."""
    return PurePosixPath(plain_name(name)).stem
