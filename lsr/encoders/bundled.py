"""The bundled image–text dual encoder: drawn scenes and captions in one space.

A small convolutional network for pictures and a small transformer over a frozen table of
token vectors for texts. Its folder holds `config.json`, `model.safetensors` (half
precision; the token table as signed bytes with a scale per row) and `tokenizer.json`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import safetensors.numpy
from PIL import Image
from safetensors import SafetensorError
from tokenizers import Tokenizer

from lsr.encoders.bundled_config import EncoderConfig
from lsr.encoders.bundled_text import FewTexts
from lsr.encoders.inputs import no_words, rgb
from lsr.encoders.token_vectors import scaled
from lsr.exceptions import ModelError

if TYPE_CHECKING:
    from torch import nn

    from lsr.encoders.bundled_networks import ImageNetwork, TextNetwork

Network = TypeVar("Network", bound="nn.Module")

CONFIG_FILE = "config.json"
MODEL_FILE = "model.safetensors"
TOKENIZER_FILE = "tokenizer.json"
REMEDY = "Restore the folder from the repository or run `python -m lsr world build`."


# So many texts are encoded before torch would be loaded.
_FEW = 8


def picture_pixels(picture: Image.Image, side: int) -> np.ndarray:
    """The picture on white, stretched to a square, (side, side, 3) uint8.

    Raises:
        PictureError: the picture is empty or its file is damaged.
    """
    return np.asarray(rgb(picture).resize((side, side), Image.Resampling.BICUBIC))


class BundledEncoder:
    """Both networks with their weights, ready to encode; torch is loaded when it is needed."""

    name = "bundled"

    def __init__(
        self,
        config: EncoderConfig,
        tokenizer: Tokenizer,
        tensors: dict[str, np.ndarray],
        fingerprint: str,
    ) -> None:
        self.config = config
        self.dense_size = config.dense_size
        self.fingerprint = fingerprint
        self.token_vectors = scaled(tensors["token_codes"], tensors["token_scales"])
        self._tensors = {name: one for name, one in tensors.items() if name[:5] != "token"}
        self._few = FewTexts(config, tensors)
        self._tokenizer = tokenizer

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
        content = weights.read_bytes()
        try:
            tensors = safetensors.numpy.load(content)
        except SafetensorError as error:
            raise ModelError(f"`{weights}` is damaged ({error}). {REMEDY}") from error
        try:
            encoder = cls(config, tokenizer, tensors, hashlib.sha256(content).hexdigest())
        except (KeyError, ValueError) as error:
            raise ModelError(
                f"`{weights}` does not fit the sizes in `{CONFIG_FILE}`. {REMEDY}"
            ) from error
        n_vectors = len(encoder.token_vectors)
        if len({config.vocabulary_size, n_vectors, tokenizer.get_vocab_size()}) > 1:
            raise ModelError(
                f"`{folder}` has {n_vectors:,} token vectors, a tokenizer of "
                f"{tokenizer.get_vocab_size():,} entries and a configuration for "
                f"{config.vocabulary_size:,}. {REMEDY}"
            )
        return encoder

    @cached_property
    def _text_network(self) -> TextNetwork:
        from lsr.encoders.bundled_networks import TextNetwork

        return self._filled(TextNetwork(self.config), "text.")

    @cached_property
    def _image_network(self) -> ImageNetwork:
        from lsr.encoders.bundled_networks import ImageNetwork

        return self._filled(ImageNetwork(self.config), "image.")

    def _filled(self, network: Network, prefix: str) -> Network:
        """A network with its weights, ready to be used.

        Raises:
            ModelError: they do not fit.
        """
        import torch

        mine = {
            name.removeprefix(prefix): torch.from_numpy(tensor)
            for name, tensor in self._tensors.items()
            if name.startswith(prefix)
        }
        try:
            network.load_state_dict(mine)
        except RuntimeError as error:
            raise ModelError(
                f"`{MODEL_FILE}` of the bundled encoder does not fit the sizes in "
                f"`{CONFIG_FILE}`. {REMEDY}"
            ) from error
        return network.eval()

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
        if len(rows) <= _FEW:
            vectors = [self._few.vector(self.token_vectors[row]) for row in rows]
            return np.array(vectors, np.float32).reshape(-1, self.dense_size)
        return self._many(rows, batch_size)

    def _many(self, rows: list[list[int]], batch_size: int) -> np.ndarray:
        """(n, d) of texts by their token ids, texts of like length together."""
        import torch

        from lsr.encoders.bundled_networks import padded

        vectors = np.empty((len(rows), self.dense_size), dtype=np.float32)
        by_length = np.argsort([len(row) for row in rows], kind="stable")
        table = torch.from_numpy(self.token_vectors)
        with torch.inference_mode():
            for start in range(0, len(rows), batch_size):
                chosen = by_length[start : start + batch_size]
                ids, present = padded([rows[i] for i in chosen])
                vectors[chosen] = self._text_network(table[ids], present).numpy()
        return vectors

    def encode_images(self, images: Sequence[Image.Image], *, batch_size: int = 64) -> np.ndarray:
        """Unit vectors of pictures of any mode and size, (n, dense size) float32.

        Raises:
            PictureError: a picture is empty or its file is damaged.
        """
        import torch

        from lsr.encoders.bundled_networks import network_pictures

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
