"""The commands of the expansion laboratory: `sweep`, `cheapest` and `report`."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from lsr.cli.answer import Add, Answer, Log, add_engine_option, add_queries_option
from lsr.exceptions import QueryError

if TYPE_CHECKING:
    import numpy as np

    from lsr.sweep.laboratory import Laboratory


def add_commands(add: Add) -> None:
    """`sweep`, `cheapest` and `report`."""
    _add_sweep_options(add("sweep", "Sparsity against accuracy over one knob.", sweep))
    _add_cheapest_options(
        add("cheapest", "Find the cheapest setting that keeps the accuracy.", cheapest)
    )
    _add_report_options(add("report", "Write all curves into a folder.", report))


def _add_sweep_options(one: argparse.ArgumentParser) -> None:
    """The options of `sweep`."""
    one.add_argument(
        "--control",
        default="caption",
        metavar="KNOB",
        help="caption, mean, word, word-df, top-k, threshold, max-ratio, alpha_mass or bits; "
        "prunings also as top-k@images or top-k@both/expansion; of engines "
        "tokens_weight_threshold:5, tokens_freq_ratio_threshold:0.4, two_phase.prune_ratio:5, "
        "two_phase.expansion_rate:0.4 and hybrid, the number being the other threshold (caption)",
    )
    one.add_argument("--from", dest="start", type=float, default=0.0)
    one.add_argument("--to", dest="stop", type=float, default=1.0)
    one.add_argument("--steps", type=int, default=11)
    one.add_argument("--draws", type=int, default=8, help="most draws of the word level (8)")
    one.add_argument(
        "--half-width", type=float, metavar="N", help="draw until R@1 is known this well (95 %%)"
    )
    one.add_argument("--seed", type=int, default=0)
    one.add_argument(
        "--exact",
        action="store_true",
        help="of the word level: count all outcomes of the coins where that many can be counted",
    )
    one.add_argument("--latency", action="store_true", help="time the search at every value too")
    add_engine_option(one)
    _add_setting_options(one)


def _add_cheapest_options(one: argparse.ArgumentParser) -> None:
    """The options of `cheapest`."""
    one.add_argument("--keep", type=float, default=0.98, help="share of the accuracy (0.98)")
    one.add_argument("--measure", default="R@1", help="R@1, R@5, R@10 or MRR@10 (R@1)")
    one.add_argument(
        "--cost",
        default="posting_cost",
        help="posting_cost, flops, active_terms_query, active_terms_document or index_bytes",
    )
    _add_setting_options(one)


def _add_report_options(one: argparse.ArgumentParser) -> None:
    """The options of `report`."""
    one.add_argument("--out", required=True, metavar="FOLDER", help="where the report goes or is")
    one.add_argument(
        "--check",
        action="store_true",
        help="compute the report in FOLDER again and name what drifted; nothing is written",
    )
    one.add_argument("--against", default="", metavar="MODEL", help="a second model beside --model")
    one.add_argument("--split", default="test")
    one.add_argument("--direction", default="text-to-image", help="or image-to-text")
    one.add_argument("--draws", type=int, default=16, help="draws of the word level (16)")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument(
        "--query", action="append", default=[], metavar="TEXT", help="an example to search for"
    )
    add_queries_option(one)


def _add_setting_options(one: argparse.ArgumentParser) -> None:
    one.add_argument("--split", default="test")
    one.add_argument("--direction", default="text-to-image", help="or image-to-text")
    one.add_argument(
        "--fix",
        action="append",
        default=[],
        metavar="KNOB=VALUE",
        help="a pruning that holds throughout, such as top-k@images=40",
    )
    one.add_argument(
        "--null", default="", help="shuffled, random-head or words: undo the model's work"
    )
    add_queries_option(one)


def sweep(options: argparse.Namespace, log: Log) -> Answer:
    """Measures over a range of one knob."""
    from lsr.storage.spreading import spreading
    from lsr.sweep.knob_names import parse_knob
    from lsr.sweep.sweep import Draws

    knob = parse_knob(options.control)
    values = knob.values(options.start, options.stop, options.steps)
    draws = Draws(options.draws, options.half_width, options.seed)
    draws.check()
    ready = _laboratory(options)
    if options.exact and knob.control != "word":
        raise QueryError(f"`--exact` counts the coins of `word`; `{knob}` has none of its kind.")
    texts = "queries" if ready.queries else "captions"
    log(f"{ready.n_texts:,} {texts} × {len(values)} values")
    started = time.perf_counter()
    with spreading(options.engine) as spread:
        for report in ready.sweeping(knob, values, draws, latency=options.latency, spread=spread):
            if knob.random:
                log(f"draw {report.done}/{report.planned}")
    return {
        "control": options.control,
        "direction": ready.direction,
        "fixed": [f"{one}={value:g}" for one, value in ready.fixed],
        "null": ready.null,
        "queries": ready.queries or None,
        "seed": options.seed,
        "rows": [row.as_dict() for row in report.rows],
        "seconds": time.perf_counter() - started,
        "exact": _exact(ready, values, options.seed, log) if options.exact else None,
    }


def _exact(ready: Laboratory, values: np.ndarray, seed: int, log: Log) -> Answer:
    """R@1 at every rate without draws, where the outcomes of a caption's coins can be counted."""
    from lsr.sweep.exact_coins import exact_sweep

    started = time.perf_counter()
    for report in exact_sweep(ready.task, values.tolist(), seed=seed):
        log(f"outcomes of {report.chances.done:,}/{len(report.chances.coins):,} queries")
    chances = report.chances
    return {
        "n_queries": len(chances.coins),
        "fit": int(chances.fit.sum()),
        "coins": float(chances.coins.mean()),
        "branches": chances.most,
        "rows": [
            {
                "value": row.value,
                "R@1": row.mean,
                "R@1_half_width": row.half_width,
                "fit_exact": row.exact,
                "fit_drawn": row.drawn,
                "fit_drawn_half_width": row.band,
            }
            for row in report.rows
        ],
        "seconds": time.perf_counter() - started,
    }


