"""How well the dense vectors themselves rank: the line that every curve is held against.

It does not depend on a model, so it is measured once for a split, its queries and a direction, and
kept under `$LEXISCOPE_HOME/cache/teacher`, or shipped beside the sweeps of the bundled models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np

from lsr.evaluation.measures import RANK_MEASURES, summarize
from lsr.exceptions import CollectionError, InputError
from lsr.storage import places
from lsr.storage.files import fingerprint, read_json, write_json
from lsr.storage.places import home
from lsr.sweep.store import SHIPPED

SCHEMA = 1


def teacher_once(about: Sequence[str], ranks: Callable[[], np.ndarray]) -> dict[str, float]:
    """Every one of RANK_MEASURES, read from disk where it was measured before.

    Args:
        about: what the ranks depend on, such as the collection's fingerprint and the split.
        ranks: gives the teacher's ranks (q,); asked only where nothing is kept.
    """
    name = teacher_file(about)
    path = home() / "cache" / "teacher" / name
    for kept in (path, places.ASSETS / SHIPPED / name):
        if not kept.exists():
            continue
        with suppress(CollectionError):  # damaged: measured anew
            known = read_json(kept, CollectionError)
            if known.keys() == set(RANK_MEASURES) and all(map(_is_share, known.values())):
                return {name: known[name] for name in RANK_MEASURES}
    measured = summarize(ranks())
    with suppress(InputError, OSError):  # it is only a shortcut
        write_json(path, measured)
    return measured


def teacher_file(about: Sequence[str]) -> str:
    """What the file of a teacher's measures is called."""
    return f"{SCHEMA}-{fingerprint(*about)}.json"


def _is_share(value: object) -> bool:
    return isinstance(value, float) and 0 <= value <= 1
