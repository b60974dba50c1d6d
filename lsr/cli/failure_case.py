"""What the command `failures` tells of one query: edits that lift its answer, and its gap."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lsr.failures.cases import Cases
    from lsr.failures.teacher_gap import Part
    from lsr.sweep.laboratory import Laboratory


def why_not_of(lab: Laboratory, found: Cases, options: argparse.Namespace) -> dict[str, Any]:
    """Of a query: the edits of either side that lift its answer, and what each does to all."""
    from lsr.failures.edits import SIDES
    from lsr.failures.shares import said_by_documents
    from lsr.failures.trying import try_edits
    from lsr.failures.why_not import why_not

    row = found.row(options.why_not)
    terms = lab.model.vocabulary.terms
    told: dict[str, Any] = {"query_id": options.why_not}
    said = said_by_documents(lab, found)[found.answers[row]].indices
    for side in SIDES:
        lifted = why_not(found, row, terms, options.k, side, said)
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
                    "said": one.said,
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
    from lsr.failures.teacher_gap import teacher_gap, usual_query

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
