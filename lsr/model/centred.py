"""Kinds that read dense vectors with the mean of images, or of texts, taken out.

The vectors of a dual encoder lie in two cones, one of images and one of texts. A dictionary or an
autoencoder that serves both sides looks at what differs within each.

Source of the gap: Liang et al., arXiv 2203.02053.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from lsr.exceptions import ModelError
from lsr.model.card import CARD, SAE, SPLICE
from lsr.model.decomposition import decompose
from lsr.model.fit import VectorKind
from lsr.model.protocol import DenseReader, Items
from lsr.model.sparse import from_dense_blocks
from lsr.model.stored import read_vocabulary, write_vocabulary
from lsr.model.vocabulary import Vocabulary
from lsr.storage.files import fingerprint, missing, write_json
from lsr.storage.room import check_room
from lsr.storage.untrusted import DamagedError, read_tensors, tensor_shapes

WEIGHTS = "model.safetensors"
_BLOCK = 256
_SHAPES = {
    SPLICE: {"image_mean": "d", "text_mean": "d", "dictionary": "td", "terms": "t", "penalty": "1"},
    SAE: {
        "image_mean": "d",
        "text_mean": "d",
        "encoder": "md",
        "encoder_bias": "m",
        "decoder": "md",
        "k": "1",
    },
}


def centred(vectors: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """(n, d) float32: unit vectors of what is left once the mean is taken out."""
    moved = np.asarray(vectors, np.float32) - mean
    found: np.ndarray = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12)
    return found


@dataclass(frozen=True)
class CentredReader(DenseReader):
    """A model of centred dense vectors; its tensors are read when they are first needed."""

    sizes: Mapping[str, int]

    @property
    def reads(self) -> VectorKind:
        return VectorKind(str(self.card["encoder"]), self.sizes["d"])

    @cached_property
    def tensors(self) -> dict[str, np.ndarray]:
        """Every tensor of the model as float32, numbers of terms as they are.

        Raises:
            ModelError: the file is missing, damaged, or holds numbers that are none.
        """
        found = _read(self.folder, list(_SHAPES[self.kind]))
        for name, one in found.items():
            if not np.isfinite(one).all():
                raise ModelError(
                    f"`{self.folder / WEIGHTS}`: {name} holds NaN or infinite numbers. Make the "
                    "model again."
                )
        return {
            name: one if one.dtype.kind in "iu" else np.asarray(one, np.float32)
            for name, one in found.items()
        }

    def sparse(self, items: Items) -> sp.csr_matrix:
        self.check_new(items)
        mean = self.tensors["image_mean" if items.are_pictures else "text_mean"]
        return self.project(centred(items.dense, mean))

    def mark(self, items: Items) -> str | None:
        return fingerprint(str(super().mark(items)), "images" if items.are_pictures else "texts")

    @abstractmethod
    def project(self, dense: np.ndarray) -> sp.csr_matrix:
        """Sparse vectors (n, V) float32 csr of centred vectors (n, d)."""


@dataclass(frozen=True)
class SpliceModel(CentredReader):
    """A vector as a sum of few term vectors of its own encoder, without any training.

    Source: SpLiCE, arXiv 2402.10376.
    """

    kind = SPLICE

    def project(self, dense: np.ndarray) -> sp.csr_matrix:
        tensors = self.tensors
        found = decompose(dense, tensors["dictionary"], float(tensors["penalty"][0]))
        terms = tensors["terms"]
        if len(terms) and (terms.min() < 0 or terms.max() >= len(self.vocabulary)):
            raise ModelError(f"`{self.folder / WEIGHTS}` numbers terms that are none. Restore it.")
        shape = found.shape[0], len(self.vocabulary)
        matrix = sp.csr_matrix((found.data, terms[found.indices], found.indptr), shape)
        matrix.sort_indices()
        return matrix


@dataclass(frozen=True)
class SaeModel(CentredReader):
    """The k strongest latents of a sparse autoencoder.

    Source: arXiv 2406.04093 (top-k, AuxK); arXiv 2503.01776 (for retrieval).
    """

    kind = SAE

    def project(self, dense: np.ndarray) -> sp.csr_matrix:
        tensors = self.tensors
        k = int(tensors["k"][0])
        encoder, bias = tensors["encoder"], tensors["encoder_bias"]
        if not 0 < k <= len(bias):
            raise ModelError(f"`{self.folder / WEIGHTS}` keeps {k} latents. Restore it.")
        starts = range(0, len(dense), _BLOCK)
        blocks = (strongest_latents(dense[s : s + _BLOCK] @ encoder.T + bias, k) for s in starts)
        return from_dense_blocks(blocks, len(bias))

    def reconstruct(self, latents: sp.csr_matrix) -> np.ndarray:
        """(n, d): the centred vectors that latents (n, V) stand for."""
        return np.asarray(latents @ self.tensors["decoder"], np.float32)


def strongest_latents(activations: np.ndarray, k: int) -> np.ndarray:
    """(n, m): the k largest activations above 0 of each row, all others 0."""
    kept = np.zeros_like(activations)
    best = np.argpartition(-activations, k - 1, axis=1)[:, :k]
    values = np.maximum(np.take_along_axis(activations, best, axis=1), 0)
    np.put_along_axis(kept, best, values, axis=1)
    return kept


def open_centred(folder: Path, card: dict[str, Any]) -> CentredReader:
    """The model in a folder, with its card.

    Raises:
        ModelError: a file is missing or damaged, or they do not fit together.
    """
    kind = str(card["kind"])
    path = folder / WEIGHTS
    try:
        shapes = tensor_shapes(path)
    except FileNotFoundError:
        raise ModelError(missing(path)) from None
    except (DamagedError, OSError) as problem:
        raise ModelError(f"`{path}` is truncated or damaged ({problem}). Restore it.") from None
    sizes: dict[str, int] = {"1": 1}
    for name, letters in _SHAPES[kind].items():
        shape = shapes.get(name)
        if shape is None or len(shape) != len(letters):
            raise ModelError(f"`{path}` lacks `{name}`, or it has another shape. Restore it.")
        expected = tuple(sizes.setdefault(s, n) for s, n in zip(letters, shape, strict=True))
        if shape != expected or 0 in shape:
            raise ModelError(f"`{path}`: {name} has shape {shape}, which does not fit the rest.")
    vocabulary = read_vocabulary(folder)
    if kind == SAE and sizes["m"] != len(vocabulary):
        raise ModelError(
            f"Model `{folder.name}` has {sizes['m']:,} latents but {len(vocabulary):,} names. "
            "Restore terms.json or model.safetensors."
        )
    mark = fingerprint(path, vocabulary.tokenizer_fingerprint)
    maker = SpliceModel if kind == SPLICE else SaeModel
    return maker(folder, card, vocabulary, mark, sizes)


def write_centred(
    folder: Path,
    kind: str,
    tensors: Mapping[str, np.ndarray],
    vocabulary: Vocabulary,
    card: Mapping[str, Any],
) -> None:
    """Tensors, vocabulary and card of such a model.

    Raises:
        DiskFullError: there is no room.
    """
    from safetensors.numpy import save_file

    check_room(sum(one.nbytes for one in tensors.values()), folder)
    arrays = {name: np.ascontiguousarray(one) for name, one in tensors.items()}
    save_file(arrays, folder / WEIGHTS)
    write_vocabulary(folder, vocabulary)
    sizes = {
        "kind": kind,
        "dense_size": len(tensors["image_mean"]),
        "vocabulary_size": len(vocabulary),
    }
    write_json(folder / CARD, {**card, **sizes})


def _read(folder: Path, names: list[str]) -> dict[str, np.ndarray]:
    path = folder / WEIGHTS
    try:
        return read_tensors(path, names)
    except FileNotFoundError:
        raise ModelError(missing(path)) from None
    except (DamagedError, OSError) as problem:
        raise ModelError(f"`{path}` is truncated or damaged ({problem}). Restore it.") from None
