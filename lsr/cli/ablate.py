"""The commands `ablate` and `dial`: many heads, to compare what each choice does."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from lsr.cli.answer import Add, Answer, Log
from lsr.exceptions import QueryError
from lsr.training.options import add_training_options, training_settings

if TYPE_CHECKING:
    from lsr.ablation.runs import AblationReport

# What an ablation varies, or holds equal so that its runs compare.
_NOT_HERE = (
    "control",
    "word_control",
    "regularizer_weight",
    "query_regularizer_weight",
    "document_regularizer_weight",
    "validate_every",
    "select_by",
    "select_below",
)


def add_commands(add: Add) -> None:
    """`ablate` and `dial`."""
    _add_ablate_options(add("ablate", "Train a grid of heads.", ablate, model=False))
    does = "Tune a head at each rate of control and measure all terms beside own words."
    _add_dial_options(add("dial", does, dial, model=False))


def _add_dial_options(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--queries", default="", metavar="NAME", help="a query set to measure on as well"
    )
    one.add_argument("--seed", type=int, default=0, metavar="N", help="of tuning (0)")


def _add_ablate_options(one: argparse.ArgumentParser) -> None:
    """The options of `ablate`, and the training options that all of its runs share."""
    one.add_argument("--out", required=True, metavar="FOLDER", help="where the tables go")
    one.add_argument("--study", default="all", help="controls, mismatch, size or all (all)")
    one.add_argument("--seeds", type=int, default=3, metavar="N", help="runs of each cell (3)")
    one.add_argument("--workers", type=int, metavar="N", help="runs at once (cores, at most 4)")
    one.add_argument(
        "--engine",
        default="processes",
        help="processes of this machine, or ray, at RAY_ADDRESS or on this machine (processes)",
    )
    one.add_argument(
        "--scenes", type=int, default=0, metavar="N", help="training images, the first ones (all)"
    )
    one.add_argument(
        "--queries", default="", metavar="NAME", help="a query set to measure on as well"
    )
    one.add_argument(
        "--regularizer-weights",
        type=float,
        nargs="+",
        default=[],
        metavar="N",
        help="of captions and images alike (a quarter of the recipe's, the recipe's, 4 times it)",
    )
    add_training_options(one)


def ablate(options: argparse.Namespace, log: Log) -> Answer:
    """The tables of an ablation."""
    import pyarrow.parquet as pq

    from lsr.ablation.grid import Grid, studies_named
    from lsr.ablation.run_tables import summarize_runs
    from lsr.ablation.runs import ablate
    from lsr.collection.collection import load_collection
    from lsr.training.recipes import CONTROL_ALONE

    studies = studies_named(options.study)
    if given := [name for name in _NOT_HERE if getattr(options, name)]:
        raise QueryError(
            f"An ablation sets --{given[0].replace('_', '-')} itself. Leave it out; the weights of "
            "its regularizer are --regularizer-weights."
        )
    weights = tuple(options.regularizer_weights)
    recipe = training_settings(options, CONTROL_ALONE)
    grid = Grid(recipe, options.seeds, weights, options.scenes, options.queries)
    collection = load_collection(options.collection)
    folder = Path(options.out).expanduser()
    reports = ablate(
        collection,
        folder,
        grid,
        studies,
        workers=options.workers,
        command=options.line,
        engine=options.engine,
    )
    with closing(reports):
        first = report = next(reports)
        log(f"{first.done} of {first.planned} runs are finished")
        for report in reports:
            log(_progress(report))
    rows = pq.read_table(folder / "runs.parquet").to_pylist()
    return {
        "out": str(folder),
        "runs": report.planned,
        "trained_now": report.done - first.done,
        "cells": summarize_runs(rows),
    }


def dial(options: argparse.Namespace, log: Log) -> Answer:
    """The rows of the control dial; what was made before is not made again."""
    from lsr.ablation.dial import Dial
    from lsr.collection.collection import load_collection

    family = Dial(load_collection(options.collection), options.queries, seed=options.seed)
    for report in family.turning():
        log(f"{report.done} of {report.planned} steps  {report.control}".rstrip())
    return {
        "queries": options.queries or None,
        "rows": [row.as_dict() for row in report.rows],
    }


def _progress(report: AblationReport) -> str:
    row = report.row or {}
    left = f"{report.seconds_left / 60:.1f} min left" if report.seconds_left else "done"
    return (
        f"{report.done}/{report.planned}  {row['control']}  weight {row['regularizer_weight']:g}  "
        f"hidden {row['hidden_size']}  seed {row['seed']}  R@1 {row['R@1']:.3f}  literal "
        f"{row['literal_R@1']:.3f}  FLOPs {row['flops']:.2f}  {row['seconds']:.0f} s, {left}"
    )
