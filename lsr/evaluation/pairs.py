"""The dense image–caption pairs of a split, encoding texts where no vectors are stored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsr.collection.collection import Collection
from lsr.encoders.loading import load_encoder
from lsr.encoders.protocol import Encoder
from lsr.exceptions import CollectionError
from lsr.storage.files import fingerprint, load_array, replacing_file, save_array
from lsr.storage.places import home

# Texts encoded between two reports.
_TEXTS = 2_048


@dataclass(frozen=True)
class Pairs:
    """Images and captions of one split, each caption with the image it describes.

    The queries of a query set take the place of captions, each with the images that answer it.

    image_rows (n,), caption_rows (m,): rows in the collection; of queries, numbers in their set.
    image_vectors (n, d), caption_vectors (m, d): unit norm.
    relevant (m,) int32: position in `image_rows` of each caption's image; of queries (a,), those
        of one query after those of another.
    answer_starts: (m + 1,) int64, where each query's images begin in `relevant`; None for captions.
    query_ids: of queries; empty for captions.
    """

    image_rows: np.ndarray
    caption_rows: np.ndarray
    image_vectors: np.ndarray
    caption_vectors: np.ndarray
    relevant: np.ndarray
    texts: list[str]
    answer_starts: np.ndarray | None = None
    query_ids: tuple[str, ...] = ()

    @property
    def starts(self) -> np.ndarray:
        """(m + 1,) int64: where the images of each caption or query begin in `relevant`."""
        if self.answer_starts is None:
            return np.arange(len(self.texts) + 1, dtype=np.int64)
        return self.answer_starts


def load_pairs(
    collection: Collection, split: str, encoder: Encoder | None = None, queries: str = ""
) -> Pairs:
    """The pairs of a split.

    Texts without stored vectors are encoded once and kept under `$LEXISCOPE_HOME/cache`.

    Args:
        queries: name of a query set to take in place of the captions: its queries that an image of
            the split answers, with their answers in the split.

    Raises:
        UnknownNameError: no such split or query set.
        CollectionError: the collection or the split has no captions, or the set no query here.
        EncoderError: the texts have to be encoded, and the encoder is not here.
    """
    check_pairs(collection, split, queries)
    if queries:
        return _query_pairs(collection, split, encoder, queries)
    image_rows, caption_rows = collection.image_rows(split), collection.caption_rows(split)
    texts = collection.caption_texts.at(caption_rows)
    caption_vectors = collection.stored_caption_vectors(split)
    if caption_vectors is None:
        caption_vectors = encode_once(texts, encoder or load_encoder(collection.encoder))
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


def _query_pairs(
    collection: Collection, split: str, encoder: Encoder | None, queries: str
) -> Pairs:
    image_rows = collection.image_rows(split)
    found = collection.query_set(queries)
    kept, starts, relevant = found.among(image_rows)
    return Pairs(
        image_rows,
        kept,
        np.asarray(collection.image_vectors[image_rows], np.float32),
        np.asarray(query_vectors(collection, queries, encoder)[kept], np.float32),
        relevant,
        [found.texts[row] for row in kept],
        starts,
        tuple(found.ids[row] for row in kept),
    )


def query_vectors(
    collection: Collection, queries: str, encoder: Encoder | None = None
) -> np.ndarray:
    """(m, d) float16 vectors of all queries of a set, encoded once and kept.

    Raises:
        UnknownNameError, CollectionError: as `load_pairs`.
        EncoderError: the collection's encoder is not here.
    """
    texts = list(collection.query_set(queries).texts)
    return encode_once(texts, encoder or load_encoder(collection.encoder))


def check_pairs(collection: Collection, split: str, queries: str = "") -> None:
    """Refuse a split that nothing can be measured on.

    Args:
        queries: name of a query set that takes the place of the captions.

    Raises:
        UnknownNameError: no such split or query set.
        CollectionError: the collection or the split has no captions, or the set no query here.
    """
    if queries:
        _check_queries(collection, split, queries)
        return
    collection.check_captions()
    if not len(collection.caption_rows(split)):
        raise CollectionError(
            f"Split `{split}` of collection `{collection.name}` has "
            f"{len(collection.image_rows(split)):,} images but no captions, so nothing can be "
            "measured or trained on it. Add captions."
        )


def _check_queries(collection: Collection, split: str, queries: str) -> None:
    rows, found = collection.image_rows(split), collection.query_set(queries)
    if not np.isin(found.image_rows, rows).any():
        splits = sorted(set(collection.image_splits[found.image_rows].tolist()))
        raise CollectionError(
            f"Query set `{found.name}` of collection `{collection.name}` has {len(found):,} "
            f"queries, and no image of split `{split}` answers one of them. Choose a split that "
            f"does: {', '.join(f'`{one}`' for one in splits)}."
        )


def first_images(pairs: Pairs, n: int) -> Pairs:
    """The first `n` images with the captions that describe them; all when there are fewer."""
    return some_images(pairs, np.arange(len(pairs.image_vectors)) < n)


def some_images(pairs: Pairs, kept: np.ndarray) -> Pairs:
    """The pairs of the images that `kept` (n,) bool marks."""
    captions = np.flatnonzero(kept[pairs.relevant])
    position = np.cumsum(kept) - 1
    return Pairs(
        pairs.image_rows[kept],
        pairs.caption_rows[captions],
        pairs.image_vectors[kept],
        pairs.caption_vectors[captions],
        position[pairs.relevant[captions]].astype(np.int32),
        [pairs.texts[row] for row in captions],
    )


def encode_once(texts: list[str], encoder: Encoder) -> np.ndarray:
    """(m, d) float16 vectors, read from the cache when these texts were encoded before."""
    for _ in encode_by_parts(texts, encoder):
        pass
    return load_array(_kept(texts, encoder))


def encode_by_parts(texts: list[str], encoder: Encoder) -> Iterator[tuple[int, int]]:
    """Fill the cache that `encode_once` reads; on the way, how many texts of all are encoded.

    What was encoded is kept at the end only; nothing is reported where the cache has it already.
    """
    path = _kept(texts, encoder)
    with suppress(OSError, ValueError):  # there is none, or it is damaged
        if load_array(path).shape == (len(texts), encoder.dense_size):
            return
    parts = []
    for start in range(0, max(len(texts), 1), _TEXTS):
        parts.append(encoder.encode_texts(texts[start : start + _TEXTS]).astype(np.float16))
        yield min(start + _TEXTS, len(texts)), len(texts)
    with replacing_file(path) as temporary:
        save_array(temporary, np.concatenate(parts))


def _kept(texts: list[str], encoder: Encoder) -> Path:
    """Where the vectors of texts are kept."""
    made_by = re.sub(r"[^\w.-]+", "-", encoder.name)[-40:]  # a name can hold a path
    return home() / "cache" / f"{made_by}-{fingerprint(encoder.fingerprint, *texts)}.npy"
