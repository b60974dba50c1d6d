"""Loops compiled by numba, kept on disk for the next start.

numba keeps a function until its own file changes. One that calls functions of other files would
still run their old code after an update. So all are kept under a digest of all of their sources.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from numba import config, njit
from numba.core.compiler_lock import global_compiler_lock

from lsr.exceptions import InputError
from lsr.storage.locks import exclusive
from lsr.storage.places import home

_HERE = Path(__file__).resolve().parent


def digest(folder: Path) -> str:
    """A digest of every file of a folder that compiled loops may come from."""
    texts = [path.read_bytes() for path in sorted(folder.rglob("*.py"))]
    used = b"".join(text for text in texts if b"lsr.kernels.compiled" in text or b"numba" in text)
    return hashlib.blake2b(used, digest_size=8).hexdigest()


def _place() -> Path:
    """Where compiled loops are kept: beside their sources, or at home where that may not be."""
    name = f"loops-{digest(_HERE)}"
    beside = _HERE / "__pycache__" / name
    try:
        if not beside.exists():
            for older in beside.parent.glob("loops-*"):  # of sources that are no more
                shutil.rmtree(older, ignore_errors=True)
        beside.mkdir(parents=True, exist_ok=True)
    except OSError:
        return home() / "cache" / name
    return beside if os.access(beside, os.W_OK) else home() / "cache" / name


# What numba would spread over threads besides loops over `prange`.
_NOT_SPREAD = (
    "comprehension",
    "reduction",
    "inplace_binop",
    "setitem",
    "numpy",
    "stencil",
    "fusion",
)
_FOLDER = str(_place())
_PATIENCE = 300.0  # seconds, several times what the slowest loop takes on a busy machine


def compiled(*, parallel: bool = False, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A decorator: compile a function when it is first called, and keep it.

    Args:
        parallel: spread loops over `prange`. Array expressions are left alone: to spread them too
            would be no quicker, and takes the compiler several times as long.
        options: more of those of `numba.njit`.
    """
    if parallel:
        options["parallel"] = dict.fromkeys(_NOT_SPREAD, False)

    def decorate(function: Callable[..., Any]) -> Any:
        before = config.CACHE_DIR
        config.CACHE_DIR = _FOLDER
        try:
            return _once(njit(cache=True, nogil=True, **options)(function))
        finally:
            config.CACHE_DIR = before

    return decorate


def _once(loop: Any) -> Any:
    """The loop, which waits where another process compiles it, and then loads what that has kept.

    Compiling takes seconds, so processes that start together would all take them.
    """
    compile_ = loop.compile
    lock = Path(_FOLDER) / f"{loop.py_func.__module__}.{loop.py_func.__name__}.lock"

    def compile_once(signature: Any) -> Any:
        # numba's own lock comes first: a thread that has it may ask for any loop.
        with global_compiler_lock, _held(lock):
            return compile_(signature)

    loop.compile = compile_once
    return loop


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold a lock file; without it where it cannot be had, because compiling twice does no harm."""
    with ExitStack() as stack:
        with suppress(InputError, OSError):
            stack.enter_context(exclusive(path, InputError("It is compiled elsewhere."), _PATIENCE))
        yield
