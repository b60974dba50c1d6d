"""Large files from the hub: a download that was killed goes on, and checksums are compared."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from lsr.exceptions import InputError, UnknownNameError, shorten
from lsr.storage.hub import Source
from lsr.storage.locks import exclusive
from lsr.storage.places import home
from lsr.storage.room import told_when_full

# SHA-256 of a large file, git's SHA-1 of a small one.
_MARK = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")


def download(
    repository: str,
    kind: Literal["dataset", "model"],
    files: Sequence[str],
    extras: Sequence[str] = (),
) -> Source:
    """Files of a repository on huggingface.co, kept under `$LEXISCOPE_HOME/cache/hub`.

    huggingface_hub 2 throws away what a killed process had of a file; here the next call goes on
    behind its last byte. A file gets its name once its checksum is the one that the hub gives,
    and is not asked for again.

    Args:
        extras: files that the repository may lack.

    Raises:
        UnknownNameError: there is no such repository, or it lacks a file.
        InputError: the hub cannot be reached, or a file does not have its checksum.
    """
    folder = home() / "cache" / "hub" / kind / repository.replace("/", "--")
    taken = InputError(f"`{repository}` is being downloaded by another process. Wait for it.")
    with exclusive(folder / "lock", taken):
        for name in files:
            if not (folder / name).exists() and not _fetched(repository, kind, name, folder):
                raise UnknownNameError(
                    f"Repository `{repository}` on huggingface.co has no file `{name}`. Check "
                    "whether it has moved."
                )
        if not (complete := folder / "complete").exists():
            for name in extras:
                _fetched(repository, kind, name, folder)
            complete.touch()
    return Source(folder, repository)


def _fetched(repository: str, kind: str, name: str, folder: Path) -> bool:
    """Download one file; False where the repository does not have it."""
    try:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url
        from huggingface_hub.errors import (  # type: ignore[attr-defined]
            EntryNotFoundError,
            HTTPError,
            RepositoryNotFoundError,
        )
        from huggingface_hub.file_download import http_get
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]
    except ImportError:
        raise InputError(
            "Downloading from the hub needs a package. Run `python -m pip install huggingface_hub`."
        ) from None
    url = hf_hub_url(repository, name, repo_type=kind)
    try:
        about = get_hf_file_metadata(url)
        mark = about.etag if about.etag and _MARK.fullmatch(about.etag) else ""
        part = folder / f".{mark or name}.part"
        # What has no mark may have changed since it was begun.
        with told_when_full(part), part.open("ab" if mark else "wb") as file:
            http_get(
                url,
                file,
                resume_size=file.tell(),
                headers=build_hf_headers(),
                expected_size=about.size,
                displayed_filename=name,
            )
    except RepositoryNotFoundError:
        raise UnknownNameError(
            f"There is no public {kind} repository `{repository}` on huggingface.co."
        ) from None
    except EntryNotFoundError:
        return False
    except (HTTPError, OSError) as problem:
        raise InputError(
            f"`{name}` of `{repository}` could not be downloaded from the hub "
            f"({shorten(str(problem), 120)}). Connect to the network and run the same command "
            "again; it goes on where it stopped."
        ) from None
    _check(part, mark, name, repository)
    part.replace(folder / name)
    return True


def _check(part: Path, mark: str, name: str, repository: str) -> None:
    """Compare a file with the hub's mark; one without a mark has nothing to compare."""
    if len(mark) == hashlib.sha256().digest_size * 2:
        found = _digest(part, hashlib.sha256())
    else:
        head = f"blob {part.stat().st_size}\0".encode()
        found = _digest(part, hashlib.sha1(head, usedforsecurity=False))
    if mark and found != mark:
        part.unlink()
        raise InputError(
            f"`{name}` of `{repository}` arrived damaged: its checksum is {found[:12]}…, the hub "
            f"gives {mark[:12]}…. It was removed; run the same command again."
        )


def _digest(path: Path, digest: hashlib._Hash) -> str:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
