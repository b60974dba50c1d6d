"""What a large collection takes in memory: of a command that encodes, of a search, of the app."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.scale_cases import OFFSET, ROOT, Commands, answer_of, many_rows
from benchmarks.search_workloads import EACH, N_TERMS, drawn
from benchmarks.start import STILL, _tab, server
from lsr.collection.collection import load_collection
from lsr.index.memory.files import index_folder, index_origin, save_index
from lsr.index.memory.index import MemoryIndex
from lsr.model.loading import load_model
from lsr.model.sparse import SparseVectors

_QUERY = "two lions in the desert"
# Seconds of a processor in one second, below which a process does nothing.
_IDLE = 0.1


class Memory(NamedTuple):
    """Bytes of a process: its own, and of files that are mapped, which the system takes back."""

    own: int
    mapped: int


def peak_of(commands: Commands, line: str) -> tuple[int, float]:
    """(most bytes that the process of a command had in memory, seconds)."""
    started, peak = time.perf_counter(), 0
    process = commands.start(line)
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        for told in status.read_text().splitlines():
            if told.startswith("VmHWM:"):
                peak = max(peak, int(told.split()[1]) * 1024)
        time.sleep(0.1)
    answer_of(process)
    return peak, time.perf_counter() - started


def prepare_searched(commands: Commands, n: int) -> str:
    """A collection of n images with a caption each, and its stored index of synthetic vectors."""
    name, model = f"rows-{n}", load_model("demo")
    if not (commands.home / "collections" / name).exists():
        many_rows(commands.home, name, n)
    images = load_collection(name)
    marks = images.fingerprint, model.fingerprint
    if not index_folder(*marks).exists():
        if len(model.vocabulary) != N_TERMS:
            raise RuntimeError(f"The model has {len(model.vocabulary):,} terms, not {N_TERMS:,}.")
        matrix, ids = drawn(n, EACH, OFFSET, 0), tuple(images.image_ids)
        index = MemoryIndex(SparseVectors(matrix, ids, model.vocabulary.fingerprint), "float16")
        save_index(index, index_folder(*marks), index_origin(*marks))
    return name


def searched_by_command(commands: Commands, name: str) -> Memory:
    """The most that `lsr search` has in memory."""
    process = commands.start(f'search "{_QUERY}" --collection {name}')
    most = Memory(0, 0)
    while process.poll() is None:
        try:
            most = Memory(*map(max, most, _memory(process.pid)))
        except OSError:  # it has ended
            break
        time.sleep(0.02)
    answer_of(process)
    return most


def searched_in_app(commands: Commands, name: str) -> tuple[Memory, Memory]:
    """The app's memory once its Search page is open and its index ready, and after a search."""
    with server(ROOT, commands.home) as (address, _), _tab() as page:
        [app] = [
            one
            for one in psutil.Process().children(recursive=True)
            if "lsr app" in " ".join(one.cmdline())
        ]
        page.goto(f"{address}/?collection={name}")
        page.wait_for_function(STILL)
        opened = _settled(app)
        page.goto(f"{address}/?collection={name}&q={_QUERY}")
        page.locator(".tile").first.wait_for()
        page.wait_for_function(STILL)
        return opened, _settled(app)


def _settled(app: psutil.Process) -> Memory:
    """What a process has in memory once it has done nothing for three seconds."""
    before, quiet = app.cpu_times().user, 0
    while quiet < 3:
        time.sleep(1)
        now = app.cpu_times().user
        before, quiet = now, quiet + 1 if now - before < _IDLE else 0
    return _memory(app.pid)


def _memory(pid: int) -> Memory:
    found = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(("RssAnon:", "RssFile:")):
            found[line.split(":")[0]] = int(line.split()[1]) * 1024
    return Memory(found.get("RssAnon", 0), found.get("RssFile", 0))
