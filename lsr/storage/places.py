"""Where collections and models are found: the bundled ones and the user's own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from lsr.exceptions import QueryError, UnknownNameError, shorten
from lsr.storage.leftovers import restore_all

_CODE = Path(__file__).resolve().parents[2]
_INSTALLED = _CODE / "lexiscope"
APP_FOLDER = _INSTALLED if (_INSTALLED / "app.py").is_file() else _CODE
"""Where the app, its pages and its assets are: beside the installed library, or in the checkout."""
ASSETS = APP_FOLDER / "assets"
BUNDLED_ENCODER = ASSETS / "encoder"
PICTURES = "images"
"""The folder inside a collection's that holds its pictures."""
QUERIES = "queries"
"""The folder inside a collection's that holds its query sets."""
_CARDS = {"collections": "collection.json", "models": "config.json"}
# Windows keeps these for devices, with any ending.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def home() -> Path:
    """The folder of the user's own collections and models, `$LEXISCOPE_HOME`."""
    return Path(os.environ.get("LEXISCOPE_HOME") or "~/.lexiscope").expanduser()


def folders(kind: str) -> Iterator[Path]:
    """Folders of a kind, `collections` or `models`: bundled ones first, then by name."""
    seen = set()
    restore_all(home() / kind)
    for root in (ASSETS / kind, home() / kind):
        for card in sorted(root.glob(f"*/{_CARDS[kind]}")):
            # A dot begins the name of what is still being written.
            if not card.parent.name.startswith(".") and card.parent.name not in seen:
                seen.add(card.parent.name)
                yield card.parent


def query_set_names(folder: Path) -> list[str]:
    """Names of the query sets in a collection's folder, ascending; no file is opened."""
    # A dot begins the name of what is still being written.
    return sorted(path.stem for path in (folder / QUERIES).glob("[!.]*.parquet"))


def find(kind: str, name: str) -> Path:
    """The folder of a collection or model, given its name, a path to it, or an address.

    Of what stands in an object storage it is the folder of a copy; `lsr.storage.copies` has more.

    Raises:
        UnknownNameError: neither; the message lists the names there are.
        InputError: the object storage cannot be read.
    """
    from lsr.storage.copies import copied_folder  # it stands on this file
    from lsr.storage.remote import is_remote

    if is_remote(name):
        return copied_folder(name, _CARDS[kind], PICTURES if kind == "collections" else "")
    known = {folder.name: folder for folder in folders(kind)}
    if name in known:
        return known[name]
    is_path = any(one in name for one in ("/", os.sep)) and "\0" not in name
    if is_path and (path := Path(name).expanduser()).is_dir():
        return path
    noun = kind.removesuffix("s")
    names = ", ".join(f"`{n}`" for n in known) or "none yet"
    raise UnknownNameError(f"There is no {noun} `{shorten(name)}`. The {kind} are: {names}.")


def check_name(name: str, use: str = "be a name") -> None:
    """Refuse what cannot name a folder of the user's.

    Args:
        use: what it cannot do, for the message.

    Raises:
        QueryError: it is no plain name, or one that Windows cannot hold.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise QueryError(
            f"`{shorten(name)}` cannot {use}. Use up to 64 letters, digits, dots, hyphens "
            "and underscores, a letter or digit first."
        )
    if _DEVICES.fullmatch(name) or name.endswith("."):
        raise QueryError(
            f"`{name}` cannot {use}: Windows could not hold a folder of that name. Choose another, "
            "without a dot at its end."
        )


def own_folder(kind: str, name: str) -> Path:
    """The folder of a new collection or model of the user's.

    Raises:
        QueryError: the name is no plain name, or belongs to something bundled.
    """
    noun = kind.removesuffix("s")
    check_name(name, f"name a {noun}")
    if (ASSETS / kind / name).exists():
        raise QueryError(f"`{name}` is a bundled {noun}. Choose another name.")
    return home() / kind / name
