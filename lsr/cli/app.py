"""The command `app`: the pages in a browser."""

from __future__ import annotations

import argparse
import os
import runpy
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module

from lsr.cli.answer import Add, Answer, Log
from lsr.exceptions import InputError, QueryError
from lsr.storage.places import APP_FOLDER

_PATIENCE = 30.0  # seconds
_GRACE = 1.5  # seconds
_DRAWING = "ScriptRunner"  # part of the name that Streamlit gives a thread that draws a page


def add_commands(add: Add) -> None:
    """`app`."""
    one = add("app", "Start the app.", app, collection=False, model=False)
    one.add_argument("--port", type=int, default=8501, help="of the address to open (8501)")


def app(options: argparse.Namespace, log: Log) -> Answer:
    """Serve the pages until Ctrl+C."""
    if not 1 <= options.port <= 65_535:
        raise QueryError(f"Port {options.port} is not possible. Use 1 to 65535, such as 8501.")
    address = f"http://127.0.0.1:{options.port}"
    log(f"Lexiscope opens at {address} (stop with Ctrl+C)")
    threading.Thread(target=_prepare, args=(options.port, address), daemon=True).start()
    line = ["run", str(APP_FOLDER / "app.py"), "--server.port", str(options.port)]
    sys.argv = ["streamlit", *line]
    runpy.run_module("streamlit", run_name="__main__")
    return {"address": address}


def _prepare(port: int, address: str) -> None:
    """Read what the pages need, while their visitor opens a browser.

    Not before the server answers, so that it starts as soon as it would without. A visitor who
    comes at once loads the scripts of the page from this process: most is left until those are
    there, and nothing is read while a page is drawn, which would wait for it.
    """
    deadline = time.monotonic() + _PATIENCE
    while not _answers(address):
        if time.monotonic() > deadline:
            return
        time.sleep(0.05)
    send_at_once(port)
    for step in (*_FIRST, partial(time.sleep, _GRACE), *_LATER):
        while any(_DRAWING in thread.name for thread in threading.enumerate()):
            time.sleep(0.05)
        step()


def send_at_once(port: int) -> None:
    """Let this process's server on a port send small messages without waiting for earlier ones.

    asyncio does so for sockets that name their protocol, which Streamlit's does not. Without it
    every picture and many a message came 40 ms late. Connections have the option of the socket that
    they came in by; where a system does not tell it (Windows), all stays as it is.
    """
    import psutil

    for one in psutil.Process().net_connections("tcp"):
        if one.status == psutil.CONN_LISTEN and one.laddr.port == port and one.fd >= 0:
            with socket.socket(fileno=os.dup(one.fd)) as listening:
                listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _search() -> None:
    from lsr.search.searcher import Searcher

    if "pages.parts.caches" not in sys.modules:  # else a page has seen to it
        with suppress(InputError):  # whatever is wrong with it, the page says
            Searcher.open().search_text("warm up")


def _module(name: str) -> Callable[[], object]:
    return partial(import_module, name)


_FIRST = (_module("lsr.model.loading"), _module("lsr.storage.pictures"))
_LATER = (
    _module("pandas"),
    _search,
    _module("lsr.figures.trained"),  # plotly
    _module("lsr.sweep.laboratory"),
)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False
