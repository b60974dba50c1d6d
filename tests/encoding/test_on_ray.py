"""A collection encoded on a real Ray of this machine; its start takes seconds."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from lsr.cli.main import main
from lsr.collection.collection import load_collection
from tests.conftest import make_collection

# Plain Python, so that whoever loads it needs no model.
ENCODER = """
import hashlib
import os
import signal
from pathlib import Path

import numpy as np


class Encoder:
    name = "own"
    dense_size = 8
    fingerprint = "own-1"

    def encode_images(self, pictures):
        return self._rows([picture.tobytes() for picture in pictures])

    def encode_texts(self, texts):
        once = Path(__file__).with_name("kill-once")
        if len(texts) > 100 and once.exists():
            once.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return self._rows([text.encode() for text in texts])

    def _rows(self, contents):
        seeds = [int.from_bytes(hashlib.sha256(one).digest()[:8], "big") for one in contents]
        rows = np.array([np.random.default_rng(seed).normal(size=8) for seed in seeds])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def load():
    return Encoder()
"""


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
def test_a_collection_encoded_on_ray_is_the_one_encoded_here(
    home, fake_encoder, answer, monkeypatch
):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    tiny = make_collection(home / "collections" / "some", fake_encoder, splits=("test",) * 150)
    Path(tiny.picture(70)).write_bytes(b"no picture")
    (home / "encoders").mkdir()
    (home / "encoders" / "own.py").write_text(ENCODER)
    command = "encode --collection some --encoder own --engine"
    answers = []
    for engine in ("threads", "ray"):
        if engine == "ray":  # a worker is killed in the middle, and its block tried again
            (home / "encoders" / "kill-once").touch()
        answers.append(answer(*command.split(), engine, "--name", engine))
    plain, spread = (load_collection(engine) for engine in ("threads", "ray"))
    assert not (home / "encoders" / "kill-once").exists()
    assert spread.image_ids == plain.image_ids
    assert len(spread.image_ids) == 149
    assert answers[0]["skipped"] == answers[1]["skipped"]
    assert [one["file"] for one in answers[1]["skipped"]] == [tiny.image_ids[70]]
    assert np.array_equal(spread.image_vectors, plain.image_vectors)
    assert np.array_equal(spread.caption_vectors, plain.caption_vectors)
    assert spread.fingerprint == plain.fingerprint
    assert torch.get_num_threads() == 1


def test_another_engine_is_refused(home, fake_encoder, capsys):
    make_collection(home / "collections" / "some", fake_encoder)
    arguments = "encode --collection some --encoder fake --name x --engine spark".split()
    assert main(arguments) == 2
    assert capsys.readouterr().err == "There is no engine `spark`. Use threads or ray.\n"
