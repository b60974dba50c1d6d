"""The training pairs as tensors on the device, and batches of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lsr.evaluation.pairs import Pairs
from lsr.exceptions import CollectionError
from lsr.model.vocabulary import Vocabulary


@dataclass(frozen=True)
class Batch:
    """Pairs (image, caption), one a row.

    images, captions (B, d) float32: dense vectors.
    term_ids (B, t) int64: the terms that each caption says, padded with −1.
    supported_ids (B, u) int64: the terms that any caption of its image says, likewise.
    """

    images: Tensor
    captions: Tensor
    term_ids: Tensor
    supported_ids: Tensor


@dataclass(frozen=True)
class TrainingPairs:
    """All pairs of a split on one device; captions are tokenised once.

    images (n, d), captions (m, d) float32, owners (m,) int64, term_ids (m, t) and
    supported_ids (n, u) int32.
    """

    images: Tensor
    captions: Tensor
    owners: Tensor
    term_ids: Tensor
    supported_ids: Tensor

    @classmethod
    def of(cls, pairs: Pairs, vocabulary: Vocabulary, device: str = "cpu") -> TrainingPairs:
        """
        Raises:
            CollectionError: fewer than two images, no caption says a term, or a vector is not
                a finite unit vector.
        """
        _check(pairs)
        ids = [np.unique(i) for i in vocabulary.token_ids(pairs.texts)]
        if not any(map(len, ids)):
            raise CollectionError(
                f"None of the {len(ids):,} training captions says a term of the vocabulary, so "
                "expansion cannot be controlled. Give captions in the vocabulary's language."
            )
        of_image: list[list[np.ndarray]] = [[] for _ in pairs.image_vectors]
        for owner, terms in zip(pairs.relevant, ids, strict=True):
            of_image[owner].append(terms)
        supported = [np.unique(np.concatenate(own)) if own else ids[0][:0] for own in of_image]
        return cls(
            torch.from_numpy(pairs.image_vectors).to(device),
            torch.from_numpy(pairs.caption_vectors).to(device),
            torch.from_numpy(pairs.relevant.astype(np.int64)).to(device),
            torch.from_numpy(_padded(ids)).to(device),
            torch.from_numpy(_padded(supported)).to(device),
        )

    def __len__(self) -> int:
        return len(self.captions)

    def rows(self, rows: Tensor) -> Batch:
        """The pairs of the captions `rows`, on the device."""
        rows = rows.to(self.captions.device)  # a wait for the GPU where they are not there yet
        owners = self.owners[rows]
        return Batch(
            self.images[owners],
            self.captions[rows],
            self.term_ids[rows].long(),
            self.supported_ids[owners].long(),
        )

    def batches(self, size: int, epochs: int, seed: int, first: int) -> Iterator[tuple[int, Batch]]:
        """(step, batch) from step `first` on: every epoch in an order of its own.

        What does not fill a batch at an epoch's end is left out of it, as is usual.
        """
        per_epoch = self.steps(size)
        for epoch in range(first // per_epoch, epochs):
            generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
            order = torch.randperm(len(self), generator=generator).to(self.captions.device)
            start = first % per_epoch if epoch == first // per_epoch else 0
            for i in range(start, per_epoch):
                yield epoch * per_epoch + i, self.rows(order[i * size : (i + 1) * size])

    def steps(self, size: int) -> int:
        """Batches of an epoch, at least 1."""
        return max(1, len(self) // size)


def _padded(rows: list[np.ndarray]) -> np.ndarray:
    """(n, longest) int32, rows filled up with −1."""
    padded = np.full((len(rows), max(map(len, rows))), -1, np.int32)
    for row, terms in enumerate(rows):
        padded[row, : len(terms)] = terms
    return padded


def _check(pairs: Pairs) -> None:
    if len(pairs.image_vectors) < 2 or len(pairs.caption_vectors) < 2:
        raise CollectionError(
            f"There are {len(pairs.image_vectors):,} images and {len(pairs.caption_vectors):,} "
            "captions to train on. A head learns by telling pairs apart: give it two or more of "
            "each, better thousands."
        )
    for kind, vectors in (("image", pairs.image_vectors), ("caption", pairs.caption_vectors)):
        norms = np.linalg.norm(vectors, axis=1)
        wrong = int((~np.isfinite(norms) | (np.abs(norms - 1) > 0.02)).sum())
        if wrong:
            raise CollectionError(
                f"{wrong:,} of {len(vectors):,} {kind} vectors are not finite vectors of length 1. "
                "Remove the broken ones and divide each by its norm."
            )


def said_matrix(term_ids: Tensor, columns: Tensor, vocabulary_size: int) -> Tensor:
    """(B, len(columns)) float32, 1 where a caption says that column's term.

    Args:
        term_ids: (B, t) int64, padded with −1.
        columns: (c,) int64, ascending, without repetition.
    """
    # Terms outside the columns, and padding, fall into one place too many.
    place = torch.full((vocabulary_size + 1,), len(columns), device=columns.device)
    place[columns] = torch.arange(len(columns), device=columns.device)
    said = torch.zeros(len(term_ids), len(columns) + 1, device=columns.device)
    said.scatter_(1, place[term_ids], 1.0)
    return said[:, :-1]


def said_flags(term_ids: Tensor, vocabulary_size: int) -> Tensor:
    """(B, V) bool: the terms that a caption says, for term ids (B, t) padded with −1."""
    device = term_ids.device
    said = torch.zeros(len(term_ids), vocabulary_size + 1, dtype=torch.bool, device=device)
    # Padding falls into one place too many.
    said.scatter_(1, torch.where(term_ids < 0, vocabulary_size, term_ids), True)
    return said[:, :-1]
