"""How good a model is on a split, beside its dense teacher. Deterministic."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from lsr.collection.collection import Collection
from lsr.collection.items import image_items, new_texts
from lsr.encoders.loading import can_encode, load_encoder
from lsr.encoders.protocol import Encoder
from lsr.encoders.token_vectors import token_vectors
from lsr.evaluation.lexical import lexical_measures
from lsr.evaluation.measured import Making, Measured
from lsr.evaluation.measures import (
    co_activation,
    exact_at,
    overlap_and_tau,
    per_query,
    ranks_of_best,
    semantic_at,
    summarize,
)
from lsr.evaluation.pairs import Pairs
from lsr.evaluation.passes import run_stages
from lsr.evaluation.projected import ProjectedSplit, project_split
from lsr.evaluation.task import DIRECTIONS, Task, check_direction, make_task
from lsr.evaluation.verdict import judge, kept_of_teacher
from lsr.exceptions import ModelError
from lsr.index.memory.index import MemoryIndex
from lsr.model.function_words import FUNCTION_WORDS
from lsr.model.projection_cache import sparse_once
from lsr.model.protocol import Model
from lsr.model.sparse import SparseVectors, flops
from lsr.model.vocabulary import Vocabulary
from lsr.storage.files import read_json
from lsr.storage.places import BUNDLED_ENCODER

_BLOCK = 500


def evaluate(
    collection: Collection,
    model: Model,
    split: str = "test",
    direction: str = "text-to-image",
    queries: str = "",
) -> dict[str, Any]:
    """Every measure of a model on a split, beside its teacher, with the keys of the command line.

    Where the collection has probes and its encoder is here, `unseen_words` says how many it finds;
    a query set has measures of its own queries alone.

    Args:
        queries: name of a query set that takes the place of the captions. Its queries that an
            image of the split answers search all images of the split; R@k counts a query as found
            when any of its images is among the first k.

    Raises:
        QueryError: an unknown direction.
        ModelError: the model does not fit the collection.
        CollectionError: the split has no captions, or the set no query here.
        UnknownNameError: no such split or query set.
    """
    check_direction(direction)
    projected = project_split(collection, model, split, queries=queries)
    vectors, making = term_vectors_for(model.vocabulary), making_of(model)
    words = function_words(model.vocabulary)
    answer = evaluate_split(projected, direction, vectors, making, words)
    answer["queries"] = queries or None
    answer["lexical"] = None
    if direction == DIRECTIONS[0]:  # an image has no words to search with
        answer["lexical"] = lexical_measures(collection, split, queries)
    readable = model.no_texts is None and can_encode(collection.encoder)
    if not queries and collection.probes and readable:
        probes = evaluate_probes(collection, model, load_encoder(collection.encoder))
        answer["unseen_words"] = probes
    return answer


def evaluate_split(
    projected: ProjectedSplit,
    direction: str = "text-to-image",
    term_vectors: np.ndarray | None = None,
    making: Making | None = None,
    empty_words: np.ndarray | None = None,
) -> dict[str, Any]:
    """Every measure of a projected split and the verdict, with the keys of the command line.

    R@k counts a query as found when any of its right answers is in the first k: an image has about
    five captions, and a query of a set may have several images. IR calls that Success@k.
    `image_exact@10` is the mean over the images that have captions; None where none has. What
    rests on the terms that a text says is None where the model's terms are no words.

    Args:
        term_vectors: (V, e) static word vectors for Semantic@20; None leaves it null.
        making: how the model was made, for the verdict's remedy.
        empty_words: ids of the function words, likewise; see `function_words`.

    Raises:
        QueryError: an unknown direction.
    """
    task = make_task(projected, direction)
    # A caption says its terms at stage 0 and expands at stage 1, whichever side searches.
    expands = np.where(task.captions.said, 0, 1)
    stages = (expands, None) if task.queries_are == "captions" else (None, expands)
    staged = run_stages(task.without_teacher(), 2, *stages)
    overlap, tau = overlap_and_tau(_ten_best(task), task.teacher_top)
    captions, images = projected.captions, projected.images
    literal = summarize(staged.ranks[:, 0]) if projected.says else None
    answer = {
        "direction": direction,
        "n_queries": len(task.queries),
        "n_images": len(images),
        "dense": summarize(task.teacher_ranks),
        "sparse": summarize(staged.ranks[:, 1]),
        "literal": literal,
        "flops": flops(captions, images),
        "active_terms": {"query": captions.active_terms, "image": images.active_terms},
        "co_activation": co_activation(captions, images),
        "exact@20": exact_at(captions.matrix, projected.literal, 20) if projected.says else None,
        "image_exact@10": _image_exact(projected),
        "semantic@20": None
        if term_vectors is None or not projected.says
        else semantic_at(captions.matrix, projected.literal, 20, term_vectors),
        "kendall_tau": tau,
        "overlap@10": overlap,
    }
    measured = _measured(answer, task, staged.ranks[:, 1], projected)
    if empty_words is not None:
        share = _share_of_strongest(images, empty_words)
        measured = replace(measured, function_words=share)
    return {**answer, "verdict": judge(measured, making).as_json()}


def _measured(
    answer: dict[str, Any], task: Task, ranks: np.ndarray, projected: ProjectedSplit
) -> Measured:
    """What the verdict rests on.

    Args:
        ranks: (q,) of the sparse search at full expansion.
    """
    kept = {}
    for name in ("R@1", "R@10"):
        ours, theirs = (per_query(one, name) for one in (ranks, task.teacher_ranks))
        if share := kept_of_teacher(ours, theirs, task.groups):
            kept[name] = share
    return Measured(
        dense_size=projected.pairs.image_vectors.shape[1],
        active_image=answer["active_terms"]["image"],
        active_query=answer["active_terms"]["query"],
        flops=answer["flops"],
        image_exact=answer["image_exact@10"],
        image_said=_said_of_an_image(projected),
        own_words=answer["literal"]["R@1"] if projected.says else None,
        all_terms=answer["sparse"]["R@1"],
        dense=answer["dense"]["R@1"],
        dense_ten=answer["dense"]["R@10"],
        kept=kept,
        n_images=len(np.unique(task.image_of)),
        n_searched=len(projected.images),
        words_count=projected.said_of_images is None,
        says=projected.says,
    )


def making_of(model: Model) -> Making:
    """How a model was made; its kind alone where it does not tell more."""
    making = Making()
    with suppress(ModelError):  # imported models have no such file, and none is needed to measure
        making = making_told(read_json(model.folder / "training.json", ModelError))
    kind = None if model.kind == "projection" else model.kind
    return replace(making, kind=kind, taught=model.reads is not None)


def making_told(training: Mapping[str, Any]) -> Making:
    """How a model was made, as its `training.json` tells."""
    settings = training.get("tuning") or training.get("settings") or {}
    return Making(
        training.get("method") or ("trained" if "curve" in training else None),
        training.get("n_pairs"),
        str(settings.get("control") or ""),
        settings.get("terms") == "all",
    )


def function_words(vocabulary: Vocabulary) -> np.ndarray:
    """Ids of the English words that say nothing about a picture."""
    return np.flatnonzero([term in FUNCTION_WORDS for term in vocabulary.terms])


def _share_of_strongest(images: SparseVectors, terms: np.ndarray, k: int = 10) -> float:
    """Share of the k strongest terms of all images that are among some terms."""
    matrix = images.matrix
    among = np.isin(matrix.indices, terms)
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((matrix.indices, -matrix.data, rows))
    place = np.arange(len(order)) - matrix.indptr[rows]
    strongest = order[place < k]
    return float(among[strongest].mean()) if len(strongest) else 0.0


def _said_of_an_image(projected: ProjectedSplit) -> float | None:
    """Mean number of terms that the captions of an image say, of those that any image activates.

    Over the images whose captions say one; None where there are none.
    """
    used = np.zeros(projected.images.matrix.shape[1], bool)
    used[projected.images.matrix.indices] = True
    said = projected.literal_of_images
    counts = said @ used.astype(np.int32)
    told = np.diff(said.indptr) > 0
    return float(counts[told].mean()) if told.any() else None


def _image_exact(projected: ProjectedSplit) -> float | None:
    """Exact@10 of the images whose captions say something; None where there are none."""
    said = projected.literal_of_images
    told = np.flatnonzero(np.diff(said.indptr))
    if not len(told):
        return None
    return exact_at(projected.images.matrix[told], said[told], 10)


def dense_ranks(pairs: Pairs) -> np.ndarray:
    """(m,) int64: the rank of each caption's image by the teacher's cosine, ties against it.

    Of the images that answer a query, the best one counts.
    """
    n = len(pairs.caption_vectors)
    ranks = np.empty(n, np.int64)
    for start in range(0, n, _BLOCK):
        block = slice(start, min(start + _BLOCK, n))
        scores = pairs.caption_vectors[block] @ pairs.image_vectors.T
        starts = pairs.starts[block.start : block.stop + 1]
        relevant = np.zeros(scores.shape, bool)
        rows = np.repeat(np.arange(len(scores)), np.diff(starts))
        relevant[rows, pairs.relevant[starts[0] : starts[-1]]] = True
        ranks[block] = ranks_of_best(scores, relevant, sparse=False)
    return ranks


def _ten_best(task: Task) -> np.ndarray:
    """(q, 10) int32: the documents that sparse search ranks first, −1 after the last hit."""
    documents = SparseVectors(task.documents.matrix, task.documents.ids, "")
    return MemoryIndex(documents).search_rows(task.queries.matrix, 10)[0]


def evaluate_probes(collection: Collection, model: Model, encoder: Encoder) -> dict[str, Any]:
    """Whether words that no caption says find the images that show what they name.

    The probes of a collection map such words to ids of searchable images. A word is found when
    one of them is among its ten best hits.

    Returns:
        `n`, and under `dense` and `sparse` the share found; empty without probes.

    Raises:
        CollectionError: probes.json is damaged.
    """
    if not (probes := collection.probes):
        return {}
    rows = collection.searchable_rows
    vectors = np.asarray(collection.image_vectors[rows], np.float32)
    queries = new_texts(list(probes), lambda: encoder)
    dense = queries.dense @ vectors.T
    images = image_items(collection, rows, vectors)
    sparse = (model.sparse(queries) @ sparse_once(model, images).T).toarray()
    ids = np.array(collection.image_ids.at(rows))
    wanted = np.array([np.isin(ids, answers) for answers in probes.values()])
    found = {
        name: ranks_of_best(scores, wanted, sparse=name == "sparse")
        for name, scores in (("dense", dense), ("sparse", sparse))
    }
    shares = {name: float(((ranks > 0) & (ranks <= 10)).mean()) for name, ranks in found.items()}
    missed = [word for word, r in zip(probes, found["sparse"], strict=True) if not 0 < r <= 10]
    return {"n": len(probes), **shares, "missed": missed}


def term_vectors_for(vocabulary: Vocabulary) -> np.ndarray | None:
    """(V, e) static vectors of a vocabulary's terms, for Semantic@20; None for an unknown one.

    They are the token vectors of the bundled encoder, so they belong to the bundled vocabulary
    and do not depend on what encoded a collection.
    """
    bundled = BUNDLED_ENCODER / "tokenizer.json"
    if Vocabulary.load(bundled).fingerprint != vocabulary.fingerprint:
        return None
    return token_vectors(BUNDLED_ENCODER / "model.safetensors")
