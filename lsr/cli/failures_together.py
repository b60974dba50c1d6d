"""What `failures` tells of many queries together: groups of them, and a second model."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from lsr.failures.cases import Cases
    from lsr.failures.causes import Causes
    from lsr.sweep.laboratory import Laboratory


def together(
    options: argparse.Namespace,
    labs: list[Laboratory],
    found: Cases,
    causes: Causes,
    rows: np.ndarray,
) -> dict[str, Any]:
    """Groups of the queries that are told, and a second model, where they are asked for."""
    from lsr.failures.groups import group

    told: dict[str, Any] = {}
    if options.by:
        terms = labs[0].model.vocabulary.terms
        groups = group(options.by, found, causes, rows, options.k, terms)
        told["groups"] = {
            "by": options.by,
            "n": len(groups.names),
            "rows": [asdict(one) for one in groups.top(options.limit or len(groups.names))],
        }
    if options.against:
        told["versus"] = versus(labs, found, causes, options.k)
    return told


def versus(labs: list[Laboratory], first: Cases, causes: Causes, k: int) -> dict[str, Any]:
    """What one of two models finds and the other does not."""
    from lsr.failures.cases import find_cases
    from lsr.failures.causes import CAUSE_NAMES, find_causes
    from lsr.failures.versus import changed_terms, compare

    second = find_cases(labs[1])
    found, others = compare(first, second, k), find_causes(second, labs[1])
    apart = np.concatenate([found.only_first, found.only_second])
    terms = (labs[0].model.vocabulary.terms, labs[1].model.vocabulary.terms)

    def told(missing: Causes, rows: np.ndarray, cases: Cases) -> dict[str, Any]:
        counts = dict(zip(CAUSE_NAMES, missing.counts(rows).tolist(), strict=True))
        ids = [cases.ids[row] for row in rows]
        return {"n": len(rows), "causes_of_the_other": counts, "query_ids": ids}

    return {
        "both": found.both,
        "neither": found.neither,
        "only_first": told(others, found.only_first, first),
        "only_second": told(causes, found.only_second, first),
        "p": found.p,
        "changed_terms": [one._asdict() for one in changed_terms(first, second, apart, terms)],
    }
