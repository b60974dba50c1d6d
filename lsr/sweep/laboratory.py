"""The expansion laboratory: a model on a split, ready to be swept, solved and compared.

Pages, commands and notebooks all come in by this door, so they share what was measured.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lsr.collection.collection import Collection
from lsr.encoders.loading import load_encoder
from lsr.evaluation.evaluate import term_vectors_for
from lsr.evaluation.lexical import lexical_measures
from lsr.evaluation.pairs import check_pairs
from lsr.evaluation.projected import ProjectedSplit, check_fit, project_split
from lsr.evaluation.task import DIRECTIONS, Side, Task, check_direction, make_task
from lsr.exceptions import QueryError
from lsr.model.protocol import Model
from lsr.search.query import query_vector
from lsr.storage.spreading import Spread
from lsr.sweep.knob_names import parse_knob
from lsr.sweep.knobs import PRUNINGS, Knob, set_to
from lsr.sweep.nulls import check_null, null_query, null_split
from lsr.sweep.points import Point
from lsr.sweep.store import SweepStore
from lsr.sweep.sweep import Draws, SweepReport, sweeping_of
from lsr.sweep.teacher import teacher_once


@dataclass(frozen=True)
class Laboratory:
    """A model on a split in one direction.

    fixed: prunings that hold in every sweep. null: one of `lsr.sweep.nulls.NULLS`, or empty.
    ready: gives the split under the model; it is asked for once something has to be measured.
    queries: the query set that takes the place of the captions, or empty.
    """

    collection: Collection
    model: Model
    split: str
    direction: str
    fixed: tuple[tuple[Knob, float], ...]
    null: str
    ready: Callable[[], ProjectedSplit]
    queries: str = ""

    @property
    def n_texts(self) -> int:
        """Captions, or queries of the set, that are measured."""
        if self.queries:
            return len(_query_ids(self.collection, self.split, self.queries))
        return len(self.collection.caption_rows(self.split))

    @cached_property
    def projected(self) -> ProjectedSplit:
        """The split under the model, or under its null."""
        split = self.ready()
        return null_split(split, self.null, self._hidden_size) if self.null else split

    @property
    def _hidden_size(self) -> int:
        """Of the random head that stands for the model's."""
        return self.model.hidden_size or self.collection.dense_size

    @cached_property
    def plain(self) -> Task:
        """The task without what is only measured: fixed prunings, and how near terms are.

        Whoever looks at one query needs no more, and has it in half the time.
        """
        return make_task(self.projected, self.direction)

    @cached_property
    def teacher(self) -> dict[str, float]:
        """Measures of the ranking by dense vectors."""
        return teacher_once(self.teacher_about, lambda: self.plain.teacher_ranks)

    @cached_property
    def lexical(self) -> dict[str, float] | None:
        """Measures of BM25 over captions; None where images search, or have no captions."""
        if self.direction != DIRECTIONS[0]:
            return None
        return lexical_measures(self.collection, self.split, self.queries)

    @property
    def teacher_about(self) -> list[str]:
        """What the teacher's measures depend on."""
        about = [self.collection.fingerprint, self.split, self.direction]
        if self.queries:
            about.append(self.collection.query_set(self.queries).fingerprint)
        return about

    @cached_property
    def free(self) -> Task:
        """The task without the fixed prunings."""
        vectors = term_vectors_for(self.model.vocabulary)
        return make_task(self.projected, self.direction, vectors)

    @cached_property
    def task(self) -> Task:
        """The task under the fixed prunings."""
        task = self.free
        for knob, value in self.fixed:
            task = set_to(task, knob, value)
        return task

    def store(self, knob: Knob, seed: int) -> SweepStore:
        """Where records of a knob are kept.

        A query set is told apart by its content: one that changes keeps its name.
        """
        about = {
            "collection": self.collection.fingerprint,
            "model": self.model.fingerprint,
            "split": self.split,
            "direction": self.direction,
            "fixed": " ".join(f"{one}={value!r}" for one, value in self.fixed),
            "null": self.null,
            "knob": str(knob),
            "seed": seed,
        }
        if self.queries:
            about["queries"] = self.collection.query_set(self.queries).fingerprint
        return SweepStore(about)

    @property
    def knows_words(self) -> bool:
        """Whether it is known which terms a text says, so that every knob can be turned."""
        return self.model.vocabulary.says

    def check_knob(self, knob: Knob) -> None:
        """Refuse a knob that tells literal terms from others, where nobody knows which they are.

        Raises:
            QueryError: the model's terms are no words.
        """
        if knob.needs_words and not self.knows_words:
            raise QueryError(
                f"The terms of model `{self.model.name}` are no words, so it is unknown which of "
                f"them a text says, and `{knob}` has nothing to hold back. Use "
                f"{', '.join(PRUNINGS)} or bits."
            )

    def sweeping(
        self,
        knob: Knob | str,
        values: Sequence[float] | np.ndarray,
        draws: Draws | None = None,
        *,
        latency: bool = False,
        spread: Spread | None = None,
    ) -> Iterator[SweepReport]:
        """A sweep that keeps what it measures and measures nothing twice.

        Args:
            knob: one, or its name on the command line, such as `caption` or `top-k@both`.
            spread: measures the draws elsewhere.

        Raises:
            QueryError: values or draws that are not possible.
            DiskFullError: there is no room.
            EngineError: a block of draws failed elsewhere three times.
        """
        draws = draws or Draws()
        if isinstance(knob, str):
            knob = parse_knob(knob)
        self.check_knob(knob)
        store = self.store(knob, draws.seed)
        yield from sweeping_of(
            lambda: self.task, knob, values, draws, latency=latency, store=store, spread=spread
        )

    def query(self, text: str) -> Side:
        """A text's vector as this laboratory searches with it: under its null, if it has one.

        Raises:
            QueryError: the text is empty or too long.
            InputError: the encoder of the collection cannot be loaded.
        """
        query = query_vector(text, lambda: load_encoder(self.collection.encoder), self.model)
        if not self.null:
            return query
        literal = np.unique(self.model.vocabulary.literal_ids(text))
        return null_query(self.projected, query, literal, self.null, self._hidden_size)

    def point(self, knob: Knob, value: float, seed: int = 0) -> Point:
        """A point of a sweep, to compare with another.

        Raises:
            QueryError: as `check_knob`.
        """
        self.check_knob(knob)
        return Point(self.task, knob, value, seed)


