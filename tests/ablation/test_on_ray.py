"""Ablations on a real Ray of this machine. Its start takes seconds, so one test has it all."""

import importlib.util
import json
import os
import signal
from dataclasses import replace
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from lsr.ablation import grid, ray_tasks
from lsr.ablation.task import Task
from lsr.cli.main import main
from lsr.exceptions import EngineError
from lsr.storage import cluster
from lsr.training.recipes import COMPACT_RECIPE
from tests.conftest import make_collection

SPLITS = ("train",) * 16 + ("val",) * 4 + ("test",) * 4
TIMED = ("seconds", "pairs_per_second", "peak_memory")


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
def test_an_ablation_on_ray_writes_what_the_plain_one_writes(
    home, fake_encoder, answer, tmp_path, monkeypatch
):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(grid, "SIZES", (4, 6))
    make_collection(home / "collections" / "three", fake_encoder, splits=SPLITS)
    options = "--study size --seeds 1 --epochs 1 --batch-size 8 --hidden-size 4 --workers 2"
    folders = {engine: tmp_path / engine for engine in ("processes", "ray")}
    before = signal.getsignal(signal.SIGTERM)
    answers = {
        engine: answer(
            "ablate", "--collection", "three", "--out", str(out), "--engine", engine,
            *options.split(),
        )
        for engine, out in folders.items()
    }  # fmt: skip
    import ray

    assert not ray.is_initialized()
    assert signal.getsignal(signal.SIGTERM) is before
    assert answers["ray"]["trained_now"] == 2
    names = [sorted(path.name for path in (out / ".runs").iterdir()) for out in folders.values()]
    assert names[0] == names[1]
    for name in (one for one in names[0] if one.endswith(".json")):
        runs = [json.loads((out / ".runs" / name).read_text()) for out in folders.values()]
        for run in runs:
            assert all(run["row"].pop(timed) > 0 for timed in TIMED)
        assert json.dumps(runs[0]) == json.dumps(runs[1])
    for table in ("runs", "mismatch"):
        plain, spread = (pq.read_table(out / f"{table}.parquet") for out in folders.values())
        kept = [name for name in plain.column_names if name not in TIMED]
        assert spread.schema == plain.schema
        assert spread.select(kept) == plain.select(kept)
    cards = [json.loads((out / "ablation.json").read_text()) for out in folders.values()]
    assert [card.pop("commands")[0].count("--engine ray") for card in cards] == [0, 1]
    assert cards[0] == cards[1]

    # A run whose worker is killed is tried three times, and then named.
    tries = tmp_path / "tries"

    def die(task):
        """In the place of a run: count the try, then be killed."""
        with task.file.open("a") as file:
            file.write("x")
        os.kill(os.getpid(), signal.SIGKILL)

    # Of a task and a function from here, three workers would import torch only to be killed.
    task = SimpleNamespace(settings=replace(COMPACT_RECIPE, seed=7), file=tries, threads=1)
    monkeypatch.setattr(ray_tasks, "do_task", die)
    with pytest.raises(EngineError, match="seed 7 was not finished. Its worker ended 3 times"):
        list(ray_tasks.finished_on_ray({"dies": task}, 1))
    assert tries.read_text() == "xxx"


def test_without_ray_or_with_another_engine_there_is_one_sentence(
    home, fake_encoder, tmp_path, monkeypatch, capsys
):
    make_collection(home / "collections" / "three", fake_encoder, splits=SPLITS)
    arguments = ["ablate", "--collection", "three", "--out", str(tmp_path / "out"), "--engine"]
    assert main([*arguments, "spark"]) == 2
    assert capsys.readouterr().err == "There is no engine `spark`. Use processes or ray.\n"
    monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda name: None)
    assert main([*arguments, "ray"]) == 2
    assert "The package `ray` is not installed. Run `make ray`" in capsys.readouterr().err


def test_what_a_user_can_mend_comes_back_as_a_sentence(tmp_path):
    lost = Task(tmp_path / "nowhere", COMPACT_RECIPE, 0, "", tmp_path / "run.json", 1)
    assert "`collection.json` is missing" in ray_tasks.do_task(lost)
