"""A split in sparse form with the answer to every query: what is measured and swept over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from lsr.collection.collection import Collection
from lsr.encoders.protocol import Encoder
from lsr.evaluation.pairs import Pairs, load_pairs
from lsr.exceptions import ModelError
from lsr.index.memory.index import MemoryIndex
from lsr.model.checkpoint import Model
from lsr.model.expansion import literal_flags
from lsr.model.fit import misfit
from lsr.model.projection_cache import project_once
from lsr.model.sparse import SparseVectors
from lsr.model.vocabulary import Vocabulary

if TYPE_CHECKING:  # torch takes a second to load
    from lsr.model.projection import Projection


@dataclass(frozen=True)
class ProjectedSplit:
    """Images and captions of a split as sparse vectors.

    pairs: dense vectors, texts, and which image answers each caption.
    images (n, V), captions (m, V): fully expanded sparse vectors.
    literal: (m, V) bool, the terms that each caption says.
    """

    pairs: Pairs
    images: SparseVectors
    captions: SparseVectors
    literal: sp.csr_matrix

    @cached_property
    def index(self) -> MemoryIndex:
        return MemoryIndex(self.images)

    @cached_property
    def literal_of_images(self) -> sp.csr_matrix:
        """(n, V) bool: the terms that any caption of an image says."""
        captions = np.arange(len(self.captions))
        shape = (len(self.images), len(self.captions))
        ones = np.ones(len(captions), np.int32)
        owners = sp.csr_matrix((ones, (self.pairs.relevant, captions)), shape=shape)
        return sp.csr_matrix((owners @ self.literal.astype(np.int32)) > 0)

    @cached_property
    def literal_flags(self) -> np.ndarray:
        """(nnz,) bool for the entries of `captions.matrix`: is the term said?"""
        return literal_flags(self.captions.matrix, self.literal)


def check_fit(collection: Collection, model: Model) -> None:
    """Refuse a model that cannot read the collection's vectors.

    Raises:
        ModelError: the vector sizes or the encoders differ.
    """
    if problem := misfit(model.name, model.reads, collection.name, collection.holds):
        raise ModelError(problem)


def project_split(
    collection: Collection, model: Model, split: str, encoder: Encoder | None = None
) -> ProjectedSplit:
    """Project a split with a model.

    Raises:
        ModelError: the model does not fit the collection.
        CollectionError: the split has no captions.
    """
    check_fit(collection, model)
    pairs = load_pairs(collection, split, encoder)
    vectors = project_once(model, pairs.image_vectors), project_once(model, pairs.caption_vectors)
    return _projected(collection, pairs, *vectors, model.vocabulary)


def project_split_with(
    collection: Collection,
    head: Projection,
    vocabulary: Vocabulary,
    split: str,
    encoder: Encoder | None = None,
) -> ProjectedSplit:
    """Project a split with a head that is not stored as a model yet."""
    from lsr.model.projection import project

    pairs = load_pairs(collection, split, encoder)
    vectors = project(head, pairs.image_vectors), project(head, pairs.caption_vectors)
    return _projected(collection, pairs, *vectors, vocabulary)


def _projected(
    collection: Collection,
    pairs: Pairs,
    images: sp.csr_matrix,
    captions: sp.csr_matrix,
    vocabulary: Vocabulary,
) -> ProjectedSplit:
    mark = vocabulary.fingerprint
    image_ids = tuple(collection.image_ids[row] for row in pairs.image_rows)
    caption_ids = tuple(collection.caption_ids[row] for row in pairs.caption_rows)
    return ProjectedSplit(
        pairs,
        SparseVectors(images, image_ids, mark),
        SparseVectors(captions, caption_ids, mark),
        _literal(tuple(pairs.texts), vocabulary),
    )


@lru_cache(maxsize=2)
def _literal(texts: tuple[str, ...], vocabulary: Vocabulary) -> sp.csr_matrix:
    """What the texts say; two models of one vocabulary that stand side by side share it."""
    return vocabulary.literal_matrix(texts)
