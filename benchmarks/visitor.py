"""A visitor without a browser: speaks Streamlit's protocol over its websocket, as a browser does.

It follows links, types, presses buttons, moves sliders, uploads, loads pictures that it has not
seen, and lets fragments run again as often as they ask. It draws nothing, so forty of them fit
beside the server that they visit.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

_PATIENCE = 120.0  # seconds for one run
_XSRF = "_streamlit_xsrf"


class Run(NamedTuple):
    """One run of a page: seconds until it is drawn, and what went wrong in it."""

    seconds: float
    errors: tuple[str, ...]


class _Drawn(NamedTuple):
    element: Element
    fragment: str


class Visitor:
    """One session. Use it in `async with`; every method waits until its run is over."""

    def __init__(self, host: str, port: int, headers: Mapping[str, str] | None = None) -> None:
        self._host, self._port, self._headers = host, port, headers
        self._screen: dict[tuple[int, ...], _Drawn] = {}
        self._repeats: dict[str, float] = {}
        self._seen: set[str] = set()
        self.pages: dict[str, str] = {}
        self.page, self.query, self.session = "", "", ""

    async def __aenter__(self) -> Visitor:
        address = f"ws://{self._host}:{self._port}/_stcore/stream"
        protocols = [Subprotocol("streamlit")]
        self._socket: ClientConnection = await connect(
            address,
            subprotocols=protocols,
            additional_headers=self._headers,
            max_size=None,
            proxy=None,
            open_timeout=60,
            ping_interval=None,  # a browser leaves that to the server
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()

    # What a person does

    async def open(self, page: str, query: str = "") -> Run:
        """Go to an address of a page, such as `search`."""
        if not self.pages:  # nobody knows the pages before the first run
            await self._rerun()
        self.page, self.query = self.pages[page], query
        return await self._rerun()

    async def follow(self, link: Any) -> Run:
        """Click on one of `links`."""
        self.page, self.query = link.page_script_hash, link.query_string
        return await self._rerun()

    async def submit(self, label: str, text: str, button: str) -> Run:
        """Type a text into the box of a form and press its button."""
        box, press = self.widget("text_input", label), self.widget("button", button)
        return await self._rerun(
            [
                WidgetState(id=box.id, string_value=text),
                WidgetState(id=press.id, trigger_value=True),
            ]
        )

    async def switch(self, label: str, on: bool) -> Run:
        """Set a toggle."""
        one = self.widget("checkbox", label)
        return await self._rerun([WidgetState(id=one.id, bool_value=on)])

    async def slide(self, label: str, share: float) -> Run:
        """Move a slider with stops to so much of its length."""
        one = self.widget("slider", label)
        stop = one.options[round(share * (len(one.options) - 1))]
        state = WidgetState(id=one.id)
        state.string_array_value.data.append(stop)
        return await self._rerun([state], self._fragment_of(one.id))

    async def trigger(self, event: str, value: object) -> Run:
        """Do something on the board of terms and hits, such as `hit` with an image's id."""
        [board] = self._boards()
        events = _make_trigger_id(board.id, "events")
        told = json.dumps([{"event": event, "value": value}])
        return await self._rerun([WidgetState(id=events, json_trigger_value=told)])

    async def upload(self, name: str, content: bytes) -> Run:
        """Drop a file into the box for one; the seconds include sending it."""
        box = next(one.element.file_uploader for one in self._of("file_uploader"))
        started = time.perf_counter()
        asked = BackMsg()
        asked.file_urls_request.request_id = str(uuid.uuid4())
        asked.file_urls_request.file_names.append(name)
        asked.file_urls_request.session_id = self.session
        await self._socket.send(asked.SerializeToString())
        while not (answer := await self._next()).HasField("file_urls_response"):
            self._take(answer, [])
        urls = answer.file_urls_response.file_urls[0]
        await self._put(urls.upload_url, name, content)
        state = WidgetState(id=box.id)
        file = state.file_uploader_state_value.uploaded_file_info.add()
        file.name, file.size, file.file_id = name, len(content), urls.file_id
        file.file_urls.CopyFrom(urls)
        before = time.perf_counter() - started
        run = await self._rerun([state])
        return run._replace(seconds=run.seconds + before)

    async def read(self, seconds: float) -> list[Run]:
        """Look at the page for a while; the runs of fragments that repeat meanwhile."""
        ends, runs = time.monotonic() + seconds, []
        while self._repeats:
            fragment, interval = next(iter(self._repeats.items()))
            if time.monotonic() + interval > ends:
                break
            await asyncio.sleep(interval)
            runs.append(await self._rerun(fragment=fragment, by_itself=True))
        await asyncio.sleep(max(0.0, ends - time.monotonic()))
        return runs

    # What the screen shows

    def links(self, part: str) -> list[Any]:
        """The links whose query holds a text, such as `id=`."""
        links = (one.element.page_link for one in self._of("page_link"))
        return [link for link in links if part in link.query_string]

    def board(self) -> dict[str, Any] | None:
        """What the board of terms and hits shows; None where there is none."""
        for one in self._boards():
            return dict(json.loads(one.json))
        return None

    def _boards(self) -> list[Any]:
        found = [one.element.bidi_component for one in self._of("bidi_component")]
        return [one for one in found if one.component_name == "lexiscope_board"]

    def says(self, text: str) -> bool:
        """Whether a text stands on the screen by itself."""
        return any(one.element.markdown.body == text for one in self._of("markdown"))

    def widget(self, kind: str, label: str) -> Any:
        """The first widget of a kind with a label."""
        for one in self._of(kind):
            widget = getattr(one.element, kind)
            if widget.label == label:
                return widget
        raise LookupError(f"There is no {kind} `{label}` on the screen.")

    def has(self, kind: str, label: str) -> bool:
        """Whether there is such a widget."""
        with suppress(LookupError):
            return bool(self.widget(kind, label).id)
        return False

    def _of(self, kind: str) -> Iterator[_Drawn]:
        return (one for one in self._screen.values() if one.element.HasField(kind))  # type: ignore[arg-type]

    def _fragment_of(self, widget: str) -> str:
        for one in self._screen.values():
            kind = one.element.WhichOneof("type")
            if kind and getattr(getattr(one.element, kind), "id", "") == widget:
                return one.fragment
        return ""

    # The protocol

    async def _rerun(
        self, states: list[WidgetState] | None = None, fragment: str = "", by_itself: bool = False
    ) -> Run:
        """Ask for a run and wait until the page, or the fragment, is drawn with its pictures."""
        asked = BackMsg()
        asked.rerun_script.query_string = self.query
        asked.rerun_script.page_script_hash = self.page
        asked.rerun_script.fragment_id = fragment
        asked.rerun_script.is_auto_rerun = by_itself
        asked.rerun_script.widget_states.widgets.extend(states or [])
        errors: list[str] = []
        started = time.perf_counter()
        await self._socket.send(asked.SerializeToString())
        finished = None
        while finished not in (
            ForwardMsg.FINISHED_SUCCESSFULLY,
            ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
        ):
            told = await self._next()
            self._take(told, errors)
            if told.HasField("script_finished"):
                finished = told.script_finished
                if finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                    errors.append("compile error")
                    break
        await self._load_pictures()
        return Run(time.perf_counter() - started, tuple(errors))

    async def _next(self) -> ForwardMsg:
        content = await asyncio.wait_for(self._socket.recv(), _PATIENCE)
        told = ForwardMsg()
        told.ParseFromString(content)  # type: ignore[arg-type]
        return told

    def _take(self, told: ForwardMsg, errors: list[str]) -> None:
        """Keep what a message says of the page."""
        match told.WhichOneof("type"):
            case "new_session":
                self.session = told.new_session.initialize.session_id or self.session
                if not told.metadata.run.fragment_ids:
                    self._screen.clear()
                    self._repeats.clear()
                    self.page = told.new_session.page_script_hash or self.page
            case "navigation":
                pages = told.navigation.app_pages
                self.pages = {one.page_name.lower(): one.page_script_hash for one in pages}
            case "page_info_changed":
                self.query = told.page_info_changed.query_string
            case "auto_rerun":
                self._repeats[told.auto_rerun.fragment_id] = told.auto_rerun.interval
            case "stop_auto_rerun":
                for fragment in told.stop_auto_rerun.fragment_ids:
                    self._repeats.pop(fragment, None)
            case "delta" if told.delta.HasField("new_element"):
                element = told.delta.new_element
                place = tuple(told.metadata.delta_path)
                self._screen[place] = _Drawn(element, told.delta.fragment_id)
                if element.HasField("exception"):
                    errors.append(f"{element.exception.type}: {element.exception.message}")
                elif element.HasField("alert") and element.alert.format == element.alert.ERROR:
                    errors.append(element.alert.body)
            case "session_event":
                errors.append(str(told.session_event))

    async def _load_pictures(self) -> None:
        """Ask for every picture on the screen that was not seen before, as a browser does."""
        urls = [one.url for drawn in self._of("imgs") for one in drawn.element.imgs.imgs]
        if board := self.board():
            urls += [board["pictures"][hit["id"]] for hit in board["hits"]]
        new = [url for url in dict.fromkeys(urls) if url.startswith("/") and url not in self._seen]
        if not new:
            return
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            for place, url in enumerate(new, 1):
                ends = "close" if place == len(new) else "keep-alive"
                head = f"GET {url} HTTP/1.1\r\nHost: {self._host}\r\nConnection: {ends}\r\n\r\n"
                writer.write(head.encode())
                status, _, _ = await _answer(reader)
                if status != 200:
                    raise ConnectionError(f"{url} was answered with {status}.")
                self._seen.add(url)
        finally:
            writer.close()

    async def _put(self, url: str, name: str, content: bytes) -> None:
        """Send a file, with the token that a browser gets in a cookie."""
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(f"GET /_stcore/health HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
            _, headers, _ = await _answer(reader)
            cookie = headers.get("set-cookie", "").partition(";")[0]
            border = uuid.uuid4().hex
            disposition = f'form-data; name="file"; filename="{name}"'
            body = (
                (
                    f"--{border}\r\nContent-Disposition: {disposition}\r\n"
                    "Content-Type: image/jpeg\r\n\r\n"
                ).encode()
                + content
                + f"\r\n--{border}--\r\n".encode()
            )
            writer.write(
                (
                    f"PUT {url} HTTP/1.1\r\nHost: {self._host}\r\nConnection: close\r\n"
                    f"Cookie: {cookie}\r\nX-Xsrftoken: {cookie.removeprefix(f'{_XSRF}=')}\r\n"
                    f"Content-Type: multipart/form-data; boundary={border}\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n"
                ).encode()
                + body
            )
            status, _, said = await _answer(reader)
            if status not in (200, 204):
                raise ConnectionError(f"The upload was answered with {status}: {said[:200]!r}")
        finally:
            writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """(status, headers with lowered names, body) of an HTTP answer of known length."""
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE)).decode("latin-1")
    first, *lines = head.split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return int(first.split()[1]), headers, body
