"""Commands killed, and disks filled, at every stage: what stood there is there, whole or new.

    python -m benchmarks.kills --out FOLDER             40 kills of each command, full disks
    python -m benchmarks.kills --out FOLDER --only attach,train --kills 10
    python -m benchmarks.kills --out FOLDER --no-disk
    python -m benchmarks.kills --out FOLDER --readers 60  loads for a minute beside a writer

Linux only; full disks need the right to mount a tmpfs. Each command replaces something that stands
there. Three kills of four are aimed: an audit hook counts the files and folders that the process
opens, makes, renames or removes; half of these kills fall right before and after something gets its
name, and half are spread over all; the others fall at random times.
After a kill the old version must be there, or the new one, found by its name and read whole; the
command, run again, must complete; and nothing hidden may be left after that. On a full disk the
command must answer 2 with one sentence, what stood there must be as it was, and the command must
complete once there is room.

Processes are forked from one that has loaded the library, so a kill takes a second and not ten.
Outcomes are appended to `FOLDER/outcomes.jsonl`; a run that was stopped goes on there.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.forked import run
from benchmarks.kill_cases import CASES, Case, must, prepare, sweep_state
from lsr.cli.main import main as lexiscope
from lsr.collection.collection import Collection, load_collection
from lsr.collection.writing import write_collection
from lsr.exceptions import InputError

DISK_MB = 192


def main() -> None:
    """Kill, fill, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--kills", type=int, default=40, help="of each command (40)")
    parser.add_argument("--only", default="", help="commands, separated by commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-disk", action="store_true")
    parser.add_argument("--no-kills", action="store_true")
    parser.add_argument("--readers", type=float, default=0.0, metavar="SECONDS")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    chosen = [name for name in CASES if not options.only or name in options.only.split(",")]
    _load_library()
    template = options.out / "template"
    if not (template / "done").exists():
        shutil.rmtree(template, ignore_errors=True)
        prepare(template)
    with _copy(template, options.out) as root:
        # Compiled loops that start no threads may be loaded here, once for all forks.
        os.environ["LEXISCOPE_HOME"] = str(root / "home")
        with contextlib.redirect_stdout(io.StringIO()):
            lexiscope([*CASES["index"].command(root), "--json"])
    if options.readers:
        _read_beside_a_writer(template, options.out, options.readers)
        return
    known = Outcomes(options.out / "outcomes.jsonl")
    for name in chosen:
        if not options.no_kills:
            _kill(name, template, options.out, known, options.kills, options.seed)
        if not options.no_disk:
            _fill(name, template, options.out, known)
    known.print_tables()


FOUND = ("old", "new", "broken")


