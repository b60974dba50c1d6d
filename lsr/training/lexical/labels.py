"""Labels in place of captions: the words that the encoder itself sees in a picture.

An encoder with a text side can tell which words of the vocabulary lie near an image. Centred, so
that no word is near to everything, they name what is shown, if coarsely: that is zero-shot
classification (CLIP, arXiv 2103.00020, section 3.1) with the vocabulary as classes. Some of an
image's strongest words, joined and encoded again, make a text that lies where captions lie. From
such pairs a lexical head is made just as from captions.

The nearest published relative is SpLiCE (arXiv 2402.10376), which decomposes a vector into words.
"""

from __future__ import annotations

import re
from collections.abc import Generator

import numpy as np

from lsr.collection.collection import Collection
from lsr.encoders.protocol import Encoder
from lsr.evaluation.pairs import Pairs, encode_by_parts, encode_once
from lsr.exceptions import CollectionError
from lsr.model.vocabulary import Vocabulary
from lsr.training.parts import returned
from lsr.training.stop_list import FUNCTION_WORDS

LABELS = 3_000
"""In all: more would hardly change the head, and every label is encoded."""
_STRONGEST, _WORDS, _MOST_OF_IMAGE = 16, 4, 10
_WORD = re.compile(r"[a-z]{2,}")


def labelled(
    image_vectors: np.ndarray, vocabulary: Vocabulary, encoder: Encoder, seed: int = 0
) -> Pairs:
    """Images with labels in place of captions, as `label_by_parts` makes them."""
    return returned(label_by_parts(image_vectors, vocabulary, encoder, seed))


def label_by_parts(
    image_vectors: np.ndarray, vocabulary: Vocabulary, encoder: Encoder, seed: int = 0
) -> Generator[tuple[int, int], None, Pairs]:
    """Images with labels in place of captions: four of the sixteen words nearest to an image.

    An image has one label, or up to ten where images are few; of more than LABELS images some are
    taken.

    Args:
        image_vectors: (n, d) unit vectors of the encoder.

    Raises:
        CollectionError: there are fewer than two images.
    """
    if len(image_vectors) < 2:
        raise CollectionError(
            f"There are {len(image_vectors):,} images to learn from. Give two or more, better "
            "hundreds."
        )
    rows = np.linspace(0, len(image_vectors) - 1, min(len(image_vectors), LABELS)).astype(int)
    images = np.asarray(image_vectors[rows], np.float32)
    words = [
        term for term in vocabulary.terms if _WORD.fullmatch(term) and term not in FUNCTION_WORDS
    ]
    yield from encode_by_parts(words, encoder)
    nearest = _nearest(images, np.asarray(encode_once(words, encoder), np.float32))
    rng = np.random.default_rng(seed)
    of_image = _labels_of_image(len(rows))
    texts = [
        " ".join(words[word] for word in rng.permutation(own)[:_WORDS])
        for own in nearest
        for _ in range(of_image)
    ]
    yield from encode_by_parts(texts, encoder)
    vectors = np.asarray(encode_once(texts, encoder), np.float32)
    owners = np.repeat(np.arange(len(rows), dtype=np.int32), of_image)
    return Pairs(rows, np.arange(len(texts)), images, vectors, owners, texts)


def n_labels(n_images: int) -> int:
    """How many labels so many images get."""
    taken = min(n_images, LABELS)
    return taken * _labels_of_image(taken)


def has_captions(collection: Collection) -> bool:
    """Whether there are captions to train on, so that no labels are needed."""
    return bool("train" in collection.splits and len(collection.caption_rows("train")))


def training_split(collection: Collection) -> str:
    """The split whose images get labels: `train`, else the first."""
    return "train" if "train" in collection.splits else next(iter(collection.splits))


def _labels_of_image(n_images: int) -> int:
    return min(_MOST_OF_IMAGE, max(1, LABELS // max(n_images, 1)))


def _nearest(images: np.ndarray, words: np.ndarray) -> np.ndarray:
    """(n, _STRONGEST): the words whose vectors lie nearest to each image, both sides centred."""
    images, words = (_centred(vectors) for vectors in (images, words))
    found = np.empty((len(images), _STRONGEST), np.int64)
    for start in range(0, len(images), 256):
        scores = images[start : start + 256] @ words.T
        found[start : start + 256] = np.argpartition(-scores, _STRONGEST, axis=1)[:, :_STRONGEST]
    return found


def _centred(vectors: np.ndarray) -> np.ndarray:
    moved = vectors - vectors.mean(axis=0)
    centred: np.ndarray = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12)
    return centred
