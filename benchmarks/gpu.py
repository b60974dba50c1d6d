"""Everything that needs a GPU, in one run of a few minutes.

    python -m benchmarks.gpu --out FOLDER           FOLDER gets gpu.json and the models

tests: those that need a GPU.
pictures: pictures a second through an encoder of the size of BLIP-base, from JPEG files.
speed: training at the paper's size (hidden 768, batch 512, 30,522 terms), pairs a second and memory
    beside the plain loop of `benchmarks.training`.
published: the published recipe at that size on the bundled scenes, and how it ranks.
bundled: the bundled model `demo`, tuned, and its control dial: a head for every rate of control.

Every part is run whatever becomes of the others; what failed is in gpu.json under "failed".
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks import training
from benchmarks.encoders import pictures_per_second
from lsr.collection.collection import load_collection
from lsr.evaluation.evaluate import evaluate
from lsr.model.expansion import ExpansionControl
from lsr.model.loading import load_model
from lsr.training.lexical.make_model import make_lexical
from lsr.training.recipes import BUNDLED_TUNING
from lsr.training.settings import TrainingSettings
from lsr.training.train_model import train_model

TESTS = "tests/training/test_gpu.py"
PICTURES = 4_096
PARTS = ("tests", "pictures", "speed", "published", "bundled")
QUERY_SETS = ("", "paraphrased")
# Of control in training: 0 lets no caption expand, 1 every one.
RATES = (0.0, 0.25, 0.5, 0.75, 1.0)


def tests() -> dict[str, Any]:
    """What pytest says at its end."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", TESTS]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return {"passed": ran.returncode == 0, "says": ran.stdout[-4_000:]}


def speed() -> dict[str, Any]:
    """Pairs a second and peak memory of both loops, each in a process of its own."""
    plan = training.Plan("demo", "published", 10, 40, 512, 768, "bfloat16", "float32", 4, 8)
    found: dict[str, Any] = {"plan": vars(plan)}
    for name, loop in (("plain", training.plain), ("ours", training.ours)):
        one = training.in_own_process(loop, plan)
        found[name] = {
            "pairs a second": plan.batch_size / statistics.fmean(one.seconds),
            "median": plan.batch_size / statistics.median(one.seconds),
            "memory MB": one.memory / 1e6,
            "last loss": one.loss,
        }
    found["ratio"] = found["ours"]["pairs a second"] / found["plain"]["pairs a second"]
    return found


def bundled(out: Path) -> dict[str, Any]:
    """The bundled model and its control dial, each with its measures."""
    collection = load_collection("demo")
    found: dict[str, Any] = {}
    dial = {
        f"control-{rate:g}": replace(BUNDLED_TUNING, control=ExpansionControl("constant", rate))
        for rate in RATES
    }
    for name, settings in {"demo": BUNDLED_TUNING, **dial}.items():
        began = time.perf_counter()
        for _ in make_lexical(collection, out / name, settings, title=name):
            pass
        found[name] = {"seconds": time.perf_counter() - began, **_measured(out / name)}
    return found


def published(out: Path) -> dict[str, Any]:
    """The paper's recipe, all 200 epochs, on the bundled scenes."""
    began, settings = time.perf_counter(), replace(TrainingSettings(), validate_every=2_000)
    reports = list(train_model(load_collection("demo"), out / "published", settings))
    seconds = time.perf_counter() - began
    rates = [report.pairs_per_second for report in reports]
    return {
        "seconds": seconds,
        "pairs a second": statistics.median(rates),
        **_measured(out / "published"),
    }


def _measured(folder: Path) -> dict[str, Any]:
    model, collection = load_model(folder), load_collection("demo")
    found = {}
    for queries in QUERY_SETS:
        answer = evaluate(collection, model, queries=queries)
        kept = ("sparse", "dense", "active_terms", "flops", "image_exact@10")
        found[queries or "captions"] = {name: answer[name] for name in kept}
    return found


def main() -> None:
    """Run every part and write one JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--parts", nargs="+", choices=PARTS, help="only these (all)")
    options = parser.parse_args()
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {
        "gpu": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    parts: dict[str, Callable[[], Any]] = {
        "tests": tests,
        "pictures": lambda: pictures_per_second(PICTURES),
        "speed": speed,
        "published": lambda: published(out),
        "bundled": lambda: bundled(out),
    }
    failed = {}
    for name in options.parts or parts:
        began = time.perf_counter()
        try:
            found[name] = parts[name]()
        except Exception:  # noqa: BLE001 - the other parts shall run all the same
            failed[name] = traceback.format_exc()
        said = failed.get(name) or json.dumps(found[name])
        print(f"{name}: {time.perf_counter() - began:.0f} s  {said}", flush=True)
        (out / "gpu.json").write_text(json.dumps({**found, "failed": failed}, indent=1))
    sys.exit(bool(failed) or not found.get("tests", {"passed": True})["passed"])


if __name__ == "__main__":
    main()
