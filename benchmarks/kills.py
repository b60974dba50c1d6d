"""Commands killed, and disks filled, at every stage: what stood there is there, whole or new.

    python -m benchmarks.kills --out FOLDER             40 kills of each command, full disks
    python -m benchmarks.kills --out FOLDER --only attach,train --kills 10
    python -m benchmarks.kills --out FOLDER --no-disk

Linux only; full disks need the right to mount a tmpfs. Each command replaces something that stands
there. Three kills of four are aimed: an audit hook counts the files and folders that the process
opens, makes, renames or removes, half of these kills fall on the last such moments, where the new
version takes the place of the old, and half are spread over all; the others fall at random times.
After a kill the old version must be there, or the new one, found by its name and read whole; the
command, run again, must complete; and nothing hidden may be left after that. On a full disk the
command must answer 2 with one sentence, what stood there must be as it was, and the command must
complete once there is room.

Processes are forked from one that has loaded the library, so a kill takes a second and not ten.
Outcomes are appended to `FOLDER/outcomes.jsonl`; a run that was stopped goes on there.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from lsr.cli.main import main as lexiscope

ENCODER = """
import numpy as np


class Counting:
    fingerprint = "{mark}"

    def encode_texts(self, texts):
        counts = [[t.count("a"), t.count("e"), t.count("o"), len(t)] for t in texts]
        return np.array([[{first}, *count, 1, 2, 1] for count in counts], float)

    def encode_images(self, pictures):
        means = [np.asarray(p, float).mean(axis=(0, 1)) for p in pictures]
        return np.array([[{first}, *mean, 40, 1, 2, 1] for mean in means])


def load():
    return Counting()