class Outcomes:
    """What each try came to, kept line by line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        self.all: list[dict[str, Any]] = [json.loads(line) for line in lines]

    def has(self, **key: Any) -> bool:
        return any(all(one.get(k) == v for k, v in key.items()) for one in self.all)

    def add(self, **outcome: Any) -> None:
        self.all.append(outcome)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(outcome) + "\n")
        wrong = f"  WRONG: {outcome['wrong']}" if outcome["wrong"] else ""
        print({k: v for k, v in outcome.items() if k != "wrong"}, wrong, flush=True)

    def print_tables(self) -> None:
        print(
            "\n| command | kills | old | new | vanished or broken | did not complete | left over |"
        )
        print("|---|---|---|---|---|---|---|")
        for name in CASES:
            mine = [one for one in self.all if one["command"] == name and one["kind"] == "kill"]
            cells = [sum(one["found"] == what for one in mine) for what in ("old", "new", "broken")]
            cells += [sum(one["stage"] == what for one in mine) for what in ("rerun", "left")]
            print(f"| {name} | {len(mine)} | {' | '.join(map(str, cells))} |")
        print("\n| command | full disks | one sentence | completed all the same | wrong |")
        print("|---|---|---|---|---|")
        for name in CASES:
            mine = [one for one in self.all if one["command"] == name and one["kind"] == "disk"]
            told = sum(one["code"] == 2 and not one["wrong"] for one in mine)
            done = sum(one["code"] == 0 and not one["wrong"] for one in mine)
            wrong = sum(bool(one["wrong"]) for one in mine)
            print(f"| {name} | {len(mine)} | {told} | {done} | {wrong} |")


def _load_library() -> None:
    """Everything that the commands import, so that a fork need not."""
    import torch

    torch.set_num_threads(1)
    for name in (
        *(
            "collection.collection",
            "collection.writing",
            "encoding.reencoding",
            "exports.exporting",
        ),
        *("imports.running", "imports.vectors.attaching", "report.writing", "search.searcher"),
        *("sweep.laboratory", "sweep.sweep", "training.train_model", "index.memory.files"),
        *("training.lexical.make_model", "training.options", "evaluation.verdict"),
    ):
        __import__(f"lsr.{name}")


def _state(root: Path, case: Case) -> str:
    """What stands there, read by a process of its own; `broken: …` where it cannot be."""

    def tell() -> None:
        print("state " + case.state(root))

    ended = run(root, tell)
    lines = [line for line in ended.said.splitlines() if line.strip()]
    last = lines[-1] if lines else f"code {ended.code}"
    return last.removeprefix("state ") if last.startswith("state ") else f"broken: {last}"


def _left(root: Path) -> list[str]:
    """Hidden files and folders, and locks."""
    return sorted(
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.name.startswith(".") or "lock" in path.name
    )


@contextmanager
def _copy(template: Path, beside: Path, copy: Callable[..., object] = os.link) -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="try-", dir=beside))
    try:
        shutil.copytree(template, root, copy_function=copy, dirs_exist_ok=True)
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


class Known(NamedTuple):
    """An unbroken run. old, new: what stands there before and after it."""

    old: str
    new: str
    events: int
    swaps: list[int]
    seconds: float


def _unbroken(name: str, template: Path, beside: Path) -> Known:
    case = CASES[name]
    with _copy(template, beside) as root:
        old = _state(root, case)
        ended = run(root, lambda: lexiscope([*case.command(root), "--json"]))
        must(ended.code == 0, ended.said)
        new = _state(root, case)
        must(not old.startswith("broken"), old)
        must(old != new, f"{name} changes nothing: {old}")
        must(not _left(root), str(_left(root)))
        return Known(old, new, ended.events, ended.swaps, ended.seconds)


def _kill(name: str, template: Path, beside: Path, known: Outcomes, kills: int, seed: int) -> None:
    missing = [n for n in range(kills) if not known.has(kind="kill", command=name, number=n)]
    if not missing:
        return
    case, unbroken = CASES[name], _unbroken(name, template, beside)
    aimed = kills * 3 // 4
    spread = np.linspace(1, unbroken.events, aimed - aimed // 2).astype(int).tolist()
    around = _around(unbroken.swaps, unbroken.events, aimed // 2)
    draw = random.Random(f"{seed} {name}")
    for number in missing:
        moment: float = [*spread, *around][number] if number < aimed else 0.0
        while True:
            if number >= aimed:
                moment = draw.uniform(0.02, unbroken.seconds)
            how = {"at": int(moment)} if number < aimed else {"after": moment}
            with _copy(template, beside) as root:
                command = [*case.command(root), "--json"]
                ended = run(root, partial(lexiscope, command), **how)
                if ended.code != -signal.SIGKILL:
                    continue  # it had ended before
                found, stage, wrong = _after_kill(root, case, unbroken)
            known.add(
                kind="kill",
                command=name,
                number=number,
                moment=round(moment, 3),
                of=unbroken.events if number < aimed else round(unbroken.seconds, 3),
                found=found,
                stage=stage,
                wrong=wrong,
            )
            break


def _around(swaps: Sequence[int], events: int, n: int) -> list[int]:
    """`n` moments right before and right after a name was given, the last ones first."""
    offsets = [0, 1, 2, -1, 3, -2, 4, 5, -3, 6]
    near = [swap + offset for offset in offsets for swap in reversed(swaps)]
    moments = list(dict.fromkeys(one for one in near if 1 <= one <= events))
    return [moments[number % len(moments)] for number in range(n)]


def _after_kill(root: Path, case: Case, unbroken: Known) -> tuple[str, str, str]:
    """(what was found, at which stage something was wrong, what)."""
    state = _state(root, case)
    found = {unbroken.old: "old", unbroken.new: "new"}.get(state, "broken")
    if case.state is sweep_state and not state.startswith("broken"):
        found = found if found != "broken" else "old"  # a part of the rows, all whole
    if found == "broken":
        return found, "found", state
    again = run(root, lambda: lexiscope([*case.command(root), "--json"]))
    state = _state(root, case)
    if again.code or state != unbroken.new:
        return found, "rerun", f"code {again.code}, {state}, {again.said[-300:]}"
    if left := _left(root):
        return found, "left", ", ".join(left)
    return found, "", ""


@contextmanager
def _small_disk(beside: Path) -> Iterator[Path]:
    place = beside / "disk"
    place.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(place)]
    subprocess.run(mount, check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)  # noqa: S607


def _fill(name: str, template: Path, beside: Path, known: Outcomes) -> None:
    """Leave more and more room until the command completes; then once more at stages between."""
    if known.has(kind="disk", command=name, last=True):
        return
    unbroken = _unbroken(name, template, beside)
    rooms, enough = [0, 1, 2, 4, 8, 16], None
    tried: list[int] = []
    while rooms:
        room = rooms.pop(0)
        code = _full(name, template, beside, known, unbroken, room)
        tried.append(room)
        if not rooms and enough is None:
            if code == 0 or room >= 65_536:
                enough = room
                between = np.linspace(0, room, 14).astype(int).tolist()[1:-1]
                rooms = sorted({*between} - {*tried})
            else:
                rooms = [2 * room]
    known.add(kind="disk", command=name, room=0, code=-1, found="", wrong="", last=True)
    known.all.pop()


def _full(
    name: str, template: Path, beside: Path, known: Outcomes, unbroken: Known, room: int
) -> int:
    """One try with `room` pages of 4 kB free; the command's exit code."""
    case = CASES[name]
    with _small_disk(beside) as disk:
        root = disk / "try"
        shutil.copytree(template, root)
        filler = disk / "filler"
        _leave(disk, filler, room * 4096)
        command = [*case.command(root), "--json"]
        ended = run(root, lambda: lexiscope(command))
        filler.unlink()
        state = _state(root, case)
        wrong = ""
        lines = ended.said.splitlines() or [""]
        if ended.code == 2:
            if not any(line.startswith("The disk is full (") for line in lines):
                wrong = f"said {lines[-1]!r}"
            elif state != unbroken.old and case.state is not sweep_state:
                wrong = f"what stood there is {state}"
        elif ended.code != 0:
            wrong = f"code {ended.code}: {ended.said[-400:]}"
        elif state != unbroken.new:
            wrong = f"code 0, but there stands {state}"
        if not wrong:
            again = run(root, lambda: lexiscope(command))
            now = _state(root, case)
            if again.code or now != unbroken.new:
                wrong = f"again: code {again.code}, {now}, {again.said[-300:]}"
            elif left := _left(root):
                wrong = f"left over: {', '.join(left)}"
        known.add(
            kind="disk",
            command=name,
            room=room * 4,
            code=ended.code,
            found=state,
            wrong=wrong,
            last=False,
        )
        return ended.code


