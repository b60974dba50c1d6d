"""How well the dense vectors themselves rank: the line that every curve is held against.

It does not depend on a model, so it is measured once for a split, its queries and a direction, and
kept under `$LEXISCOPE_HOME/cache/teacher`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np

from lsr.evaluation.measures import RANK_MEASURES, summarize
from lsr.exceptions import CollectionError, DiskFullError
from lsr.storage.files import fingerprint, read_json, write_json
from lsr.storage.places import home

SCHEMA = 1


def teacher_once(about: Sequence[str], ranks: Callable[[], np.ndarray]) -> dict[str, float]:
    """Every one of RANK_MEASURES, read from disk where it was measured before.

    Args:
        about: what the ranks depend on, such as the collection's fingerprint and the split.
        ranks: gives the teacher's ranks (q,); asked only where nothing is kept.
    """
    key = fingerprint(*about)
    path = home() / "cache" / "teacher" / f"{SCHEMA}-{key}.json"
    if path.exists():
        with suppress(CollectionError):  # damaged: measured anew
            known = read_json(path, CollectionError)
            if known.keys() == set(RANK_MEASURES) and all(map(_is_share, known.values())):
                return {name: known[name] for name in RANK_MEASURES}
    measured = summarize(ranks())
    with suppress(DiskFullError, OSError):  # it is only a shortcut
        write_json(path, measured)
    return measured


def _is_share(value: object) -> bool:
    return isinstance(value, float) and 0 <= value <= 1
