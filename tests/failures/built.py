"""A query with its answer, a rival and others around them, built weight by weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from lsr.collection.writing import write_collection
from lsr.evaluation.pairs import Pairs
from lsr.evaluation.projected import ProjectedSplit
from lsr.model.sparse import SparseVectors
from lsr.model.vocabulary import Vocabulary
from lsr.sweep.laboratory import Laboratory

OTHERS = 8
D = 4 + OTHERS


@dataclass
class Picture:
    """Captions of an image, its weights by term, and how near it is to the query and its rival.

    to_query, to_rival: parts of its dense vector in a direction of the query's, and in one that
    answer and rival alone have in common.
    """

    captions: Sequence[str]
    weights: Mapping[str, float] = field(default_factory=dict)
    to_query: float = 0.2
    to_rival: float = 0.0

    def dense(self, own: int) -> np.ndarray:
        vector = np.zeros(D, np.float32)
        vector[0], vector[1] = self.to_query, self.to_rival
        vector[2 + own] = np.sqrt(1 - self.to_query**2 - self.to_rival**2)
        return vector


def built(
    folder: Path,
    vocabulary: Vocabulary,
    text: str,
    weights: Mapping[str, float],
    answer: Picture,
    rival: Picture,
    others: Mapping[str, float] | None = None,
) -> Laboratory:
    """The laboratory of one query among ten images.

    Args:
        others: weights of the images that are neither answer nor rival; their captions say them.
    """
    others = others or {}
    bystander = Picture(["a big tree " + " ".join(others)], others, to_query=0.0)
    pictures = [answer, rival, *[bystander] * OTHERS]
    ids = [f"image-{row}" for row in range(len(pictures))]
    owners = [ids[row] for row, one in enumerate(pictures) for _ in one.captions]
    texts = [text for one in pictures for text in one.captions]
    dense = np.array([one.dense(row) for row, one in enumerate(pictures)], np.float32)
    # Answer and rival each have a neighbour of their own, unless they are made to be near.
    for row in (0, 1):
        dense[2 + row] = 0.8 * np.eye(D)[2 + row] + 0.6 * np.eye(D)[4 + row]
    nothing = pa.nulls(len(ids), pa.string())
    sizes = pa.array([1] * len(ids), pa.int32())
    collection = write_collection(
        folder,
        card={"name": "built", "title": "Built", "licence": "CC0", "source": "", "encoder": "fake"},
        images=pa.table(
            {
                "id": ids,
                "file": nothing,
                "url": nothing,
                "width": sizes,
                "height": sizes,
                "split": ["test"] * len(ids),
            }
        ),
        captions=pa.table(
            {
                "id": [f"caption-{row}" for row in range(len(texts))],
                "image_id": owners,
                "text": texts,
                "split": ["test"] * len(texts),
            }
        ),
        image_vectors=dense,
        caption_vectors=np.eye(1, D, dtype=np.float32).repeat(len(texts), 0),
    )
    query_vector = np.eye(1, D, dtype=np.float32)
    pairs = Pairs(
        np.arange(len(ids)),
        np.zeros(1, np.int64),
        dense,
        query_vector,
        np.zeros(1, np.int32),
        [text],
        np.array([0, 1]),
        ("q",),
    )
    said = vocabulary.literal_matrix(texts)
    places = np.array([ids.index(owner) for owner in owners])
    describes = sp.csr_matrix(
        (np.ones(len(texts), np.int32), (places, np.arange(len(texts)))),
        shape=(len(ids), len(texts)),
    )
    split = ProjectedSplit(
        pairs,
        SparseVectors(rows_of(vocabulary, [one.weights for one in pictures]), tuple(ids), ""),
        SparseVectors(rows_of(vocabulary, [weights]), ("q",), ""),
        vocabulary.literal_matrix([text]),
        sp.csr_matrix((describes @ said.astype(np.int32)) > 0),
    )
    # Of a model only its vocabulary is asked, and its vectors are those above.
    model: Any = SimpleNamespace(vocabulary=vocabulary, hidden_size=None, name="built")
    return Laboratory(collection, model, "test", "text-to-image", (), "", lambda: split, "")


def rows_of(vocabulary: Vocabulary, rows: Sequence[Mapping[str, float]]) -> sp.csr_matrix:
    """(n, V) weights by the names of terms."""
    dense = np.zeros((len(rows), len(vocabulary)), np.float32)
    for row, weights in enumerate(rows):
        for term, weight in weights.items():
            dense[row, vocabulary.id_of(term)] = weight
    matrix = sp.csr_matrix(dense)
    matrix.sort_indices()
    return matrix