def _leave(disk: Path, filler: Path, room: int) -> None:
    """Fill a disk but for so many bytes."""
    free = shutil.disk_usage(disk).free
    with filler.open("wb") as file:
        for _ in range(max(free - room, 0) // 4096):
            file.write(bytes(4096))


def _read_beside_a_writer(template: Path, beside: Path, seconds: float) -> None:
    """Count the loads of a collection that mix two versions, or complain of a sound one."""
    with _copy(template, beside) as root:
        run(root, lambda: _write_version(load_collection("mine"), 0))
        end = time.monotonic() + seconds
        writer = os.fork()
        if not writer:
            print(run(root, partial(_write_versions, end)).said, flush=True)
            os._exit(0)
        print(run(root, partial(_load_versions, end)).said, flush=True)
        os.waitpid(writer, 0)


def _write_versions(end: float) -> None:
    """Give the collection vectors that its title tells, again and again."""
    number = 0
    while time.monotonic() < end:
        number += 1
        _write_version(load_collection("mine"), number % 8)
    print({"written": number})


def _write_version(collection: Collection, column: int) -> None:
    vectors = np.zeros((len(collection.images), 8), np.float32)
    vectors[:, column] = 1
    write_collection(
        collection.folder,
        card={**collection.card, "title": str(column)},
        images=collection.images,
        captions=collection.captions,
        image_vectors=vectors,
        caption_vectors=collection.caption_vectors,
        beside=collection,
    )


def _load_versions(end: float) -> None:
    counts = dict.fromkeys(("loads", "mixed", "refused"), 0)
    seen = set()
    while time.monotonic() < end:
        counts["loads"] += 1
        try:
            read = load_collection("mine")
        except InputError as problem:
            counts["refused"] += 1
            print(problem)
            continue
        seen.add(read.fingerprint)
        counts["mixed"] += not (read.image_vectors[:, int(read.title)] == 1).all()
    print({**counts, "versions": len(seen)})


if __name__ == "__main__":
    main()
