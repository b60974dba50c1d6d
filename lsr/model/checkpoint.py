"""The kind of the paper: a projection head over dense vectors, with its vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from safetensors import SafetensorError, safe_open

from lsr.exceptions import ModelError
from lsr.model.card import CARD, read_card
from lsr.model.expansion import without_weak
from lsr.model.expansion_thresholds import ExpansionThresholds
from lsr.model.few_vectors import FewWeights, project_few
from lsr.model.fit import VectorKind
from lsr.model.protocol import DenseReader, Items, dense_mark
from lsr.model.vocabulary import Vocabulary
from lsr.storage.files import fingerprint, missing, write_json
from lsr.storage.folders import read_one_version, replacing_folder
from lsr.storage.room import check_room

if TYPE_CHECKING:  # torch takes a second to load, and a list of models needs none of it
    import torch

    from lsr.model.projection import Projection

WEIGHTS = "model.safetensors"
# So many vectors are projected before torch would be loaded.
_FEW = 8
_SHAPES = {
    "proj.weight": "hd",
    "proj.bias": "h",
    "vocab_layer_norm.weight": "h",
    "vocab_layer_norm.bias": "h",
    "vocab_projector.weight": "Vh",
    "vocab_projector.bias": "V",
}


class HeadSizes(NamedTuple):
    """Sizes of a head: dense vectors, hidden vectors, terms."""

    dense_size: int
    hidden_size: int
    vocabulary_size: int


@dataclass(frozen=True)
class ProjectionModel(DenseReader):
    """A trained head with the vocabulary that its columns number.

    The weights are read when `head` or `project` first needs them.

    identity: of the file with the weights. head_mark: fingerprint of head and vocabulary alone.
    thresholds: for the terms that texts add; None where all of them count. least: (V,) the same by
    term.
    """

    kind = "projection"

    sizes: HeadSizes
    identity: tuple[int, ...]
    head_mark: str
    thresholds: ExpansionThresholds | None
    least: np.ndarray | None

    @property
    def encoder(self) -> str:
        return str(self.card["encoder"])

    @property
    def reads(self) -> VectorKind:
        return VectorKind(self.encoder, self.sizes.dense_size)

    @property
    def hidden_size(self) -> int:
        return self.sizes.hidden_size

    @cached_property
    def weights(self) -> dict[str, np.ndarray]:
        """The head's tensors as float32, by their published names; `head` shares their memory.

        Raises:
            ModelError: their file is no longer the one that the model was opened with.
        """
        weights = _read_weights(self.folder)
        if _identity(self.folder) != self.identity:
            raise ModelError(
                f"The files of model `{self.name}` were replaced while it was in use. Open it "
                "again."
            )
        return weights

    @cached_property
    def head(self) -> Projection:
        """The head, in evaluation mode.

        Raises:
            ModelError: as `weights`.
        """
        return _head(self.sizes, self.weights)

    @cached_property
    def _few(self) -> FewWeights:
        return FewWeights.of(self.weights)

    def sparse(self, items: Items) -> sp.csr_matrix:
        found = super().sparse(items)
        if self.least is None or items.are_pictures:
            return found
        if len(items.texts) != found.shape[0]:
            raise ValueError(f"{found.shape[0]:,} vectors of texts, but {len(items.texts):,} texts")
        return without_weak(found, self.vocabulary.literal_matrix(items.texts), self.least)

    def mark(self, items: Items) -> str | None:
        if items.are_pictures:  # which no threshold touches
            return dense_mark(self.head_mark, items.dense)
        found = dense_mark(self.fingerprint, items.dense)
        if self.thresholds is None:
            return found
        return fingerprint(found, self.vocabulary.tokenizer_fingerprint, *items.texts)

    def project(self, dense: np.ndarray) -> sp.csr_matrix:
        """Sparse vectors (n, V) float32 csr of dense vectors (n, d), thresholds left out."""
        if len(dense) <= _FEW:
            return project_few(self._few, dense)
        from lsr.model.projection import project

        return project(self.head, dense)

    def before_threshold(self, dense: np.ndarray) -> np.ndarray:
        """(n, V) float32 logits of dense vectors (n, d), NaN at terms switched off for good."""
        from lsr.model.projection import logits

        return logits(self.head, dense)


def head_sizes(folder: Path) -> HeadSizes:
    """The sizes of the head in `model.safetensors`, ours or in the authors' published layout.

    They are read from the file's header, so no class of the authors is needed, nor any weight.

    Raises:
        ModelError: the file is missing or truncated, or its tensors do not fit together.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise ModelError(missing(path))
    try:
        with safe_open(path, "numpy") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as problem:
        raise ModelError(f"`{path}` is truncated or damaged ({problem}). Restore it.") from None
    if absent := sorted(_SHAPES.keys() - shapes.keys()):
        raise ModelError(f"`{path}` lacks {', '.join(absent)}: it is no Dense2Sparse head.")
    sizes: dict[str, int] = {}
    for name, letters in _SHAPES.items():
        shape = shapes[name]
        expected = tuple(sizes.setdefault(s, n) for s, n in zip(letters, shape, strict=False))
        if len(shape) != len(letters) or shape != expected:
            raise ModelError(f"`{path}`: {name} has shape {shape}, which does not fit the rest.")
    return HeadSizes(sizes["d"], sizes["h"], sizes["V"])


