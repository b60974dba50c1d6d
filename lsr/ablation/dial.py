"""The control dial: one head tuned at several rates of control, alike in all else.

How far a caption may use words that it does not say while the head learns decides what the head
is good for. The dial shows it: R@1 of all terms beside own words alone, on the captions and on a
query set in other words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from lsr.collection.collection import Collection
from lsr.evaluation.evaluate import evaluate_split
from lsr.evaluation.pairs import Pairs, load_pairs
from lsr.evaluation.projected import project_split_with
from lsr.exceptions import CollectionError, InputError
from lsr.model.expansion import parse_control
from lsr.model.vocabulary import Vocabulary
from lsr.storage import places
from lsr.storage.files import fingerprint, read_json, write_json
from lsr.storage.places import BUNDLED_ENCODER, home
from lsr.training.device import training_device
from lsr.training.lexical.closed_form import ClosedFormSettings, closed_form
from lsr.training.lexical.head import LexicalHead
from lsr.training.lexical.settings import TuningSettings
from lsr.training.lexical.tuning import Tuning
from lsr.training.stop_list import stop_list

CONTROLS = (
    "literal",
    "constant:0.25",
    "constant:0.5",
    "constant:0.75",
    "none",
    "scheduled",
)
SHIPPED = "dial"  # under the bundled assets
# Enough to tell rates apart, and some ten seconds for a head on two cores.
_STEPS, _BATCH = 200, 256
_SPLITS = ("test", "val", "train")
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
        about = {"collection": collection.fingerprint, "seed": seed, "steps": _STEPS}
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
        rows = self.known
        missing = [one for one in CONTROLS if one not in {row.control for row in rows}]
        planned = _STEPS * len(CONTROLS)
        done = planned - _STEPS * len(missing)
        yield DialReport(done, planned, "", rows)
        if not missing:
            return
        pairs = load_pairs(self.collection, "train")
        vocabulary = Vocabulary.load(BUNDLED_ENCODER / "tokenizer.json")
        chosen = replace(
            TuningSettings.for_pairs(len(pairs.texts)),
            steps=_STEPS,
            batch_size=min(_BATCH, len(pairs.texts)),
            seed=self.seed,
        )
        stopped = stop_list(pairs, vocabulary)
        start = closed_form(
            pairs, vocabulary, stopped, ClosedFormSettings(chosen.target_active_terms)
        )
        for control in missing:
            for step in self._tuned(start, pairs, vocabulary, chosen, control):
                if isinstance(step, LexicalHead):
                    rows = (*rows, *self._measured(step, vocabulary, control))
                    self._keep(rows)
                else:
                    yield DialReport(done + step, planned, control, rows)
            done += _STEPS
            yield DialReport(done, planned, control, rows)

    def _tuned(
        self,
        start: LexicalHead,
        pairs: Pairs,
        vocabulary: Vocabulary,
        chosen: TuningSettings,
        control: str,
    ) -> Iterator[int | LexicalHead]:
        """The steps that are done, then the head."""
        settings = replace(chosen, control=replace(parse_control(control), per="caption"))
        tuning = Tuning(start, pairs, vocabulary, settings, training_device())
        for report in tuning.run():
            yield report.step
        yield tuning.head

    def _measured(
        self, head: LexicalHead, vocabulary: Vocabulary, control: str
    ) -> Iterator[DialRow]:
        projection = head.projection(len(vocabulary))
        rate = None if control == "scheduled" else parse_control(control).rate_at(0.0)
        there = [one for one in _SPLITS if one in self.collection.splits]
        split = next(one for one in there if len(self.collection.caption_rows(one)))
        for queries in dict.fromkeys(("", self.queries)):
            projected = project_split_with(
                self.collection, projection, vocabulary, split, queries=queries
            )
            found = evaluate_split(projected)
            yield DialRow(
                control,
                rate,
                queries,
                split,
                found["sparse"]["R@1"],
                found["literal"]["R@1"],
                found["dense"]["R@1"],
                found["flops"],
                found["active_terms"]["query"],
                found["active_terms"]["image"],
            )

    def _keep(self, rows: tuple[DialRow, ...]) -> None:
        with suppress(InputError, OSError):  # it is only a shortcut
            path = home() / "cache" / "dial" / self.file
            write_json(path, {"rows": [row.as_dict() for row in rows]})


def _unique(rows: list[DialRow]) -> list[DialRow]:
    """One row for each query set, the first of them."""
    return list({row.queries: row for row in reversed(rows)}.values())[::-1]
