"""Encoders of the user's own: what is checked of their answers, and whose code is run."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from lsr.encoders.loading import can_encode, load_encoder
from lsr.encoders.own import from_callable
from lsr.exceptions import EncoderError, InputError, PictureError, QueryError, UnknownNameError
from tests.conftest import SHARED
from tests.encoders import tiny


class Answers(tiny.Callable):
    """Answers to more than two texts or pictures with something else."""

    def __init__(self, answer) -> None:
        super().__init__()
        self.answer = answer

    def encode_texts(self, texts):
        if len(texts) == 2:
            return super().encode_texts(texts)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_vectors_of_any_norm_are_brought_to_unit_norm():
    raw = tiny.Callable()
    encoder = from_callable(raw, "mine")
    vectors = np.array(raw.encode_texts(["a dog", "cat"]))
    assert abs(np.linalg.norm(vectors, axis=1) - 1).min() > 0.1
    expected = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(encoder.encode_texts(["a dog", "cat"]), expected, atol=1e-6)


def test_tensors_with_gradients_are_taken():
    class Torch(tiny.Callable):
        def encode_texts(self, texts):
            return torch.tensor(super().encode_texts(texts), requires_grad=True).bfloat16()

    assert from_callable(Torch(), "mine").encode_texts(["cat"]).shape == (1, 6)


def test_pictures_reach_the_object_in_rgb():
    class Modes(tiny.Callable):
        def encode_images(self, images):
            assert {image.mode for image in images} == {"RGB"}
            return super().encode_images(images)

    encoder = from_callable(Modes(), "mine")
    encoder.encode_images([tiny.picture().convert("L"), tiny.picture().convert("RGBA")])


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.ones((2, 6)), r"answered 3 texts with vectors of shape (2, 6), not (3, 6)"),
        (np.ones((3, 5)), r"answered 3 texts with vectors of shape (3, 5), not (3, 6)"),
        (np.ones(6), r"answered 3 texts with an array of shape (6,). Return (3, size)"),
        (np.ones((3, 0)), r"answered 3 texts with an array of shape (3, 0)"),
        (np.array([[1.0] * 6, [0.0] * 6, [np.nan] * 6]), "2 of 3 vectors that encoder `mine` gave"),
        (np.diag([np.inf] * 6)[:3], "3 of 3 vectors"),
        ([["a"] * 6] * 3, "failed on 3 texts (ValueError: could not convert string to float"),
        (RuntimeError("out of memory"), "failed on 3 texts (RuntimeError: out of memory)"),
    ],
)
def test_another_answer_than_one_vector_each_is_refused(answer, message):
    encoder = from_callable(Answers(answer), "mine")
    with pytest.raises(EncoderError, match=re.escape(message)):
        encoder.encode_texts(["one", "two", "three"])


def test_what_lexiscope_itself_raises_passes_through():
    encoder = from_callable(Answers(PictureError("no such picture")), "mine")
    with pytest.raises(PictureError, match="^no such picture$"):
        encoder.encode_texts(["one", "two", "three"])


def test_texts_and_pictures_of_different_sizes_are_refused():
    class Halves(tiny.Callable):
        def encode_images(self, images):
            return super().encode_images(images)[:, :3]

    with pytest.raises(EncoderError, match=r"2 pictures with vectors of shape \(2, 3\), not"):
        from_callable(Halves(), "mine")


def test_an_object_without_a_method_is_refused():
    with pytest.raises(EncoderError, match="a str, has no method encode_texts"):
        from_callable("clip", "mine")
    with pytest.raises(QueryError, match="cannot name an encoder"):
        from_callable(tiny.Callable(), "../mine")


def test_the_objects_own_fingerprint_is_taken_over():
    own = tiny.Callable()
    measured = from_callable(own, "mine").fingerprint
    own.fingerprint = "v2"
    assert from_callable(own, "mine").fingerprint == "v2" != measured


def own_file(home: Path, name: str, code: str) -> None:
    (home / "encoders").mkdir(parents=True, exist_ok=True)
    (home / "encoders" / f"{name}.py").write_text(code)


def test_an_own_file_is_loaded_once_and_again_when_it_changes(home):
    code = "from tests.encoders import tiny\ndef load():\n    return tiny.Callable({})"
    own_file(home, "mine", code.format(0))
    first = load_encoder("mine")
    assert can_encode("mine")
    assert load_encoder("mine") is first
    own_file(home, "mine", code.format(11))
    assert load_encoder("mine").fingerprint != first.fingerprint


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import no_such_package", "could not be loaded (ModuleNotFoundError: No module named"),
        ("def load(: pass", "could not be loaded (SyntaxError"),
        ("def start(): pass", "has no function load()"),
        ("def load(): return None", "a NoneType, has no method encode_texts"),
        ("def load(): raise OSError('no weights')", "could not be loaded (OSError: no weights)"),
    ],
)
def test_an_own_file_that_does_not_work_is_told_in_one_sentence(home, code, message):
    own_file(home, "broken", code)
    with pytest.raises(EncoderError, match=re.escape(message)):
        load_encoder("broken")


@pytest.mark.parametrize("name", ["../evil", "sub/evil", "/tmp/evil", "evil.py/../x", ".evil", ""])
def test_no_name_reaches_code_outside_the_users_folder(home, name, monkeypatch, tmp_path):
    marker = tmp_path / "ran"
    code = f"from pathlib import Path\nPath({str(marker)!r}).touch()\n"
    own_file(home, "x", code)
    (home / "evil.py").write_text(code)
    (home / "encoders" / "sub").mkdir()
    (home / "encoders" / "sub" / "evil.py").write_text(code)
    (home / "encoders" / ".evil.py").write_text(code)
    assert not can_encode(name)
    with pytest.raises(InputError):
        load_encoder(name)
    assert not marker.exists()


def test_names_without_a_file_say_that_nothing_new_can_be_encoded(home):
    own_file(home, "mine", "")
    for name in ("unknown", "blip", "flickr8k-local"):
        assert not can_encode(name)
        with pytest.raises(
            UnknownNameError, match=f"no encoder `{name}` here, so new texts.*`bundled`, `mine`"
        ):
            load_encoder(name)


def test_an_encoder_of_texts_alone_says_so_when_it_gets_a_picture():
    class Texts:
        encode_texts = tiny.Callable().encode_texts

    encoder = from_callable(Texts(), "words")
    assert encoder.encode_texts(["cat"]).shape == (1, 6)
    with pytest.raises(EncoderError, match="`words` encodes texts only"):
        encoder.encode_images([tiny.picture()])


VECTORS = SHARED / "flickr8k" / "vectors_local"
TOWER_FILE = """
import json, math, re
from pathlib import Path
import numpy as np