def load_head(folder: Path) -> Projection:
    """The head in `model.safetensors`, float32, ours or in the authors' published layout.

    Raises:
        ModelError: the file is missing or truncated, or its tensors do not fit together.
    """
    return _head(head_sizes(folder), _read_weights(folder))


def _head(sizes: HeadSizes, weights: Mapping[str, np.ndarray]) -> Projection:
    """A head over weights, whose memory it shares."""
    import torch

    from lsr.model.projection import Projection

    with torch.device("meta"):
        head = Projection(*sizes)
    tensors = {name: torch.from_numpy(weights[name]) for name in _SHAPES}
    head.load_state_dict(tensors, assign=True)
    return head.eval()


def _read_weights(folder: Path) -> dict[str, np.ndarray]:
    """The tensors of a head as float32, by their published names.

    Raises:
        ModelError: the file is missing or truncated.
    """
    path = folder / WEIGHTS
    try:
        with safe_open(path, "numpy") as file:
            kinds = {file.get_slice(name).get_dtype() for name in _SHAPES}
            if "BF16" not in kinds:  # which numpy does not have
                return {name: np.array(file.get_tensor(name), np.float32) for name in _SHAPES}
        from safetensors.torch import load_file

        tensors = load_file(path)
        return {name: tensors[name].float().numpy() for name in _SHAPES}
    except FileNotFoundError:
        raise ModelError(missing(path)) from None
    except (SafetensorError, OSError) as problem:
        raise ModelError(f"`{path}` is truncated or damaged ({problem}). Restore it.") from None


def open_projection(folder: Path, card: dict[str, Any]) -> ProjectionModel:
    """The head in a model's folder, with its card.

    Raises:
        ModelError: a file is missing or damaged, or head and vocabulary differ in size.
    """
    sizes = head_sizes(folder)
    vocabulary = Vocabulary.load(folder / "tokenizer.json")
    if sizes.vocabulary_size != len(vocabulary):
        raise ModelError(
            f"Model `{folder.name}` weighs {sizes.vocabulary_size:,} terms but its vocabulary has "
            f"{len(vocabulary):,}. Restore tokenizer.json or model.safetensors."
        )
    identity = _identity(folder)
    head_mark = mark = fingerprint(folder / WEIGHTS, vocabulary.fingerprint)
    thresholds, least = ExpansionThresholds.from_card(folder, card), None
    if thresholds is not None:
        mark, least = fingerprint(head_mark, repr(thresholds)), thresholds.by_term(vocabulary)
    return ProjectionModel(
        folder, card, vocabulary, mark, sizes, identity, head_mark, thresholds, least
    )


def _identity(folder: Path) -> tuple[int, ...]:
    """Changes when the file with the weights is replaced or written to; empty where it is gone."""
    try:
        state = (folder / WEIGHTS).stat()
    except OSError:
        return ()
    return state.st_ino, state.st_mtime_ns, state.st_size


def save_model(
    folder: Path,
    head: Projection,
    vocabulary: Vocabulary,
    *,
    card: Mapping[str, Any],
    training: Mapping[str, Any],
    metrics: Mapping[str, Any],
    precision: torch.dtype | None = None,
) -> ProjectionModel:
    """Write a model folder whole, then read it back.

    Args:
        card: `title`, `encoder`, and what else config.json should say; sizes are added.
        precision: of the weights on disk, float32 where None; float16 halves the file.

    Raises:
        DiskFullError: there is no room.
        InputError: another process is writing the folder.
    """
    import torch
    from safetensors.torch import save_file

    with replacing_folder(folder) as temporary:
        tensors = {
            name: tensor.detach().to("cpu", precision or torch.float32).contiguous()
            for name, tensor in head.state_dict().items()
        }
        check_room(sum(one.nbytes for one in tensors.values()), folder)
        save_file(tensors, temporary / WEIGHTS)
        vocabulary.save(temporary / "tokenizer.json")
        sizes = {
            "model_type": "d2s",
            "dense_size": head.dense_size,
            "hidden_size": head.hidden_size,
            "vocabulary_size": head.vocabulary_size,
        }
        write_json(temporary / CARD, {**card, **sizes})
        write_json(temporary / "training.json", dict(training))
        write_json(temporary / "metrics.json", dict(metrics))
        open_projection(temporary, read_card(temporary))
    return read_one_version(folder, lambda: open_projection(folder, read_card(folder)))
