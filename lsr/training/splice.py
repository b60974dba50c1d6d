"""SpLiCE: vectors as sums of term vectors of their own encoder. Nothing is learnt but a penalty.

Source: arXiv 2402.10376.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from lsr.collection.collection import Collection
from lsr.encoders.loading import load_encoder
from lsr.exceptions import CollectionError
from lsr.model.card import SPLICE
from lsr.model.centred import centred
from lsr.model.decomposition import decompose
from lsr.model.vocabulary import Vocabulary
from lsr.storage.files import write_json
from lsr.storage.folders import remove_folder
from lsr.storage.places import BUNDLED_ENCODER
from lsr.training.encoder_words import content_words, word_vectors
from lsr.training.lexical.settings import LexicalReport, check_target
from lsr.training.other_kinds import means, training_captions, training_images, write_other
from lsr.training.run_folder import PROGRESS, is_followed, run_folder, run_to_itself

TERMS = 10_000
"""Of the dictionary, as many as the paper takes; the vocabulary lists frequent words first."""
_SAMPLE, _HALVINGS = 128, 12
_PENALTIES = (0.005, 0.8)


@dataclass(frozen=True)
class SpliceSettings:
    """target_active_terms: mean of a training image. terms: of the dictionary."""

    target_active_terms: int = 32
    terms: int = TERMS


def make_splice(
    collection: Collection, folder: Path, settings: SpliceSettings | None = None, title: str = ""
) -> Iterator[tuple[int, int]]:
    """Make a model of the kind `splice` in `folder`; on the way, how many terms of all are encoded.

    Raises:
        EncoderError: the collection's encoder is not here, or made other vectors.
        CollectionError: there are fewer than two images. QueryError: a target that is none.
        ModelError: a training run of that name is going on.
        DiskFullError: there is no room.
    """
    settings = settings or SpliceSettings()
    check_target(settings.target_active_terms)
    work = run_folder(folder)
    with run_to_itself(work):
        for done, total in _made(collection, folder, settings, title):
            if is_followed(work):
                write_json(work / PROGRESS, asdict(LexicalReport("texts", done, total)))
            yield done, total
        if is_followed(work):
            remove_folder(work)


def _made(
    collection: Collection, folder: Path, settings: SpliceSettings, title: str
) -> Iterator[tuple[int, int]]:
    images = training_images(collection)
    if len(images) < 2:
        raise CollectionError(f"There are {len(images):,} images to learn from. Give two or more.")
    vocabulary = Vocabulary.load(BUNDLED_ENCODER / "tokenizer.json")
    words = content_words(vocabulary)[: settings.terms]
    texts, encoder = [term for _, term in words], load_encoder(collection.encoder)
    vectors = yield from word_vectors(texts, encoder, images.shape[1])
    of_images, of_texts = means(images, training_captions(collection)[1])
    dictionary = centred(vectors, vectors.mean(axis=0)).astype(np.float16)
    atoms = centred(dictionary, np.zeros(len(of_images), np.float32))
    penalty, active = _penalty(centred(images, of_images), atoms, settings.target_active_terms)
    tensors = {
        "image_mean": of_images,
        "text_mean": of_texts if of_texts.any() else vectors.mean(axis=0),
        "dictionary": atoms.astype(np.float16),
        "terms": np.array([number for number, _ in words], np.int32),
        "penalty": np.array([penalty], np.float32),
    }
    training = {
        "settings": asdict(settings),
        "n_terms": len(words),
        "penalty": penalty,
        "active_terms_train": active,
    }
    write_other(collection, folder, SPLICE, tensors, vocabulary, training, title)


def _penalty(images: np.ndarray, dictionary: np.ndarray, target: int) -> tuple[float, float]:
    """The penalty at which images have as many active terms as wanted, by halving; and how many."""
    rows = np.linspace(0, len(images) - 1, min(len(images), _SAMPLE)).astype(int)
    low, high = _PENALTIES
    best = (high, 0.0)
    for _ in range(_HALVINGS):
        middle = float(np.sqrt(low * high))
        active = decompose(images[rows], dictionary, middle).nnz / len(rows)
        if not best[1] or abs(active - target) < abs(best[1] - target):
            best = middle, active
        if active > target:
            low = middle
        else:
            high = middle
    return best
