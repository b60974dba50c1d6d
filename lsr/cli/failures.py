"""The command `failures`: the queries that a model does not answer, and what stands in the way."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from lsr.cli.answer import Add, Answer, Log, add_queries_option
from lsr.exceptions import QueryError

if TYPE_CHECKING:
    from lsr.failures.cases import Cases
    from lsr.failures.shares import Shares
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
    one.add_argument("--most", type=int, default=20, help="cases told, 0 for all (20)")
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
        help="a pruning under which the model is looked at, such as top-k@images=40",
    )
    one.add_argument("--judge", default="", metavar="ID", help="a query to say a cause of")
    one.add_argument("--cause", default="", help="the cause that --judge says; none takes it back")
    one.add_argument("--note", default="", help="a note that --judge keeps")
    one.add_argument("--tags", default="", help="tags that --judge keeps, with commas between")
    add_queries_option(one)


def failures(options: argparse.Namespace, log: Log) -> Answer:
    """The quadrants, and the cases of some of them, the largest contrast with the teacher first."""
    import numpy as np

    from lsr.collection.collection import load_collection
    from lsr.failures.cases import QUADRANTS, find_cases
    from lsr.failures.shares import NAMES, find_shares
    from lsr.failures.triage import Entry, add_entry, read_triage, tags_of
    from lsr.model.loading import load_model
    from lsr.sweep.knobs import parse_setting
    from lsr.sweep.laboratory import open_laboratory

    if options.which not in _WHICH:
        raise QueryError(f"--which is `{options.which[:40]}`. Use {', '.join(_WHICH)}.")
    if options.most < 0:
        raise QueryError(f"--most is {options.most:,}. Use a number of cases, or 0 for all.")
    collection = load_collection(options.collection)
    names = [options.model] + ([options.against] if options.against else [])
    fixed = [parse_setting(text) for text in options.fix]
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
    found = find_cases(*labs)
    quadrants = found.quadrants(options.k)
    wanted = {
        _MISSED: ~found.found(options.k),
        "all": quadrants >= 0,
        **{name.replace(" ", "-"): quadrants == n for n, name in enumerate(QUADRANTS)},
    }[options.which]
    rows = [int(row) for row in found.by_contrast() if wanted[row]]
    told = rows[: options.most] if options.most else rows
    terms = labs[0].model.vocabulary.terms
    shares = find_shares(found, terms) if found.task.says else None
    guesses = _guesses(found, shares)
    if options.judge:
        row = found.row(options.judge)
        said = tags_of(options.tags)
        add_entry(labs[0], Entry(found.ids[row], options.cause, guesses[row], options.note, said))
    triage = read_triage(labs[0])
    for problem in triage.problems:
        log(problem)
    up_close = {"why_not": _why_not(labs[0], found, options)} if options.why_not else {}
    parts = None if shares is None else shares.of(np.array(rows, np.int64)).tolist()
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
        "n_cases": len(rows),
        "rivals_ahead_by": None if parts is None else dict(zip(NAMES, parts, strict=True)),
        "cases": [_case(found, shares, row, terms) | _said(triage, found.ids[row]) for row in told],
        "triage": _triage(triage),
        **up_close,
    }


def _guesses(found: Cases, shares: Shares | None) -> list[str]:
    """(q,) the guessed cause of every query; empty where there is none."""
    from lsr.failures.shares import NAMES

    if shares is None:
        return [""] * len(found)
    return [NAMES[place] if place >= 0 else "" for place in shares.main]


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


def _case(found: Cases, shares: Shares | None, row: int, terms: list[str]) -> dict[str, Any]:
    from lsr.failures.cases import gaps
    from lsr.failures.shares import NAMES

    documents = found.task.documents.ids
    rival = int(found.rivals[row])
    ahead = [one for one in gaps(found, row, terms) if one.difference > 0][:_TERMS]
    return {
        "query_id": found.ids[row],
        "text": found.texts[row],
        "answer": documents[found.answers[row]],
        "rank": int(found.ranks[row]) or None,
        "own_words_rank": int(found.own_words[row]) or None,
        "dense_rank": int(found.dense[row]),
        "against_rank": None if found.second is None else int(found.second[row]) or None,
        "rival": documents[rival] if rival >= 0 else None,
        "score": float(found.scores[row]),
        "margin": float(found.margins[row]),
        "shared_terms": int(found.shared[row]),
        "active_terms": int(found.active[row]),
        "words": int(found.words[row]),
        "kind": None if shares is None or shares.main[row] < 0 else NAMES[shares.main[row]],
        "rival_ahead_by": [f"{one.term} {one.difference:.2f}" for one in ahead],
    }
