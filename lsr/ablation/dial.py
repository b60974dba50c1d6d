"""The control dial: one head tuned at several rates of control, alike in all else.

How far a caption may use words that it does not say while the head learns decides what the head
is good for. The dial shows it: R@1 of all terms beside own words alone, on the captions and on a
query set in other words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from typing import Any

from lsr.collection.collection import Collection
from lsr.exceptions import CollectionError, InputError
from lsr.storage import places
from lsr.storage.files import fingerprint, read_json, write_json
from lsr.storage.places import home

CONTROLS = (
    "literal",
    "constant:0.25",
    "constant:0.5",
    "constant:0.75",
    "none",
    "scheduled",
)
SHIPPED = "dial"  # under the bundled assets
STEPS = 200  # of each head: enough to tell rates apart, some ten seconds on two cores
_KEYS = {"all_terms": "R@1", "own_words": "literal_R@1", "dense": "dense_R@1"}


@dataclass(frozen=True)
class DialRow:
    """A head tuned under one control, measured on the captions or on a query set.

    rate: of control in training, 0 to 1; None where it rises from one to the other. queries: name
    of the set, empty for the captions. all_terms, own_words, dense: R@1 with all terms, with those
    that a caption or a query says itself, and of the teacher.
    """

    control: str
    rate: float | None
    queries: str
    split: str
    all_terms: float
    own_words: float
    dense: float
    flops: float
    active_terms_query: float
    active_terms_image: float

    def as_dict(self) -> dict[str, Any]:
        """With the keys of the command line."""
        return {_KEYS.get(name, name): value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> DialRow:
        """The row that `as_dict` wrote.

        Raises:
            KeyError: it is not one.
        """
        return cls(**{one.name: row[_KEYS.get(one.name, one.name)] for one in fields(cls)})


@dataclass(frozen=True)
class DialReport:
    """How far the family is: steps of all its heads, and the rows of those that are done."""

    done: int
    planned: int
    control: str
    rows: tuple[DialRow, ...]


class Dial:
    """The family of a collection; what was made is read, the rest is made and kept.

    Args:
        queries: a query set to measure on beside the captions, or empty.
    """

    def __init__(self, collection: Collection, queries: str = "", *, seed: int = 0) -> None:
        self.collection, self.queries, self.seed = collection, queries, seed
        about = {"collection": collection.fingerprint, "seed": seed, "steps": STEPS}
        if queries:
            about["queries"] = collection.query_set(queries).fingerprint
        self.file = f"{fingerprint(json.dumps(about, sort_keys=True))}.json"

    @property
    def known(self) -> tuple[DialRow, ...]:
        """Rows that were measured before, or are shipped; in the order of CONTROLS."""
        found: dict[str, list[DialRow]] = {}
        for folder in (places.ASSETS / SHIPPED, home() / "cache" / "dial"):
            with suppress(CollectionError, TypeError, KeyError, AttributeError):
                # A damaged file counts as not there.
                for row in read_json(folder / self.file, CollectionError)["rows"]:
                    one = DialRow.from_dict(row)
                    found.setdefault(one.control, []).append(one)
        return tuple(row for name in CONTROLS for row in _unique(found.get(name, [])))

    @property
    def complete(self) -> bool:
        return {row.control for row in self.known} == set(CONTROLS)

    def turning(self) -> Iterator[DialReport]:
        """Tune and measure what is missing, a report at a time.

        Raises:
            CollectionError, UnknownNameError: split `train` or its captions are missing, or no
                word is said often enough.
            EncoderError: queries have to be encoded, and the encoder is not here.
        """
        from lsr.ablation.dial_tuning import tune  # torch takes a second to load

        yield from tune(self)

    def keep(self, rows: tuple[DialRow, ...]) -> None:
        """Write rows down, so that they are known the next time."""
        with suppress(InputError, OSError):  # it is only a shortcut
            path = home() / "cache" / "dial" / self.file
            write_json(path, {"rows": [row.as_dict() for row in rows]})


def _unique(rows: list[DialRow]) -> list[DialRow]:
    """One row for each query set, the first of them."""
    return list({row.queries: row for row in reversed(rows)}.values())[::-1]
