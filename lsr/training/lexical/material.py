"""What a lexical head is made of: captions where there are some, labels for the other images."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np

from lsr.collection.collection import Collection
from lsr.encoders.loading import load_encoder
from lsr.evaluation.pairs import Pairs, encode_by_parts, load_pairs
from lsr.model.vocabulary import Vocabulary
from lsr.training.lexical.held_out import validation_pairs
from lsr.training.lexical.labels import label_by_parts, texts_of, training_split
from lsr.training.lexical.settings import LexicalReport, LexicalSettings
from lsr.training.parts import told
from lsr.training.splits import check_training_splits
from lsr.training.stop_list import stop_list


@dataclass(frozen=True)
class Material:
    """Pairs of the training images, terms never to be used, and pairs to check the head on.

    pairs: labels follow the captions and have −1 in place of a caption's row.
    stopped: ids of terms. validation: None where there are too few.
    """

    pairs: Pairs
    stopped: np.ndarray
    validation: Pairs | None


def gather(
    collection: Collection, vocabulary: Vocabulary, settings: LexicalSettings
) -> Generator[LexicalReport, None, Material]:
    """The material that the settings' method wants, encoding what has no vectors yet.

    Raises:
        CollectionError, UnknownNameError, EncoderError: as `make_lexical`.
    """
    if settings.method == "encoder-terms":
        rows = collection.image_rows(training_split(collection))
        vectors = np.asarray(collection.image_vectors[rows], np.float32)
        labelling = label_by_parts(
            vectors, vocabulary, load_encoder(collection.encoder), settings.seed
        )
        pairs = yield from told(labelling, _of_texts)
        return Material(pairs, np.zeros(0, np.int64), None)
    check_training_splits(collection)
    yield from _encode_captions(collection)
    pairs = load_pairs(collection, "train")
    stopped = stop_list(pairs, vocabulary)
    if wanted := texts_of(collection, settings.method).labels:
        pairs = yield from told(
            _with_labels(pairs, wanted, vocabulary, collection, settings.seed), _of_texts
        )
    return Material(pairs, stopped, validation_pairs(collection))


def _with_labels(
    pairs: Pairs, most: int, vocabulary: Vocabulary, collection: Collection, seed: int
) -> Generator[tuple[int, int], None, Pairs]:
    """The pairs, and after them labels of the images that no caption describes."""
    silent = np.setdiff1d(np.arange(len(pairs.image_vectors)), pairs.relevant)
    encoder = load_encoder(collection.encoder)
    vectors = pairs.image_vectors[silent]
    labels = yield from label_by_parts(vectors, vocabulary, encoder, seed, most)
    owners = silent[labels.image_rows[labels.relevant]]
    return replace(
        pairs,
        caption_rows=np.concatenate([pairs.caption_rows, np.full(len(owners), -1)]),
        caption_vectors=np.concatenate([pairs.caption_vectors, labels.caption_vectors]),
        relevant=np.concatenate([pairs.relevant, owners.astype(np.int32)]),
        texts=[*pairs.texts, *labels.texts],
    )


def _encode_captions(collection: Collection) -> Generator[LexicalReport]:
    """Fill the cache that `load_pairs` reads, where the collection stores no vectors."""
    if collection.stored_caption_vectors("train") is None:
        texts = collection.caption_texts.at(collection.caption_rows("train"))
        yield from map(_of_texts, encode_by_parts(texts, load_encoder(collection.encoder)))


def _of_texts(part: tuple[int, int]) -> LexicalReport:
    return LexicalReport("texts", *part)
