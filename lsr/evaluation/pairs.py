"""The dense image–caption pairs of a split, encoding captions where no vectors are stored."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from lsr.collection.collection import Collection
from lsr.encoders.loading import load_encoder
from lsr.encoders.protocol import Encoder
from lsr.exceptions import CollectionError
from lsr.storage.files import fingerprint, load_array, replacing_file
from lsr.storage.places import home


@dataclass(frozen=True)
class Pairs:
    """Images and captions of one split, each caption with the image it describes.

    image_rows (n,), caption_rows (m,): rows in the collection.
    image_vectors (n, d), caption_vectors (m, d): unit norm.
    relevant (m,) int32: position in `image_rows` of each caption's image.
    """

    image_rows: np.ndarray
    caption_rows: np.ndarray
    image_vectors: np.ndarray
    caption_vectors: np.ndarray
    relevant: np.ndarray
    texts: list[str]


def load_pairs(collection: Collection, split: str, encoder: Encoder | None = None) -> Pairs:
    """The pairs of a split.

    Captions without stored vectors are encoded once and kept under `$LEXISCOPE_HOME/cache`.

    Raises:
        UnknownNameError: no such split.
        CollectionError: the collection or the split has no captions.
    """
    check_pairs(collection, split)
    image_rows, caption_rows = collection.image_rows(split), collection.caption_rows(split)
    texts = [collection.caption_texts[row] for row in caption_rows]
    caption_vectors = collection.stored_caption_vectors(split)
    if caption_vectors is None:
        caption_vectors = _encode_once(texts, encoder or load_encoder(collection.encoder))
    position = np.full(len(collection.image_ids), -1, np.int32)
    position[image_rows] = np.arange(len(image_rows), dtype=np.int32)
    relevant = position[collection.caption_image_rows[caption_rows]]
    if (relevant < 0).any():
        raise CollectionError(
            f"{int((relevant < 0).sum()):,} captions of split `{split}` of collection "
            f"`{collection.name}` describe images of another split. Give both the same split."
        )
    return Pairs(
        image_rows,
        caption_rows,
        np.asarray(collection.image_vectors[image_rows], np.float32),
        np.asarray(caption_vectors, np.float32),
        relevant,
        texts,
    )


def check_pairs(collection: Collection, split: str) -> None:
    """Refuse a split that nothing can be measured on.

    Raises:
        UnknownNameError: no such split.
        CollectionError: the collection or the split has no captions.
    """
    collection.check_captions()
    if not len(collection.caption_rows(split)):
        raise CollectionError(
            f"Split `{split}` of collection `{collection.name}` has "
            f"{len(collection.image_rows(split)):,} images but no captions, so nothing can be "
            "measured or trained on it. Add captions."
        )


def first_images(pairs: Pairs, n: int) -> Pairs:
    """The first `n` images with the captions that describe them; all when there are fewer."""
    kept = np.flatnonzero(pairs.relevant < n)
    return Pairs(
        pairs.image_rows[:n],
        pairs.caption_rows[kept],
        pairs.image_vectors[:n],
        pairs.caption_vectors[kept],
        pairs.relevant[kept],
        [pairs.texts[row] for row in kept],
    )


def _encode_once(texts: list[str], encoder: Encoder) -> np.ndarray:
    """(m, d) float16 vectors, read from the cache when these texts were encoded before."""
    made_by = re.sub(r"[^\w.-]+", "-", encoder.name)[-40:]  # a name can hold a path
    name = f"{made_by}-{fingerprint(encoder.fingerprint, *texts)}.npy"
    path = home() / "cache" / name
    if not path.exists():
        vectors = encoder.encode_texts(texts)
        with replacing_file(path) as temporary:
            np.save(temporary, vectors.astype(np.float16))
    return load_array(path)
