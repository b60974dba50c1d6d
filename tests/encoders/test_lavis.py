"""LAVIS itself, where `make lavis` has built its environment: the worker, and ours against it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lsr.encoders import albef, lavis
from lsr.encoders.lavis_checkpoint import convert
from lsr.encoders.loading import can_encode, load_encoder, obstacle
from lsr.exceptions import EncoderError, QueryError, UnknownNameError
from lsr.storage.hub import Source
from lsr.storage.places import BUNDLED_ENCODER
from tests.encoders import tiny

TEXTS = [
    "Two dogs, on the (beach)!",
    "a",
    "Café naïve — 北京 🐕 won't; red-haired: 42%",
    "a very long caption " * 30,
]
PICTURES = [tiny.picture(0, (300, 200)), tiny.picture(1, (50, 90)), tiny.picture(2, (224, 224))]
needs_lavis = pytest.mark.skipif(
    not lavis.PYTHON.exists(), reason="LAVIS is not installed: run `make lavis`"
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random checkpoints of LAVIS and the vectors that it makes with them."""
    folder = tmp_path_factory.mktemp("lavis")
    pixels = {f"picture{row}": np.asarray(one) for row, one in enumerate(PICTURES)}
    np.savez(folder / "given.npz", texts=np.array(TEXTS), **pixels)
    script = Path(__file__).with_name("lavis_random.py")
    tokenizer = BUNDLED_ENCODER / "tokenizer.json"
    command = [
        lavis.PYTHON,
        "-P",
        script,
        lavis.WORKER_FILE,
        tokenizer,
        folder / "given.npz",
        folder,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@needs_lavis
@pytest.mark.parametrize(("family", "theirs"), [("albef", "albef"), ("blip-lavis", "blip")])
def test_the_rebuilt_towers_equal_lavis_on_raw_texts_and_pictures(
    written, tmp_path, family, theirs
):
    made = convert(written / f"{theirs}.pth", tmp_path / "made", family)
    encoder = albef.load(family, Source(made.folder, "made"), made.spec, "float32")
    expected = np.load(written / f"{theirs}.npz")
    np.testing.assert_allclose(encoder.encode_texts(TEXTS), expected["texts"], atol=1e-5)
    np.testing.assert_allclose(encoder.encode_images(PICTURES), expected["pictures"], atol=1e-5)
    assert made.sizes.text_layers == (6 if family == "albef" else 12)
    assert np.ptp(expected["texts"], axis=0).max() > 0.01


@needs_lavis
def test_the_worker_answers_with_lavis_and_reports_its_versions():
    encoder = load_encoder("lavis:albef/random")
    assert encoder.versions["salesforce-lavis"] == "1.0.2"
    assert encoder.versions["transformers"] == "4.26.1"
    for encode, given in ((encoder.encode_texts, TEXTS), (encoder.encode_images, PICTURES)):
        vectors = encode(given)
        assert vectors.shape == (len(given), 256)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(encode(given[::-1])[::-1], vectors, atol=1e-5)
        np.testing.assert_allclose(encode(given[:1]), vectors[:1], atol=1e-5)
    with pytest.raises(QueryError, match="holds no word"):
        encoder.encode_texts(["...!"])
    encoder.worker.close()
    assert encoder.encode_texts(TEXTS[:1]).shape == (1, 256)
    assert encoder.worker.starts == 2
    encoder.worker.close()


def test_without_the_environment_the_command_that_builds_it_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(lavis, "PYTHON", tmp_path / "none")
    assert not can_encode("lavis:albef")
    with pytest.raises(EncoderError, match="an environment of its own.*Run `make lavis`"):
        load_encoder("lavis:albef")


def test_names_that_lavis_does_not_offer_are_refused():
    assert "no encoder `lavis:vilt`. LAVIS offers `lavis:albef`" in str(obstacle("lavis:vilt"))
    with pytest.raises(UnknownNameError, match="`lavis:blip/random`"):
        load_encoder("lavis:albef/../../x")


def test_batches_of_pictures_stay_below_their_bytes(monkeypatch):
    monkeypatch.setattr(lavis, "_BYTES", 3 * 100 * 100 * 2)
    sizes = [(100, 100)] * 5 + [(10, 10)] * 40
    pictures = [Image.new("RGB", size) for size in sizes]
    batches = list(lavis._picture_batches(pictures))
    assert [one.size for batch in batches for one in batch] == sizes
    assert max(len(batch) for batch in batches) == 16
    assert len(batches[0]) == 3