def cheapest(options: argparse.Namespace, log: Log) -> Answer:
    """The cheapest setting that keeps a share of the accuracy."""
    from lsr.sweep.cheapest import cheapest

    ready = _laboratory(options)
    started = time.perf_counter()
    for found in cheapest(ready, options.keep, options.measure, options.cost):
        solution = found.solution
        log(f"{solution.done}/{solution.planned}  {solution.tried:,} settings tried")
    sure = found.confirmed
    answer: Answer = {
        "queries": ready.queries or None,
        "chosen_on": found.chosen_on,
        "target": solution.target,
        "tried": solution.tried,
        "setting": None,
        "command": None,
        "full": None,
        "best": None,
        "difference": None,
    }
    if sure is not None:
        change = sure.difference
        answer |= {
            "setting": str(sure.point),
            "command": _command(options, sure.point.options()),
            "full": sure.full,
            "best": sure.best,
            "difference": {"mean": change.mean, "low": change.low, "high": change.high},
        }
    return {**answer, "seconds": time.perf_counter() - started}


def report(options: argparse.Namespace, log: Log) -> Answer:
    """A report in a folder, or what drifted since it was written."""
    from pathlib import Path

    from lsr.report.checking import check_report
    from lsr.report.report_tables import ReportSettings
    from lsr.report.writing import write_report

    folder = Path(options.out).expanduser()
    started = time.perf_counter()
    if options.check:
        for step in check_report(folder):
            log(f"{step.done}/{step.planned}  {step.step}")
        drifts = [asdict(drift) for drift in step.drifts or []]
        return {"out": str(folder), "drifted": drifts, "seconds": time.perf_counter() - started}
    models = [options.model, *([options.against] if options.against else [])]
    settings = ReportSettings(
        options.collection,
        tuple(models),
        options.split,
        options.direction,
        options.draws,
        options.seed,
        tuple(options.query),
        options.queries,
    )
    for written in write_report(folder, settings, options.line):
        log(f"{written.done}/{written.planned}  {written.step}")
    files = sorted(path.name for path in folder.iterdir())
    return {
        "out": str(folder),
        "queries": options.queries or None,
        "files": files,
        "seconds": time.perf_counter() - started,
    }


def _command(options: argparse.Namespace, setting: str) -> str:
    """The line that measures a setting again."""
    from lsr.sweep.laboratory import command_of

    return command_of(
        options.collection,
        options.model,
        options.split,
        options.direction,
        options.fix,
        options.null,
        setting,
        options.queries,
    )


def _laboratory(options: argparse.Namespace) -> Laboratory:
    from lsr.collection.collection import load_collection
    from lsr.model.loading import load_model
    from lsr.sweep.knob_names import parse_setting
    from lsr.sweep.laboratory import open_laboratory

    fixed = [parse_setting(text) for text in options.fix]
    collection = load_collection(options.collection)
    model = load_model(options.model)
    return open_laboratory(
        collection,
        model,
        options.split,
        options.direction,
        fixed=fixed,
        null=options.null,
        queries=options.queries,
    )
