"""Models of other kinds than a projection head, made from a collection: folder, metrics, card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lsr.collection.collection import Collection
from lsr.encoders.loading import can_encode, load_encoder
from lsr.evaluation.model_metrics import metrics_of
from lsr.evaluation.pairs import encode_once
from lsr.model.centred import write_centred
from lsr.model.loading import load_model
from lsr.model.protocol import Model
from lsr.model.vocabulary import Vocabulary
from lsr.storage.files import write_json
from lsr.storage.folders import replacing_folder
from lsr.training.lexical.labels import training_split


def training_images(collection: Collection) -> np.ndarray:
    """(n, d) float32 of the images to learn from."""
    rows = collection.image_rows(training_split(collection))
    return np.asarray(collection.image_vectors[rows], np.float32)


def training_captions(collection: Collection) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Captions of the training split: texts, (m, d) float32 vectors, and positions of their images.

    Where no vectors are stored and the encoder is not here, there are none.
    """
    split = training_split(collection)
    rows = collection.caption_rows(split)
    stored = collection.stored_caption_vectors(split)
    if stored is None and not can_encode(collection.encoder):
        rows = rows[:0]
    texts = collection.caption_texts.at(rows)
    if not texts:
        return [], np.zeros((0, collection.dense_size), np.float32), np.zeros(0, np.int64)
    if stored is None:
        stored = encode_once(texts, load_encoder(collection.encoder))
    owners = np.searchsorted(collection.image_rows(split), collection.caption_image_rows[rows])
    return texts, np.asarray(stored, np.float32), owners


def means(images: np.ndarray, captions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(d,) means of images and of texts; without texts, theirs is 0, which moves nothing."""
    of_texts = captions.mean(axis=0) if len(captions) else np.zeros(images.shape[1], np.float32)
    return images.mean(axis=0), of_texts


def write_other(
    collection: Collection,
    folder: Path,
    kind: str,
    tensors: Mapping[str, np.ndarray],
    vocabulary: Vocabulary,
    training: Mapping[str, Any],
    title: str = "",
) -> Model:
    """Write such a model whole, with what it was made of and how good it is."""
    card = {"title": title or folder.name, "encoder": collection.encoder}
    about = {"collection": {"name": collection.name, "fingerprint": collection.fingerprint}}
    with replacing_folder(folder) as temporary:
        write_centred(temporary, kind, tensors, vocabulary, card)
        write_json(temporary / "training.json", {"method": kind, **training, **about})
        write_json(temporary / "metrics.json", metrics_of(collection, load_model(temporary)))
    return load_model(folder)
