"""What an import or an encoding did not take, with why."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pages.parts import charts


def show_left_out(
    skipped: Sequence[tuple[str, str]], n_absent: int, name: str, *, key: str
) -> None:
    """Two tables, folded away: what was left out, and what a list names that is not there.

    Args:
        skipped: (file, why); the last `n_absent` are listed images that the source does not have.
        name: of the collection.
    """
    n = len(skipped) - n_absent
    parts = (
        ("left-out", f"Left out, and why: {n:,}", skipped[:n]),
        ("not-here", f"Named by the list, but not in the source: {n_absent:,}", skipped[n:]),
    )
    for kind, title, rows in parts:
        if rows:
            table = pd.DataFrame([tuple(row) for row in rows], columns=["file", "why"])
            charts.folded_table(table, title, title, name=f"{kind}-{name}", key=f"{key}-{kind}")
