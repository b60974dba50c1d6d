"""An encoder of two torch towers: device, precision, batches and unit norm.

A family of networks brings how pictures and texts enter it (`Towers`); all else is the same.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from lsr.encoders.inputs import no_words, rgb

Inputs = dict[str, Tensor]
Precision = Literal["auto", "float32", "bfloat16"]
LEAST_COSINE = 0.999
_WORKERS = min(16, os.cpu_count() or 1)
_AHEAD = 2  # batches prepared before the device asks for them; memory grows with it
_BATCHES = {"cpu": (16, 64), "cuda": (128, 512)}  # pictures, texts
_CHECK_TEXTS = (
    "a dog",
    "two men in red shirts play football on a wet field",
    "sunset over the sea, seen from a boat; nobody is there",
    "42 signs, a street at night and many people who wait for the bus in the rain of november",
)
_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


class PictureSteps(Protocol):
    """The way of a picture into the image tower, shared by threads and the device."""

    def prepare(self, picture: Image.Image) -> Inputs:
        """What a thread makes of an RGB picture: tensors with a first axis of 1, pixels uint8."""

    def finish(self, inputs: Inputs) -> Inputs:
        """What the device makes of a batch of these: what the tower reads, pixels float32."""


class Towers(Protocol):
    """What a family of dual encoders brings.

    network holds all weights; it is moved and rounded in place.
    steps: a faster way to what `picture_inputs` returns, or None.
    """

    network: nn.Module
    steps: PictureSteps | None

    def picture_inputs(self, picture: Image.Image) -> Inputs:
        """One RGB picture as the image tower reads it, each tensor with a first axis of 1."""

    def word_counts(self, texts: Sequence[str]) -> list[int]:
        """How many tokens of its own each text has; 0 where nothing is left to encode."""

    def text_inputs(self, texts: Sequence[str]) -> Inputs:
        """Texts as the text tower reads them."""

    def image_features(self, inputs: Inputs) -> Tensor:
        """(B, d), of any norm."""

    def text_features(self, inputs: Inputs) -> Tensor:
        """(B, d), of any norm."""


class TowerEncoder:
    """Towers with their weights, on the best device, ready to encode.

    device: `cuda` where there is a GPU, else `cpu`.
    precision: `bfloat16` where the hardware multiplies it natively and a check on four pictures
        and four texts, made when the encoder is loaded, keeps every cosine to float32 above
        LEAST_COSINE; else `float32`.
    least_cosine: what the check found; None where it was not made.

    Args:
        name: the spec, as collections store it.
        fingerprint: changes with the weights.
        precision: `auto`, or one that is used without a check.
    """

    def __init__(
        self, name: str, towers: Towers, fingerprint: str, precision: Precision = "auto"
    ) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.precision = "float32"
        self.least_cosine: float | None = None
        self._towers = towers
        self._network = towers.network.float().eval().to(self.device)
        # A network's first call takes ten times as long as the next: let it belong to loading.
        self.dense_size = self._encode_texts(["warm up"]).shape[1]
        if precision == "bfloat16" or (precision == "auto" and _has_bfloat16(self.device)):
            self._round(keep_any=precision == "bfloat16")

    def encode_texts(self, texts: Sequence[str], *, batch_size: int | None = None) -> np.ndarray:
        """Unit vectors of the texts, (n, dense size) float32, in the order given.

        A text beyond the encoder's longest length is cut there.

        Raises:
            QueryError: a text is empty or holds nothing that the tokenizer keeps.
        """
        size = batch_size or _BATCHES[self.device][1]
        vectors = np.empty((len(texts), self.dense_size), np.float32)
        if not len(texts):
            return vectors
        counts = self._towers.word_counts(texts)
        for text, count in zip(texts, counts, strict=True):
            if not count or not text.strip():  # some tokenizers keep blanks
                raise no_words(text)
        by_length = np.argsort(counts, kind="stable")
        for start in range(0, len(texts), size):
            chosen = by_length[start : start + size]
            vectors[chosen] = self._encode_texts([texts[i] for i in chosen])
        return vectors

    def encode_images(
        self, images: Sequence[Image.Image], *, batch_size: int | None = None
    ) -> np.ndarray:
        """Unit vectors of pictures of any mode and size, (n, dense size) float32.

        Pictures are resized on several threads while the batches before are computed.

        Raises:
            PictureError: a picture is empty or its file is damaged.
        """
        size = batch_size or _BATCHES[self.device][0]
        vectors = np.empty((len(images), self.dense_size), np.float32)
        batches = (images[start : start + size] for start in range(0, len(images), size))
        with ThreadPoolExecutor(_WORKERS) as pool:
            start = 0
            prepared = _ahead(pool, self._prepare_all, batches)
            # A GPU starts on one batch before the vectors of the last are asked of it.
            for features in _one_behind(map(self._encode_prepared, prepared)):
                vectors[start : start + len(features)] = features.cpu().numpy()
                start += len(features)
        return vectors

    def _prepare_all(self, pictures: Sequence[Image.Image]) -> Inputs:
        return _joined([self._prepare(picture) for picture in pictures])

    def _prepare(self, picture: Image.Image) -> Inputs:
        steps = self._towers.steps
        return (steps.prepare if steps else self._towers.picture_inputs)(rgb(picture))

    @torch.inference_mode()
    def _encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        inputs = self._rounded(self._placed(self._towers.text_inputs(texts)))
        vectors: np.ndarray = _unit(self._towers.text_features(inputs)).cpu().numpy()
        return vectors

    @torch.inference_mode()
    def _encode_prepared(self, prepared: Sequence[Inputs]) -> Tensor:
        """(B, d) on the device, which may still be computing them."""
        placed = self._placed(_joined(prepared))
        if self._towers.steps is not None:
            placed = self._towers.steps.finish(placed)
        return _unit(self._towers.image_features(self._rounded(placed)))

    def _placed(self, inputs: Inputs) -> Inputs:
        """Inputs on the device. A GPU fetches them from pinned memory while it computes."""
        if self.device == "cpu":
            return inputs
        return {
            name: tensor.pin_memory().to(self.device, non_blocking=True)
            for name, tensor in inputs.items()
        }

    def _rounded(self, inputs: Inputs) -> Inputs:
        """Inputs with real numbers in the precision of the weights."""
        kind = torch.bfloat16 if self.precision == "bfloat16" else torch.float32
        return {
            name: tensor.to(kind) if tensor.is_floating_point() else tensor
            for name, tensor in inputs.items()
        }

    def _round(self, *, keep_any: bool) -> None:
        """Round the weights to bfloat16, and back where that costs too much."""
        pictures = [self._prepare(picture) for picture in _check_pictures()]
        exact = self._checked_vectors(pictures)
        weights = self._network.state_dict()
        self._network.to(torch.bfloat16)
        self.precision = "bfloat16"
        rounded = self._checked_vectors(pictures)
        self.least_cosine = float(
            min((one * other).sum(axis=1).min() for one, other in zip(exact, rounded, strict=True))
        )
        if not keep_any and not self.least_cosine > LEAST_COSINE:
            self._network.float()
            self._network.load_state_dict(weights)
            self.precision = "float32"

    def _checked_vectors(self, pictures: Sequence[Inputs]) -> tuple[np.ndarray, np.ndarray]:
        return self._encode_prepared(pictures).cpu().numpy(), self._encode_texts(_CHECK_TEXTS)


def _unit(features: Tensor) -> Tensor:
    return functional.normalize(features.float(), dim=-1)


def _has_bfloat16(device: str) -> bool:
    """Whether the hardware multiplies bfloat16 itself; elsewhere it is slower than float32."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _check_pictures() -> list[Image.Image]:
    """Four pictures with detail at four scales."""
    rng = np.random.default_rng(0)
    noise = (rng.integers(0, 256, (side, side, 3), np.uint8) for side in (2, 7, 28, 224))
    return [Image.fromarray(one).resize((224, 224), Image.Resampling.BICUBIC) for one in noise]


def _joined(parts: Sequence[Inputs]) -> Inputs:
    return {name: torch.cat([one[name] for one in parts]) for name in parts[0]}


def _ahead(
    pool: ThreadPoolExecutor,
    function: Callable[[Sequence[_Given]], _Made],
    batches: Iterator[Sequence[_Given]],
) -> Iterator[list[_Made]]:
    """The results of each batch's parts, while the next _AHEAD batches are already worked on.

    A part for each thread: threads that meet after every picture wait for each other.
    """

    def submitted(batch: Sequence[_Given]) -> Iterator[_Made]:
        size = -(-len(batch) // _WORKERS)
        return pool.map(function, [batch[i : i + size] for i in range(0, len(batch), size)])

    running = deque(submitted(batch) for batch in islice(batches, 1 + _AHEAD))
    while running:
        yield list(running.popleft())
        running.extend(submitted(batch) for batch in islice(batches, 1))


def _one_behind(items: Iterable[_Made]) -> Iterator[_Made]:
    """Each item once the next has been made."""
    waiting: deque[_Made] = deque()
    for item in items:
        waiting.append(item)
        if len(waiting) > 1:
            yield waiting.popleft()
    yield from waiting
