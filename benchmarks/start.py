"""How long until there is an answer: commands as whole processes, pages in Chromium.

    python -m benchmarks.start                       every row, medians of five
    python -m benchmarks.start --before FOLDER       beside another checkout of this project
    python -m benchmarks.start --runs 3 --no-pages

Each command runs in a process of its own and is timed from outside. `nothing kept` begins with an
empty `$LEXISCOPE_HOME`; in all other rows, those of the pages included, the home is that of the run
before. Compiled loops are on disk in all rows, as they are after `make app`. A page is timed from
the start of its navigation until it is drawn and nothing on it is stale or running; each run has a
fresh server. With `--before`, runs of the two checkouts alternate; both use the Python that runs
this.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
CHROMIUM = "/usr/bin/chromium"
SWEEP = ["sweep", "--control", "caption", "--steps", "101"]
COMMANDS: dict[str, tuple[list[str], bool]] = {
    "import lsr": (["-c", "import lsr"], True),
    "--help": (["-m", "lsr", "--help"], True),
    "collections": (["-m", "lsr", "collections"], True),
    "models": (["-m", "lsr", "models"], True),
    'search "two lions"': (["-m", "lsr", "search", "two lions"], True),
    "inspect": (["-m", "lsr", "inspect", "test-00003"], True),
    "term": (["-m", "lsr", "term", "beach"], True),
    "search, nothing kept": (["-m", "lsr", "search", "two lions"], False),
    "sweep, nothing kept": (["-m", "lsr", *SWEEP], False),
    "sweep, vectors kept": (["-m", "lsr", *SWEEP], True),
    "sweep, measured before": (["-m", "lsr", *SWEEP], True),
}
STILL = """() => document.querySelector('h1')
    && !document.querySelector('[data-stale=true], [data-testid=stStatusWidget],'
        + '[data-testid=stSkeleton]')
    && document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--before", type=Path, help="another checkout, measured beside this one")
    parser.add_argument("--no-pages", action="store_true", help="commands only")
    options = parser.parse_args()
    checkouts = [HERE] if options.before is None else [options.before.resolve(), HERE]
    print(f"{os.cpu_count()} processors, medians of {options.runs}, seconds\n")
    names = ["this checkout"] if len(checkouts) == 1 else ["before", "after", "ratio"]
    print("| | " + " | ".join(names) + " |\n|---" + "|---" * len(names) + "|")
    with tempfile.TemporaryDirectory() as folder:
        homes = [Path(folder) / str(number) for number, _ in enumerate(checkouts)]
        for name, (arguments, kept) in COMMANDS.items():
            _row(name, checkouts, homes, options.runs, _command(name, arguments, kept))
        if not options.no_pages:
            for name, visit in PAGES.items():
                _row(name, checkouts, homes, options.runs, visit)


def _row(
    name: str,
    checkouts: list[Path],
    homes: list[Path],
    runs: int,
    measure: Callable[[Path, Path], float],
) -> None:
    """Measure one thing in every checkout in turn, once to warm up, and print its medians."""
    seconds: list[list[float]] = [[] for _ in checkouts]
    for run in range(runs + 1):
        for place, (checkout, home) in enumerate(zip(checkouts, homes, strict=True)):
            took = measure(checkout, home)
            if run:
                seconds[place].append(took)
    medians = [statistics.median(one) for one in seconds]
    cells = [f"{one:.2f}" for one in medians]
    if len(medians) == 2:
        cells.append(f"{medians[0] / medians[1]:.1f} ×")
    print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def _environment(home: Path) -> dict[str, str]:
    return {**os.environ, "LEXISCOPE_HOME": str(home)}


def _command(name: str, arguments: list[str], kept: bool) -> Callable[[Path, Path], float]:
    def measure(checkout: Path, home: Path) -> float:
        place = home if kept else Path(tempfile.mkdtemp(dir=home.parent))
        if name == "sweep, vectors kept":
            for file in (home / "cache" / "sweeps").rglob("*.parquet"):
                file.unlink()
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, *arguments],
            cwd=checkout,
            env=_environment(place),
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return time.perf_counter() - started

    return measure


@contextmanager
def server(checkout: Path, home: Path) -> Iterator[tuple[str, float]]:
    """The address of a fresh server, and when it was started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.perf_counter()
    command = ["lsr", "app", "--port"]
    if not (checkout / "lsr" / "cli" / "app.py").is_file():  # before there was such a command
        command = ["streamlit", "run", "app.py", "--server.port"]
    process = subprocess.Popen(
        [sys.executable, "-m", *command, str(port)],
        cwd=checkout,
        env=_environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        while not _healthy(address):
            time.sleep(0.02)
        yield address, started
    finally:
        process.terminate()
        process.wait(20)


def _healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def _tab() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(120_000)
        yield page
        browser.close()


def _visit(page: Any, address: str) -> float:
    """Seconds until the page is drawn and at rest."""
    started = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_function(STILL, polling=20)
    return time.perf_counter() - started


def _first_page(checkout: Path, home: Path) -> float:
    with _tab() as page, server(checkout, home) as (address, started):
        _visit(page, address)
        return time.perf_counter() - started


def _first_search(checkout: Path, home: Path) -> float:
    with _tab() as page, server(checkout, home) as (address, _):
        _visit(page, address)
        return _visit(page, f"{address}/?q=two+lions")


def _expansion(checkout: Path, home: Path) -> float:
    with _tab() as page, server(checkout, home) as (address, _):
        return _visit(page, f"{address}/expansion")


def _back_to_expansion(checkout: Path, home: Path) -> float:
    """Expansion, then that of another collection, then Expansion as before."""
    other = home / "collections" / "other"
    if not other.exists():
        shutil.copytree(checkout / "assets" / "collections" / "demo", other)
        card = json.loads((other / "collection.json").read_text("utf-8"))
        card |= {"name": "other", "fingerprint": "another collection"}
        (other / "collection.json").write_text(json.dumps(card), "utf-8")
    with _tab() as page, server(checkout, home) as (address, _):
        _visit(page, f"{address}/expansion")
        _visit(page, f"{address}/expansion?collection=other")
        return _visit(page, f"{address}/expansion")


PAGES: dict[str, Callable[[Path, Path], float]] = {
    "server started until its first page rests": _first_page,
    "then the first search": _first_search,
    "fresh server: Expansion": _expansion,
    "back to Expansion after another collection": _back_to_expansion,
}


if __name__ == "__main__":
    main()
