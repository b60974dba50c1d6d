"""Models on disk: a projection head, its vocabulary and how it was trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from lsr.exceptions import ModelError
from lsr.model.projection import Projection
from lsr.model.vocabulary import Vocabulary
from lsr.storage.files import fingerprint, missing, read_json, replacing_folder, write_json

_SHAPES = {
    "proj.weight": "hd",
    "proj.bias": "h",
    "vocab_layer_norm.weight": "h",
    "vocab_layer_norm.bias": "h",
    "vocab_projector.weight": "Vh",
    "vocab_projector.bias": "V",
}


@dataclass(frozen=True)
class Model:
    """A trained head with the vocabulary that its columns number."""

    folder: Path
    card: dict[str, Any]
    head: Projection
    vocabulary: Vocabulary
    fingerprint: str

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def title(self) -> str:
        return str(self.card.get("title", self.name))

    @property
    def encoder(self) -> str:
        return str(self.card["encoder"])


def load_head(folder: Path) -> Projection:
    """The head in `model.safetensors`, float32, ours or in the authors' published layout.

    The sizes are read from the tensors, so no class of the authors is needed.

    Raises:
        ModelError: the file is missing or truncated, or its tensors do not fit together.
    """
    path = folder / "model.safetensors"
    if not path.is_file():
        raise ModelError(missing(path))
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as problem:
        raise ModelError(f"`{path}` is truncated or damaged ({problem}). Restore it.") from None
    if absent := sorted(_SHAPES.keys() - tensors.keys()):
        raise ModelError(f"`{path}` lacks {', '.join(absent)}: it is no Dense2Sparse head.")
    sizes: dict[str, int] = {}
    for name, letters in _SHAPES.items():
        shape = tuple(tensors[name].shape)
        expected = tuple(sizes.setdefault(s, n) for s, n in zip(letters, shape, strict=False))
        if len(shape) != len(letters) or shape != expected:
            raise ModelError(f"`{path}`: {name} has shape {shape}, which does not fit the rest.")
    head = Projection(sizes["d"], sizes["h"], sizes["V"])
    head.load_state_dict({name: tensors[name].float() for name in _SHAPES})
    return head.eval()


def load_model(folder: Path) -> Model:
    """The model in `folder`.

    Raises:
        ModelError: a file is missing or damaged, or head and vocabulary differ in size.
    """
    card = read_json(folder / "config.json", ModelError)
    if "encoder" not in card:
        raise ModelError(f"`{folder / 'config.json'}` does not name its encoder. Add `encoder`.")
    head = load_head(folder)
    vocabulary = Vocabulary.load(folder / "tokenizer.json")
    if head.vocabulary_size != len(vocabulary):
        raise ModelError(
            f"Model `{folder.name}` weighs {head.vocabulary_size:,} terms but its vocabulary has "
            f"{len(vocabulary):,}. Restore tokenizer.json or model.safetensors."
        )
    mark = fingerprint(folder / "model.safetensors", vocabulary.fingerprint)
    return Model(folder, card, head, vocabulary, mark)


def save_model(
    folder: Path,
    head: Projection,
    vocabulary: Vocabulary,
    *,
    card: Mapping[str, Any],
    training: Mapping[str, Any],
    metrics: Mapping[str, Any],
    precision: torch.dtype = torch.float32,
) -> Model:
    """Write a model folder whole, then read it back.

    Args:
        card: `title`, `encoder`, and what else config.json should say; sizes are added.
        precision: of the weights on disk; float16 halves the file.
    """
    with replacing_folder(folder) as temporary:
        tensors = {
            name: tensor.detach().to("cpu", precision).contiguous()
            for name, tensor in head.state_dict().items()
        }
        save_file(tensors, temporary / "model.safetensors")
        vocabulary.save(temporary / "tokenizer.json")
        sizes = {
            "model_type": "d2s",
            "dense_size": head.dense_size,
            "hidden_size": head.hidden_size,
            "vocabulary_size": head.vocabulary_size,
        }
        write_json(temporary / "config.json", {**card, **sizes})
        write_json(temporary / "training.json", dict(training))
        write_json(temporary / "metrics.json", dict(metrics))
        load_model(temporary)
    return load_model(folder)
