"""A list of failures as files of other tools: CSV, and the run and judgements of TREC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lsr.exports.cells import harmless_table
from lsr.exports.fields import field_ids
from lsr.failures.cases import Cases
from lsr.index.protocol import Hit
from lsr.search.trec_run import run_lines, run_tag

DEPTH = 100
"""Documents of a query in a run."""
_BLOCK = 256


def csv_text(records: Sequence[dict[str, Any]]) -> str:
    """Records one a line; what is a list has semicolons between."""
    rows = [{name: _cell(value) for name, value in record.items()} for record in records]
    return str(harmless_table(pd.DataFrame(rows)).to_csv(index=False))


def _cell(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return "; ".join(
        f"{one['name']} {one['share']:.2f}" if isinstance(one, dict) else str(one) for one in value
    )


def run_text(cases: Cases, rows: Sequence[int], model: str) -> str:
    """`ID Q0 document rank score tag` of the 100 best documents of each query, ties by id."""
    return "".join(_run(cases, rows, run_tag(model)))


def _run(cases: Cases, rows: Sequence[int], tag: str) -> Iterator[str]:
    queries = field_ids(cases.ids)
    documents = field_ids(cases.task.documents.ids)
    matrix = cases.task.documents.matrix.astype(np.float64).T.tocsr()
    for start in range(0, len(rows), _BLOCK):
        block = list(rows[start : start + _BLOCK])
        scores = (cases.task.queries.matrix[block].astype(np.float64) @ matrix).toarray()
        for row, mine in zip(block, scores, strict=True):
            best = np.argsort(-mine, kind="stable")[:DEPTH]
            hits = [Hit(documents[one], float(mine[one])) for one in best if mine[one] > 0]
            yield from run_lines(queries[row], hits, tag)


def qrels_text(cases: Cases, rows: Sequence[int]) -> str:
    """`ID 0 document 1` of every right document of each query."""
    queries, documents = field_ids(cases.ids), field_ids(cases.task.documents.ids)
    starts, right = cases.task.relevant
    return "".join(
        f"{queries[row]} 0 {documents[one]} 1\n"
        for row in rows
        for one in right[starts[row] : starts[row + 1]]
    )
