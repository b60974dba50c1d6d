"""The bundled image–text dual encoder: drawn scenes and captions in one space.

A small convolutional network for pictures and a small transformer over a frozen table of
token vectors for texts. Its folder holds `config.json`, `model.safetensors` (half
precision; the token table as signed bytes with a scale per row) and `tokenizer.json`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor

from lsr.encoders.bundled_networks import EncoderConfig, ImageNetwork, TextNetwork
from lsr.encoders.inputs import no_words, rgb
from lsr.exceptions import ModelError

CONFIG_FILE = "config.json"
MODEL_FILE = "model.safetensors"
TOKENIZER_FILE = "tokenizer.json"
REMEDY = "Restore the folder from the repository or run `python -m lsr world build`."


def padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Token ids (B, T) int64 padded with 0, and the mask of present tokens (B, T) bool."""
    lengths = torch.tensor([len(row) for row in rows])
    present = torch.arange(int(lengths.max())) < lengths[:, None]
    ids = torch.zeros(present.shape, dtype=torch.int64)
    ids[present] = torch.tensor([token for row in rows for token in row])
    return ids, present


def picture_pixels(picture: Image.Image, side: int) -> np.ndarray:
    """The picture on white, stretched to a square, (side, side, 3) uint8.

    Raises:
        PictureError: the picture is empty or its file is damaged.
    """
    return np.asarray(rgb(picture).resize((side, side), Image.Resampling.BICUBIC))


def network_pictures(pixels: Tensor) -> Tensor:
    """Pixels (B, side, side, 3) uint8 as what the image network reads, (B, 3, side, side)."""
    return pixels.permute(0, 3, 1, 2).float() / 255


class BundledEncoder:
    """Both networks with their weights, ready to encode."""

    name = "bundled"

    def __init__(
        self,
        config: EncoderConfig,
        tokenizer: Tokenizer,
        token_vectors: np.ndarray,
        networks: tuple[ImageNetwork, TextNetwork],
        fingerprint: str,
    ) -> None:
        self.config = config
        self.dense_size = config.dense_size
        self.fingerprint = fingerprint
        self.token_vectors = token_vectors
        self._table = torch.from_numpy(token_vectors)
        self._tokenizer = tokenizer
        self._image_network, self._text_network = (network.eval() for network in networks)

    @classmethod
    def load(cls, folder: Path) -> BundledEncoder:
        """The encoder in `folder`, its weights turned to single precision.

        Raises:
            ModelError: a file is missing or truncated, or does not fit the others.
        """
        for file in (CONFIG_FILE, MODEL_FILE, TOKENIZER_FILE):
            if not (folder / file).is_file():
                raise ModelError(f"The encoder folder `{folder}` has no `{file}`. {REMEDY}")
        config = _config(folder / CONFIG_FILE)
        tokenizer = _tokenizer(folder / TOKENIZER_FILE, config)
        weights = folder / MODEL_FILE
        try:
            tensors = load_file(weights)
        except SafetensorError as error:
            raise ModelError(f"`{weights}` is damaged ({error}). {REMEDY}") from error
        try:
            token_vectors = (
                tensors["token_codes"].float() * tensors["token_scales"].float()[:, None]
            )
            networks = ImageNetwork(config), TextNetwork(config)
            for network, prefix in zip(networks, ("image.", "text."), strict=True):
                network.load_state_dict(_under(prefix, tensors))
        except (KeyError, RuntimeError) as error:
            raise ModelError(
                f"`{weights}` does not fit the sizes in `{CONFIG_FILE}`. {REMEDY}"
            ) from error
        sizes = {config.vocabulary_size, len(token_vectors), tokenizer.get_vocab_size()}
        if len(sizes) > 1:
            raise ModelError(
                f"`{folder}` has {len(token_vectors):,} token vectors, a tokenizer of "
                f"{tokenizer.get_vocab_size():,} entries and a configuration for "
                f"{config.vocabulary_size:,}. {REMEDY}"
            )
        with weights.open("rb") as opened:
            fingerprint = hashlib.file_digest(opened, "sha256").hexdigest()
        return cls(config, tokenizer, token_vectors.numpy(), networks, fingerprint)

    def encode_texts(self, texts: Sequence[str], *, batch_size: int = 256) -> np.ndarray:
        """Unit vectors of the texts, (n, dense size) float32, in the order given.

        Raises:
            QueryError: a text is empty or holds nothing that the tokenizer keeps.
        """
        rows = [
            encoding.ids
            for encoding in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        ]
        for text, row in zip(texts, rows, strict=True):
            if not row:
                raise no_words(text)
        vectors = np.empty((len(rows), self.dense_size), dtype=np.float32)
        by_length = np.argsort([len(row) for row in rows], kind="stable")
        with torch.inference_mode():
            for start in range(0, len(rows), batch_size):
                chosen = by_length[start : start + batch_size]
                ids, present = padded([rows[i] for i in chosen])
                vectors[chosen] = self._text_network(self._table[ids], present).numpy()
        return vectors

    def encode_images(self, images: Sequence[Image.Image], *, batch_size: int = 64) -> np.ndarray:
        """Unit vectors of pictures of any mode and size, (n, dense size) float32.

        Raises:
            PictureError: a picture is empty or its file is damaged.
        """
        vectors = np.empty((len(images), self.dense_size), dtype=np.float32)
        side = self.config.picture_size
        with torch.inference_mode():
            for start in range(0, len(images), batch_size):
                batch = images[start : start + batch_size]
                pixels = np.stack([picture_pixels(picture, side) for picture in batch])
                vectors[start : start + len(batch)] = self._image_network(
                    network_pictures(torch.from_numpy(pixels))
                ).numpy()
        return vectors


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names start with the prefix, without it."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _config(path: Path) -> EncoderConfig:
    """The sizes in `config.json`."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        values["channels"] = tuple(values["channels"])
        return EncoderConfig(**values)
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f"`{path}` is not an encoder's configuration. {REMEDY}") from error


def _tokenizer(path: Path, config: EncoderConfig) -> Tokenizer:
    """The tokenizer, cutting at the encoder's longest text and never padding."""
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the tokenizers package raises nothing more precise
        raise ModelError(f"`{path}` is not a tokenizer. {REMEDY}") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(config.max_tokens)
    return tokenizer
