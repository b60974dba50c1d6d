"""A failure as one record: what the command tells, and what files of a list hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lsr.failures.cases import Cases, gaps
from lsr.failures.causes import Causes, explain
from lsr.failures.shares import NAMES
from lsr.failures.triage import Triage

_TERMS = 5


def case_records(
    cases: Cases,
    causes: Causes,
    rows: Sequence[int],
    terms: list[str],
    triage: Triage | None = None,
) -> list[dict[str, Any]]:
    """Some queries by the keys of the command's JSON.

    Args:
        terms: of the vocabulary, by number.
    """
    return [_record(cases, causes, int(row), terms) | _said(triage, cases.ids[row]) for row in rows]


def _record(found: Cases, causes: Causes, row: int, terms: list[str]) -> dict[str, Any]:
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


def _said(triage: Triage | None, query_id: str) -> dict[str, Any]:
    """What a person said about a query."""
    entry = triage.entries.get(query_id) if triage else None
    return {
        "said_cause": (entry and entry.cause) or None,
        "note": (entry and entry.note) or None,
        "tags": list(entry.tags) if entry else [],
    }
