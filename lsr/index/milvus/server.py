"""Reaching Milvus: where it is, the client, and one sentence for whatever goes wrong."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lsr.exceptions import EngineError, shorten
from lsr.storage.places import home

if TYPE_CHECKING:
    from pymilvus import MilvusClient

# How long a server may take to accept a connection and to answer one call. Within the second,
# pymilvus tries again by itself after a dropped connection, at growing intervals.
CONNECT_SECONDS = 5.0
CALL_SECONDS = 30.0
# Milvus Lite reads everything at its first search: 29 s for 200,000 images on two busy cores.
FILE_CALL_SECONDS = 600.0
_INSTALL = "Run `make milvus`, or `pip install -r requirements-milvus.txt`."
# Sparse vectors came with Milvus 2.4; Milvus Lite scored them with BM25 before 3.2.2.
_LEAST_SERVER = (2, 4, 0)
_LEAST_LITE = (3, 2, 2)


@dataclass(frozen=True)
class Place:
    """Where a Milvus is.

    uri: `http://host:19530`, `https://host:19530` for TLS, or a local file that ends in `.db` for
        Milvus Lite, which runs inside this process.
    token: `user:password` or a key, empty where the server asks for none.
    certificate: file of the authority that signed the server's certificate, empty for well-known
        ones.
    """

    uri: str
    token: str = ""
    certificate: str = ""
    connect_seconds: float = CONNECT_SECONDS
    call_seconds: float = CALL_SECONDS

    @cached_property
    def is_file(self) -> bool:
        return "://" not in self.uri

    @property
    def path(self) -> Path:
        """The file of Milvus Lite; it is a folder on the disk."""
        return Path(self.uri).expanduser().absolute()

    def __str__(self) -> str:
        """The address without what must stay secret."""
        if self.is_file:
            return str(self.path)
        parts = urlsplit(self.uri)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def place_from_environment() -> Place:
    """The Milvus of `$LEXISCOPE_MILVUS_URI`, by default a file under `$LEXISCOPE_HOME/indexes`.

    `$LEXISCOPE_MILVUS_TOKEN` and `$LEXISCOPE_MILVUS_CERTIFICATE` are the other settings.
    """
    uri = os.environ.get("LEXISCOPE_MILVUS_URI") or str(home() / "indexes" / "milvus.db")
    return Place(
        uri,
        os.environ.get("LEXISCOPE_MILVUS_TOKEN", ""),
        os.environ.get("LEXISCOPE_MILVUS_CERTIFICATE", ""),
        call_seconds=CALL_SECONDS if "://" in uri else FILE_CALL_SECONDS,
    )


def obstacle(place: Place) -> str | None:
    """Why Milvus cannot be used here, None where it may; nothing is opened or asked."""
    if why := _missing_package(place):
        return why
    if place.is_file and not place.path.exists():
        return (
            f"There is no Milvus file `{place}` yet. Run `python -m lsr index --engine milvus`, or "
            "name a server in `$LEXISCOPE_MILVUS_URI`."
        )
    return None


def _missing_package(place: Place) -> str | None:
    if importlib.util.find_spec("pymilvus") is None:
        return f"Milvus needs the package `pymilvus`, which is not installed. {_INSTALL}"
    if place.is_file and importlib.util.find_spec("milvus_lite") is None:
        return f"A Milvus file needs the package `milvus-lite`, which is not installed. {_INSTALL}"
    return None


def connect(place: Place, *, create: bool = False) -> MilvusClient:
    """A client of a Milvus that answers and is new enough.

    Args:
        create: whether a local file that is not there is made.

    Raises:
        EngineError: a package is missing, the address is none, or nobody answers there.
    """
    _check_address(place)
    if why := _missing_package(place) if create else obstacle(place):
        raise EngineError(why)
    # Every failure becomes a sentence of ours. pymilvus would print a traceback beside it, and the
    # server inside Milvus Lite one for each call that it does not know.
    for name in ("pymilvus", "milvus_lite", "grpc._server"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    from pymilvus import MilvusClient

    options: dict[str, Any] = {"token": place.token, "timeout": place.connect_seconds}
    uri = place.uri
    if place.is_file:
        uri = str(place.path)
        place.path.parent.mkdir(parents=True, exist_ok=True)
        _check_file(place)
    elif place.certificate:
        if not Path(place.certificate).is_file():
            raise EngineError(
                f"There is no certificate file `{shorten(place.certificate)}`. "
                "Set `$LEXISCOPE_MILVUS_CERTIFICATE` to a PEM file."
            )
        options["server_pem_path"] = place.certificate
    with told(place):
        client = MilvusClient(uri, dedicated=not place.is_file, **options)
        _check_version(place, client.get_server_version(timeout=place.connect_seconds))
    return client


@contextmanager
def told(place: Place) -> Iterator[None]:
    """Turn whatever pymilvus and gRPC raise into one sentence.

    Raises:
        EngineError: instead.
    """
    import grpc
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except (MilvusException, grpc.RpcError, grpc.FutureTimeoutError) as problem:
        raise EngineError(_sentence(place, problem)) from None


def _sentence(place: Place, problem: Exception) -> str:
    import grpc

    # pymilvus says that it failed to connect, and gRPC beneath it why.
    cause = problem.__cause__ if isinstance(problem.__cause__, grpc.RpcError) else problem
    code = getattr(cause, "code", None)
    code = code() if callable(code) else code
    said = str(getattr(problem, "message", "") or getattr(problem, "details", str)())
    if code == grpc.StatusCode.UNAUTHENTICATED or "auth check" in said:
        return (
            f"Milvus at `{place}` does not accept the token. Set `$LEXISCOPE_MILVUS_TOKEN` to "
            "`user:password` or a key."
        )
    if code == grpc.StatusCode.UNIMPLEMENTED:
        return f"What answers at `{place}` is no Milvus. Correct `$LEXISCOPE_MILVUS_URI`."
    if "Fail connecting" in said or code == grpc.StatusCode.UNAVAILABLE:
        return (
            f"No Milvus answers at `{place}` (tried for up to {place.connect_seconds:g} s). Start "
            "it, or correct `$LEXISCOPE_MILVUS_URI`."
        )
    if code == grpc.StatusCode.DEADLINE_EXCEEDED or "Retry timeout" in said:
        return (
            f"Milvus at `{place}` did not answer within {place.call_seconds:g} s. "
            "Look at its log, then try again."
        )
    return f"Milvus at `{place}` refuses: {shorten(said, 200)}. Look at its log."


def _check_address(place: Place) -> None:
    try:
        parts = urlsplit(place.uri)
        usable = parts.port is not None or parts.hostname is not None
    except ValueError:
        usable = False
    wanted = usable and parts.scheme in ("http", "https")
    if place.is_file:
        wanted = place.uri.endswith(".db") and "\0" not in place.uri
    if not wanted:
        raise EngineError(
            f"`{shorten(str(place))}` is no address of a Milvus. Set `$LEXISCOPE_MILVUS_URI` to "
            "`http://host:19530`, `https://host:19530` for TLS, or a file that ends in `.db`."
        )


def _check_file(place: Place) -> None:
    """Start Milvus Lite, or say why it does not start; pymilvus would say that it failed."""
    from milvus_lite.db import MilvusLite
    from milvus_lite.exceptions import DataDirLockedError
    from milvus_lite.server_manager import server_manager_instance as running

    version = importlib.metadata.version("milvus-lite")
    if _numbers(version) < _LEAST_LITE:
        raise EngineError(
            f"Milvus Lite {version} does not score by inner product; version "
            f"{'.'.join(map(str, _LEAST_LITE))} or newer does. {_INSTALL}"
        )
    if running.start_and_get_uri(str(place.path)) is not None:
        return
    try:
        MilvusLite(str(place.path)).close()
    except DataDirLockedError:
        why = "another process, such as the app, has it open. Stop that, or use a server"
    except Exception as problem:  # noqa: BLE001  (its files can be damaged in any way)
        why = f"it is damaged ({shorten(str(problem), 120)}). Remove it and build the index again"
    else:
        why = "its port could not be bound. Try again"
    raise EngineError(f"The Milvus file `{place}` cannot be opened: {why}.")


def _check_version(place: Place, version: str) -> None:
    if (
        not place.is_file
        and version
        and _numbers(version) < _LEAST_SERVER
        and "lite" not in version
    ):
        raise EngineError(
            f"Milvus at `{place}` has version {shorten(version)}; sparse vectors need "
            f"{'.'.join(map(str, _LEAST_SERVER))} or newer. Update the server."
        )


def _numbers(version: str) -> tuple[int, ...]:
    """(2, 6, 3) of `v2.6.3-dev`; a version without such a number counts as newest."""
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", version)
    return tuple(map(int, found.groups())) if found else (sys.maxsize,)