"""
WORDS = tuple("dog cat lion tree house car boat beach snow city red blue green two".split())  # noqa: SIM905
IMAGES = 30
# Patience with one process, in seconds.
LONGEST = 600.0
DISK_MB = 192


class Ended(NamedTuple):
    """code: negative for a signal. events: how many were counted. swaps: which of them give a name
    to something that was written. seconds: it took."""

    code: int
    said: str
    events: int
    swaps: list[int]
    seconds: float


@dataclass(frozen=True)
class Case:
    """command: its arguments, given the folder of the try. state: what stands there, as one string;
    it raises where that is missing or not whole."""

    command: Callable[[Path], list[str]]
    state: Callable[[Path], str]


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise RuntimeError(what)


def _collection(_: Path) -> str:
    from lsr.collection.collection import load_collection
    from lsr.storage.places import folders

    _must("mine" in [folder.name for folder in folders("collections")], "it is not listed")
    return load_collection("mine").fingerprint


def _model(name: str) -> Callable[[Path], str]:
    def state(_: Path) -> str:
        from lsr.model.checkpoint import load_model
        from lsr.storage.places import folders

        _must(name in [folder.name for folder in folders("models")], "it is not listed")
        return load_model(name).fingerprint

    return state


def _index(_: Path) -> str:
    from lsr.collection.collection import load_collection
    from lsr.index.memory.files import stored_index
    from lsr.model.checkpoint import load_model

    found = stored_index(load_collection("mine").fingerprint, load_model("m").fingerprint)
    _must(found is not None, "it is missing")
    return found.precision


def _sweep(root: Path) -> str:
    """The rows of all sweeps that are kept, each once."""
    import pyarrow.parquet as pq

    rows = set()
    for part in sorted((root / "home" / "cache" / "sweeps").glob("*/[!.]*.parquet")):
        rows |= {json.dumps(row, sort_keys=True) for row in pq.read_table(part).to_pylist()}
    return f"{len(rows)} rows"


def _report(root: Path) -> str:
    from lsr.report.report_tables import read_settings
    from lsr.storage.folders import read_one_version

    def read() -> str:
        settings, _ = read_settings(root / "report")
        files = sorted(path.name for path in (root / "report").iterdir())
        _must("index.html" in files, "the page is missing")
        return f"{settings.queries} {files}"

    return read_one_version(root / "report", read)


def _export(root: Path) -> str:
    from lsr.exceptions import QueryError
    from lsr.storage.files import read_json
    from lsr.storage.folders import read_one_version

    def read() -> str:
        card = read_json(root / "export" / "export.json", QueryError)
        for one in card["files"]:
            found = (root / "export" / one["name"]).stat().st_size
            _must(found == one["bytes"], f"{one['name']} is not whole")
        return f"{card['split']} {len(card['files'])}"

    return read_one_version(root / "export", read)


OF_M = ["--collection", "mine", "--model", "m"]
CASES = {
    "import": Case(
        lambda root: ["import", str(root / "photos2"), "--name", "mine", "--encoder", "tiny"],
        _collection,
    ),
    "encode": Case(lambda _: ["encode", "--collection", "mine", "--encoder", "other"], _collection),
    "attach": Case(
        lambda root: [
            *("attach", "--collection", "mine", "--encoder", "else"),
            *("--images", str(root / "images.npy"), "--captions", str(root / "captions.npy")),
        ],
        _collection,
    ),
    "train": Case(
        lambda _: [
            *("train", "--collection", "mine", "--out", "t", "--hidden-size", "8"),
            *("--epochs", "2", "--seed", "2", "--resume"),
        ],
        _model("t"),
    ),
    "train, closed form": Case(
        lambda _: [
            *("train", "--collection", "mine", "--out", "m", "--method", "closed-form"),
            *("--target-active-terms", "3"),
        ],
        _model("m"),
    ),
    "index": Case(lambda _: ["index", *OF_M, "--weights", "int8"], _index),
    "sweep": Case(
        lambda _: ["sweep", *OF_M, "--control", "top-k", "--from", "1", "--to", "12"], _sweep
    ),
    "report": Case(
        lambda root: ["report", *OF_M, "--out", str(root / "report"), "--query", "a lion"],
        _report,
    ),
    "export": Case(
        lambda root: [
            *("export", *OF_M, "--format", "trec", "--split", "train"),
            *("--out", str(root / "export")),
        ],
        _export,
    ),
}


def main() -> None:
    """Kill, fill, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--kills", type=int, default=40, help="of each command (40)")
    parser.add_argument("--only", default="", help="commands, separated by commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-disk", action="store_true")
    parser.add_argument("--no-kills", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    chosen = [name for name in CASES if not options.only or name in options.only.split(",")]
    _load_library()
    template = options.out / "template"
    if not (template / "done").exists():
        shutil.rmtree(template, ignore_errors=True)
        _prepare(template)
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


def _prepare(template: Path) -> None:
    """What stands there before a try: a home with all that the commands will replace."""
    _photos(template / "photos1", 1)
    _photos(template / "photos2", 2)
    encoders = template / "home" / "encoders"
    encoders.mkdir(parents=True)
    (encoders / "tiny.py").write_text(ENCODER.format(mark="tiny", first="9"))
    (encoders / "other.py").write_text(ENCODER.format(mark="other", first="70"))
    rng = np.random.default_rng(5)
    np.save(template / "images.npy", rng.normal(size=(IMAGES, 8)).astype(np.float32))
    np.save(template / "captions.npy", rng.normal(size=(2 * IMAGES, 8)).astype(np.float32))
    first = ["import", str(template / "photos1"), "--name", "mine", "--encoder", "tiny"]
    train = ["train", "--collection", "mine"]
    for command in (
        [*first, "--splits", "made"],
        [*train, "--out", "m", "--method", "closed-form"],
        [*train, "--out", "t", "--hidden-size", "8", "--epochs", "1", "--seed", "1"],
        ["index", *OF_M],
        ["report", *OF_M, "--out", str(template / "report"), "--query", "a dog"],
        ["export", *OF_M, "--format", "csv", "--out", str(template / "export")],
    ):
        if command[0] == "export":
            command[command.index("csv")] = "trec"
        ended = run(template, lambda command=command: lexiscope([*command, "--json"]))
        _must(ended.code == 0, ended.said)
    (template / "done").touch()


def _photos(folder: Path, seed: int) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    lines = ["image,caption"]
    for number in range(IMAGES):
        pixels = rng.integers(0, 255, (48, 64, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"p{number}.png")
        for _ in range(2):
            one, other = (WORDS[rng.integers(len(WORDS))] for _ in range(2))
            lines.append(f"p{number}.png,a {one} and a {other}")
    (folder / "captions.csv").write_text("\n".join(lines) + "\n")


def run(root: Path, act: Callable[[], object], *, at: int = 0, after: float = 0.0) -> Ended:
    """Do something in a process of its own whose home is in `root`.

    Args:
        at: kill it right before the so manieth file or folder below `root` is touched.
        after: kill it after so many seconds.
    """
    # What it says must not need room on a disk that is full.
    said, counted = os.memfd_create("said"), os.memfd_create("counted")
    started = time.monotonic()
    child = os.fork()
    if not child:
        _child(root, act, at, said, counted)
    code = None
    while code is None:
        if (after and time.monotonic() - started >= after) or time.monotonic() - started > LONGEST:
            os.kill(child, signal.SIGKILL)
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
        else:
            time.sleep(0.002)
    text, told = _drained(said).decode("utf-8", "replace"), _drained(counted)
    events, swaps = json.loads(told) if told else (0, [])
    return Ended(code, text, events, swaps, time.monotonic() - started)


def _drained(descriptor: int) -> bytes:
    """What was written there; it is closed."""
    size = os.fstat(descriptor).st_size
    content = os.pread(descriptor, size, 0)
    os.close(descriptor)
    return content


def _child(root: Path, act: Callable[[], object], at: int, said: int, counted: int) -> None:
    """The forked process: it never returns."""
    code = 1
    try:
        os.environ["LEXISCOPE_HOME"] = str(root / "home")
        os.dup2(said, 1)
        os.dup2(said, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        events, swaps = [0], []
        below = os.fsencode(root)

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            if event not in _TOUCHING or not arguments:
                return
            place = arguments[0]
            if event == "ctypes.dlsym":
                if arguments[1] != "renameat2":
                    return
            elif not isinstance(place, str | bytes | os.PathLike) or not os.fsencode(
                place
            ).startswith(below):
                return
            events[0] += 1
            if event in ("ctypes.dlsym", "os.rename"):
                swaps.append(events[0])
            if events[0] == at:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        code = int(act() or 0)  # type: ignore[call-overload]
        reached = [events[0], swaps]
    except BaseException:  # noqa: BLE001  (whatever it is, it is an outcome)
        traceback.print_exc()
        reached = [0, []]
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os.write(counted, json.dumps(reached).encode())
        os._exit(code)


_TOUCHING = {
    *("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.truncate"),
    *("os.scandir", "shutil.rmtree", "shutil.copyfile", "ctypes.dlsym"),
}


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
        _must(ended.code == 0, ended.said)
        new = _state(root, case)
        _must(not old.startswith("broken"), old)
        _must(old != new, f"{name} changes nothing: {old}")
        _must(not _left(root), str(_left(root)))
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
                ended = run(root, partial(lexiscope, command), **how)  # type: ignore[arg-type]
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
    if case.state is _sweep and not state.startswith("broken"):
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
            elif state != unbroken.old and case.state is not _sweep:
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


if __name__ == "__main__":
    main()
