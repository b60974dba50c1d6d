"""A hub on this machine: repositories are folders, files carry the checksums the real one gives."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0" * 40


@dataclass
class Hub:
    """folders: by kind (`datasets`, `models`) and name. fetched: names of the files sent."""

    address: str
    folders: dict[tuple[str, str], Path] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)


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
        is_api = parts[0] == "api"
        parts = parts[is_api:]
        kind = parts.pop(0) if parts[0] in ("datasets", "models") else "models"
        folder = hub.folders.get((kind, "/".join(parts[:2])))
        if folder is None:
            self._send(404, b"", {"X-Error-Code": "RepoNotFound"}, with_body)
            return
        headers = {"X-Repo-Commit": COMMIT}
        if is_api:
            content: object = {"id": "/".join(parts[:2]), "sha": COMMIT, "siblings": []}
            if parts[2] == "tree":
                content = [
                    {"type": "file", "path": p.name, "size": p.stat().st_size, "oid": sha256(p)}
                    for p in folder.iterdir()
                ]
            self._send(200, json.dumps(content).encode(), headers, with_body)
            return
        if with_body:
            hub.fetched.append(parts[-1])
        file = folder / parts[-1]
        headers["ETag"] = f'"{sha256(file)}"'
        self._send(200, file.read_bytes(), headers, with_body)

    def _send(self, status: int, body: bytes, headers: dict[str, str], with_body: bool) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
