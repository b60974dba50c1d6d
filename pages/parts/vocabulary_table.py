"""The vocabulary as a table: a row for each term that images activate or captions say."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lsr.search.audit import HUB_SHARE, Audit, Usage

_ORDER = (
    "term",
    "images",
    "share of images",
    "captioned images",
    "mean weight",
    "largest weight",
    "said by its captions",
    "piece",
)


def table_of(found: Usage) -> pd.DataFrame:
    """A row for each term that an image activates or a caption says, the most frequent first.

    Of an `Audit` it has the columns `captioned images` and `said by its captions` besides.
    """
    said = found.said_frequency if isinstance(found, Audit) else 0
    chosen = np.flatnonzero(found.frequency + said)
    columns = {
        "term": [found.terms[i] for i in chosen],
        "images": found.frequency[chosen],
        "share of images": found.frequency[chosen] / max(len(found.ids), 1),
        "mean weight": found.mean[chosen],
        "largest weight": found.largest[chosen],
        "piece": [found.terms[i].startswith("##") for i in chosen],
    }
    if isinstance(found, Audit):
        active = np.maximum(found.frequency[chosen], 1)
        columns["captioned images"] = found.said_frequency[chosen]
        columns["said by its captions"] = found.of_terms[0, chosen] / active
    order = [name for name in _ORDER if name in columns]
    table = pd.DataFrame(columns)[order]
    return table.sort_values(["images", "term"], ascending=[False, True], ignore_index=True)


def of_kind(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The rows that a chip leaves."""
    active = table["images"] > 0
    if kind == "active":
        chosen = active
    elif kind == "hub":
        chosen = table["share of images"] >= HUB_SHARE
    elif kind == "dead":
        chosen = ~active
    elif kind == "piece":
        chosen = active & table["piece"]
    else:
        chosen = active & (table["said by its captions"] == 0)
    return table[chosen].reset_index(drop=True)
