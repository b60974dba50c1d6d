"""A hub on this machine: repositories are folders, files carry the checksums the real one gives."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0" * 40


@dataclass
class Hub:
    """folders: by kind (`datasets`, `models`) and name. damaged: names of files sent wrong.

    fetched: names of the files sent, with the first byte where it is not the first of all.
    """

    address: str
    folders: dict[tuple[str, str], Path] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)
    fetched: list[str | tuple[str, int]] = field(default_factory=list)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def local_hub() -> Iterator[Hub]:
    """A hub that answers until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.hub = Hub(f"http://127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.hub  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        hub: Hub = self.server.hub  # type: ignore[attr-defined]
        parts = self.path.partition("?")[0].strip("/").split("/")
        kind = parts.pop(0) if parts[0] in ("datasets", "models") else "models"
        folder, name = hub.folders.get((kind, "/".join(parts[:2]))), parts[-1]
        if folder is None or not (folder / name).exists():
            code = "RepoNotFound" if folder is None else "EntryNotFound"
            self._send(404, b"", {"X-Error-Code": code}, with_body)
            return
        body = (folder / name).read_bytes()
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{sha256(folder / name)}"'}
        first = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        if with_body:
            hub.fetched.append((name, first) if first else name)
        if name in hub.damaged:
            body = b"wrong" + body[5:]
        if first:
            headers["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
        self._send(206 if first else 200, body[first:], headers, with_body)

    def _send(self, status: int, body: bytes, headers: dict[str, str], with_body: bool) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
