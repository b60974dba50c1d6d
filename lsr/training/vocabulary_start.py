"""What the vocabulary weights of a head start from, before training.

The paper starts LayerNorm and W2 from DistilBERT's masked-language-model head (arXiv 2402.17535).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch.nn import functional

from lsr.encoders.bundled import BundledEncoder
from lsr.exceptions import ModelError, UnknownNameError, shorten
from lsr.model.projection import Projection
from lsr.model.vocabulary import Vocabulary
from lsr.storage.files import missing, read_array
from lsr.storage.hub import Source, locate, pickled
from lsr.storage.places import BUNDLED_ENCODER

LEXICAL = "lexical"
"""A whole head, computed from the training pairs in closed form: see `lexical_head`."""
_FILES = {"model": ("model.safetensors", "tokenizer.json", "vocab.txt")}
# Under which names a head keeps its parts; the first name that is there counts. Without a matrix
# of its own it shares that of the input embeddings. `gamma` and `beta` are the oldest names.
_HEADS: dict[str, dict[str, tuple[str, ...]]] = {
    "DistilBERT": {
        "weight": ("vocab_projector.weight", "distilbert.embeddings.word_embeddings.weight"),
        "bias": ("vocab_projector.bias",),
        "scale": ("vocab_layer_norm.weight",),
        "shift": ("vocab_layer_norm.bias",),
    },
    "BERT": {
        "weight": ("cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"),
        "bias": ("cls.predictions.decoder.bias", "cls.predictions.bias"),
        "scale": (
            "cls.predictions.transform.LayerNorm.weight",
            "cls.predictions.transform.LayerNorm.gamma",
        ),
        "shift": (
            "cls.predictions.transform.LayerNorm.bias",
            "cls.predictions.transform.LayerNorm.beta",
        ),
    },
}


@dataclass(frozen=True)
class VocabularyStart:
    """Weights that a new head starts from; None leaves what the head has.

    name: for training.json. weight (V, e), bias (V,), layer_norm ((e,), (e,)): float32.
    whole: a whole masked-language-model head, which fits only a hidden size of e; otherwise
        static token vectors, strongest components first, which fill the first columns.
    """

    name: str
    weight: np.ndarray | None = None
    bias: np.ndarray | None = None
    layer_norm: tuple[np.ndarray, np.ndarray] | None = None
    whole: bool = False


def load_start(source: str, vocabulary: Vocabulary) -> VocabularyStart:
    """The start that `source` names, checked against the vocabulary.

    Args:
        source: `bundled`, the token vectors of the bundled encoder; `random`, or `lexical`, which
            comes from the pairs and not from here; a folder or hub
            name of a DistilBERT or BERT masked-language model, or a folder of a bundled
            encoder; or a table of token vectors (V, e), `.npy` or `.safetensors`.

    Raises:
        ModelError: a file is missing, damaged or of another layout, or belongs to another
            vocabulary.
        UnknownNameError: neither a folder nor a repository.
        InputError: the hub cannot be reached.
    """
    if source in ("random", LEXICAL):
        return VocabularyStart(source)
    if source == "bundled":
        return _bundled(Source(BUNDLED_ENCODER, "bundled"), vocabulary)
    path = Path(source)
    if path.suffix in (".npy", ".safetensors") and not path.is_dir():
        return _table(path, vocabulary)
    try:
        return _head(locate(source, _FILES), vocabulary)
    except UnknownNameError as problem:
        raise UnknownNameError(f"{problem} Or use `bundled`, `lexical` or `random`.") from None


def apply(head: Projection, start: VocabularyStart) -> None:
    """Fill the vocabulary weights of `head` in place.

    Rows of a table are cut to the hidden size and brought to unit norm; its bias becomes 0 and
    columns beyond the table stay as they are.

    Raises:
        ModelError: vocabulary or hidden size do not fit.
    """
    if start.weight is None:
        return
    terms, size = start.weight.shape
    if terms != head.vocabulary_size:
        raise ModelError(
            f"`{start.name}` has weights of {terms:,} terms, but the head weighs "
            f"{head.vocabulary_size:,}. Use a start of the same vocabulary."
        )
    if start.whole and size != head.hidden_size:
        raise ModelError(
            f"The head of `{start.name}` has hidden size {size}, but the new one {head.hidden_size}"
            f". Use --hidden-size {size}, or start from a table of token vectors."
        )
    weight = torch.from_numpy(np.array(start.weight[:, : head.hidden_size], np.float32))
    with torch.no_grad():
        head.vocab_projector.bias.zero_()
        if not start.whole:
            weight = functional.normalize(weight, dim=1)
        head.vocab_projector.weight[:, : weight.shape[1]] = weight
        if start.bias is not None:
            head.vocab_projector.bias.copy_(torch.from_numpy(start.bias))
        if start.layer_norm is not None:
            scale, shift = map(torch.from_numpy, start.layer_norm)
            head.vocab_layer_norm.weight.copy_(scale)
            head.vocab_layer_norm.bias.copy_(shift)


def _bundled(source: Source, vocabulary: Vocabulary) -> VocabularyStart:
    encoder = BundledEncoder.load(source.folder)
    _check_terms(source, vocabulary)
    return VocabularyStart(f"{source.name} token vectors", encoder.token_vectors)


def _table(path: Path, vocabulary: Vocabulary) -> VocabularyStart:
    if path.suffix == ".npy":
        weight = np.asarray(read_array(path, ModelError))
    else:
        tensors = _tensors(path)
        if len(tensors) != 1:
            raise ModelError(
                f"`{path.name}` holds {len(tensors):,} tensors, not one table of token vectors. "
                "For a whole model give its folder."
            )
        weight = next(iter(tensors.values()))
    if weight.ndim != 2 or weight.dtype.kind not in "fiu":
        raise ModelError(
            f"`{path.name}` holds an array {weight.shape} of {weight.dtype}, not a table "
            f"({len(vocabulary):,}, size) of numbers. Store one row of numbers a term."
        )
    return _checked(VocabularyStart(path.name, weight.astype(np.float32)), vocabulary)


def _head(source: Source, vocabulary: Vocabulary) -> VocabularyStart:
    path = source.folder / "model.safetensors"
    if not path.is_file():
        remedy = pickled(source.folder) or "Give the folder of a masked-language model."
        raise ModelError(f"`{source.name}` holds no model.safetensors. {remedy}")
    there = _names(path)
    if "token_codes" in there:
        return _bundled(source, vocabulary)
    names = _head_names(source, there)
    _check_terms(source, vocabulary)
    tensors = _tensors(path, names)
    weight, bias, scale, shift = (tensors[name] for name in names)
    if bias.shape != weight.shape[:1] or not scale.shape == shift.shape == weight.shape[1:]:
        shapes = ", ".join(f"{name} {tensor.shape}" for name, tensor in tensors.items())
        raise ModelError(f"The head of `{source.name}` does not fit together ({shapes}).")
    start = VocabularyStart(source.name, weight, bias, (scale, shift), whole=True)
    return _checked(start, vocabulary)


def _head_names(source: Source, there: set[str]) -> list[str]:
    """The names of weight, bias, scale and shift among those that are there."""
    for parts in _HEADS.values():
        chosen = [next((n for n in names if n in there), "") for names in parts.values()]
        if all(chosen):
            return chosen
    expected = " or ".join(
        f"{kind}'s {', '.join(names[0] for names in parts.values())}"
        for kind, parts in _HEADS.items()
    )
    raise ModelError(
        f"`{source.name}` holds {len(there):,} tensors but no whole masked-language-model head. "
        f"Give a model with {expected}."
    )


def _names(path: Path) -> set[str]:
    try:
        with safe_open(path, framework="pt") as file:
            return set(file.keys())
    except FileNotFoundError:
        raise ModelError(missing(path)) from None
    except (SafetensorError, OSError) as problem:
        raise ModelError(
            f"`{path.name}` is truncated or damaged ({problem}). Restore it."
        ) from None


def _tensors(path: Path, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """The named tensors in that order, or all of them, float32."""
    wanted = sorted(_names(path)) if names is None else names
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name).float().numpy() for name in wanted}


def _check_terms(source: Source, vocabulary: Vocabulary) -> None:
    """Refuse a folder whose tokenizer numbers other terms; without one, the count must do."""
    tokenizer, listed = (source.folder / name for name in ("tokenizer.json", "vocab.txt"))
    if tokenizer.is_file():
        terms = Vocabulary.load(tokenizer).terms
    elif listed.is_file():
        # Not splitlines: a vocabulary holds other marks that end a line.
        terms = listed.read_text("utf-8").removesuffix("\n").split("\n")
    else:
        return
    if len(terms) != len(vocabulary):
        raise ModelError(
            f"`{source.name}` has a vocabulary of {len(terms):,} terms, not {len(vocabulary):,}. "
            "Use a start of the same vocabulary."
        )
    for number, (there, here) in enumerate(zip(terms, vocabulary.terms, strict=True)):
        if there != here:
            raise ModelError(
                f"`{source.name}` has another vocabulary of {len(terms):,} terms: term {number:,} "
                f"is `{shorten(there)}` there but `{shorten(here)}` here. Use a start of the same "
                "vocabulary."
            )


def _checked(start: VocabularyStart, vocabulary: Vocabulary) -> VocabularyStart:
    """`start`, when it has a finite row for every term."""
    weight = np.zeros((0, 0), np.float32) if start.weight is None else start.weight
    if len(weight) != len(vocabulary):
        raise ModelError(
            f"`{start.name}` has {len(weight):,} rows for a vocabulary of {len(vocabulary):,} "
            "terms. Use a start of the same vocabulary."
        )
    parts = [weight, *([] if start.bias is None else [start.bias]), *(start.layer_norm or ())]
    wrong = sum(int((~np.isfinite(part)).sum()) for part in parts)
    if wrong:
        raise ModelError(
            f"`{start.name}` holds {wrong:,} numbers that are NaN or infinite. Restore it."
        )
    return start