def open_laboratory(
    collection: Collection,
    model: Model,
    split: str = "test",
    direction: str = "text-to-image",
    *,
    fixed: Sequence[tuple[Knob, float]] = (),
    null: str = "",
    projected: ProjectedSplit | None = None,
    queries: str = "",
) -> Laboratory:
    """The laboratory of a model on a split.

    Args:
        projected: the split under the model, where it is at hand already, of the same `queries`.
        queries: name of a query set of the collection that takes the place of the captions.

    Raises:
        QueryError: an unknown direction or null.
        ModelError: the model does not fit the collection.
        CollectionError: the split has no captions, or the set no query here.
        UnknownNameError: no such split or query set.
        ValueError: `projected` holds other queries.
    """
    check_direction(direction)
    check_fit(collection, model)
    check_pairs(collection, split, queries)
    if null:
        check_null(null)
        if why := why_no_null(model, null):
            raise QueryError(why)
    if projected and projected.pairs.query_ids != _query_ids(collection, split, queries):
        raise ValueError("the projected split holds other queries than those that are asked for")

    def ready() -> ProjectedSplit:
        return projected or project_split(collection, model, split, queries=queries)

    return Laboratory(collection, model, split, direction, tuple(fixed), null, ready, queries)


def why_no_null(model: Model, null: str) -> str | None:
    """Why a null takes out what a model does not have, in one sentence; None where it fits."""
    if null == "random-head" and model.reads is None:
        return (
            f"Model `{model.name}` is no head over dense vectors, so no random head stands for it. "
            "Choose another null."
        )
    if null != "random-head" and not model.vocabulary.says:
        return (
            f"The terms of model `{model.name}` are no words, so the null `{null}` has no words to "
            "keep. Choose `random-head`, or none."
        )
    return None


def _query_ids(collection: Collection, split: str, queries: str) -> tuple[str, ...]:
    """The queries of a set that images of a split answer; none where captions are measured."""
    if not queries:
        return ()
    found = collection.query_set(queries)
    kept, *_ = found.among(collection.image_rows(split))
    return tuple(found.ids[row] for row in kept)


def command_of(
    collection: str,
    model: str,
    split: str,
    direction: str,
    fixed: Sequence[str],
    null: str,
    setting: str,
    queries: str = "",
) -> str:
    """The command line that measures a setting; what is the default is left out.

    Args:
        fixed: prunings that hold throughout, as `--fix` takes them.
        setting: further options, as `OperatingPoint.options` gives them.
        queries: the query set that takes the place of the captions, or empty.
    """
    told = {
        "--collection": (collection, "demo"),
        "--model": (model, "demo"),
        "--split": (split, "test"),
        "--direction": (direction, "text-to-image"),
        "--null": (null, ""),
        "--queries": (queries, ""),
    }
    parts = [f"{name} {shlex.quote(text)}" for name, (text, usual) in told.items() if text != usual]
    # Prunings act in the order in which they are fixed: these came before those of the setting.
    first = [f"--fix {shlex.quote(text)}" for text in fixed]
    return " ".join(["python -m lsr sweep", *first, setting, *parts])
