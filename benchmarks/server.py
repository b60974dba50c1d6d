"""The documented server, really started: nginx with TLS and a password before the app of a class.

    python -m benchmarks.server

The configuration is that of `docs/server/nginx.conf` and `docs/server/lexiscope.service`, in which
only names, ports and places are replaced by those of a temporary folder. nginx, openssl and
Chromium come from Debian: `apt-get install nginx openssl chromium`. Every line of the table is a
check; the exit status is 1 where one fails.
"""

from __future__ import annotations

import asyncio
import getpass
import shlex
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.serving import CHROMIUM, HERE, free_port, running
from benchmarks.visitor import Visitor

DOCUMENTS = HERE / "docs" / "server"
NAME = "lab.example.org"
USER, PASSWORD = "class", "sparse-and-readable"
# Where the system's nginx lies when /usr/sbin is not among the places that are searched.
_PLACES = "/usr/local/sbin:/usr/sbin:/sbin"


def main() -> int:
    """Print the table; 1 where a check failed."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        ports = {"app": free_port(), "http": free_port(), "https": free_port()}
        environment, arguments = _service(place, ports)
        _certificate(place)
        with (
            running(ports["app"], environment, place / "app.log", arguments),
            _nginx(place, ports),
        ):
            checks = [*_by_hand(ports), *_in_chromium(ports)]
        checks += _without_a_mode(place)
    print("| check | answer | |\n|---|---|---|")
    for name, answer, holds in checks:
        print(f"| {name} | {answer} | {'yes' if holds else 'NO'} |")
    return 0 if all(holds for *_, holds in checks) else 1


def _replaced(text: str, *pairs: tuple[str, str]) -> str:
    """A document with other names in it; each has to be there."""
    for before, after in pairs:
        if before not in text:
            raise RuntimeError(f"The document does not hold `{before}` any more.")
        text = text.replace(before, after)
    return text


def _service(place: Path, ports: dict[str, int]) -> tuple[dict[str, str], list[str]]:
    """(environment, arguments of Python before the port) that the service starts the app with."""
    text = _replaced(
        (DOCUMENTS / "lexiscope.service").read_text(),
        (NAME, "localhost"),
        ("/var/lib/lexiscope", str(place / "home")),
        ("--port 8501", f"--port {ports['app']}"),
    )
    lines = [line.partition("=")[::2] for line in text.splitlines()]
    environment = dict(value.partition("=")[::2] for key, value in lines if key == "Environment")
    [command] = [value for key, value in lines if key == "ExecStart"]
    program, *arguments, port = shlex.split(command)
    if not program.endswith("/python") or port != str(ports["app"]):
        raise RuntimeError(f"The service starts something else: {command}")
    return environment, arguments


def _certificate(place: Path) -> None:
    """A certificate for localhost, and the file with the password, as docs/server.md makes it."""
    _called(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
        *("-keyout", str(place / "key.pem"), "-out", str(place / "cert.pem")),
    )
    digest = _called("openssl", "passwd", "-6", PASSWORD).strip()
    (place / "htpasswd").write_text(f"{USER}:{digest}\n")


@contextmanager
def _nginx(place: Path, ports: dict[str, int]) -> Iterator[None]:
    """nginx with the documented site."""
    site = _replaced(
        (DOCUMENTS / "nginx.conf").read_text(),
        ("listen 80;", f"listen 127.0.0.1:{ports['http']};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{ports['https']} ssl;"),
        (f"/etc/letsencrypt/live/{NAME}/fullchain.pem", str(place / "cert.pem")),
        (f"/etc/letsencrypt/live/{NAME}/privkey.pem", str(place / "key.pem")),
        ("/etc/nginx/lexiscope.htpasswd", str(place / "htpasswd")),
        ("http://127.0.0.1:8501", f"http://127.0.0.1:{ports['app']}"),
        (NAME, "localhost"),
    )
    (place / "site.conf").write_text(site)
    temporary = "".join(
        f"{kind}_temp_path {place}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (place / "nginx.conf").write_text(
        f"user {getpass.getuser()};\npid {place}/nginx.pid;\ndaemon off;\n"
        f"error_log {place}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}include {place}/site.conf;\n}}\n"
    )
    program = shutil.which("nginx") or shutil.which("nginx", path=_PLACES)
    if program is None:
        raise RuntimeError("There is no nginx here. Run `apt-get install nginx`.")
    command = [program, "-p", str(place), "-c", str(place / "nginx.conf")]
    _called(*command, "-t")
    process = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + 10
        while _status(f"http://localhost:{ports['http']}/")[0] == 0:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"nginx did not start: {(place / 'error.log').read_text()}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _called(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(command)}: {done.stderr}")
    return done.stdout


def _anybody() -> ssl.SSLContext:
    """Takes the certificate that nobody signed."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class _Stay(urllib.request.HTTPRedirectHandler):
    """Shows where one is sent and does not go there."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _status(address: str, password: str | None = None) -> tuple[int, str]:
    """(status, where one is sent or what is asked for) of an address; 0 where nobody answers."""
    asked = urllib.request.Request(address, headers=_login(password))
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=_anybody()), _Stay)
    try:
        with opener.open(asked, timeout=10) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as told:
        return told.code, told.headers.get("Location") or told.headers.get("WWW-Authenticate", "")
    except OSError:
        return 0, ""


def _login(password: str | None) -> dict[str, str]:
    if password is None:
        return {}
    return {"Authorization": f"Basic {b64encode(f'{USER}:{password}'.encode()).decode()}"}


Check = tuple[str, str, bool]


def _by_hand(ports: dict[str, int]) -> Iterator[Check]:
    """What single requests are answered."""
    secure = f"https://localhost:{ports['https']}"
    status, where = _status(f"http://localhost:{ports['http']}/?q=dog")
    yield (
        "without TLS",
        f"{status} to {where.split(':')[0]}",
        (status, where[:8]) == (301, "https://"),
    )
    for name, path in (
        ("the page", "/"),
        ("a picture", "/media/x.jpg"),
        ("health", "/_stcore/health"),
    ):
        status, asked = _status(secure + path)
        yield f"no password: {name}", str(status), status == 401 and asked.startswith("Basic")
    yield "a wrong password", str(_status(secure, "guess")[0]), _status(secure, "guess")[0] == 401
    yield "the password", str(_status(secure, PASSWORD)[0]), _status(secure, PASSWORD)[0] == 200
    large = _upload(f"{secure}/_stcore/upload_file/x/y", 12 * 2**20)
    yield "an upload of 12 MB", str(large), large == 413
    stream = f"wss://localhost:{ports['https']}/_stcore/stream"
    for name, password, origin, wanted in (
        ("websocket, no password", None, secure, 401),
        ("websocket, the password", PASSWORD, secure, 101),
        ("websocket, from a page elsewhere", PASSWORD, "https://elsewhere.example", 403),
    ):
        status = asyncio.run(_upgrade(stream, password, origin))
        yield name, str(status), status == wanted


def _upload(address: str, n_bytes: int) -> int:
    asked = urllib.request.Request(
        address, data=bytes(n_bytes), headers=_login(PASSWORD), method="PUT"
    )
    try:
        with urllib.request.urlopen(asked, timeout=30, context=_anybody()) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as told:
        return told.code


async def _upgrade(address: str, password: str | None, origin: str) -> int:
    """The status of an upgrade; 101 only where the app then answers."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus
    from websockets.typing import Origin, Subprotocol

    try:
        async with connect(
            address,
            ssl=_anybody(),
            origin=Origin(origin),
            additional_headers=_login(password),
            subprotocols=[Subprotocol("streamlit")],
            max_size=None,
            proxy=None,
        ) as socket:
            first = BackMsg()
            first.rerun_script.query_string = ""
            await socket.send(first.SerializeToString())
            told = ForwardMsg()
            told.ParseFromString(bytes(await asyncio.wait_for(socket.recv(), 60)))  # type: ignore[arg-type]
            return 101 if told.WhichOneof("type") else 0
    except InvalidStatus as refused:
        return refused.response.status_code


