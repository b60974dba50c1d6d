"""What visitors may do: everything where the app serves its owner, less where it serves others.

The mode is that of the environment variable, else it follows from who can reach the app. Pages ask
`why_not` to say what is off; `pages.parts.actions` asks `require` before it does anything.
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Literal

import streamlit as st
from streamlit import config

from lsr.exceptions import NotAllowedError, QueryError, shorten
from pages.parts.glossary import glossed

Mode = Literal["owner", "class", "read-only"]
Action = Literal[
    "import",
    "encode",
    "export",
    "report",
    "delete",
    "train",
    "upload",
    "view",
    "triage",
    "collect",
    "edit",
]

SETTING = "LEXISCOPE_MODE"
ROOTS = "LEXISCOPE_IMPORT_ROOTS"
MINUTES = "LEXISCOPE_TRAINING_MINUTES"

MODES: tuple[Mode, ...] = ("owner", "class", "read-only")
SAYS: dict[Mode, str] = {
    "owner": "Whoever opens the app may do everything that the account that runs it may do.",
    "class": "Search, inspect, measure and train. Nobody imports, deletes or writes files here.",
    "read-only": "Search, inspect and measure. Nobody trains, uploads or writes anything here.",
}
_OFF: dict[Action, str] = {
    "import": "Importing is off",
    "encode": "Encoding anew is off",
    "export": "Exporting is off",
    "report": "Writing and checking reports is off",
    "delete": "Deleting is off",
    "train": "Training is off",
    "upload": "Uploading is off",
    "view": "Saving and deleting views is off",
    "triage": "Judging failures and keeping lists of them is off",
    "edit": "Saving models with edited terms is off",
    "collect": "Collecting predictions of a class is off",
}
_ELSEWHERE = "Run Lexiscope on a computer of your own for that, or ask whoever runs this server."
_MOST_MINUTES = 24 * 60


def current() -> Mode:
    """The mode of this server.

    Raises:
        QueryError: the environment variable says none.
    """
    said = os.environ.get(SETTING)
    if not said:
        return "class" if _reached_from_beyond() else "owner"
    if said not in MODES:
        names = ", ".join(f"`{mode}`" for mode in MODES)
        raise QueryError(f"`{SETTING}` is `{shorten(said)}`. Use one of {names}.")
    return said


def _reached_from_beyond() -> bool:
    """Whether others than the owner may be asking: by the address listened on, or by a proxy."""
    if not _is_loopback(config.get_option("server.address")):
        return True
    headers = st.context.headers
    return any(name in headers for name in ("Forwarded", "X-Forwarded-For", "X-Real-IP"))


def _is_loopback(address: str | None) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:  # a name, a socket, or nothing, which is every address there is
        return False


def import_roots() -> list[Path]:
    """The folders that visitors of a class may import from; empty unless some are named."""
    named = os.environ.get(ROOTS, "").split(os.pathsep)
    return [Path(one).expanduser().resolve() for one in named if one.strip()]


def training_minutes() -> int:
    """How long a training of a class may take; 0 where there is none.

    Raises:
        QueryError: the environment variable holds no such number.
    """
    raw = os.environ.get(MINUTES) or "10"
    if not (raw.isascii() and raw.isdigit() and int(raw) <= _MOST_MINUTES):
        raise QueryError(
            f"`{MINUTES}` is `{shorten(raw)}`. Use whole minutes up to {_MOST_MINUTES:,}, or 0 for "
            "no training."
        )
    return int(raw)


def why_not(action: Action) -> str:
    """Why an action is off here; empty where it is on.

    Raises:
        QueryError: an environment variable cannot be understood.
    """
    mode = current()
    if mode == "owner":
        return ""
    off = f"{_OFF[action]}: this server runs in mode `{mode}`."
    if mode == "class":
        if action in ("upload", "collect"):
            return ""
        if action == "train":
            return "" if training_minutes() else f"{_OFF[action]} on this server. {_ELSEWHERE}"
        if action == "import":
            return "" if import_roots() else f"{off} {_ELSEWHERE}"
    return f"{off} {_ELSEWHERE}"


def require(action: Action) -> None:
    """Refuse what is off.

    Raises:
        NotAllowedError: it is; the message says why.
    """
    if why := why_not(action):
        raise NotAllowedError(why)


def show_in_sidebar() -> None:
    """One line that names the mode.

    Raises:
        QueryError: an environment variable cannot be understood.
    """
    mode = current()
    st.caption(
        f"Mode: {mode}", help=glossed(f"{SAYS[mode]} `{SETTING}` sets it; see `docs/server.md`.")
    )
