"""Remake everything that is bundled: encoder, collection, models. Nothing else imports it.

Every stage keeps its work in one folder and skips what is there, so a killed build goes on
where it stopped.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from lsr.collection.collection import Collection, load_collection
from lsr.collection.items import image_items
from lsr.collection.writing import write_collection
from lsr.encoders.bundled import BundledEncoder
from lsr.evaluation.pairs import load_pairs
from lsr.evaluation.projected import caption_items, project_split
from lsr.evaluation.task import DIRECTIONS
from lsr.exceptions import ModelError
from lsr.model import projection_cache
from lsr.model.expansion import parse_control
from lsr.model.loading import load_model
from lsr.storage.files import fingerprint, read_json, replacing_file, save_array, write_json
from lsr.sweep.knobs import Knob
from lsr.sweep.laboratory import open_laboratory
from lsr.sweep.store import SHIPPED, SweepStore
from lsr.sweep.sweep import RATE_STOPS, UNTIL_KNOWN
from lsr.sweep.teacher import teacher_file
from lsr.training.lexical.make_model import make_lexical
from lsr.training.lexical.settings import LexicalSettings
from lsr.training.recipes import (
    BUNDLED_CLOSED_FORM,
    BUNDLED_TUNING,
    COMPACT_RECIPE,
    CONTROL_ALONE,
)
from lsr.training.settings import TrainingSettings, settings_as_json
from lsr.training.train_model import train_model
from lsr.world import encoder_training, scenes, token_table
from lsr.world.captions import held_out_words
from lsr.world.drawing import draw
from lsr.world.encoder_settings import EncoderSettings
from lsr.world.queries import write_queries
from lsr.world.scene_tables import SHOWN, SIDE, SPLITS, file_name, probes, tables

_CHUNK = 250
# What the Expansion page opens with.
_SWEPT, _FIRST_KNOB = ("demo", "demo-uncontrolled"), Knob("word")


@dataclass(frozen=True)
class BuildReport:
    """Progress of one stage; it is finished when `done` equals `total`."""

    stage: str
    done: int
    total: int
    note: str
    seconds: float


def build(work: Path, out: Path, *, workers: int = 2) -> Iterator[BuildReport]:
    """Build encoder, collection, models and their first sweeps into `out`.

    Raises:
        InputError: the font or the build-time text model is missing; the message names it.
    """
    for stage in (
        partial(_encoder, work, out, workers),
        partial(_image_vectors, work, out, workers),
        partial(_collection, work, out),
        partial(_queries, out),
        partial(_models, out),
        partial(_projected, out),
        partial(_sweeps, out),
    ):
        started = time.perf_counter()
        for report in stage():
            yield replace(report, seconds=time.perf_counter() - started)


def _report(stage: str, done: int, total: int, note: str = "") -> BuildReport:
    return BuildReport(stage, done, total, note, 0.0)


def _encoder(work: Path, out: Path, workers: int) -> Iterator[BuildReport]:
    folder = out / "encoder"
    if not (folder / "model.safetensors").exists():
        yield from _train_encoder(work, folder, workers)
    yield _report("encoder", 1, 1, str(folder))


def _train_encoder(work: Path, folder: Path, workers: int) -> Iterator[BuildReport]:
    """Token table, pictures, image network, text network."""
    settings = EncoderSettings()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for table in token_table.build(token_table.find_minilm(), work, device=device):
        yield _report("token table", table.done, table.total)
    for drawn in encoder_training.draw(work, settings, workers=workers):
        yield _report("encoder pictures", drawn.done, drawn.total)
    for train in (encoder_training.train_images, encoder_training.train_texts):
        for epoch in train(work, settings, device=device):
            note = f"R@1 {epoch.recall_at_1:.3f}"
            yield _report(f"encoder {epoch.stage}", epoch.epoch, epoch.epochs, note)
    encoder_training.export(work, folder, settings)


def _image_vectors(work: Path, out: Path, workers: int) -> Iterator[BuildReport]:
    """Draw every scene, keep the shown ones as pictures, and encode what a user would see."""
    encoder = BundledEncoder.load(out / "encoder")
    vectors, pictures = work / f"vectors-{encoder.fingerprint}", work / "pictures"
    vectors.mkdir(parents=True, exist_ok=True)
    pictures.mkdir(parents=True, exist_ok=True)
    jobs = [(split, chunk) for split, seeds in SPLITS.items() for chunk in _chunks(seeds)]
    missing = [(s, chunk) for s, chunk in jobs if not _chunk_path(vectors, s, chunk).exists()]
    total, done = sum(len(c) for _, c in jobs), sum(len(c) for _, c in jobs)
    done -= sum(len(c) for _, c in missing)
    # A fresh interpreter per worker: forking a process with torch threads can hang.
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        drawn = pool.map(partial(_draw, pictures), missing)
        for (split, chunk), scenes_drawn in zip(missing, drawn, strict=True):
            encoded = encoder.encode_images([Image.fromarray(one) for one in scenes_drawn])
            with replacing_file(_chunk_path(vectors, split, chunk)) as temporary:
                save_array(temporary, encoded.astype(np.float16))
            done += len(chunk)
            yield _report("pictures", done, total)
    yield _report("pictures", total, total)


def _chunk_path(folder: Path, split: str, chunk: Sequence[int]) -> Path:
    return folder / f"{split}-{chunk[0]}-{len(chunk)}.npy"


def _draw(pictures: Path, job: tuple[str, Sequence[int]]) -> list[np.ndarray]:
    """The scenes of a chunk as they will be seen; shown ones go through their WebP file."""
    split, chunk = job
    seen = []
    for number, seed in enumerate(chunk, chunk[0] - SPLITS[split][0]):
        picture = draw(scenes.compose(seed), SIDE)
        if split in SHOWN:
            path = pictures / file_name(split, number)
            with replacing_file(path) as temporary:
                picture.save(temporary, "WEBP", quality=82, method=6)
            picture = Image.open(path).convert("RGB")
        seen.append(np.asarray(picture))
    return seen


def _collection(work: Path, out: Path) -> Iterator[BuildReport]:
    folder = out / "collections" / "demo"
    encoder = BundledEncoder.load(out / "encoder")
    image_vectors = np.concatenate(
        [
            np.load(_chunk_path(work / f"vectors-{encoder.fingerprint}", split, chunk))
            for split, seeds in SPLITS.items()
            for chunk in _chunks(seeds)
        ]
    )
    source = fingerprint(image_vectors, json.dumps(sorted(held_out_words().items())))
    if (folder / "collection.json").exists():
        collection = load_collection(folder)
        if collection.card.get("build") == source:
            yield _report("collection", 1, 1, str(folder))
            return
    images, texts = tables()
    shown = [
        t
        for t, split in zip(texts["text"].to_pylist(), texts["split"].to_pylist(), strict=True)
        if split in SHOWN
    ]
    copied = work / "pictures-to-ship"
    shutil.copytree(work / "pictures", copied, dirs_exist_ok=True)
    write_collection(
        folder,
        card={
            "name": "demo",
            "title": "Drawn scenes",
            "licence": "CC0-1.0",
            "source": "Drawn by `python -m lsr world build` with glyphs of Noto Color Emoji",
            "encoder": "bundled",
            "caption_vector_splits": list(SHOWN),
            "build": source,
        },
        images=images,
        captions=texts,
        image_vectors=image_vectors,
        caption_vectors=encoder.encode_texts(shown).astype(np.float16),
        pictures=copied,
        probes=probes(),
    )
    yield _report("collection", 1, 1, str(folder))


def _queries(out: Path) -> Iterator[BuildReport]:
    folder = out / "collections" / "demo" / "queries"
    for done, file in enumerate(write_queries(folder), 1):
        yield _report("queries", done, 2, file.stem)


def _chunks(seeds: Sequence[int]) -> list[Sequence[int]]:
    return [seeds[start : start + _CHUNK] for start in range(0, len(seeds), _CHUNK)]


def _models(out: Path) -> Iterator[BuildReport]:
    """The tuned model, its closed form, and a head trained freely without control."""
    collection = load_collection(out / "collections" / "demo")
    lexical = (
        ("demo", BUNDLED_TUNING, "Controlled: terms stay true to the captions"),
        ("demo-lexical", BUNDLED_CLOSED_FORM, "Closed form: the captions’ own words, untrained"),
    )
    for name, settings, title in lexical:
        yield from _make_model(collection, out, name, settings, title)
    free = replace(
        CONTROL_ALONE,
        control=parse_control("none"),
        vocabulary_start=COMPACT_RECIPE.vocabulary_start,
    )
    title = "Uncontrolled: captions expand freely"
    yield from _train_model(collection, out, "demo-uncontrolled", free, title)


def _make_model(
    collection: Collection, out: Path, name: str, settings: LexicalSettings, title: str
) -> Iterator[BuildReport]:
    folder, stage = out / "models" / name, f"model {name}"
    if not _is_built(folder, settings.as_json(), collection):
        encoder = out / "encoder"
        run = make_lexical(collection, folder, settings, title=title, bundled_encoder=encoder)
        for report in run:
            yield _report(stage, report.step, report.steps + 1, report.says)
    yield _report(stage, 1, 1, str(folder))


def _train_model(
    collection: Collection, out: Path, name: str, settings: TrainingSettings, title: str
) -> Iterator[BuildReport]:
    folder = out / "models" / name
    stage, total = f"model {name}", settings.epochs
    if _is_built(folder, settings_as_json(settings), collection):
        yield _report(stage, total, total, "already there")
        return
    run = train_model(
        collection, folder, settings, title=title, resume=True, bundled_encoder=out / "encoder"
    )
    for report in run:
        yield _report(stage, report.epoch, total, f"validation R@1 {report.measures['R@1']:.3f}")


def _projected(out: Path) -> Iterator[BuildReport]:
    """The test split as the bundled model projects it, so that its first sweep starts at once."""
    collection = load_collection(out / "collections" / "demo")
    model, pairs = load_model(out / "models" / "demo"), load_pairs(collection, "test")
    folder = out / projection_cache.SHIPPED
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    project_split(collection, model, "test")
    images = image_items(collection, pairs.image_rows, pairs.image_vectors)
    kept = (
        projection_cache.sparse_name(model, images),
        projection_cache.sparse_name(model, caption_items(collection, pairs)),
        projection_cache.literal_name(model.vocabulary, pairs.texts),
    )
    for done, name in enumerate(kept, 1):
        shutil.copyfile(projection_cache.cache_folder() / name, folder / name)
        yield _report("projected vectors", done, len(kept))


def _sweeps(out: Path) -> Iterator[BuildReport]:
    """What the Expansion page shows first, measured and kept, so that it opens at once."""
    collection = load_collection(out / "collections" / "demo")
    folder, done = out / SHIPPED, 0
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in _SWEPT:
        model = load_model(out / "models" / name)
        for direction in DIRECTIONS:
            ready = open_laboratory(collection, model, "test", direction, queries="paraphrased")
            for _ in ready.sweeping(_FIRST_KNOB, RATE_STOPS, UNTIL_KNOWN):
                pass
            measured = ready.store(_FIRST_KNOB, UNTIL_KNOWN.seed)
            kept = SweepStore(measured.about, folder)
            kept.append(list(measured.read().values()))
            write_json(folder / teacher_file(ready.teacher_about), ready.teacher)
            done += 1
            yield _report("sweeps", done, len(_SWEPT) * len(DIRECTIONS), name)


def _is_built(folder: Path, settings: dict[str, Any], collection: Collection) -> bool:
    """Whether the model there was made with these settings on these vectors."""
    path = folder / "training.json"
    if not path.exists():
        return False
    made = read_json(path, ModelError)
    same_pairs = made["collection"]["fingerprint"] == collection.fingerprint
    return bool(same_pairs and made["settings"] == settings)
