"""Encoders of the user's own: any object with `encode_texts`, and mostly `encode_images`."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lsr.encoders.inputs import no_words, rgb
from lsr.encoders.unit_vectors import unit_vectors
from lsr.exceptions import EncoderError, InputError, LexiscopeError, shorten
from lsr.storage.files import fingerprint
from lsr.storage.places import check_name, home

_PROBE_TEXTS = ("a dog", "two red cars at night")
_BATCHES = {"texts": 256, "pictures": 64}


class OwnEncoder:
    """An object of the user's behind the checks that all encoders pass; see `from_callable`.

    texts_only: it has no `encode_images`.
    """

    def __init__(self, name: str, encoder: Any) -> None:
        self.name = name
        self.dense_size = 0  # until the first answer says it
        self.texts_only = not callable(getattr(encoder, "encode_images", None))
        self._encoder = encoder
        if not callable(getattr(encoder, "encode_texts", None)):
            raise EncoderError(
                f"Encoder `{name}`, a {type(encoder).__name__}, has no method encode_texts. Give "
                "an object with encode_texts(list) that returns one vector each."
            )
        probed = [self.encode_texts(_PROBE_TEXTS)]
        if not self.texts_only:
            probed.append(self.encode_images(_probe_pictures()))
        own_mark = getattr(encoder, "fingerprint", None)
        # Rounded, so that the last digits of another machine do not count as other weights.
        seen = np.round(np.concatenate(probed), 3) + 0.0
        self.fingerprint = str(own_mark) if own_mark is not None else fingerprint(name, seen)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors of the texts, (n, dense size) float32, in the order given.

        Raises:
            QueryError: a text is empty.
            EncoderError: the object failed or answered with something else than n vectors.
        """
        for text in texts:
            if not text.strip():
                raise no_words(text)
        return self._encoded(self._encoder.encode_texts, list(texts), "texts")

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Unit vectors of pictures, (n, dense size) float32; the object gets them in RGB.

        Raises:
            PictureError: a picture is empty or its file is damaged.
            EncoderError: the object encodes texts only, failed, or answered with something else
                than n vectors.
        """
        if self.texts_only:
            raise EncoderError(
                f"Encoder `{self.name}` encodes texts only: it has no method encode_images. Search "
                "with words, or use another encoder."
            )
        return self._encoded(self._encoder.encode_images, images, "pictures")

    def _encoded(
        self, encode: Callable[[list[Any]], Any], given: Sequence[Any], noun: str
    ) -> np.ndarray:
        rows = [np.empty((0, self.dense_size), np.float32)]
        for start in range(0, len(given), _BATCHES[noun]):
            batch = list(given[start : start + _BATCHES[noun]])
            if noun == "pictures":
                batch = [rgb(picture) for picture in batch]
            answer = self._asked(encode, batch, noun)
            self.dense_size = self.dense_size or answer.shape[1]
            rows.append(self._checked(answer, len(batch), noun))
        return np.concatenate(rows[1:] or rows)

    def _asked(self, encode: Callable[[list[Any]], Any], batch: list[Any], noun: str) -> np.ndarray:
        try:
            answer = encode(batch)
            if hasattr(
                answer, "detach"
            ):  # a torch tensor, which may need gradients or lie on a GPU
                answer = answer.detach().double().cpu()
            vectors = np.asarray(answer, np.float64)
        except LexiscopeError:
            raise
        except Exception as problem:  # code of the user's can raise anything
            raise EncoderError(
                f"Encoder `{self.name}` failed on {len(batch):,} {noun} "
                f"({type(problem).__name__}: {shorten(str(problem), 160)}). Mend its code."
            ) from problem
        if vectors.ndim != 2 or not vectors.shape[-1]:
            raise EncoderError(
                f"Encoder `{self.name}` answered {len(batch):,} {noun} with an array of shape "
                f"{vectors.shape}. Return ({len(batch):,}, size), one row each."
            )
        return vectors

    def _checked(self, vectors: np.ndarray, n: int, noun: str) -> np.ndarray:
        """The vectors brought to unit norm, when there is one of the right size for each."""
        if vectors.shape != (n, self.dense_size):
            raise EncoderError(
                f"Encoder `{self.name}` answered {n:,} {noun} with vectors of shape "
                f"{vectors.shape}, not ({n:,}, {self.dense_size:,}). Texts and pictures need "
                "vectors of one size, one each."
            )
        unit, norms = unit_vectors(vectors, tolerance=0.0)
        wrong = ~np.isfinite(norms) | (norms == 0)
        if wrong.any():
            raise EncoderError(
                f"{int(wrong.sum()):,} of {n:,} vectors that encoder `{self.name}` gave for "
                f"{noun} are zero, infinite or not numbers, the first in row "
                f"{int(wrong.argmax())}. Mend its code."
            )
        return unit.astype(np.float32)


def from_callable(encoder: Any, name: str) -> OwnEncoder:
    """Any object with `encode_texts`, and `encode_images` if it reads pictures, as an encoder.

    Each method gets a list, of strings or of RGB pictures, and returns one vector an item: a
    numpy array, a torch tensor or lists of numbers. Vectors of any norm are brought to unit
    norm, because scores are cosines everywhere; zeros, NaN and infinities are refused.
    An attribute `fingerprint` of the object is taken over where there is one; otherwise what it
    answers to two texts and two pictures makes one, so that other weights are noticed.
    Without `encode_images` it serves collections whose pictures have vectors already: words can be
    searched with, pictures cannot.

    Raises:
        EncoderError: a method is missing or fails, or answers with other shapes.
        QueryError: the name is no plain name.
    """
    check_name(name, "name an encoder")
    return OwnEncoder(name, encoder)


def own_file(name: str) -> Path:
    """Where the code of an own encoder lies, `$LEXISCOPE_HOME/encoders/NAME.py`.

    Raises:
        QueryError: the name is no plain name, so it could reach outside that folder.
    """
    check_name(name, "name an encoder")
    return home() / "encoders" / f"{name}.py"


def load_own(name: str) -> OwnEncoder:
    """The encoder that `load()` in the user's own file returns.

    Only this folder's code is ever run: a collection or a model can name a file in it, never
    bring one.

    Raises:
        EncoderError: the file or what it returns does not work.
    """
    path = own_file(name)
    described = importlib.util.spec_from_file_location(f"lexiscope_encoder_{path.stem}", path)
    if described is None or described.loader is None:
        raise EncoderError(f"`{path}` is no Python file. Restore it.")
    module = importlib.util.module_from_spec(described)
    try:
        described.loader.exec_module(module)
        if not callable(getattr(module, "load", None)):
            raise EncoderError(f"`{path}` has no function load(). Let it return the encoder.")
        encoder = module.load()
    except InputError:
        raise
    except Exception as problem:  # code of the user's can raise anything
        raise EncoderError(
            f"`{path}` could not be loaded ({type(problem).__name__}: "
            f"{shorten(str(problem), 160)}). Mend its code."
        ) from problem
    return from_callable(encoder, name)


def own_names() -> Iterator[str]:
    """The names of the user's own encoders, sorted."""
    return (path.stem for path in sorted((home() / "encoders").glob("*.py")))


def _probe_pictures() -> list[Image.Image]:
    ramp = np.linspace(0, 255, 64 * 64 * 3).astype(np.uint8).reshape(64, 64, 3)
    return [Image.fromarray(ramp), Image.fromarray(ramp[::-1, :, ::-1].copy())]
