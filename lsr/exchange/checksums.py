"""Whether what was downloaded from the hub is what the hub holds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from lsr.exceptions import InputError
from lsr.hub import Source

_SHA256, _GIT_SHA1 = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{40}")


def check_download(source: Source, names: Iterable[str]) -> int:
    """How many of the named files have the checksum that the hub gives for them.

    The hub's cache names every file by its checksum: SHA-256 of a large file, git's SHA-1 of a
    small one. Files of a plain folder have none, and are not looked at.

    Raises:
        InputError: a file has another checksum; it is removed from the cache, so that the next
            call downloads it again.
    """
    checked = 0
    for name in names:
        blob = (source.folder / name).resolve()
        expected, found = blob.name, None
        if _SHA256.fullmatch(expected):
            found = _digest(blob, hashlib.sha256())
        elif _GIT_SHA1.fullmatch(expected):
            head = f"blob {blob.stat().st_size}\0".encode()
            found = _digest(blob, hashlib.sha1(head, usedforsecurity=False))
        if found is None:
            continue
        if found != expected:
            (source.folder / name).unlink()
            blob.unlink()
            raise InputError(
                f"`{name}` of `{source.name}` is damaged: its checksum is {found[:12]}…, the hub "
                f"gives {expected[:12]}…. It was removed; run the same command again."
            )
        checked += 1
    return checked


def _digest(path: Path, digest: hashlib._Hash) -> str:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
