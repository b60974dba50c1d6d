"""Files and addresses changed at random, byte by byte and in their structure, read by every reader.

    python -m benchmarks.mutations --out FOLDER

A reader may take a changed file or refuse it with an error of Lexiscope's own, in 10 s and 1 GB;
all else is a finding, the end of the process too. Every mutation follows from the seed, its reader
and its number. What was done is in FOLDER, so that a run that was stopped goes on; `--again
"zip 17"` shows one of them whole.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import psutil

from tests.hostile.attempt import attempt, changed
from tests.hostile.readers import BY_NAME, READERS, Reader

MOST_SECONDS = 10.0
MOST_BYTES = 10**9
# A child that waits for something takes no processor time.
_PATIENCE = 60.0
_PAUSE = 0.02
# What may be asked for beyond what is there: enough to see that it was too much.
_ROOM = 3 * 10**9
# A child is replaced after so many, so that what one left behind does not count for the next.
_CHILD_LASTS = 2_000


class Child:
    """A process that reads mutated files, one at a time; it may crash."""

    def __init__(self, seed: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.mutations", "--child", "--seed", str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )
        self.left = _CHILD_LASTS

    def read(self, reader: Reader, number: int) -> dict[str, Any]:
        """What came of a mutation; a crash or a child that had to be ended is told as well."""
        self.left -= 1
        assert self._process.stdin and self._process.stdout  # noqa: S101, PT018
        os.set_blocking(self._process.stdout.fileno(), False)
        process = psutil.Process(self._process.pid)
        self._process.stdin.write(f"{reader.name}\t{number}\n")
        self._process.stdin.flush()
        began, used, answer = time.monotonic(), 0.0, ""
        while not answer.endswith("\n"):
            answer += self._process.stdout.readline() or ""
            if self._process.poll() is not None and not answer:
                return self._ended(f"crash: the process ended with {self._process.returncode}")
            if answer.startswith("ready"):  # the sound files are made
                began, used, answer = time.monotonic(), _processor_seconds(process), ""
            busy = _processor_seconds(process) - used
            if used and (busy > 1.5 * MOST_SECONDS or time.monotonic() - began > _PATIENCE):
                return self._ended(f"hang: {busy:.0f} s of processor time and no end")
            if not answer:
                time.sleep(_PAUSE)
        told: dict[str, Any] = json.loads(answer)
        return told

    def _ended(self, what: str) -> dict[str, Any]:
        self.left = 0
        self.end()
        return {
            "end": "foreign",
            "what": what,
            "place": "?",
            "file": "",
            "seconds": 0,
            "n_bytes": 0,
        }

    def end(self) -> None:
        """Kill the process; it holds nothing that is worth keeping."""
        self._process.kill()
        self._process.wait()


def _processor_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def be_child(seed: int) -> None:
    """Read lines of a reader and a number, and answer each with what came of it."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # libraries print
    sound: dict[Callable[[Path], None], Path] = {}
    with tempfile.TemporaryDirectory() as place:
        for line in sys.stdin:
            name, _, number = line.rstrip("\n").partition("\t")
            reader = BY_NAME[name]
            if reader.make not in sound:
                sound[reader.make] = Path(place) / f"sound-{len(sound)}"
                sound[reader.make].mkdir()
                reader.make(sound[reader.make])
                whole = shutil.copytree(sound[reader.make], Path(place) / "whole")
                attempt(reader, whole)  # what is loaded once is not counted
                shutil.rmtree(whole)
                used = psutil.Process().memory_info().vms
                resource.setrlimit(resource.RLIMIT_AS, (used + _ROOM, resource.RLIM_INFINITY))
            answers.write("ready\n")
            folder = Path(place) / "changed"
            file = changed(reader, sound[reader.make], folder, seed, int(number))
            answers.write(json.dumps(asdict(attempt(reader, folder, file))) + "\n")


def planned(mutations: int) -> Iterator[tuple[Reader, int]]:
    """So many mutations, in turn by all readers and shared out as they say."""
    ends = list(accumulate((reader.share for reader in READERS), initial=0.0))
    places = [round(mutations * end / ends[-1]) for end in ends]
    counts = [last - first for first, last in pairwise(places)]
    for number in range(max(counts)):
        for reader, count in zip(READERS, counts, strict=True):
            if number < count:
                yield reader, number


def run(mutations: int, seed: int, log: Path) -> list[dict[str, Any]]:
    """All mutations, those in the log not again; a line in the log for each."""
    done = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    known = {(one["reader"], one["number"]) for one in done}
    child: Child | None = None
    with log.open("a") as file:
        for reader, number in planned(mutations):
            if (reader.name, number) in known:
                continue
            if child is None or not child.left:
                if child is not None:
                    child.end()
                child = Child(seed)
            told = {"reader": reader.name, "number": number, **child.read(reader, number)}
            file.write(json.dumps(told) + "\n")
            file.flush()
            done.append(told)
            if len(done) % 500 == 0:
                print(f"{len(done):,} of {mutations:,}, {sum(map(is_finding, done)):,} findings")
    if child is not None:
        child.end()
    return done


def is_finding(told: dict[str, Any]) -> bool:
    """An error that is not ours, or more time or memory than a file may take."""
    too_much = told["seconds"] > MOST_SECONDS or told["n_bytes"] > MOST_BYTES
    return bool(told["end"] == "foreign" or too_much)


def show(done: list[dict[str, Any]]) -> None:
    """A line a reader, then every kind of finding once."""
    print("| reader | mutations | read | own errors | findings | slowest | most memory |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name in [*BY_NAME, "all"]:
        rows = [one for one in done if name in (one["reader"], "all")]
        if not rows:
            continue
        ends = Counter(one["end"] for one in rows)
        print(
            f"| {name} | {len(rows):,} | {ends['read']:,} | {ends['refused']:,} | "
            f"{sum(map(is_finding, rows)):,} | {max(one['seconds'] for one in rows):.2f} s | "
            f"{max(one['n_bytes'] for one in rows) / 1e6:,.0f} MB |"
        )
    findings: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in filter(is_finding, done):
        findings.setdefault((one["place"], one["what"].partition(":")[0]), []).append(one)
    for (place, what), found in sorted(findings.items(), key=lambda kind: -len(kind[1])):
        first = found[0]
        print(f"\n{len(found):,} × {what or 'too much'} at {place}")
        print(f"  first: {first['reader']} {first['number']}, {first['file']}")
        print(
            f"  {first['seconds']:.1f} s, {first['n_bytes'] / 1e6:,.0f} MB: {first['what'][:300]}"
        )


def again(which: str, seed: int) -> None:
    """One mutation in this process, with its whole error and its file."""
    name, _, number = which.rpartition(" ")
    reader = BY_NAME[name]
    with tempfile.TemporaryDirectory() as place:
        sound = Path(place) / "sound"
        sound.mkdir()
        reader.make(sound)
        folder = Path(place) / "changed"
        file = changed(reader, sound, folder, seed, int(number))
        print(file, (folder / file).read_bytes()[:2000], sep="\n")
        reader.read(folder)


def main() -> None:
    """Run, go on or show."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, help="the folder of the log")
    parser.add_argument("--mutations", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", metavar='"READER NUMBER"', help="one mutation, with its error")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        be_child(options.seed)
    elif options.again:
        again(options.again, options.seed)
    elif options.out is None:
        parser.error("--out is needed")
    else:
        options.out.mkdir(parents=True, exist_ok=True)
        show(run(options.mutations, options.seed, options.out / f"seed-{options.seed}.jsonl"))


if __name__ == "__main__":
    main()
