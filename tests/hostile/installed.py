"""What lies in a user's home, and the folders that commands write and read again."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lsr.ablation.reading import read_ablation, trained_models
from lsr.collection.collection import load_collection
from lsr.collection.installed import fitting_models, overview
from lsr.collection.queries import QueryRow, write_query_set
from lsr.encoding.reencoding import encode_collection
from lsr.exceptions import InputError
from lsr.exports.exporting import ExportRequest, run_export
from lsr.index.memory.files import index_folder, index_origin, open_index, save_index, stored_index
from lsr.model.checkpoint import save_model
from lsr.model.fit import VectorKind
from lsr.model.loading import load_model
from lsr.model.projection_cache import sparse_once
from lsr.model.protocol import Items
from lsr.report.checking import _cards, _read, compare_tables
from lsr.report.report_tables import SCHEMA, read_settings
from lsr.search.searcher import Searcher, SearchSettings, projected_index
from lsr.storage.files import write_json
from lsr.storage.places import folders
from lsr.sweep.store import SweepStore
from lsr.training import jobs
from lsr.training.lexical.settings import LexicalSettings
from lsr.training.settings import TrainingReport, TrainingSettings, settings_as_json
from lsr.training.train_model import train_model
from tests.conftest import make_collection, make_head
from tests.hostile.world import at_home, fake_encoder

_ABOUT = {"collection": "c", "model": "m", "split": "test", "seed": 0}
_SPLITS = ("train",) * 6 + ("val",) * 3 + ("test",) * 3
_REPORT = asdict(
    TrainingReport(1, 2, 3, 6, 0.5, 0.1, {"R@1": 0.5}, 4.0, 5.0, 1.0, True, 9.0, 1.0, 1.0)
)
_SETTINGS = TrainingSettings(epochs=2, batch_size=4, hidden_size=2, temperature=0.1)


def make(folder: Path) -> None:
    """A collection with a query set and probes, a model, caches, an export, a report, studies."""
    home = at_home(folder)
    encoder = fake_encoder()
    collection = make_collection(home / "collections" / "tiny", encoder, splits=_SPLITS)
    ids = collection.image_ids
    rows = [QueryRow(f"q{n}", f"two {n} dogs", one) for n, one in enumerate(ids[:4])]
    write_query_set(collection, "some", rows)
    write_json(collection.folder / "probes.json", {"dog": ids[:2]})
    vocabulary = encoder.vocabulary
    model = save_model(
        home / "models" / "tiny",
        make_head(vocabulary),
        vocabulary,
        card={"title": "Tiny", "encoder": "fake"},
        training={
            "settings": settings_as_json(_SETTINGS),
            "curve": [_REPORT],
            "collection": {"fingerprint": collection.fingerprint},
        },
        metrics={
            **{name: {"R@1": 0.5} for name in ("sparse", "literal")},
            **dict.fromkeys(("exact@20", "semantic@20", "overlap@10", "flops"), 0.5),
            "active_terms": {"query": 4.0, "image": 5.0},
        },
    )
    save_index(
        projected_index(collection, model),
        index_folder(collection.fingerprint, model.fingerprint),
        index_origin(collection.fingerprint, model.fingerprint),
    )
    sparse_once(model, Items("images", collection.image_ids, lambda: collection.image_vectors))
    SweepStore(_ABOUT).append([{"value": 0.5, "draw": 0, "R@1": 0.25}, {"value": 1.0, "draw": 0}])
    _export(home)
    _report(home)
    _ablation(home / "ablation")


def make_runs(folder: Path) -> None:
    """A collection, a run of free training that was stopped, and one of a lexical model."""
    home = at_home(folder)
    collection = make_collection(home / "collections" / "tiny", fake_encoder(), splits=_SPLITS)
    unfinished = train_model(collection, home / "models" / "half", _SETTINGS)
    next(unfinished)
    unfinished.close()
    lexical = home / "models" / ".words-training"
    lexical.mkdir()
    settings = LexicalSettings("tuned").as_json()
    worker = {"lexical": settings, "collection": "tiny", "pid": 1, "mark": "1", "began": 1.0}
    write_json(lexical / "worker.json", worker)
    write_json(
        lexical / "progress.json",
        {"step": 1, "steps": 2, "loss": 0.5, "active_terms_image": 3.0, "seconds_left": 1.0},
    )


def _export(home: Path) -> None:
    for _ in run_export(ExportRequest("tiny", None, "csv", home / "export", "test")):
        pass


def _report(home: Path) -> None:
    (home / "report").mkdir()
    card = {
        "schema": SCHEMA,
        "settings": {
            "collection": "tiny",
            "models": ["tiny"],
            "split": "test",
            "queries": ["a dog"],
        },
        "fingerprints": {"collection": "c", "models": {"tiny": "m"}, "teacher": {}},
    }
    write_json(home / "report" / "report.json", card)
    with (home / "report" / "curves.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("model", "null", "knob", "value", "R@1"), ("tiny", "", "caption", 0.5, 0.25)]
        )


def _ablation(folder: Path) -> None:
    folder.mkdir()
    runs = [{"study": "control", "run": "a", "control": "none", "R@1": 0.5, "settings": "{}"}]
    pq.write_table(pa.Table.from_pylist(runs), folder / "runs.parquet")
    pq.write_table(
        pa.Table.from_pylist([{"run": "a", "rate": 0.5, "R@1": 0.5}]), folder / "mismatch.parquet"
    )
    write_json(folder / "ablation.json", {"commands": ["python -m lsr ablate"]})


def in_turn(*steps: Callable[[], object]) -> None:
    """Take every step, then raise the first refusal: it does not keep the next from being tried."""
    refusals = []
    for step in steps:
        try:
            step()
        except InputError as problem:
            refusals.append(problem)
    if refusals:
        raise refusals[0]


def search(home: Path) -> None:
    """All that pages and commands do with a collection and a model: lists, search, inspection."""
    at_home(home)

    def searched() -> None:
        collection, model = load_collection("tiny"), load_model("tiny")
        searcher = Searcher(collection, model, encoder=fake_encoder())
        found = searcher.search_text("two dogs", SearchSettings(k=5, split="test"))
        for hit in found.hits:
            searcher.inspect(hit.image_id, 5)
            collection.picture(collection.image_row(hit.image_id), 320)
        searcher.term("dog", 3)

    in_turn(
        searched,
        lambda: lists(home),
        lambda: list(encode_collection(load_collection("tiny"), "few", "again")),
    )


def lists(home: Path) -> None:
    """What is installed, trained or being trained."""
    at_home(home)
    in_turn(
        *(lambda one=one: overview(one) for one in folders("collections")),
        lambda: fitting_models("any", VectorKind("fake", 8)),
        jobs.jobs,
        lambda: trained_models("c"),
        lambda: jobs.find_job("tiny"),
    )


def query_set(home: Path) -> None:
    at_home(home)
    found = load_collection("tiny").query_set("some")
    found.among(np.arange(12))


def probes(home: Path) -> None:
    at_home(home)
    for images in load_collection("tiny").probes.values():
        set(images)


def resume(home: Path) -> None:
    """Lists of runs, and each of them gone on with."""
    at_home(home)

    def gone_on() -> None:
        collection = load_collection("tiny")
        for _ in train_model(collection, home / "models" / "half", _SETTINGS, resume=True):
            pass

    in_turn(lambda: lists(home), lambda: jobs.find_job("words"), gone_on)


def index(home: Path) -> None:
    at_home(home)
    collection, model = load_collection("tiny"), load_model("tiny")
    marks = collection.fingerprint, model.fingerprint

    def searched() -> None:
        found = stored_index(*marks)
        if found is not None:
            found.search(np.array([7, 9]), np.array([1.0, 0.5], np.float32), 5)
            list(found.ids)

    in_turn(searched, lambda: open_index(index_folder(*marks)))
    Searcher(collection, model, encoder=fake_encoder()).search_text("two dogs", SearchSettings(k=3))


def sweep_cache(home: Path) -> None:
    at_home(home)
    for (value, draw), record in SweepStore(_ABOUT).read().items():
        float(value) + int(draw) + float(record["R@1"] or 0)


def projection_cache(home: Path) -> None:
    at_home(home)
    collection, model = load_collection("tiny"), load_model("tiny")
    found, expected = (
        sparse_once(model, Items("images", collection.image_ids, lambda: collection.image_vectors)),
        model.project(collection.image_vectors),
    )
    assert found.shape == expected.shape


def report(home: Path) -> None:
    at_home(home)
    _, card = read_settings(home / "report")
    _cards(card["fingerprints"], {"collection": "c", "models": {"tiny": "other"}})
    keys = ["model", "null", "knob", "value"]
    kept = _read(home / "report" / "curves.csv", keys)
    now = pd.DataFrame(
        [{"model": "tiny", "null": "", "knob": "caption", "value": 0.5, "R@1": 0.25}]
    )
    compare_tables("curves", keys, kept, now)


def export(home: Path) -> None:
    at_home(home)
    _export(home)


def ablation(home: Path) -> None:
    found = read_ablation(home / "ablation")
    assert found is not None
    found.study("control")
