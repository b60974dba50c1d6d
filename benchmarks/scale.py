"""What spreading work over Ray costs, and what it survives; and a large index opened.

    python -m benchmarks.scale                              the whole table
    python -m benchmarks.scale --only overhead --images 5000 --runs 3
    python -m benchmarks.scale --only workers,driver --kills 3

Linux only. Every command is a process of its own. Pictures are drawn, 320 × 240 pixels, JPEG.

overhead: `encode` of all pictures with the bundled encoder, plain and on a Ray that has room for
one task at once; medians, the two in turn. workers: a Ray of two node processes; in the middle of a
command the second one and its workers are killed with SIGKILL, and what the command leaves is
compared with what it leaves unharmed; workers-encode, workers-index and workers-ablate are one
command each. driver: the command is killed in the middle of an encoding
and called again; an encoder of its own writes down every picture that it gets. memory: the most
that the process of the command has had, encoding rows of one small picture each. index: `--rows`
images of 110 terms in float16, stored, opened by a fresh process, searched, compared with brute
force. searched: a collection of `--searched` images, two sizes, with a caption each and a stored
index as above: what `search` and the app's Search page in Chromium take in memory, a line through
both sizes, and what that gives for 10 million.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path

from benchmarks.scale_cases import (
    Case,
    Commands,
    ablation_case,
    draw_collection,
    encode_case,
    index_case,
    killed_driver,
    killed_worker,
    many_rows,
    prepare_index,
    searched_index,
    seconds_of,
    two_nodes,
)
from benchmarks.scale_memory import (
    Memory,
    peak_of,
    prepare_searched,
    searched_by_command,
    searched_in_app,
)

_QUERIES = 200
_MANY = 10_000_000
_SEARCHED = ("`search`, at most", "the app, Search opened", "the app, after a search")
_KINDS = {"own": "its own", "mapped": "of mapped files"}
_KILLED = {"encode": encode_case, "index": index_case, "ablate": ablation_case}
PARTS = ("overhead", "workers", "driver", "memory", "index", "searched")


def main() -> None:
    """Measure the parts that were asked for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas (all)")
    parser.add_argument("--images", type=int, default=20_000, help="of the overhead (20000)")
    parser.add_argument("--runs", type=int, default=3, help="of which a median is taken (3)")
    parser.add_argument("--kills", type=int, default=10, help="of a worker, each command (10)")
    parser.add_argument("--memory", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--rows", type=int, default=2_000_000, help="of the index (2000000)")
    parser.add_argument("--searched", type=int, nargs=2, default=[200_000, 2_000_000])
    options = parser.parse_args()
    chosen = options.only.split(",")
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start\n")
    print("| what | measured |\n|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        commands = Commands(Path(folder) / "home")
        if "overhead" in chosen:
            _overhead(commands, options.images, options.runs)
        for name, case in _KILLED.items():
            if "workers" in chosen or f"workers-{name}" in chosen:
                _workers(commands, case(commands), options.kills)
        if "driver" in chosen:
            _driver(commands)
        if "memory" in chosen:
            _memory(commands, options.memory)
        if "index" in chosen:
            _index(commands, options.rows)
        if "searched" in chosen:
            _searched(commands, options.searched)


def _row(what: str, measured: str) -> None:
    print(f"| {what} | {measured} |", flush=True)


def _overhead(commands: Commands, n: int, runs: int) -> None:
    draw_collection(commands.home, "many", n)
    taken: dict[str, list[float]] = {"threads": [], "ray": []}
    rates: dict[str, list[float]] = {"threads": [], "ray": []}
    for _ in range(runs):
        for engine in taken:
            seconds, answer = seconds_of(
                commands, f"encode --collection many --encoder bundled --name x --engine {engine}"
            )
            taken[engine].append(seconds)
            rates[engine].append(answer["images_per_second"])
    plain, spread = (statistics.median(taken[one]) for one in ("threads", "ray"))
    speeds = [statistics.median(rates[one]) for one in ("threads", "ray")]
    _row(
        f"`encode` of {n:,} pictures, one task at once, median of {runs}",
        f"{spread:.1f} s, plain {plain:.1f} s: {spread / plain - 1:+.1%}; while encoding "
        f"{speeds[1]:,.0f} pictures a second, plain {speeds[0]:,.0f}",
    )


def _workers(commands: Commands, case: Case, kills: int) -> None:
    expected = case.unharmed(commands)
    same = struck = 0
    with two_nodes(commands) as nodes:
        for number in range(kills):
            found, in_time = killed_worker(commands, nodes, case, number)
            same += found == expected
            struck += in_time
    _row(
        f"a node killed in the middle of `{case.name}`, {kills} times",
        f"the same bytes {same} times; {struck} kills struck a task",
    )


def _driver(commands: Commands) -> None:
    draw_collection(commands.home, "some", 2_000)
    found = killed_driver(commands, "some")
    _row(
        "the command killed in the middle of `encode`, then called again",
        f"of {found.total:,} pictures {found.kept:,} were kept and {found.again:,} encoded twice; "
        f"{'the same' if found.same else 'OTHER'} vectors in the end",
    )


def _memory(commands: Commands, sizes: list[int]) -> None:
    for n in sizes:
        many_rows(commands.home, f"rows-{n}", n)
        line = f"encode --collection rows-{n} --encoder own --name made --engine ray"
        peak, seconds = peak_of(commands, line)
        _row(
            f"`encode` of {n:,} images with a caption each on Ray",
            f"{peak / 2**20:,.0f} MB at most in the process of the command, {seconds:,.0f} s",
        )


def _index(commands: Commands, n: int) -> None:
    folder = commands.home / "index"
    prepare_index(folder, n)
    found = searched_index(folder, _QUERIES)
    _row(
        f"a stored index of {n:,} images, 110 terms, float16",
        f"opened in {found['open']:.2f} s, first search {found['first'] * 1e3:.1f} ms, then "
        f"{found['median'] * 1e3:.2f} ms a query of 15 terms (median of {found['queries']}), "
        f"{found['one_thread'] * 1e3:.2f} ms on one thread; "
        f"{found['exact']} of {found['checked']} are those of brute force; "
        f"{found['memory'] / 2**20:,.0f} MB in memory, {found['bytes'] / 2**20:,.0f} MB of files",
    )


def _searched(commands: Commands, sizes: list[int]) -> None:
    """Of two sizes of a collection, and what a line through both says of 10 million images."""
    found: list[tuple[Memory, ...]] = []
    searched_in_app(commands, prepare_searched(commands, sizes[0]))  # compiles what is not yet
    for n in sizes:
        name = prepare_searched(commands, n)
        found.append((searched_by_command(commands, name), *searched_in_app(commands, name)))
    for what, *measured in zip(_SEARCHED, *found, strict=True):
        for kind, *taken in zip(Memory._fields, *measured, strict=True):
            each = (taken[1] - taken[0]) / (sizes[1] - sizes[0])
            many = taken[0] + each * (_MANY - sizes[0])
            told = ", ".join(
                f"{n:,}: {one / 1e6:,.0f} MB" for n, one in zip(sizes, taken, strict=True)
            )
            _row(
                f"{what}, {_KINDS[kind]}",
                f"{told}; {each:,.0f} bytes an image; {_MANY:,}: {many / 1e6:,.0f} MB",
            )


if __name__ == "__main__":
    main()
