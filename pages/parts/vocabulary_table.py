"""The vocabulary as a table: a row for each term that images activate or captions say."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lsr.search.audit import HUB_SHARE, Audit


def table_of(found: Audit) -> pd.DataFrame:
    """A row for each term that an image activates or a caption says, the most frequent first."""
    chosen = np.flatnonzero(found.frequency + found.said_frequency)
    active = np.maximum(found.frequency[chosen], 1)
    table = pd.DataFrame(
        {
            "term": [found.terms[i] for i in chosen],
            "images": found.frequency[chosen],
            "share of images": found.frequency[chosen] / max(len(found.ids), 1),
            "captioned images": found.said_frequency[chosen],
            "mean weight": found.mean[chosen],
            "largest weight": found.largest[chosen],
            "said by its captions": found.by_term(0)[chosen] / active,
            "piece": [found.terms[i].startswith("##") for i in chosen],
        }
    )
    return table.sort_values(["images", "term"], ascending=[False, True], ignore_index=True)


def of_kind(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The rows that a chip leaves."""
    active = table["images"] > 0
    chosen = {
        "active": active,
        "hub": table["share of images"] >= HUB_SHARE,
        "dead": ~active,
        "piece": active & table["piece"],
        "stray": active & (table["said by its captions"] == 0),
    }[kind]
    return table[chosen].reset_index(drop=True)
