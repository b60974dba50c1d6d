"""The command `failures`: the queries that a model does not answer, and what stands in the way."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from lsr.cli.answer import Add, Answer, Log, add_queries_option
from lsr.exceptions import QueryError

if TYPE_CHECKING:
    from lsr.failures.cases import Cases
    from lsr.failures.causes import Causes
    from lsr.failures.triage import Triage
    from lsr.sweep.laboratory import Laboratory

_MISSED = "missed"
_WHICH = (_MISSED, "both", "only-sparse", "only-dense", "neither", "all")
_TERMS = 5


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
    one.add_argument("--judge", default="", metavar="ID", help="a query to say a cause of")
    one.add_argument("--cause", default="", help="the cause that --judge says; none takes it back")
    one.add_argument("--note", default="", help="a note that --judge keeps")
    one.add_argument("--tags", default="", help="tags that --judge keeps, with commas between")
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

    from lsr.collection.collection import load_collection
    from lsr.failures.cases import QUADRANTS, find_cases
    from lsr.failures.causes import CAUSE_NAMES, cause_of, find_causes
    from lsr.failures.shares import NAMES
    from lsr.failures.triage import Entry, add_entry, read_triage, tags_of
    from lsr.model.loading import load_model
    from lsr.sweep.inference import parse_inference
    from lsr.sweep.laboratory import open_laboratory

    _check(options, CAUSE_NAMES)
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
    up_close = {"why_not": _why_not(labs[0], found, options)} if options.why_not else {}
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
        "which": options.which,
        "n_rows": len(rows),
        "causes": {name: {"n": int(n), "share": float(share)} for name, n, share in counted},
        "rivals_ahead_by": None if parts is None else dict(zip(NAMES, parts, strict=True)),
        "rows": [
            _row(found, causes, int(row), terms) | _said(triage, found.ids[row])
            for row in (rows[: options.limit] if options.limit else rows)
        ],
        "triage": _triage(triage),
        **up_close,
    }


def _check(options: argparse.Namespace, causes: tuple[str, ...]) -> None:
    if options.which not in _WHICH:
        raise QueryError(f"--which is `{options.which[:40]}`. Use {', '.join(_WHICH)}.")
    if options.limit < 0:
        raise QueryError(f"--limit is {options.limit:,}. Use a number of queries, or 0 for all.")
    if options.because and options.because not in causes:
        raise QueryError(f"--because is `{options.because[:40]}`. Use {', '.join(causes)}.")


def _said(triage: Triage, query_id: str) -> dict[str, Any]:
    """What a person said about a query."""
    entry = triage.entries.get(query_id)
    return {
        "said_cause": (entry and entry.cause) or None,
        "note": (entry and entry.note) or None,
        "tags": list(entry.tags) if entry else [],
    }


def _triage(triage: Triage) -> dict[str, Any]:
    """How far people said causes, and how they agree with the guesses."""
    from lsr.failures.agreement import agreement

    found = agreement(triage.entries.values())
    return {
        "file": str(triage.path),
        "judged": len(triage.judged),
        "compared": found.n,
        "agreed": found.agreed,
        "kappa": found.kappa,
        "table": [
            {"guess": guess, "cause": cause, "n": n} for (guess, cause), n in found.table.items()
        ],
    }


def _why_not(lab: Laboratory, found: Cases, options: argparse.Namespace) -> dict[str, Any]:
    """Of a query: the edits of either side that lift its answer, and what each does to all."""
    from lsr.failures.trying import try_edits
    from lsr.failures.why_not import SIDES, why_not

    row = found.row(options.why_not)
    terms = lab.model.vocabulary.terms
    told: dict[str, Any] = {"query_id": options.why_not}
    for side in SIDES:
        lifted = why_not(found, row, terms, options.k, side)
        edits = []
        for one in lifted.edits:
            tried = try_edits(found, row, [one], terms, options.k)
            edits.append(
                {
                    "edit": one.kind,
                    "term": one.term,
                    "amount": one.amount,
                    "before": one.before,
                    "after": one.after,
                    "fixed": len(tried.fixed),
                    "broken": len(tried.broken),
                    "fixed_ids": list(tried.fixed),
                    "broken_ids": list(tried.broken),
                }
            )
        told[side] = {"rank": lifted.rank or None, "exact": lifted.exact, "edits": edits}
    told["teacher_gap"] = _teacher_gap(lab, found, row)
    return told


def _teacher_gap(lab: Laboratory, found: Cases, row: int) -> dict[str, Any] | None:
    """Where the answer falls behind between the dense vectors and the terms; None without rival."""
    from lsr.failures.teacher_gap import Part, teacher_gap, usual_query

    gap = teacher_gap(lab, found, row, usual_query(lab))
    if gap is None:
        return None

    def told(part: Part | None) -> dict[str, float] | None:
        return None if part is None else {"answer": part.answer, "rival": part.rival}

    return {
        "where": gap.where,
        "says": gap.in_words(),
        "dense": told(gap.dense),
        "score": told(gap.score),
        "lost_to_pruning": told(gap.pruned),
        "lost_on_document_side": told(gap.document_side),
        "lost_on_query_side": told(gap.query_side),
        "lost_terms": [one._asdict() for one in gap.lost],
        "switched_off": gap.off,
        "switched_off_said": list(gap.off_said),
    }


def _row(found: Cases, causes: Causes, row: int, terms: list[str]) -> dict[str, Any]:
    from lsr.failures.cases import gaps
    from lsr.failures.causes import explain
    from lsr.failures.shares import NAMES

    documents = found.task.documents.ids
    answer, rival = documents[found.answers[row]], int(found.rivals[row])
    ahead = [one for one in gaps(found, row, terms) if one.difference > 0][:_TERMS]
    named = explain(causes, found, row, terms)
    kind = causes.gains.main[row] if found.task.says else -1
    behind = found.ranks[row] != 1
    top = documents[rival] if behind and rival >= 0 else None if behind else answer
    return {
        "query_id": found.ids[row],
        "text": found.texts[row],
        "image_id": answer if found.task.direction == "text-to-image" else found.ids[row],
        "cause": named[0].name if named else None,
        "causes": [one._asdict() for one in named],
        "answer": answer,
        "sparse_rank": int(found.ranks[row]) or None,
        "own_words_rank": int(found.own_words[row]) or None,
        "dense_rank": int(found.dense[row]),
        "against_rank": None if found.second is None else int(found.second[row]) or None,
        "top_hit": top,
        "rival": documents[rival] if rival >= 0 else None,
        "score": float(found.scores[row]),
        "margin": float(found.margins[row]),
        "shared_terms": int(found.shared[row]),
        "active_terms": int(found.active[row]),
        "words": int(found.words[row]),
        "kind": None if kind < 0 else NAMES[kind],
        "rival_ahead_by": [f"{one.term} {one.difference:.2f}" for one in ahead],
    }
