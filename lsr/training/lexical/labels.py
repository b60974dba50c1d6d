"""Labels in place of captions: the words that the encoder itself sees in a picture.

An encoder with a text side can tell which words of the vocabulary lie near an image. Centred, so
that no word is near to everything, they name what is shown, if coarsely: that is zero-shot
classification (CLIP, arXiv 2103.00020, section 3.1) with the vocabulary as classes. Some of an
image's strongest words, joined and encoded again, make a text that lies where captions lie. From
such pairs a lexical head is made just as from captions.

The nearest published relative is SpLiCE (arXiv 2402.10376), which decomposes a vector into words.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from lsr.collection.collection import Collection
from lsr.encoders.loading import obstacle
from lsr.encoders.protocol import Encoder
from lsr.evaluation.pairs import Pairs, encode_by_parts, encode_once
from lsr.exceptions import CollectionError
from lsr.model.vocabulary import Vocabulary
from lsr.training.encoder_words import content_words, word_vectors
from lsr.training.parts import returned

LABELS = 3_000
"""In all: more would hardly change the head, and every label is encoded."""
LEAST_SILENT = 0.1
"""Share of the training images that must lack captions for labels to be worth making."""
_STRONGEST, _WORDS, _MOST_OF_IMAGE = 16, 4, 10


def labelled(
    image_vectors: np.ndarray, vocabulary: Vocabulary, encoder: Encoder, seed: int = 0
) -> Pairs:
    """Images with labels in place of captions, as `label_by_parts` makes them."""
    return returned(label_by_parts(image_vectors, vocabulary, encoder, seed))


def label_by_parts(
    image_vectors: np.ndarray,
    vocabulary: Vocabulary,
    encoder: Encoder,
    seed: int = 0,
    most: int = LABELS,
) -> Generator[tuple[int, int], None, Pairs]:
    """Images with labels in place of captions: four of the sixteen words nearest to an image.

    An image has one label, or up to ten where images are few; of more than `most` images some are
    taken.

    Args:
        image_vectors: (n, d) unit vectors of the encoder.
        most: labels in all.

    Raises:
        CollectionError: there are fewer than two images.
        EncoderError: the encoder's vectors have another size than the images'.
    """
    if len(image_vectors) < 2:
        raise CollectionError(
            f"There are {len(image_vectors):,} images to learn from. Give two or more, better "
            "hundreds."
        )
    rows = np.linspace(0, len(image_vectors) - 1, min(len(image_vectors), most)).astype(int)
    images = np.asarray(image_vectors[rows], np.float32)
    words = [term for _, term in content_words(vocabulary)]
    near = yield from word_vectors(words, encoder, images.shape[1])
    nearest = _nearest(images, near)
    rng = np.random.default_rng(seed)
    of_image = _labels_of_image(len(rows), most)
    texts = [
        " ".join(words[word] for word in rng.permutation(own)[:_WORDS])
        for own in nearest
        for _ in range(of_image)
    ]
    yield from encode_by_parts(texts, encoder)
    vectors = np.asarray(encode_once(texts, encoder), np.float32)
    owners = np.repeat(np.arange(len(rows), dtype=np.int32), of_image)
    return Pairs(rows, np.full(len(texts), -1), images, vectors, owners, texts)


def n_labels(n_images: int, most: int = LABELS) -> int:
    """How many labels so many images get."""
    taken = min(n_images, most)
    return taken * _labels_of_image(taken, most)


@dataclass(frozen=True)
class Texts:
    """What a lexical head of a collection is made of.

    captions: of the training images. labels: that the encoder gives to the images without one.
    silent: training images without a caption.
    obstacle: why these get no labels, in one sentence; None where they do.
    """

    captions: int
    labels: int
    silent: int
    obstacle: str | None = None

    @property
    def says(self) -> str:
        """What becomes of images without captions, in one sentence; empty where all have some."""
        if not self.captions or not self.silent:
            return ""
        told = f"{self.silent:,} training images have no caption"
        if self.obstacle:
            return f"{told} and are not learnt from: {self.obstacle}"
        if not self.labels:
            return f"{told} and are not learnt from."
        return (
            f"{told}: {self.labels:,} labels, made of words that the encoder itself sees in them, "
            "are learnt from beside the captions, at most as many."
        )


def texts_of(collection: Collection, method: str) -> Texts:
    """How many captions and labels a method learns from.

    `closed-form` takes captions alone, `encoder-terms` labels alone, `tuned` both: images without
    captions get labels where the encoder is here and they are at least a tenth of the images, but
    never more labels than there are captions, so that these keep the upper hand.
    """
    split = training_split(collection)
    images, captions = collection.image_rows(split), collection.caption_rows(split)
    if method == "encoder-terms":
        return Texts(0, n_labels(len(images)), len(images))
    told = np.unique(collection.caption_image_rows[captions])
    silent = len(images) - len(told)
    if method != "tuned" or silent < max(2, LEAST_SILENT * len(images)):
        return Texts(len(captions), 0, silent)
    why = obstacle(collection.encoder)
    most = min(len(captions), LABELS)
    return Texts(len(captions), 0 if why else n_labels(silent, most), silent, why)


def has_captions(collection: Collection) -> bool:
    """Whether there are captions to train on, so that no labels are needed."""
    return bool("train" in collection.splits and len(collection.caption_rows("train")))


def training_split(collection: Collection) -> str:
    """The split whose images get labels: `train`, else the first."""
    return "train" if "train" in collection.splits else next(iter(collection.splits))


def _labels_of_image(n_images: int, most: int) -> int:
    return min(_MOST_OF_IMAGE, max(1, most // max(n_images, 1)))


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
