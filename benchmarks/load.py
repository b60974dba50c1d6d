"""A class on one server: how long pages take, what goes wrong, and how memory goes.

    python -m benchmarks.load                        40 visitors for 10 minutes, then one alone
    python -m benchmarks.load --minutes 1 --interactions 300
    python -m benchmarks.load --only class           or `alone`

Visitors speak Streamlit's protocol (`benchmarks/visitor.py`). They search, ask why a hit is there,
follow pictures and terms, turn terms and knobs, switch expansion off, look at the other pages,
search with a picture of their own, and now and then load the app anew; what each does follows from
the seed. Between two interactions they read for 5 to 15 seconds; the one alone does not. A time
begins with the click and ends when the page is drawn and its new pictures are loaded. Runs that
fragments repeat by themselves are made and counted apart.

The server is `python -m lsr app` in mode `class`, in an empty home. Before the clock starts, one
visitor opens every page once: what is computed then is kept, as it is after `make app`. Visitors
and server share the processors.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.serving import free_port, running
from benchmarks.visitor import Run, Visitor
from lsr.collection.collection import load_collection

HOST = "127.0.0.1"
READS = (5.0, 15.0)  # seconds between two interactions
_PAGES = (  # every page by its title, with what it shows
    ("search", "q=a+dog"),
    ("image", "id=test-00003"),
    ("term", "term=dog"),
    ("query against image", "q=a+dog&id=test-00003"),
    ("vocabulary", ""),
    ("collections", ""),
    ("models", ""),
    ("train", ""),
    ("expansion", ""),
)
_WARM = 200  # interactions of the one visitor before growth is counted
_WEIGHTS = {
    "search": 26,
    "why a hit": 10,
    "picture": 9,
    "term": 10,
    "turn a term": 10,
    "expansion off or on": 6,
    "turn a knob": 14,
    "search with a picture": 5,
    "other pages": 10,
    "load anew": 2,
}


class Person:
    """A visitor with a mind of their own, drawn from a seed."""

    def __init__(self, port: int, seed: int, texts: list[str], pictures: list[Path]) -> None:
        self._port, self._texts, self._pictures = port, texts, pictures
        self._drawn = random.Random(seed)
        self._visitor = Visitor(HOST, port)
        self._actions: dict[str, Callable[[], Awaitable[Run]]] = {
            "search": self._search,
            "why a hit": self._explain,
            "picture": lambda: self._follow("id="),
            "term": self._term,
            "turn a term": self._weigh,
            "expansion off or on": self._switch,
            "turn a knob": self._turn,
            "search with a picture": self._upload,
            "other pages": self._look,
            "load anew": self.arrive,
        }

    async def arrive(self) -> Run:
        """Open the app, or load it anew."""
        if hasattr(self._visitor, "_socket"):
            await self._visitor.__aexit__()
        self._visitor = Visitor(HOST, self._port)
        started = time.perf_counter()
        await self._visitor.__aenter__()
        run = await self._visitor.open("search")
        return run._replace(seconds=time.perf_counter() - started)

    async def act(self, *, stays: bool = False) -> tuple[str, Run]:
        """Do the next thing; (what it was, how it went).

        Args:
            stays: never load the app anew.
        """
        weights = {name: n for name, n in _WEIGHTS.items() if not (stays and name == "load anew")}
        [name] = self._drawn.choices(list(weights), list(weights.values()))
        return name, await self._actions[name]()

    async def read(self) -> list[Run]:
        """Read for a while; what fragments did meanwhile."""
        return await self._visitor.read(self._drawn.uniform(*READS))

    async def leave(self) -> None:
        """Close the window."""
        await self._visitor.__aexit__()

    async def _search(self) -> Run:
        if not self._visitor.has("text_input", "What should the picture show?"):
            await self._visitor.open("search")
        text = self._drawn.choice(self._texts)
        return await self._visitor.submit("What should the picture show?", text, "Search")

    async def _follow(self, part: str) -> Run:
        links = self._visitor.links(part)
        return await (self._visitor.follow(self._drawn.choice(links)) if links else self._search())

    async def _board(self) -> dict[str, Any]:
        """What the board shows, after a search where there is none."""
        board = self._visitor.board()
        while board is None or not board["hits"]:
            await self._search()
            board = self._visitor.board()
        return board

    async def _explain(self) -> Run:
        hits = (await self._board())["hits"]
        return await self._visitor.trigger("hit", self._drawn.choice(hits)["id"])

    async def _term(self) -> Run:
        board = self._visitor.board()
        if board is None:
            return await self._follow("term=")
        return await self._visitor.trigger("term", self._drawn.choice(board["terms"])["term"])

    async def _weigh(self) -> Run:
        board = await self._board()
        turned = self._drawn.choice(board["terms"][:8])["term"]
        factor = self._drawn.randrange(61) / 20
        edit = board["edit"]
        return await self._visitor.trigger(
            "edit", {**edit, "boost": {**edit["boost"], turned: factor}}
        )

    async def _switch(self) -> Run:
        if not self._visitor.has("checkbox", "Expansion"):
            await self._search()
        return await self._visitor.switch("Expansion", "expansion=off" in self._visitor.query)

    async def _turn(self) -> Run:
        label = "Rate p of a caption's coin"
        if not self._visitor.has("slider", label):
            return await self._visitor.open("expansion")
        return await self._visitor.slide(label, self._drawn.random())

    async def _upload(self) -> Run:
        await self._visitor.open("search")
        picture = self._drawn.choice(self._pictures)
        return await self._visitor.upload(picture.name, picture.read_bytes())

    async def _look(self) -> Run:
        return await self._visitor.open(
            self._drawn.choice(("collections", "train", "image", "vocabulary", "models"))
        )


def main() -> int:
    """Print the tables; 1 where anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--interactions", type=int, default=2_000, help="of the one alone")
    parser.add_argument("--only", choices=("class", "alone"))
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors\n")
    errors: Counter[str] = Counter()
    if options.only != "alone":
        errors += _served(lambda port, process: _class(port, process, options))
    if options.only != "class":
        errors += _served(lambda port, process: _alone(port, process, options.interactions))
    for error, count in errors.most_common():
        print(f"{count} × {error}")
    return 1 if errors else 0


