"""The same measures as `lsr.sweep`, recomputed the plainest way on a small random split."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from lsr.evaluation.pairs import Pairs
from lsr.evaluation.projected import ProjectedSplit
from lsr.model.expansion import term_draw
from lsr.model.sparse import SparseVectors, from_dense

DIRECTIONS = ("text-to-image", "image-to-text")
N_TERMS = 30
TOP = 3.75  # of 1, 3, 15, 255 and 65,535 even steps, each is a number that float32 holds
RANKS = ("R@1", "R@5", "R@10", "MRR@10")


@dataclass(frozen=True)
class World:
    """A split as dense arrays, rows in the shuffled order of its ids.

    captions (m, V), images (n, V): weights, multiples of 0.25. said: (m, V) bool.
    vectors: (V, 3) of the terms. bits: what a weight of the index takes. also: (m, n) bool, further
    images that are right; then the captions stand for queries of a set.
    """

    captions: np.ndarray
    images: np.ndarray
    said: np.ndarray
    image_of: np.ndarray
    caption_ids: tuple[str, ...]
    image_ids: tuple[str, ...]
    caption_dense: np.ndarray
    image_dense: np.ndarray
    vectors: np.ndarray
    bits: int = 32
    also: np.ndarray | None = None

    @property
    def right(self) -> np.ndarray:
        one = self.image_of[:, None] == np.arange(len(self.images))
        return one if self.also is None else one | self.also

    @property
    def image_said(self) -> np.ndarray:
        flags = np.zeros(self.images.shape, bool)
        for image, said in zip(self.image_of, self.said, strict=True):
            flags[image] |= said
        return flags

    def projected(self) -> ProjectedSplit:
        pairs = Pairs(
            np.arange(len(self.images)),
            np.arange(len(self.captions)),
            self.image_dense.astype(np.float32),
            self.caption_dense.astype(np.float32),
            self.image_of.astype(np.int32),
            [""] * len(self.captions),
        )
        said = None
        if self.also is not None:
            starts = np.concatenate([[0], np.cumsum(self.right.sum(axis=1))])
            relevant = np.nonzero(self.right)[1].astype(np.int32)
            pairs = replace(
                pairs, relevant=relevant, answer_starts=starts, query_ids=self.caption_ids
            )
            said = sp.csr_matrix(self.image_said)
        return ProjectedSplit(
            pairs,
            SparseVectors(from_dense(self.images), self.image_ids, "v"),
            SparseVectors(from_dense(self.captions), self.caption_ids, "v"),
            sp.csr_matrix(self.said),
            said,
        )


def make_world(
    seed: int, n_images: int = 14, n_captions: int = 26, n_terms: int = N_TERMS
) -> World:
    """Thin and thick vectors; caption 0 and image 1 are empty, image 0 has no caption."""
    rng = np.random.default_rng(seed)

    def block(n: int, thickness: list[float]) -> np.ndarray:
        weights = rng.choice([0.25, 0.25, 0.5, 1.0, 1.5], size=(n, n_terms))
        weights *= rng.random((n, n_terms)) < rng.choice(thickness, size=(n, 1))
        return weights

    captions, images = block(n_captions, [0.05, 0.2, 0.4, 0.9]), block(n_images, [0.2, 0.3, 0.4])
    image_of = rng.integers(1, n_images, n_captions)
    alike = (images[image_of] > 0) & (rng.random(captions.shape) < 0.7)
    captions[alike] = 0.5
    for weights in (captions, images):
        weights[rng.integers(2, len(weights)), rng.integers(n_terms)] = TOP
    captions[0] = images[1] = 0
    said = rng.random(captions.shape) < 0.3  # also of terms that the caption does not activate
    said[0] = False
    ids = [f"i{number}" for number in rng.permutation(n_images)]
    names = [f"c{number}" for number in rng.permutation(n_captions)]
    return World(
        captions,
        images,
        said,
        image_of,
        tuple(names),
        tuple(ids),
        rng.integers(-2, 3, size=(n_captions, 3)) * 0.25,
        rng.integers(-2, 3, size=(n_images, 3)) * 0.25,
        rng.normal(size=(n_terms, 3)),
    )


def searches(
    world: World, direction: str
) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray, list[int]]]:
    """Of every query: id, weights, scores, dense scores of all documents, right documents."""
    if direction == "text-to-image":
        for row, query in enumerate(world.captions):
            dense = world.image_dense @ world.caption_dense[row]
            right = np.flatnonzero(world.right[row]).tolist()
            yield world.caption_ids[row], query, world.images @ query, dense, right
    else:
        for row, query in enumerate(world.images):
            right = np.flatnonzero(world.right[:, row]).tolist()
            if right:
                dense = world.caption_dense @ world.image_dense[row]
                yield world.image_ids[row], query, world.captions @ query, dense, right


def rank_of(scores: np.ndarray, right: list[int]) -> float:
    own = max(scores[right])
    ahead = (np.delete(scores, right) >= own).sum()
    return 1.0 + ahead if own > 0 else np.inf


def value_of(rank: float, measure: str) -> float:
    name, cutoff = measure.split("@")
    if rank > int(cutoff):
        return 0.0
    return 1 / rank if name == "MRR" else 1.0


def values_per_query(world: World, direction: str, measure: str) -> dict[str, float]:
    return {
        name: value_of(rank_of(scores, right), measure)
        for name, _, scores, _, right in searches(world, direction)
    }


def measures(world: World, direction: str) -> dict[str, float]:
    """Every measure and cost but the latency."""
    forward = direction == "text-to-image"
    documents, ids = (
        (world.images, world.image_ids) if forward else (world.captions, world.caption_ids)
    )
    ranks, shared, queries = [], [], []
    for _, query, scores, dense, right in searches(world, direction):
        queries.append(query)
        ranks.append(rank_of(scores, right))
        everything = range(len(ids))
        ours = sorted(everything, key=lambda row: (-scores[row], ids[row]))
        hits = [row for row in ours if scores[row] > 0][:10]
        theirs = sorted(everything, key=lambda row: (-dense[row], ids[row]))[:10]
        shared.append(len(set(hits) & set(theirs)) / len(theirs))
    asked, index = np.array(queries) > 0, documents > 0
    frequency = index.sum(axis=0)
    return {
        **{name: float(np.mean([value_of(rank, name) for rank in ranks])) for name in RANKS},
        **_quality(world),
        "overlap@10": float(np.mean(shared)),
        "active_terms_query": asked.sum(axis=1).mean(),
        "active_terms_document": index.sum(axis=1).mean(),
        "flops": sum(p * q for p, q in zip(asked.mean(axis=0), index.mean(axis=0), strict=True)),
        "posting_cost": np.mean([frequency[query].sum() for query in asked]),
        "index_bytes": index.sum() * (4 + world.bits / 8) + 8 * (documents.shape[1] + 1),
    }


def _quality(world: World) -> dict[str, float]:
    unit = world.vectors / np.linalg.norm(world.vectors, axis=1, keepdims=True)
    exact, semantic = [], []
    for caption, said in zip(world.captions, world.said, strict=True):
        top = sorted(np.flatnonzero(caption), key=lambda j: (-caption[j], j))[:20]
        words = np.flatnonzero(said)
        exact.append(said[top].mean() if top else 0.0)
        near = (unit[top] @ unit[words].T).max(axis=1, initial=-1) if len(words) else np.zeros(1)
        semantic.append(near.mean() if top else 0.0)
    return {"exact@20": float(np.mean(exact)), "semantic@20": float(np.mean(semantic))}


def literal(world: World) -> World:
    return replace(world, captions=world.captions * world.said)


def tossed(world: World, expands: np.ndarray) -> World:
    """Each caption whole or cut to its literal terms, (m,) bool."""
    kept = expands[:, None] | world.said
    return replace(world, captions=world.captions * kept)


def all_tosses(n: int, p: float) -> Iterator[tuple[np.ndarray, float]]:
    for coins in itertools.product([False, True], repeat=n):
        yield np.array(coins), p ** sum(coins) * (1 - p) ** (n - sum(coins))


def mixed(world: World, p: float) -> World:
    return replace(world, captions=world.captions * np.where(world.said, 1, p))


def masked(world: World, control: str, rate: float, draw: int, seed: int) -> World:
    """A word-level draw: a term may be an expansion where its number is below the rate."""
    rates = np.full(world.images.shape[1], rate)
    if control == "word-df":
        rates *= 1 - (world.images > 0).mean(axis=0)
    uniform = term_draw(len(rates), draw, seed).astype(np.float64)
    return replace(world, captions=world.captions * (world.said | (uniform < rates)))


def pruned(world: World, control: str, side: str, part: str, value: float) -> World:
    if side in ("captions", "both"):
        captions = _cut(world.captions, world.said, control, part, value)
        world = replace(world, captions=captions)
    if side in ("images", "both"):
        images = _cut(world.images, world.image_said, control, part, value)
        world = replace(world, images=images)
    return world


def _cut(matrix: np.ndarray, said: np.ndarray, control: str, part: str, value: float) -> np.ndarray:
    result = matrix.copy()
    for row, flags in zip(result, said, strict=True):
        may_go = {"all": row > 0, "literal": (row > 0) & flags, "expansion": (row > 0) & ~flags}
        terms = sorted(np.flatnonzero(may_go[part]), key=lambda j: (-row[j], j))
        if control == "top-k":
            gone = terms[int(value) :]
        elif control == "alpha_mass":
            sums = np.cumsum(row[terms])
            gone = [j for j, total in zip(terms, sums, strict=True) if total > value * sums[-1]]
        else:
            bar = value * (row.max() if control == "max-ratio" else 1)
            gone = [j for j in terms if row[j] < bar]
        row[gone] = 0
    return result


def rounded(world: World, side: str, bits: int, direction: str) -> World:
    documents = "images" if direction == "text-to-image" else "captions"
    for one in ("captions", "images"):
        if side in (one, "both"):
            weights = getattr(world, one)
            step = weights.max() / (2**bits - 1)
            world = replace(world, **{one: np.round(weights / step) * step})
            if one == documents:
                world = replace(world, bits=8 if bits <= 8 else 16)
    return world
