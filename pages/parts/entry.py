"""A page is drawn inside app.py, whichever address the first visitor asks for."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

APP = Path(__file__).resolve().parents[2] / "app.py"
_INSIDE = ContextVar("inside app.py", default=False)


@contextmanager
def entered() -> Iterator[None]:
    """Held by app.py while it runs a page."""
    token = _INSIDE.set(True)
    try:
        yield
    finally:
        _INSIDE.reset(token)


def draw(show: Callable[[], None]) -> None:
    """Draw a page.

    Until app.py has run once in its process, Streamlit treats every file in `pages/` as an app of
    its own, so that a pasted address would show a page without its sidebar. In that case app.py
    runs here, and it runs the page.
    """
    if _INSIDE.get():
        show()
    else:
        runpy.run_path(str(APP))
