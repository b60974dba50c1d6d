"""How long a click takes on the pages that explain: Chromium, warm, medians and 95th percentiles.

    python -m benchmarks.pages                     thirty interactions a page
    python -m benchmarks.pages --interactions 5    a quick look
    python -m benchmarks.pages --images 100000     in a collection that is made for it
    python -m benchmarks.pages --only memory --interactions 500     memory alone

An interaction is timed from the event until nothing on the page is stale or running. `slider` lets
one go, so that the server ranks anew; `frame` is one step of a slider that is held, ranked in the
browser alone; `opened` loads a page by its address, the browser's own work included. The last line
gives the server's memory before and after all interactions.
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

import numpy as np
import psutil
import pyarrow as pa

from benchmarks.start import HERE, STILL, _tab, server
from lsr.collection.collection import load_collection
from lsr.collection.writing import write_collection

QUERY = "q=two+lions+in+the+desert"
BOARD = """const host = [...document.querySelectorAll('*')]
    .find(one => one.shadowRoot?.querySelector('.board'));
  const root = host.shadowRoot;"""
# Notes in the page when the last event of a person's came, and how many runs have ended: field 6 of
# Streamlit's messages says so, and it is the last of such a message.
NOTED = """() => {
  window.began = 0; window.ended = 0;
  const begin = () => { window.began = performance.now(); };
  for (const kind of ['click', 'keydown']) document.addEventListener(kind, begin, true);
  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', ({ data }) => {
        const [tag, status] = new Uint8Array(data).slice(-2);
        if (data.byteLength < 100 && tag === 6 << 3 && (status === 0 || status === 3)) ended += 1;
      });
    }
  };
}"""
# When the page has been still for 50 ms after that: milliseconds from the event to its rest.
RESTED = f"""ended => {{
  if (window.ended <= ended || !({STILL})()) {{ window.rested = 0; return 0; }}
  window.rested ||= performance.now();
  return performance.now() > rested + 50 && rested - began;
}}"""
TURN = f"""value => {{ {BOARD}
  const slider = root.querySelectorAll('.terms input')[1];
  window.began = performance.now();
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
    parser.add_argument("--images", type=int, default=0, help="in place of the bundled collection")
    parser.add_argument("--only", choices=("times", "memory"), help="one of the two")
    options = parser.parse_args()
    count = options.interactions
    print(f"{os.cpu_count()} processors, {count} interactions each, seconds\n")
    with tempfile.TemporaryDirectory() as folder:
        if options.images:
            _make_collection(Path(folder) / "collections" / "many", options.images)
        visitor = "collection=many&" if options.images else ""
        with server(HERE, Path(folder)) as (address, _), _tab() as page:
            pages = Pages(page, address, visitor)
            pages.visit_all()
            before = _memory()
            if options.only == "memory":
                pages.wander(count)
            else:
                print("| | p50 | p95 |\n|---|---|---|")
                pages.measure(count)
            print(f"\nmemory of the server: {before:.0f} MB warm, {_memory():.0f} MB at the end")


def _make_collection(folder: Path, n: int) -> None:
    """The bundled images again and again, each time with other noise on their vectors."""
    demo, rng = load_collection("demo"), np.random.default_rng(0)
    rows = np.arange(n) % len(demo.image_vectors)
    vectors = np.asarray(demo.image_vectors, np.float32)[rows]
    vectors += rng.normal(scale=0.02, size=vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [f"image-{row:07}" for row in range(n)]
    texts = dict(zip(demo.caption_image_rows, demo.caption_texts, strict=True))
    empty = pa.nulls(n, pa.string())
    size = pa.array([320] * n, pa.int32())
    common = {"split": ["test"] * n}
    write_collection(
        folder,
        card={
            "name": "many",
            "title": "Many",
            "licence": "none",
            "source": "",
            "encoder": "bundled",
        },
        images=pa.table(
            {"id": ids, "file": empty, "url": empty, "width": size, "height": size, **common}
        ),
        captions=pa.table(
            {
                "id": [f"caption-{row:07}" for row in range(n)],
                "image_id": ids,
                "text": [texts[row] for row in rows],
                **common,
            }
        ),
        image_vectors=vectors.astype(np.float16),
        caption_vectors=vectors.astype(np.float16),
    )


class Pages:
    """A visitor's tab."""

    def __init__(self, page: Any, address: str, visitor: str) -> None:
        self.page, self.address, self.visitor = page, address, visitor
        self.image = "image-0000003" if visitor else "test-00003"
        page.add_init_script(f"({NOTED})()")

    def go(self, place: str, **named: str) -> None:
        """Open a page by its address, and wait until it is still."""
        query = "&".join(f"{name}={value}" for name, value in named.items())
        self.page.goto(f"{self.address}/{place}?{self.visitor}{query}")
        self.page.wait_for_function(STILL)

    def search(self) -> None:
        self.page.goto(f"{self.address}/?{self.visitor}{QUERY}")
        self.page.locator(".tile").first.wait_for()
        self.page.wait_for_function(STILL)

    def visit_all(self) -> None:
        """Every page that is measured, so that all is read and compiled."""
        self.search()
        self.go("image", id=self.image)
        self.go("term", term="dog")
        self.go("vocabulary")
        self.go("against", q="a+dog", id=self.image)

    def measure(self, count: int) -> None:
        """All rows of the table."""
        page, tiles = self.page, self.page.locator(".tile")
        self.search()
        _row("Search: why", count, lambda i: self.timed(tiles.nth(i % 24).click))
        self.search()
        _row("Search: slider", count, lambda i: self.timed(lambda: _turn(page, (i % 20) / 10)))
        frames = page.evaluate(FRAMES, 10 * count)
        page.wait_for_function(SERVER)
        _row("Search: frame", len(frames), lambda i: frames[i])
        self.go("image", id=self.image)
        _row("Image: a similar image", count, self.similar)
        _row("Term: another term", count, self.another_term)
        self.go("vocabulary")
        _row("Vocabulary: filter", count, self.filter)
        ids = [f"image-{i:07}" if self.visitor else f"test-{i:05d}" for i in range(count)]
        for name, place in (("Image", "image"), ("Query against image", "against")):
            asked = {"q": "a+dog"} if place == "against" else {}
            _row(
                f"{name}: opened",
                count,
                lambda i, place=place, asked=asked: _seconds(
                    lambda: self.go(place, id=ids[i], **asked)
                ),
            )

    def wander(self, count: int) -> None:
        """So many interactions, from one kind to the next."""
        for i in range(0, count, 20):
            self.search()
            for tile in range(9):
                self.timed(self.page.locator(".tile").nth(tile).click)
            self.go("image", id=self.image)
            for place in range(4):
                self.similar(place)
            self.go("vocabulary")
            for letter in range(4):
                self.filter(i + letter)

    def similar(self, i: int) -> float:
        """To one of the images nearest to the one that is shown."""
        return self.timed(self.page.locator(".pair .hit").nth(i % 4).click)

    def another_term(self, i: int) -> float:
        """To the term of a bar, each time from the same page."""
        self.go("term", term="dog")
        bar = self.page.locator(".bars a").nth(i % 4)
        bar.wait_for()
        return self.timed(bar.click)

    def filter(self, i: int) -> float:
        """Terms with a letter in them."""
        field = self.page.get_by_label("Find a term")
        letter = string.ascii_lowercase[i % 26]
        return self.timed(lambda: (field.fill(letter), field.press("Enter")))

    def timed(self, act: Callable[[], Any]) -> float:
        """Seconds from the event to when a run has ended and the page is still, by its clock."""
        before = self.page.evaluate("() => window.ended")
        act()
        took = self.page.wait_for_function(RESTED, arg=before, timeout=10_000)
        return float(took.json_value()) / 1000


def _turn(page: Any, factor: float) -> None:
    page.evaluate(TURN, factor)


def _row(name: str, count: int, measure: Callable[[int], float]) -> None:
    seconds = sorted(measure(i) for i in range(count))
    p95 = seconds[min(len(seconds) - 1, round(0.95 * (len(seconds) - 1)))]
    print(f"| {name} | {statistics.median(seconds):.3f} | {p95:.3f} |", flush=True)


def _seconds(act: Callable[[], Any]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _memory() -> float:
    """MB of the server, which this process started."""
    children = psutil.Process().children(recursive=True)
    served = [one for one in children if "lsr app" in " ".join(one.cmdline())]
    return sum(one.memory_info().rss for one in served) / 1e6


if __name__ == "__main__":
    main()
