"""A split in sparse form with the answer to every query: what is measured and swept over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from lsr.collection.collection import Collection
from lsr.collection.items import image_items
from lsr.encoders.protocol import Encoder
from lsr.evaluation.pairs import Pairs, load_pairs
from lsr.exceptions import ModelError
from lsr.index.memory.index import MemoryIndex
from lsr.model.expansion import literal_flags, without_weak
from lsr.model.expansion_thresholds import ExpansionThresholds
from lsr.model.projection_cache import literal_once, sparse_once
from lsr.model.protocol import Items, Model, Side
from lsr.model.sparse import SparseVectors
from lsr.model.vocabulary import Vocabulary

if TYPE_CHECKING:  # torch takes a second to load
    from lsr.model.projection import Projection


@dataclass(frozen=True)
class ProjectedSplit:
    """Images and captions of a split as sparse vectors; queries may stand for the captions.

    pairs: dense vectors, texts, and which images answer each caption.
    images (n, V), captions (m, V): fully expanded sparse vectors.
    literal: (m, V) bool, the terms that each caption says.
    said_of_images: (n, V) bool, the terms that any caption of an image says, where `captions` are
        the queries of a set; None where they are the captions.
    says: whether it is known which terms a text says; else `literal` is empty.
    """

    pairs: Pairs
    images: SparseVectors
    captions: SparseVectors
    literal: sp.csr_matrix
    said_of_images: sp.csr_matrix | None = None
    says: bool = True

    @cached_property
    def index(self) -> MemoryIndex:
        return MemoryIndex(self.images)

    @cached_property
    def literal_of_images(self) -> sp.csr_matrix:
        """(n, V) bool: the terms that any caption of an image says; queries say none of them."""
        if self.said_of_images is not None:
            return self.said_of_images
        return said_by_owner(self.literal, self.pairs.relevant, len(self.images))

    @cached_property
    def literal_flags(self) -> np.ndarray:
        """(nnz,) bool for the entries of `captions.matrix`: is the term said?"""
        return literal_flags(self.captions.matrix, self.literal)


def check_fit(collection: Collection, model: Model) -> None:
    """Refuse a model that gives no vectors of the collection's images.

    Raises:
        ModelError: it reads other dense vectors, or holds vectors of other images.
    """
    if problem := model.misfit(collection.name, collection.holds, collection.image_ids):
        raise ModelError(problem)


def project_split(
    collection: Collection,
    model: Model,
    split: str,
    encoder: Encoder | None = None,
    queries: str = "",
) -> ProjectedSplit:
    """Project a split with a model.

    Args:
        queries: name of a query set that takes the place of the captions, as in `load_pairs`.

    Raises:
        ModelError: the model does not fit the collection, or captions cannot search with it.
        UnknownNameError: no such split or query set.
        CollectionError: the split has no captions, or the set no query here.
    """
    check_fit(collection, model)
    if not queries and (why := model.no_captions_as_queries):
        raise ModelError(why)
    pairs = load_pairs(collection, split, encoder, queries)
    images = image_items(collection, pairs.image_rows, pairs.image_vectors)
    vectors = sparse_once(model, images), sparse_once(model, caption_items(collection, pairs))
    return _projected(collection, pairs, *vectors, model.vocabulary)


def caption_items(collection: Collection, pairs: Pairs) -> Items:
    """The captions of pairs, or the queries that take their place."""
    ids = _caption_ids(collection, pairs)
    side: Side = "queries" if pairs.query_ids else "captions"
    return Items(side, ids, lambda: pairs.caption_vectors, pairs.texts)


def _caption_ids(collection: Collection, pairs: Pairs) -> tuple[str, ...]:
    return pairs.query_ids or tuple(collection.caption_ids.at(pairs.caption_rows))


def project_split_with(
    collection: Collection,
    head: Projection,
    vocabulary: Vocabulary,
    split: str,
    encoder: Encoder | None = None,
    queries: str = "",
    thresholds: ExpansionThresholds | None = None,
) -> ProjectedSplit:
    """Project a split with a head that is not stored as a model yet."""
    from lsr.model.projection import project

    pairs = load_pairs(collection, split, encoder, queries)
    images, captions = project(head, pairs.image_vectors), project(head, pairs.caption_vectors)
    if thresholds is not None:
        said = _literal(tuple(pairs.texts), vocabulary)
        captions = without_weak(captions, said, thresholds.by_term(vocabulary))
    return _projected(collection, pairs, images, captions, vocabulary)


def _projected(
    collection: Collection,
    pairs: Pairs,
    images: sp.csr_matrix,
    captions: sp.csr_matrix,
    vocabulary: Vocabulary,
) -> ProjectedSplit:
    mark = vocabulary.fingerprint
    image_ids = tuple(collection.image_ids.at(pairs.image_rows))
    said = None
    if pairs.query_ids:
        said = _said_of_images(collection, pairs.image_rows, vocabulary)
    return ProjectedSplit(
        pairs,
        SparseVectors(images, image_ids, mark),
        SparseVectors(captions, _caption_ids(collection, pairs), mark),
        _literal(tuple(pairs.texts), vocabulary),
        said,
        vocabulary.says,
    )


def _said_of_images(
    collection: Collection, image_rows: np.ndarray, vocabulary: Vocabulary
) -> sp.csr_matrix:
    """(n, V) bool: the terms that the captions of some images say."""
    captions = np.flatnonzero(np.isin(collection.caption_image_rows, image_rows))
    literal = _literal(tuple(collection.caption_texts.at(captions)), vocabulary)
    owners = np.searchsorted(image_rows, collection.caption_image_rows[captions])
    return said_by_owner(literal, owners, len(image_rows))


def said_by_owner(literal: sp.csr_matrix, owners: np.ndarray, n: int) -> sp.csr_matrix:
    """(n, V) bool: the terms that any of its captions says, given the owner of each (m,)."""
    captions = np.arange(len(owners))
    ones = np.ones(len(captions), np.int32)
    describes = sp.csr_matrix((ones, (owners, captions)), shape=(n, len(captions)))
    return sp.csr_matrix((describes @ literal.astype(np.int32)) > 0)


@lru_cache(maxsize=2)
def _literal(texts: tuple[str, ...], vocabulary: Vocabulary) -> sp.csr_matrix:
    """What the texts say; two models of one vocabulary that stand side by side share it."""
    return literal_once(vocabulary, texts)
