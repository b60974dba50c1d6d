"""The commands that `benchmarks.kills` kills, what stands there before, and how it is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.forked import run
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


@dataclass(frozen=True)
class Case:
    """command: its arguments, given the folder of the try. state: what stands there, as one string;
    it raises where that is missing or not whole."""

    command: Callable[[Path], list[str]]
    state: Callable[[Path], str]


def must(holds: object, what: str) -> None:
    """Raise `what` unless it holds."""
    if not holds:
        raise RuntimeError(what)


def _collection(_: Path) -> str:
    from lsr.collection.collection import load_collection
    from lsr.storage.places import folders

    must("mine" in [folder.name for folder in folders("collections")], "it is not listed")
    return load_collection("mine").fingerprint


def _model(name: str) -> Callable[[Path], str]:
    def state(_: Path) -> str:
        from lsr.model.loading import load_model
        from lsr.storage.places import folders

        must(name in [folder.name for folder in folders("models")], "it is not listed")
        return load_model(name).fingerprint

    return state


def _index(_: Path) -> str:
    from lsr.collection.collection import load_collection
    from lsr.index.memory.files import stored_index
    from lsr.model.loading import load_model

    found = stored_index(load_collection("mine").fingerprint, load_model("m").fingerprint)
    return found.precision if found is not None else "missing"


def sweep_state(root: Path) -> str:
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
        must("index.html" in files, "the page is missing")
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
            must(found == one["bytes"], f"{one['name']} is not whole")
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
    "train --method trained": Case(
        lambda _: [
            *("train", "--collection", "mine", "--out", "t", "--hidden-size", "8"),
            *("--epochs", "2", "--seed", "2", "--resume"),
        ],
        _model("t"),
    ),
    "train --method closed-form": Case(
        lambda _: [
            *("train", "--collection", "mine", "--out", "m", "--method", "closed-form"),
            *("--target-active-terms", "3"),
        ],
        _model("m"),
    ),
    "train --method tuned": Case(
        lambda _: [
            *("train", "--collection", "mine", "--out", "u", "--method", "tuned"),
            *("--target-active-terms", "3"),
        ],
        _model("u"),
    ),
    "index": Case(lambda _: ["index", *OF_M, "--weights", "int8"], _index),
    "sweep": Case(
        lambda _: ["sweep", *OF_M, "--control", "top-k", "--from", "1", "--to", "12"], sweep_state
    ),
    "report": Case(
        lambda root: ["report", *OF_M, "--out", str(root / "report"), "--query", "a lion"],
        _report,
    ),
    "export": Case(
        lambda root: [
            *("export", *OF_M, "--format", "csv", "--split", "train"),
            *("--out", str(root / "export")),
        ],
        _export,
    ),
}


def prepare(template: Path) -> None:
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
        [*train, "--out", "u", "--method", "closed-form"],
        [*train, "--out", "t", "--hidden-size", "8", "--epochs", "1", "--seed", "1"],
        ["index", *OF_M],
        ["report", *OF_M, "--out", str(template / "report"), "--query", "a dog"],
        ["export", *OF_M, "--format", "csv", "--out", str(template / "export")],
    ):
        ended = run(template, partial(lexiscope, [*command, "--json"]))
        must(ended.code == 0, ended.said)
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