class TextTower:
    def __init__(self, folder):
        self.weights = dict(np.load(folder / "text_tower.npz"))
        self.vocabulary = json.loads((folder / "text_tower_vocab.json").read_text())

    def encode_texts(self, texts):
        return np.array([self.encode(text) for text in texts])

    def encode(self, text):
        w = self.weights
        words = re.findall(r"[a-z0-9']+", text.lower())[:26]
        rows = w["E"][[self.vocabulary.get(word, 1) for word in words]]
        mean = rows.mean(axis=0)
        hidden = w["W1"] @ np.concatenate([mean, rows.max(axis=0)]) + w["b1"]
        hidden = hidden * 0.5 * (1 + np.vectorize(math.erf)(hidden / math.sqrt(2)))
        return w["W2"] @ hidden + w["b2"] + w["Ws"] @ mean + w["bs"]

def load():
    return TextTower(Path({folder!r}))
"""


@pytest.mark.skipif(not VECTORS.exists(), reason=f"the Flickr8k vectors are not at {VECTORS}")
def test_a_real_text_tower_in_an_own_file_gives_the_vectors_stored_with_it(home):
    own_file(home, "flickr8k-local", TOWER_FILE.format(folder=str(VECTORS)))
    encoder = load_encoder("flickr8k-local")
    captions = pd.read_csv(VECTORS / "captions.csv").iloc[::2000]
    stored = np.load(VECTORS / "text.npy", mmap_mode="r")[captions["row"]]
    np.testing.assert_allclose(
        encoder.encode_texts(captions["caption"].tolist()), stored, atol=2e-3
    )
