"""The tables of a report, computed from nothing but a collection and its models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from lsr.ablation.reading import read_ablation
from lsr.collection.collection import Collection, load_collection
from lsr.evaluation.measures import summarize
from lsr.evaluation.projected import project_split
from lsr.exceptions import QueryError
from lsr.model.loading import load_model
from lsr.model.protocol import Model
from lsr.search.searcher import Searcher, SearchSettings
from lsr.storage.files import read_json
from lsr.storage.records import check_fields, record_of
from lsr.storage.untrusted import UnexpectedError
from lsr.sweep.cheapest import cheapest
from lsr.sweep.comparing import compare_models
from lsr.sweep.knob_names import parse_knob
from lsr.sweep.knobs import Knob
from lsr.sweep.laboratory import Laboratory, open_laboratory, why_no_null
from lsr.sweep.nulls import NULLS
from lsr.sweep.sweep import RATE_STOPS, Draws, sweep

CARD = "report.json"
SCHEMA = 3
_LENGTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150, 200, 300, 500)
_LEAST = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)
# Every knob of a report, with its values.
KNOBS: dict[str, tuple[float, ...]] = {
    "caption": RATE_STOPS,
    "mean": RATE_STOPS,
    "word": RATE_STOPS,
    "word-df": RATE_STOPS,
    "top-k": _LENGTHS,
    "top-k/expansion": _LENGTHS,
    "top-k@images": _LENGTHS,
    "top-k@both": _LENGTHS,
    "threshold": _LEAST,
    "max-ratio": RATE_STOPS,
    "max-ratio@images": RATE_STOPS,
    "alpha_mass": RATE_STOPS,
    "bits@both": tuple(range(1, 9)),
    "tokens_weight_threshold": RATE_STOPS,
    "two_phase.prune_ratio": RATE_STOPS,
    "hybrid": RATE_STOPS,
}
# Nulls are measured on these.
_NULLED = ("caption", "top-k")
_KEPT = (0.98, 0.95)
_HITS = 5

Table = pd.DataFrame


@dataclass(frozen=True)
class ReportSettings:
    """What a report is about.

    models: names or folders; the first one is searched with, solved for and set against nulls.
    queries: texts searched as examples. query_set: one of the collection's that takes the place of
        its captions, or empty.
    """

    collection: str = "demo"
    models: tuple[str, ...] = ("demo",)
    split: str = "test"
    direction: str = "text-to-image"
    draws: int = 16
    seed: int = 0
    queries: tuple[str, ...] = ()
    query_set: str = ""

    def check(self) -> None:
        """Refuse what cannot be reported.

        Raises:
            QueryError: no model, one twice, or draws that are not possible.
        """
        if not self.models or len(set(self.models)) != len(self.models):
            raise QueryError("A report needs models, each once. Name them with --model, --against.")
        Draws(self.draws, None, self.seed).check()


@dataclass(frozen=True)
class Progress:
    """A step that is done, of `planned`; `tables` with the last one."""

    done: int
    planned: int
    step: str
    tables: dict[str, Table] | None = None
    about: dict[str, Any] | None = None


def compute(settings: ReportSettings) -> Iterator[Progress]:
    """Every table of a report, by the name of its file without ending.

    Raises:
        InputError: what is named is not there, or does not fit together.
    """
    settings.check()
    steps = len(settings.models) * (len(KNOBS) + len(_KEPT) + 1) + len(NULLS) + 1
    done = 0
    collection = load_collection(settings.collection)
    curves: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []
    queries: list[dict[str, Any]] = []
    compared: list[dict[str, Any]] = []
    about: dict[str, Any] = {"collection": collection.fingerprint, "models": {}, "teacher": {}}
    if settings.query_set:
        about["queries"] = collection.query_set(settings.query_set).fingerprint
    for place, name in enumerate(settings.models):
        model = load_model(name)
        projected = project_split(collection, model, settings.split, queries=settings.query_set)
        ready = open_laboratory(
            collection,
            model,
            settings.split,
            settings.direction,
            projected=projected,
            queries=settings.query_set,
        )
        about["models"][name] = model.fingerprint
        about["teacher"] = summarize(ready.task.teacher_ranks)
        for knob, values in KNOBS.items():
            if ready.knows_words or not parse_knob(knob).needs_words:
                curves += _curve(ready, name, "", parse_knob(knob), values, settings)
            done += 1
            yield Progress(done, steps, f"{name}: {knob}")
        for keep in _KEPT:
            points += _operating(ready, name, keep)
            done += 1
            yield Progress(done, steps, f"{name}: cheapest setting")
        compared += _compared(collection, model, settings)
        done += 1
        yield Progress(done, steps, f"{name}: equal numbers of terms")
        if model.no_texts is None:
            queries += _queries(Searcher(collection, model), name, settings.queries)
        if place == 0:
            for null in NULLS:
                if why_no_null(model, null):
                    continue
                nulled = open_laboratory(
                    collection,
                    model,
                    settings.split,
                    settings.direction,
                    null=null,
                    projected=projected,
                    queries=settings.query_set,
                )
                for knob in _NULLED if ready.knows_words else ():
                    curves += _curve(nulled, name, null, Knob(knob), KNOBS[knob], settings)
                done += 1
                yield Progress(done, steps, f"{name}: {null}")
    tables = {
        "curves": pd.DataFrame(curves),
        "operating_points": pd.DataFrame(points),
        "queries": pd.DataFrame(queries),
        "compared": pd.DataFrame(compared),
    }
    if (ablation := read_ablation()) is not None:
        tables["ablation"] = pd.DataFrame(ablation.runs).drop(columns=["settings"])
        tables["mismatch"] = pd.DataFrame(ablation.mismatch)
        about["ablation"] = ablation.command
    yield Progress(steps, steps, "done", tables, about)


def _curve(
    ready: Laboratory,
    model: str,
    null: str,
    knob: Knob,
    values: tuple[float, ...],
    settings: ReportSettings,
) -> list[dict[str, Any]]:
    """Rows of one knob, measured now: a check that reads an old answer would check nothing."""
    rows = sweep(ready.task, knob, np.array(values), Draws(settings.draws, None, settings.seed))
    told = {"model": model, "null": null, "knob": str(knob)}
    return [{**told, **{k: v for k, v in r.as_dict().items() if k != "latency_us"}} for r in rows]


def _operating(ready: Laboratory, model: str, keep: float) -> list[dict[str, Any]]:
    *_, found = cheapest(ready, keep)
    if (sure := found.confirmed) is None:
        return []
    names = ("R@1", "R@5", "MRR@10", "posting_cost", "flops", "index_bytes")
    return [
        {
            "model": model,
            "keep": keep,
            "chosen_on": found.chosen_on,
            "setting": str(sure.point),
            "options": sure.point.options(),
            **{name: sure.best[name] for name in names},
            **{f"full_{name}": sure.full[name] for name in ("R@1", "posting_cost")},
            "difference_low": sure.difference.low,
            "difference_high": sure.difference.high,
        }
    ]


def _compared(
    collection: Collection, model: Model, settings: ReportSettings
) -> list[dict[str, Any]]:
    """Rows of a model at equal numbers of terms, text to image; without times, which vary."""
    [found] = compare_models(collection, [model], settings.split, settings.query_set)
    dense = {"dense_R@1": found.dense}
    return [
        {**{name: value for name, value in row.items() if name != "microseconds"}, **dense}
        for row in found.rows()
    ]


def _queries(searcher: Searcher, model: str, texts: tuple[str, ...]) -> list[dict[str, Any]]:
    rows = []
    for text in texts:
        result = searcher.search_text(text, SearchSettings(k=_HITS))
        terms = ", ".join(
            f"{t.term} {t.weight:.2f}{'' if t.origin == 'literal' else '*'}"
            for t in result.query_terms[:10]
        )
        rows += [
            {
                "model": model,
                "query": text,
                "terms": terms,
                "rank": hit.rank,
                "image_id": hit.image_id,
                "score": hit.score,
                "because": ", ".join(c.term for c in hit.contributions[:4]),
            }
            for hit in result.hits
        ]
    return rows


def settings_as_json(settings: ReportSettings) -> dict[str, Any]:
    """What `read_settings` reads back."""
    return asdict(settings)


def read_settings(folder: Path) -> tuple[ReportSettings, dict[str, Any]]:
    """What the report in a folder is about, and its card.

    Raises:
        QueryError: there is no report, or one of another version.
    """
    if not (folder / CARD).exists():
        raise QueryError(
            f"There is no report in `{folder}`. Write one with `python -m lsr report --out FOLDER`."
        )
    card = read_json(folder / CARD, QueryError)
    try:
        check_fields(card, {"schema": Literal[SCHEMA], "settings": dict, "fingerprints": dict})
        check_fields(card["fingerprints"], {"collection": str, "models": dict[str, str]})
        return record_of(ReportSettings, card["settings"]), card
    except UnexpectedError as problem:
        raise QueryError(
            f"The report in `{folder}` is damaged or was written by another version of Lexiscope: "
            f"its {CARD} {problem}. Write it anew."
        ) from None