def _served(
    measure: Callable[[int, psutil.Process], Awaitable[Counter[str]]],
) -> Counter[str]:
    """Measure a server that was started for it; the errors."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "LEXISCOPE_HOME": f"{folder}/home",
            "LEXISCOPE_MODE": "class",
            "MALLOC_ARENA_MAX": "2",
            "MALLOC_MMAP_THRESHOLD_": "4194304",
        }
        log = Path(folder) / "log"
        with running(port, environment, log) as process:
            errors = asyncio.run(_measured(measure, port, psutil.Process(process.pid)))
        for line in log.read_text().splitlines():
            if "Traceback" in line or "Error" in line:
                errors[f"log: {line[:160]}"] += 1
    return errors


async def _measured(
    measure: Callable[[int, psutil.Process], Awaitable[Counter[str]]],
    port: int,
    process: psutil.Process,
) -> Counter[str]:
    errors: Counter[str] = Counter()
    async with Visitor(HOST, port) as first:
        for page, query in _PAGES:
            errors.update((await first.open(page, query)).errors)
            while first._repeats:
                await first.read(2)
    return errors + await measure(port, process)


def _people(port: int, number: int) -> list[Person]:
    images = load_collection("demo")
    draw = random.Random(0)
    texts = draw.sample(images.captions.column("text").to_pylist(), 400)
    places = [images.picture(int(row)) for row in draw.sample(list(images.searchable_rows), 40)]
    pictures = [place for place in places if isinstance(place, Path)]
    return [Person(port, seed, texts, pictures) for seed in range(number)]


async def _class(port: int, process: psutil.Process, options: argparse.Namespace) -> Counter[str]:
    """Many for some minutes."""
    people = _people(port, options.sessions)
    seconds: dict[str, list[float]] = defaultdict(list)
    errors: Counter[str] = Counter()
    ends = time.monotonic() + 60 * options.minutes
    memory = asyncio.create_task(_memory(process, ends))
    used = process.cpu_times()
    began = time.monotonic()
    await asyncio.gather(
        *(
            _stay(person, ends, delay, seconds, errors)
            for person, delay in zip(people, itertools.count(0, READS[1] / len(people)))
        )
    )
    now = process.cpu_times()
    spent = (now.user + now.system - used.user - used.system) / (time.monotonic() - began)
    megabytes = await memory
    print(
        f"{options.sessions} visitors, {options.minutes:g} minutes, {sum(errors.values())} errors"
    )
    print(f"the server used {spent:.2f} processors\n")
    _print_times(seconds)
    _print_memory("minute", megabytes)
    return errors


async def _stay(
    person: Person,
    ends: float,
    delay: float,
    seconds: dict[str, list[float]],
    errors: Counter[str],
) -> None:
    """One visitor from coming to going."""
    await asyncio.sleep(delay)
    try:
        run = await person.arrive()
        seconds["load anew"].append(run.seconds)
        errors.update(run.errors)
        while time.monotonic() < ends:
            for run in await person.read():
                seconds["(fragments by themselves)"].append(run.seconds)
                errors.update(run.errors)
            name, run = await person.act()
            seconds[name].append(run.seconds)
            errors.update(run.errors)
        await person.leave()
    except Exception as problem:  # noqa: BLE001  (whatever it is, this visitor is lost)
        errors[f"{type(problem).__name__}: {problem}"] += 1


async def _memory(process: psutil.Process, ends: float) -> list[tuple[float, float]]:
    """(minute, MB) of the server, twice a minute."""
    began, seen = time.monotonic(), []
    while (now := time.monotonic()) < ends:
        seen.append(((now - began) / 60, process.memory_info().rss / 2**20))
        await asyncio.sleep(max(0.5, min(30.0, ends - now)))
    seen.append(((time.monotonic() - began) / 60, process.memory_info().rss / 2**20))
    return seen


async def _alone(port: int, process: psutil.Process, interactions: int) -> Counter[str]:
    """One session that goes on and on."""
    [person] = _people(port, 1)
    seconds: dict[str, list[float]] = defaultdict(list)
    errors: Counter[str] = Counter()
    megabytes = []
    await person.arrive()
    for number in range(1, interactions + 1):
        name, run = await person.act(stays=True)
        seconds[name].append(run.seconds)
        errors.update(run.errors)
        if number % 100 == 0 or number == interactions:
            megabytes.append((float(number), process.memory_info().rss / 2**20))
    await person.leave()
    print(f"\none visitor, {interactions:,} interactions, {sum(errors.values())} errors\n")
    _print_times(seconds)
    _print_memory("interaction", megabytes)
    warm = [size for number, size in megabytes if number >= min(_WARM, interactions)]
    print(f"growth after interaction {_WARM}: {max(warm) - warm[0]:.0f} MB at most\n")
    return errors


def _print_times(seconds: dict[str, list[float]]) -> None:
    print("| interaction | how many | p50, s | p95, s | longest, s |\n|---|---|---|---|---|")
    asked = [one for name, times in seconds.items() if name[0] != "(" for one in times]
    for name, times in [*sorted(seconds.items()), ("**all that was asked for**", asked)]:
        p50, p95 = np.percentile(times, [50, 95])
        print(f"| {name} | {len(times):,} | {p50:.2f} | {p95:.2f} | {max(times):.2f} |")
    print()


def _print_memory(unit: str, megabytes: list[tuple[float, float]]) -> None:
    print(f"| {unit} | " + " | ".join(f"{place:.4g}" for place, _ in megabytes) + " |")
    print("|---" * (len(megabytes) + 1) + "|")
    print("| memory, MB | " + " | ".join(f"{size:.0f}" for _, size in megabytes) + " |\n")


if __name__ == "__main__":
    sys.exit(main())