def _without_a_mode(place: Path) -> Iterator[Check]:
    """Which mode follows from who can reach the app."""
    home, port = {"LEXISCOPE_HOME": str(place / "home")}, free_port()
    with running(port, home, place / "app.log"):
        for name, headers, mode in (
            ("no mode, from this computer", {}, "owner"),
            ("no mode, through a proxy", {"X-Forwarded-For": "203.0.113.7"}, "class"),
        ):
            shown = asyncio.run(_shows_mode(port, headers, mode))
            yield name, mode if shown else "another", shown
    port = free_port()
    open_to_all = {**home, "STREAMLIT_SERVER_ADDRESS": "0.0.0.0"}  # noqa: S104
    with running(port, open_to_all, place / "app.log"):
        shown = asyncio.run(_shows_mode(port, {}, "class"))
        yield "no mode, listening to everybody", "class" if shown else "another", shown


async def _shows_mode(port: int, headers: dict[str, str], mode: str) -> bool:
    async with Visitor("127.0.0.1", port, headers) as visitor:
        await visitor.open("collections")
        return visitor.says(f"Mode: {mode}")


def _in_chromium(ports: dict[str, int]) -> Iterator[Check]:
    """What a visitor sees."""
    from playwright.sync_api import Error, sync_playwright

    secure = f"https://localhost:{ports['https']}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        stranger = browser.new_page(ignore_https_errors=True)
        statuses: list[int] = []
        stranger.on("response", lambda answer: statuses.append(answer.status))
        with suppress(Error):  # Chromium shows nothing at all without a password
            stranger.goto(secure)
        yield "Chromium, no password", f"{statuses}", statuses == [401]
        page = browser.new_page(
            ignore_https_errors=True,
            http_credentials={"username": USER, "password": PASSWORD},
            viewport={"width": 1280, "height": 900},
        )
        page.set_default_timeout(120_000)
        sockets: list[str] = []
        page.on("websocket", lambda one: sockets.append(one.url))
        page.goto(secure)
        box = page.get_by_label("What should the picture show?")
        box.fill("two lions in the desert")
        box.press("Enter")
        page.get_by_text("24 images").wait_for()
        page.wait_for_function(
            "() => [...document.querySelectorAll('[data-testid=stImage] img')]"
            ".filter(one => one.complete && one.naturalWidth > 0).length >= 24"
        )
        shown = page.locator("[data-testid=stImage] img").count()
        yield "Chromium, a search", f"{shown} pictures, {page.url.partition('?')[2]}", shown >= 24
        yield "its websocket", sockets[0].partition(":")[0], all(s[:4] == "wss:" for s in sockets)
        mode = page.get_by_text("Mode: class").count()
        yield "the mode in the sidebar", "class" if mode else "not shown", mode == 1
        page.goto(f"{secure}/collections?view=import&source=/etc&name=x")
        page.get_by_text("Importing is off").wait_for()
        buttons = page.get_by_role("button", name="See what will happen").count()
        yield "an import by its address", "off", buttons == 0
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
