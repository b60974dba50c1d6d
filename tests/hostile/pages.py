"""Addresses of the app: what stands behind the question mark of every page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from tests.hostile.world import at_home

APP = Path(__file__).resolve().parents[2] / "app.py"
# Every parameter that a page reads, with a sound value.
ADDRESSES: list[dict[str, Any]] = [
    {
        "page": "search",
        "q": "two dogs",
        "expansion": "off",
        "dense": "on",
        "k": "24",
        "split": "test",
    },
    {
        "page": "search",
        "q": "a cat",
        "boost": "dog=2",
        "mute": "cat",
        "collection": "demo",
        "model": "demo",
        "engine": "memory",
    },
    {"page": "image", "id": "scene-00001", "web": "off"},
    {"page": "term", "term": "dog"},
    {
        "page": "expansion",
        "view": "curve",
        "knob": "caption",
        "rate": "0.5",
        "split": "test",
        "queries": "",
    },
    {"page": "expansion", "view": "query", "q": "two dogs", "word": "0.5", "top-k": "20"},
    {
        "page": "collections",
        "view": "import",
        "source": "/nowhere",
        "name": "mine",
        "captions": "x.csv",
        "encoder": "bundled",
        "as": "folder",
        "splits": "made",
    },
    {
        "page": "collections",
        "format": "csv",
        "export-split": "test",
        "export-model": "demo",
        "new-encoder": "x",
        "new-name": "y",
    },
    {"page": "lessons", "lesson": "1", "step": "2", "1a": "30", "picture": "test-00003"},
    {"page": "lessons", "view": "class", "class": "KM4T7R"},
    {"page": "train", "run": "mine", "collection": "demo", "epochs": "3", "control": "scheduled"},
]


def make(folder: Path) -> None:
    at_home(folder / "home")
    (folder / "all.address").write_text(json.dumps(ADDRESSES))


def opened(folder: Path) -> None:
    """Open the page of the one address that was changed; of all of them where none was."""
    at_home(folder / "home")
    for address in json.loads((folder / "all.address").read_text("utf-8")):
        _open(address)


def _open(address: dict[str, Any]) -> None:
    app = AppTest.from_file(str(APP), default_timeout=600)
    page = address.get("page")
    if page in ("image", "term", "expansion", "collections", "train", "lessons"):
        app.run()
        app.switch_page(f"pages/{page}.py")
    for name, value in address.items():
        # A browser sends text, and Tornado reads it as UTF-8.
        text = str(value).encode("utf-8", "replace").decode()
        app.query_params[str(name).encode("utf-8", "replace").decode()] = text
    app.run()
    if app.exception:
        raise PageError(app.exception[0].message, "\n".join(app.exception[0].stack_trace))


class PageError(Exception):
    """A page broke off with something other than a sentence of ours."""
