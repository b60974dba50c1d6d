"""One run of an ablation, in a process of its own: train, measure, write one file."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch

from lsr.ablation.task import Task
from lsr.collection.collection import Collection, load_collection
from lsr.evaluation.evaluate import evaluate_split
from lsr.evaluation.projected import ProjectedSplit
from lsr.evaluation.task import make_task
from lsr.exceptions import InputError
from lsr.storage.files import write_json
from lsr.sweep.knobs import Knob
from lsr.sweep.sweep import sweep
from lsr.training.device import training_device
from lsr.training.loop import train
from lsr.training.settings import TrainingReport, TrainingSettings, settings_as_json
from lsr.training.train_model import prepare, project_with_trained

# Inference rates at which every run is measured for the mismatch study.
RATES = tuple(round(0.1 * tenth, 1) for tenth in range(11))


def do(task: Task, complaints: Connection) -> None:
    """Train and measure one run and write its file; what a user can mend goes to `complaints`."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    torch.set_num_threads(task.threads)
    numba.set_num_threads(min(task.threads, numba.config.NUMBA_NUM_THREADS))
    try:
        collection = load_collection(task.collection)
        result = train_and_measure(
            collection,
            task.settings,
            task.n_images,
            task.file.with_suffix(".training"),
            task.queries,
        )
        write_json(task.file, result)
    except (InputError, OSError) as problem:
        complaints.send(str(problem))


def _leave_with_parent() -> None:
    """End with a killed parent instead of training on for nobody."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def train_and_measure(
    collection: Collection,
    settings: TrainingSettings,
    n_images: int,
    unfinished: Path,
    queries: str = "",
) -> dict[str, Any]:
    """`row`, the columns of runs.parquet, and `mismatch`, the rows of mismatch.parquet.

    Measured on the test split with the float32 weights of the last step.

    Args:
        n_images: training images used, the first ones; 0 means all.
        unfinished: a folder for the run's state; it is removed.
        queries: a query set to measure on as well, or empty.
    """
    ready = prepare(collection, settings, n_images=n_images)
    pairs = (ready.training, ready.validation)
    # What a killed run left would be gone on with, and its seconds be wrong.
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        *_, report = train(
            ready.head, *pairs, ready.vocabulary, settings, unfinished, training_device()
        )
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    ready.head.cpu()
    _, projected = project_with_trained(collection, ready)
    metrics = evaluate_split(projected, term_vectors=ready.bundled.token_vectors)
    names = {
        "control": str(settings.control),
        "regularizer_weight": settings.document_regularizer_weight,
        "hidden_size": settings.hidden_size,
        "seed": settings.seed,
    }
    row = {
        **names,
        "word_level": settings.control.word_level,
        "regularizer": settings.regularizer,
        "epochs": settings.epochs,
        "n_images": len(ready.training.image_vectors),
        **_measures(metrics),
        **_costs(report),
        "settings": json.dumps(settings_as_json(settings)),
        "collection": collection.fingerprint,
    }
    rows = _mismatch(projected, names, "")
    if queries:
        _, asked = project_with_trained(collection, ready, queries)
        of_queries = _mismatch(asked, names, queries)
        row |= {
            "queries": queries,
            "queries_R@1": of_queries[-1]["R@1"],
            "queries_literal_R@1": of_queries[0]["R@1"],
        }
        rows += of_queries
    return {"row": row, "mismatch": rows}


def _mismatch(
    projected: ProjectedSplit, names: dict[str, Any], queries: str
) -> list[dict[str, Any]]:
    """A row for each inference rate, from literal terms alone to all terms."""
    return [
        {
            **names,
            "queries": queries,
            "rate": one.value,
            **{name: one.mean[name] for name in ("R@1", "R@5", "MRR@10")},
            "flops": one.flops,
        }
        for one in sweep(make_task(projected), Knob("caption"), np.array(RATES))
    ]


def _measures(metrics: dict[str, Any]) -> dict[str, Any]:
    """The measures of `evaluate` as columns."""
    active = metrics["active_terms"]
    same = ("flops", "exact@20", "image_exact@10", "semantic@20", "kendall_tau", "overlap@10")
    return {
        **metrics["sparse"],
        "dense_R@1": metrics["dense"]["R@1"],
        "literal_R@1": metrics["literal"]["R@1"],
        "active_terms_query": active["query"],
        "active_terms_image": active["image"],
        **metrics["co_activation"],
        **{name: metrics[name] for name in same},
    }


def _costs(report: TrainingReport) -> dict[str, Any]:
    return {
        "seconds": report.seconds,
        "pairs_per_second": report.pairs_per_second,
        "peak_memory": peak_memory(),
    }


def peak_memory() -> int:
    """Bytes of this process in memory at most so far.

    Linux hands ru_maxrss of a starting process on from its parent, so there the kernel's count
    for this program alone is read. Windows counts by itself; elsewhere the system's own count is
    taken, where it has one.
    """
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text("utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import psutil

    memory = psutil.Process().memory_info()
    if peak := getattr(memory, "peak_wset", 0):
        return int(peak)
    with suppress(ImportError):
        import resource

        return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # bytes on macOS
    return int(memory.rss)
