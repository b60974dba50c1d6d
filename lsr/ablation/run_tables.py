"""The files that an ablation leaves: one row per run, and one per run and inference rate."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lsr.storage.files import replacing_file

Row = dict[str, Any]

_TEXT, _WHOLE, _REAL = pa.string(), pa.int64(), pa.float64()
_CELL = {
    "run": _TEXT,
    "control": _TEXT,
    "regularizer_weight": _REAL,
    "hidden_size": _WHOLE,
    "seed": _WHOLE,
}
RUN_COLUMNS = pa.schema(
    {
        "study": _TEXT,
        **_CELL,
        "word_level": pa.bool_(),
        "regularizer": _TEXT,
        "epochs": _WHOLE,
        "n_images": _WHOLE,
        "R@1": _REAL,
        "R@5": _REAL,
        "R@10": _REAL,
        "MRR@10": _REAL,
        "dense_R@1": _REAL,
        "literal_R@1": _REAL,
        "queries": _TEXT,
        "queries_R@1": _REAL,
        "queries_literal_R@1": _REAL,
        "flops": _REAL,
        "active_terms_query": _REAL,
        "active_terms_image": _REAL,
        "flops_ratio": _REAL,
        "top_share": _REAL,
        "hubs": _WHOLE,
        "exact@20": _REAL,
        "image_exact@10": _REAL,
        "semantic@20": _REAL,
        "kendall_tau": _REAL,
        "overlap@10": _REAL,
        "seconds": _REAL,
        "pairs_per_second": _REAL,
        "peak_memory": _WHOLE,
        "settings": _TEXT,
        "collection": _TEXT,
    }
)
MISMATCH_COLUMNS = pa.schema(
    {
        **_CELL,
        "queries": _TEXT,
        "rate": _REAL,
        "R@1": _REAL,
        "R@5": _REAL,
        "MRR@10": _REAL,
        "flops": _REAL,
    }
)
_SUMMARIZED = ("R@1", "literal_R@1", "flops", "active_terms_image", "exact@20", "seconds")


def write_table(path: Path, rows: Iterable[Row], columns: pa.Schema) -> None:
    """Write rows as parquet, whole or not at all."""
    with replacing_file(path) as temporary:
        pq.write_table(pa.Table.from_pylist(list(rows), columns), temporary)


def summarize_runs(rows: Sequence[Row]) -> list[Row]:
    """Rows of runs.parquet as one row per cell: means over seeds, and `R@1_std`, their spread.

    The spread is the standard deviation of a sample; None for a single seed.
    """
    cells: dict[tuple[Any, ...], list[Row]] = {}
    names = ("study", "control", "regularizer_weight", "hidden_size")
    for row in rows:
        cells.setdefault(tuple(row[name] for name in names), []).append(row)
    return [
        {
            **dict(zip(names, cell, strict=True)),
            "seeds": len(runs),
            **{name: statistics.fmean(run[name] for run in runs) for name in _SUMMARIZED},
            "R@1_std": statistics.stdev(run["R@1"] for run in runs) if len(runs) > 1 else None,
        }
        for cell, runs in cells.items()
    ]
