"""How long a click takes on the pages that explain: Chromium, warm, medians and 95th percentiles.

    python -m benchmarks.pages                     thirty interactions a page
    python -m benchmarks.pages --interactions 5    a quick look

An interaction is timed from the event until nothing on the page is stale or running. `slider` lets
one go, so that the server ranks anew; `frame` is one step of a slider that is held, ranked in the
browser alone. The last lines give the server's memory before and after all interactions.
"""

from __future__ import annotations

import argparse
import os
import statistics
import string
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from benchmarks.start import HERE, STILL, _tab, server

QUERY = "/?q=two+lions+in+the+desert"
BOARD = """const host = [...document.querySelectorAll('*')]
    .find(one => one.shadowRoot?.querySelector('.board'));
  const root = host.shadowRoot;"""
TURN = f"""value => {{ {BOARD}
  const slider = root.querySelectorAll('.terms input')[1];
  slider.value = value; slider.dispatchEvent(new Event('input'));
  slider.dispatchEvent(new Event('change')); }}"""
FRAMES = f"""async count => {{ {BOARD}
  const slider = root.querySelectorAll('.terms input')[1], took = [];
  for (let i = 0; i < count; i++) {{
    slider.value = 3 * i / count;
    const started = performance.now();
    slider.dispatchEvent(new Event('input'));
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    took.push((performance.now() - started) / 2000);
  }}
  slider.dispatchEvent(new Event('change'));
  return took; }}"""
SERVER = "() => {" + BOARD + " return root.querySelector('.hits').dataset.order === 'server'; }"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--interactions", type=int, default=30)
    count = parser.parse_args().interactions
    print(f"{os.cpu_count()} processors, {count} interactions each, seconds\n")
    print("| | p50 | p95 |\n|---|---|---|")
    with (
        tempfile.TemporaryDirectory() as folder,
        server(HERE, Path(folder)) as (address, _),
        _tab() as page,
    ):
        before = _measure(page, address, count)
        print(f"\nmemory of the server: {before:.0f} MB warm, {_memory():.0f} MB at the end")


def _measure(page: Any, address: str, count: int) -> float:
    """All rows; the server's memory once every page was open, in MB."""
    for place in (QUERY, "/image?id=test-00003", "/term?term=dog", "/vocabulary", "/against"):
        page.goto(address + place)
        page.wait_for_function(STILL)
    warm = _memory()
    tiles = page.locator(".tile")
    _search(page, address)
    _row("Search: why", count, lambda i: _timed(page, lambda: tiles.nth(i % 24).click()))
    _search(page, address)
    _row("Search: slider", count, lambda i: _timed(page, lambda: _turn(page, (i % 20) / 10)))
    frames = page.evaluate(FRAMES, 10 * count)
    page.wait_for_function(SERVER)
    _row("Search: frame", len(frames), lambda i: frames[i])
    for name, place in (("Image", "/image"), ("Query against image", "/against")):
        links = [f"{address}{place}?id=test-{i:05d}" for i in range(count)]
        _row(f"{name}: open", count, lambda i, links=links: _opened(page, links[i]))
    finds = [f"{address}/vocabulary?find={letter}" for letter in string.ascii_lowercase]
    _row("Vocabulary: filter", count, lambda i: _opened(page, finds[i % len(finds)]))
    return warm


def _search(page: Any, address: str) -> None:
    page.goto(address + QUERY)
    page.locator(".tile").first.wait_for()
    page.wait_for_function(STILL)


def _turn(page: Any, factor: float) -> None:
    page.evaluate(TURN, factor)


def _row(name: str, count: int, measure: Callable[[int], float]) -> None:
    seconds = sorted(measure(i) for i in range(count))
    p95 = seconds[min(len(seconds) - 1, round(0.95 * (len(seconds) - 1)))]
    print(f"| {name} | {statistics.median(seconds):.3f} | {p95:.3f} |", flush=True)


def _timed(page: Any, act: Callable[[], None]) -> float:
    """Seconds until the page, which has begun to run, is still again."""
    started = time.perf_counter()
    before = page.url
    act()
    page.wait_for_function("before => location.href !== before", arg=before, timeout=5_000)
    page.wait_for_function(STILL)
    return time.perf_counter() - started


def _opened(page: Any, address: str) -> float:
    started = time.perf_counter()
    page.goto(address)
    page.wait_for_function(STILL)
    return time.perf_counter() - started


def _memory() -> float:
    """MB of the server, which this process started."""
    children = psutil.Process().children(recursive=True)
    served = [one for one in children if "lsr app" in " ".join(one.cmdline())]
    return sum(one.memory_info().rss for one in served) / 1e6


if __name__ == "__main__":
    main()
