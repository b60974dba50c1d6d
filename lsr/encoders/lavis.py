"""ALBEF and BLIP by LAVIS itself, which runs in an environment and a process of its own.

`salesforce-lavis` 1.0.2 wants older packages than ours, so `make lavis` gives it `.venv-lavis`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from lsr.encoders.inputs import lavis_caption, no_words, rgb
from lsr.encoders.worker import Worker
from lsr.exceptions import EncoderError, UnknownNameError, shorten
from lsr.storage.places import ASSETS, BUNDLED_ENCODER

ENVIRONMENT = ASSETS.parent / ".venv-lavis"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
WORKER_FILE = Path(__file__).with_name("lavis_worker.py")
NAMES = ("albef", "blip", "albef/random", "blip/random")
"""LAVIS's two feature extractors; `/random` has random weights, to check the installation."""
_TEXTS, _PICTURES, _BYTES = 64, 16, 2**26  # a batch at most


def check(name: str) -> None:
    """Refuse what could not be started; nothing is.

    Raises:
        UnknownNameError: not one of NAMES.
        EncoderError: the environment is not there.
    """
    if name not in NAMES:
        raise UnknownNameError(
            f"There is no encoder `lavis:{shorten(name)}`. LAVIS offers "
            f"{', '.join(f'`lavis:{one}`' for one in NAMES)}."
        )
    if not PYTHON.exists():
        raise EncoderError(
            f"`lavis:{name}` needs LAVIS in an environment of its own, `{ENVIRONMENT.name}`, "
            "which is not there. Run `make lavis`."
        )


def load(name: str) -> LavisEncoder:
    """The encoder of a name in NAMES, its process started and its model loaded.

    Raises:
        UnknownNameError, EncoderError: as `check`, or the process does not start.
    """
    check(name)
    # -P: LAVIS must not find our files beside the worker under the names of its own.
    command = [str(PYTHON), "-P", str(WORKER_FILE), name, str(BUNDLED_ENCODER / "tokenizer.json")]
    return LavisEncoder(f"lavis:{name}", Worker(command, f"The worker of `lavis:{name}`"))


class LavisEncoder:
    """A worker process as an encoder.

    versions: what the worker runs on: python, salesforce-lavis, torch, transformers.
    """

    def __init__(self, name: str, worker: Worker) -> None:
        about = worker.start()
        self.name = name
        self.dense_size = int(about["dense_size"])
        self.fingerprint = str(about["fingerprint"])
        self.versions: dict[str, str] = about["versions"]
        self.device = str(about.get("device", "cpu"))
        self.precision = "float32"
        self.worker = worker

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors of the texts, (n, dense size) float32, in the order given.

        Raises:
            QueryError: a text is empty.
            EncoderError: the worker failed, died twice or took too long.
        """
        for text in texts:
            if not lavis_caption(text).strip():
                raise no_words(text)
        rows = [np.empty((0, self.dense_size), np.float32)]
        for start in range(0, len(texts), _TEXTS):
            batch = list(texts[start : start + _TEXTS])
            rows.append(self.worker.ask({"texts": batch}, b"", len(batch)))
        return _unit(np.concatenate(rows))

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Unit vectors of pictures of any mode and size, (n, dense size) float32.

        Raises:
            PictureError: a picture is empty or its file is damaged.
            EncoderError: the worker failed, died twice or took too long.
        """
        rows = [np.empty((0, self.dense_size), np.float32)]
        for batch in _picture_batches(images):
            sizes = [[picture.height, picture.width] for picture in batch]
            body = b"".join(picture.tobytes() for picture in batch)
            rows.append(self.worker.ask({"pictures": sizes}, body, len(batch)))
        return _unit(np.concatenate(rows))


def _picture_batches(images: Sequence[Image.Image]) -> Iterator[list[Image.Image]]:
    """RGB pictures, so few at a time that they neither fill the memory nor the patience."""
    batch: list[Image.Image] = []
    for image in images:
        batch.append(rgb(image))
        pixels = sum(picture.width * picture.height for picture in batch)
        if len(batch) == _PICTURES or 3 * pixels > _BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


def _unit(vectors: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
