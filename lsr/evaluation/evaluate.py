"""How good a model is on a split, beside its dense teacher. Deterministic."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from lsr.collection.collection import Collection
from lsr.encoders.loading import load_encoder
from lsr.encoders.protocol import Encoder
from lsr.evaluation.measures import (
    co_activation,
    exact_at,
    overlap_and_tau,
    ranks_of_best,
    semantic_at,
    summarize,
)
from lsr.evaluation.pairs import Pairs
from lsr.evaluation.passes import run_stages
from lsr.evaluation.projected import ProjectedSplit
from lsr.evaluation.task import check_direction, make_task
from lsr.model.checkpoint import Model
from lsr.model.projection import project
from lsr.model.sparse import flops
from lsr.model.vocabulary import Vocabulary
from lsr.storage.places import BUNDLED_ENCODER

_BLOCK = 500


def evaluate(
    projected: ProjectedSplit,
    direction: str = "text-to-image",
    term_vectors: np.ndarray | None = None,
) -> dict[str, Any]:
    """Every measure of a split, with the keys of the command line.

    Image to text has about five relevant captions, so its R@k is Success@k: the best of them.

    Args:
        term_vectors: (V, e) static word vectors for Semantic@20; None leaves it null.

    Raises:
        QueryError: an unknown direction.
    """
    check_direction(direction)
    search = _text_to_image if direction == "text-to-image" else _image_to_text
    n_queries, dense, sparse, literal, overlap, tau = search(projected)
    captions, images = projected.captions, projected.images
    said_by_images = _said_of_images(projected)
    return {
        "direction": direction,
        "n_queries": n_queries,
        "n_images": len(images),
        "dense": summarize(dense),
        "sparse": summarize(sparse),
        "literal": summarize(literal),
        "flops": flops(captions, images),
        "active_terms": {"query": captions.active_terms, "image": images.active_terms},
        "co_activation": co_activation(captions, images),
        "exact@20": exact_at(captions.matrix, projected.literal, 20),
        "image_exact@10": exact_at(images.matrix, said_by_images, 10),
        "semantic@20": None
        if term_vectors is None
        else semantic_at(captions.matrix, projected.literal, 20, term_vectors),
        "kendall_tau": tau,
        "overlap@10": overlap,
    }


_Search = tuple[int, np.ndarray, np.ndarray, np.ndarray, float, float]


def dense_ranks(pairs: Pairs) -> np.ndarray:
    """(m,) int64: the rank of each caption's image by the teacher's cosine, ties against it."""
    n = len(pairs.caption_vectors)
    ranks = np.empty(n, np.int64)
    for start in range(0, n, _BLOCK):
        block = slice(start, min(start + _BLOCK, n))
        scores = pairs.caption_vectors[block] @ pairs.image_vectors.T
        own = scores[np.arange(len(scores)), pairs.relevant[block]]
        ranks[block] = (scores >= own[:, None]).sum(axis=1)
    return ranks


def _text_to_image(projected: ProjectedSplit) -> _Search:
    pairs = projected.pairs
    n = len(pairs.caption_vectors)
    dense_top: list[list[int]] = []
    for start in range(0, n, _BLOCK):
        dense_top += _top_ten(pairs.caption_vectors[start : start + _BLOCK] @ pairs.image_vectors.T)
    task = make_task(projected).without_teacher()
    staged = run_stages(task, 2, np.where(task.queries.said, 0, 1))
    place = {image_id: row for row, image_id in enumerate(projected.images.ids)}
    sparse_top = [
        [place[hit.image_id] for hit in projected.index.search(*projected.captions.row(row), 10)]
        for row in range(n)
    ]
    agreement = overlap_and_tau(sparse_top, dense_top)
    return n, dense_ranks(pairs), staged.ranks[:, 1], staged.ranks[:, 0], *agreement


def _image_to_text(projected: ProjectedSplit) -> _Search:
    pairs = projected.pairs
    n = len(pairs.image_vectors)
    full = projected.captions.matrix.T.tocsc()
    said = sp.csr_matrix(projected.captions.matrix.multiply(projected.literal)).T.tocsc()
    ranks: dict[str, list[np.ndarray]] = {"dense": [], "full": [], "said": []}
    dense_top: list[list[int]] = []
    sparse_top: list[list[int]] = []
    answered = np.zeros(n, bool)
    answered[pairs.relevant] = True
    for start in range(0, n, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, n))
        rows = rows[answered[rows]]
        relevant = pairs.relevant[None, :] == rows[:, None]
        images = projected.images.matrix[rows]
        dense = pairs.image_vectors[rows] @ pairs.caption_vectors.T
        sparse = (images @ full).toarray()
        ranks["dense"].append(ranks_of_best(dense, relevant, sparse=False))
        ranks["full"].append(ranks_of_best(sparse, relevant, sparse=True))
        ranks["said"].append(ranks_of_best((images @ said).toarray(), relevant, sparse=True))
        dense_top += _top_ten(dense)
        sparse_top += _top_ten(sparse)
    joined = {name: np.concatenate(blocks) for name, blocks in ranks.items()}
    agreement = overlap_and_tau(sparse_top, dense_top)
    n_queries = int(answered.sum())
    return n_queries, joined["dense"], joined["full"], joined["said"], *agreement


def _top_ten(scores: np.ndarray) -> list[list[int]]:
    """Columns of the ten best scores of each row, best first, ties by column."""
    rows: list[list[int]] = np.argsort(-scores, axis=1, kind="stable")[:, :10].tolist()
    return rows


def _said_of_images(projected: ProjectedSplit) -> sp.csr_matrix:
    """(n, V) bool: terms that any caption of an image says."""
    captions = np.arange(len(projected.pairs.relevant))
    shape = (len(projected.images), len(captions))
    ones = np.ones(len(captions), np.int32)
    owners = sp.csr_matrix((ones, (projected.pairs.relevant, captions)), shape=shape)
    said: sp.csr_matrix = (owners @ projected.literal.astype(np.int32)) > 0
    return said


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
    queries = encoder.encode_texts(list(probes))
    dense = queries @ vectors.T
    sparse = (project(model.head, queries) @ project(model.head, vectors).T).toarray()
    ids = np.array([collection.image_ids[row] for row in rows])
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
    vectors: np.ndarray = load_encoder("bundled").token_vectors  # type: ignore[attr-defined]
    return vectors
