"""What every encoder keeps, whatever is behind it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from lsr.encoders.bundled import BundledEncoder
from lsr.encoders.lavis_checkpoint import convert
from lsr.encoders.loading import load_encoder
from lsr.encoders.own import from_callable
from lsr.encoders.protocol import Encoder
from lsr.exceptions import PictureError, QueryError
from tests.conftest import make_tokenizer
from tests.encoders import tiny

TEXTS = ["a dog on the beach", "two", "two dogs, a cat", "red car on the beach", "cat", "the beach"]
OWN_FILE = """
from tests.encoders import tiny

def load():
    return tiny.Callable(seed={seed})
"""


class Kind(NamedTuple):
    """A way to make an encoder in a folder from a seed, and the name that it must then have."""

    make: Callable[[Path, int], Encoder]
    name: str


def _bundled(folder: Path, seed: int) -> Encoder:
    tiny.make_bundled(folder, seed)
    return BundledEncoder.load(folder)


def _transformers(family: str, make: Callable[[Path, int], object]) -> Kind:
    def made(folder: Path, seed: int) -> Encoder:
        make(folder, seed)
        return load_encoder(f"{family}:{folder}")

    return Kind(made, f"{family}:{{folder}}")


def _converted(family: str) -> Kind:
    def made(folder: Path, seed: int) -> Encoder:
        checkpoint, tokenizer = folder / "tiny.pth", folder / "tokenizer.json"
        tiny.save_lavis(checkpoint, family, seed)
        make_tokenizer().save(str(tokenizer))
        target = folder / "converted"
        return load_encoder(
            convert(checkpoint, target, family, picture_size=32, tokenizer=tokenizer).spec
        )

    return Kind(made, f"{family}:{{folder}}/converted")


def _own_file(folder: Path, seed: int) -> Encoder:
    (folder / "encoders").mkdir()
    (folder / "encoders" / "mine.py").write_text(OWN_FILE.format(seed=seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEXISCOPE_HOME", str(folder))
        return load_encoder("mine")


KINDS = {
    "bundled": Kind(_bundled, "bundled"),
    "blip": _transformers("blip", tiny.make_blip),
    "clip": _transformers("clip", tiny.make_clip),
    "siglip": _transformers("siglip", tiny.make_siglip),
    "siglip2": _transformers("siglip", tiny.make_siglip2),
    "albef": _converted("albef"),
    "blip-lavis": _converted("blip-lavis"),
    "worker": Kind(lambda folder, seed: tiny.stand_in(seed, name="lavis:tiny"), "lavis:tiny"),
    "callable": Kind(lambda folder, seed: from_callable(tiny.Callable(seed), "mine"), "mine"),
    "own file": Kind(_own_file, "mine"),
}


class Made(NamedTuple):
    encoder: Encoder
    kind: Kind
    folder: Path


@pytest.fixture(scope="module", params=KINDS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp(request.param.replace(" ", "-"))
    kind = KINDS[request.param]
    return Made(kind.make(folder, 0), kind, folder)


def close(one: np.ndarray, other: np.ndarray, encoder: Encoder) -> bool:
    """Equal but for the rounding of the encoder's precision."""
    if getattr(encoder, "precision", "float32") == "bfloat16":
        return bool(((one * other).sum(axis=-1) > 0.999).all())
    return bool(np.allclose(one, other, atol=1e-5))


def pictures() -> list[Image.Image]:
    return [tiny.picture(seed, (30 + 9 * seed, 64 - 7 * seed)) for seed in range(5)]


def test_an_encoder_has_the_name_that_collections_store(made):
    assert made.encoder.name == made.kind.name.format(folder=made.folder)


def test_texts_and_pictures_get_unit_vectors_of_one_size(made):
    for vectors, n in (
        (made.encoder.encode_texts(TEXTS), len(TEXTS)),
        (made.encoder.encode_images(pictures()), 5),
    ):
        assert vectors.shape == (n, made.encoder.dense_size)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_vectors_come_in_the_order_given_and_differ(made):
    for encode, given in (
        (made.encoder.encode_texts, TEXTS),
        (made.encoder.encode_images, pictures()),
    ):
        vectors = encode(given)
        assert close(encode(given[::-1])[::-1], vectors, made.encoder)
        distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
        assert (distances + np.eye(len(given)) > 1e-5).all()


def test_what_is_encoded_alone_equals_its_row_in_a_batch(made):
    texts, images = made.encoder.encode_texts(TEXTS), made.encoder.encode_images(pictures())
    alone = np.concatenate([made.encoder.encode_texts([text]) for text in TEXTS])
    assert close(alone, texts, made.encoder)
    alone = np.concatenate([made.encoder.encode_images([one]) for one in pictures()])
    assert close(alone, images, made.encoder)


def test_more_than_one_batch_loses_and_doubles_nothing(made):
    vectors = made.encoder.encode_texts(TEXTS)
    many = made.encoder.encode_texts(TEXTS * 50)
    assert close(many, np.tile(vectors, (50, 1)), made.encoder)
    images = made.encoder.encode_images(pictures())
    assert close(
        made.encoder.encode_images(pictures() * 14), np.tile(images, (14, 1)), made.encoder
    )


def test_nothing_gives_no_rows(made):
    assert made.encoder.encode_texts([]).shape == (0, made.encoder.dense_size)
    assert made.encoder.encode_images([]).shape == (0, made.encoder.dense_size)


def test_the_same_call_gives_the_same_numbers(made):
    first, second = (made.encoder.encode_texts(TEXTS) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    first, second = (made.encoder.encode_images(pictures()) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_a_text_without_words_is_refused(made, text):
    with pytest.raises(QueryError, match="holds no word to encode"):
        made.encoder.encode_texts(["a dog", text])


def test_a_picture_without_pixels_is_refused(made):
    with pytest.raises(PictureError, match="no pixels"):
        made.encoder.encode_images([tiny.picture(), Image.new("RGB", (0, 5))])


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1", "I;16", "F"])
def test_pictures_of_any_mode_are_encoded(made, mode):
    image = tiny.picture().convert("L" if mode == "I;16" else "RGB").convert(mode)
    assert made.encoder.encode_images([image]).shape == (1, made.encoder.dense_size)


def test_a_long_text_is_encoded_as_far_as_it_goes(made):
    vectors = made.encoder.encode_texts(["a dog on the beach " * 200])
    assert np.isfinite(vectors).all()


def test_the_fingerprint_belongs_to_the_weights(made, tmp_path):
    (tmp_path / "same").mkdir()
    (tmp_path / "other").mkdir()
    same, other = made.kind.make(tmp_path / "same", 0), made.kind.make(tmp_path / "other", 1)
    assert same.fingerprint == made.encoder.fingerprint != other.fingerprint
    np.testing.assert_array_equal(same.encode_texts(TEXTS), made.encoder.encode_texts(TEXTS))
    assert not close(other.encode_texts(TEXTS), made.encoder.encode_texts(TEXTS), made.encoder)
