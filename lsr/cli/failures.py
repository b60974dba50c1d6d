"""The command `failures`: the queries that a model does not answer, and what stands in the way."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lsr.cli.answer import Add, Answer, Log, add_queries_option
from lsr.cli.failure_case import why_not_of
from lsr.cli.failure_lists import ENDINGS, again_told, changes_of, triage_told, write_list
from lsr.exceptions import QueryError

_MISSED = "missed"
_WHICH = (_MISSED, "both", "only-sparse", "only-dense", "neither", "all")


def add_commands(add: Add) -> None:
    """`failures`."""
    one = add("failures", "List the queries that are not answered, and why.", failures)
    one.add_argument("--split", default="test")
    one.add_argument("--direction", default="text-to-image", help="or image-to-text")
    one.add_argument("--k", type=int, default=1, help="an answer among the first k is found (1)")
    one.add_argument(
        "--which",
        default=_MISSED,
        help=f"{', '.join(_WHICH)}: who finds the answer, terms or dense vectors ({_MISSED})",
    )
    one.add_argument(
        "--against", metavar="MODEL", help="a second model, whose rank is told as well"
    )
    one.add_argument(
        "--why-not",
        default="",
        metavar="ID",
        help="a query: the fewest edits of terms that lift its answer, tried on all queries",
    )
    one.add_argument(
        "--fix",
        action="append",
        default=[],
        metavar="KNOB=VALUE",
        help="a knob under which the model is looked at, such as top-k@images=40 or mean=0",
    )
    one.add_argument(
        "--out",
        metavar="FILE",
        help=f"write the whole list; the ending says as what: {', '.join(ENDINGS)}",
    )
    one.add_argument(
        "--again",
        metavar="FILE",
        help="a list written as .json, on this model and setting: what is fixed and what is broken",
    )
    one.add_argument("--judge", default="", metavar="ID", help="a query to say a cause of")
    one.add_argument("--cause", default="", help="the cause that --judge says; none takes it back")
    one.add_argument("--note", default="", help="a note that --judge keeps")
    one.add_argument("--tags", default="", help="tags that --judge keeps, with commas between")
    one.add_argument(
        "--by",
        default="",
        metavar="WHAT",
        help="also where failures gather: cause, term, words, things, active, rival, pull or "
        "confusion",
    )
    one.add_argument(
        "--because",
        default="",
        metavar="CAUSE",
        help="only failures with this cause, such as teacher",
    )
    one.add_argument("--limit", type=int, default=50, help="queries told, 0 for all (50)")
    add_queries_option(one)


def failures(options: argparse.Namespace, log: Log) -> Answer:
    """The quadrants, the causes, and the queries of some of them, the largest contrast first."""

    from lsr.cli.failures_together import together
    from lsr.collection.collection import load_collection
    from lsr.failures.cases import QUADRANTS, find_cases
    from lsr.failures.causes import CAUSE_NAMES, cause_of, find_causes
    from lsr.failures.lists import read_list, run_again
    from lsr.failures.records import case_records
    from lsr.failures.shares import NAMES
    from lsr.failures.triage import Entry, add_entry, read_triage, tags_of
    from lsr.model.loading import load_model
    from lsr.sweep.inference import parse_inference
    from lsr.sweep.laboratory import open_laboratory

    _check(options, CAUSE_NAMES)
    saved = read_list(Path(options.again)) if options.again else None
    if saved:
        options.collection, options.split, options.k = saved.collection, saved.split, saved.k
        options.direction, options.queries = saved.direction, saved.queries
    collection = load_collection(options.collection)
    names = [options.model] + ([options.against] if options.against else [])
    fixed = parse_inference(" ".join(options.fix)).steps
    labs = [
        open_laboratory(
            collection,
            load_model(name),
            options.split,
            options.direction,
            fixed=fixed,
            queries=options.queries,
        )
        for name in names
    ]
    found = find_cases(labs[0], labs[1] if options.against else None)
    quadrants = found.quadrants(options.k)
    wanted = {
        _MISSED: ~found.found(options.k),
        "all": quadrants >= 0,
        **{name.replace(" ", "-"): quadrants == n for n, name in enumerate(QUADRANTS)},
    }[options.which]
    causes = find_causes(found, labs[0])
    if options.because:
        wanted = wanted & causes.holds[:, CAUSE_NAMES.index(options.because)]
    order = found.by_contrast()
    rows = order[wanted[order]]
    again = run_again(saved, labs[0], found) if saved else None
    if again:
        rows = again.rows
    parts = causes.gains.of(rows).tolist() if found.task.says else None
    counted = zip(CAUSE_NAMES, causes.counts(rows), causes.of(rows), strict=True)
    terms = labs[0].model.vocabulary.terms
    if options.judge:
        row = found.row(options.judge)
        said = tags_of(options.tags)
        add_entry(
            labs[0], Entry(found.ids[row], options.cause, cause_of(causes, row), options.note, said)
        )
    triage = read_triage(labs[0])
    for problem in triage.problems:
        log(problem)
    # A file takes them all.
    first = options.limit if options.limit and not options.out else len(rows)
    told = case_records(found, causes, rows[:first], terms, triage)
    more: dict[str, Any] = {}
    if saved and again:
        more["again"] = again_told(options.again, saved, again, found)
        told = [one | was for one, was in zip(told, changes_of(saved, again, found), strict=False)]
    if options.why_not:
        more["why_not"] = why_not_of(labs[0], found, options)
    if options.out:
        write_list(Path(options.out), labs[0], found, rows, told, options.k)
        more["out"] = options.out
    return {
        "collection": collection.name,
        "model": labs[0].model.name,
        "against": labs[1].model.name if options.against else None,
        "split": options.split,
        "direction": options.direction,
        "queries": options.queries or None,
        "fixed": [f"{knob}={value:g}" for knob, value in fixed],
        "k": options.k,
        "n_queries": len(found),
        "quadrants": {name: int((quadrants == n).sum()) for n, name in enumerate(QUADRANTS)},
        "model_mark": labs[0].model.fingerprint,
        "which": "again" if again else options.which,
        "n_rows": len(rows),
        "causes": {name: {"n": int(n), "share": float(share)} for name, n, share in counted},
        "rivals_ahead_by": None if parts is None else dict(zip(NAMES, parts, strict=True)),
        "rows": told[: options.limit] if options.limit else told,
        "triage": triage_told(triage),
        **together(options, labs, found, causes, rows),
        **more,
    }


def _check(options: argparse.Namespace, causes: tuple[str, ...]) -> None:
    if options.which not in _WHICH:
        raise QueryError(f"--which is `{options.which[:40]}`. Use {', '.join(_WHICH)}.")
    if options.limit < 0:
        raise QueryError(f"--limit is {options.limit:,}. Use a number of queries, or 0 for all.")
    if options.out and Path(options.out).suffix not in ENDINGS:
        raise QueryError(
            f"`{options.out}` does not say what to write. End its name with {', '.join(ENDINGS)}."
        )
    if options.because and options.because not in causes:
        raise QueryError(f"--because is `{options.because[:40]}`. Use {', '.join(causes)}.")
