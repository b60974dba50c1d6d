"""The bundled encoder's contract, on a tiny random one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from lsr.encoders.bundled import BundledEncoder
from lsr.exceptions import ModelError, PictureError, QueryError
from tests.encoders.tiny import BUNDLED as CONFIG
from tests.encoders.tiny import WORDS, make_bundled, picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("encoder")
    make_bundled(target)
    return target


@pytest.fixture(scope="module")
def encoder(folder: Path) -> BundledEncoder:
    return BundledEncoder.load(folder)


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """The folder again, to be damaged."""
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


TEXTS = ["a dog on the beach", "moon", "two dog, a cat", "car on the moon", "cat", "the beach"]


def test_texts_get_unit_vectors_in_the_order_given(encoder: BundledEncoder) -> None:
    vectors = encoder.encode_texts(TEXTS)
    assert vectors.shape == (6, 8)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(vectors[::-1], encoder.encode_texts(TEXTS[::-1]), atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 2, 256])
def test_a_text_alone_equals_its_row_in_any_batch(encoder: BundledEncoder, batch_size: int) -> None:
    together = encoder.encode_texts(TEXTS, batch_size=batch_size)
    alone = np.concatenate([encoder.encode_texts([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_different_texts_get_different_vectors_and_word_order_counts(
    encoder: BundledEncoder,
) -> None:
    one, other, swapped = encoder.encode_texts(["dog on car", "dog on cat", "car on dog"])
    assert np.abs(one - other).max() > 1e-3
    assert np.abs(one - swapped).max() > 1e-5


@pytest.mark.parametrize("text", ["", "  \n\t"])
def test_a_text_without_words_is_refused_by_name(encoder: BundledEncoder, text: str) -> None:
    with pytest.raises(QueryError, match="holds no word"):
        encoder.encode_texts(["a dog", text])


def test_a_long_text_counts_up_to_the_longest_length(encoder: BundledEncoder) -> None:
    start = "a dog on the beach ,"
    long, short = encoder.encode_texts([start + " cat" * 3_000, start])
    np.testing.assert_allclose(long, short, atol=1e-6)


def test_emoji_markup_and_right_to_left_text_encode(encoder: BundledEncoder) -> None:
    vectors = encoder.encode_texts(["🐕 🐈", "<b>dog</b>", "כלב", "##ing $x$ *a*"])
    assert np.isfinite(vectors).all()


def test_no_texts_and_no_images_give_no_rows(encoder: BundledEncoder) -> None:
    assert encoder.encode_texts([]).shape == (0, 8)
    assert encoder.encode_images([]).shape == (0, 8)


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_an_image_alone_equals_its_row_in_any_batch(
    encoder: BundledEncoder, batch_size: int
) -> None:
    pictures = [picture(seed) for seed in range(5)]
    together = encoder.encode_images(pictures, batch_size=batch_size)
    alone = np.concatenate([encoder.encode_images([one]) for one in pictures])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    assert np.abs(together[0] - together[1]).max() > 1e-4


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "I", "F", "I;16"])
@pytest.mark.parametrize("size", [(1, 1), (7, 300), (320, 320)])
def test_every_mode_and_size_encodes(
    encoder: BundledEncoder, mode: str, size: tuple[int, int]
) -> None:
    image = Image.new("I;16", size, 9_000) if mode == "I;16" else picture(1, size).convert(mode)
    vectors = encoder.encode_images([image])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_transparency_lies_on_white(encoder: BundledEncoder) -> None:
    clear = Image.new("RGBA", (32, 32), (10, 200, 30, 0))
    white = Image.new("RGB", (32, 32), "white")
    np.testing.assert_array_equal(encoder.encode_images([clear]), encoder.encode_images([white]))


def test_a_lossless_copy_in_another_mode_gives_the_same_vector(encoder: BundledEncoder) -> None:
    grey = picture(2).convert("L")
    np.testing.assert_array_equal(
        encoder.encode_images([grey]), encoder.encode_images([grey.convert("RGB")])
    )


def test_an_empty_picture_is_refused(encoder: BundledEncoder) -> None:
    with pytest.raises(PictureError, match="no pixels"):
        encoder.encode_images([Image.new("RGB", (0, 5))])


def test_a_truncated_picture_file_is_refused(encoder: BundledEncoder, tmp_path: Path) -> None:
    file = tmp_path / "cut.png"
    picture(3, (64, 64)).save(file)
    file.write_bytes(file.read_bytes()[:2_000])
    with Image.open(file) as cut, pytest.raises(PictureError, match="cannot be read"):
        encoder.encode_images([cut])


def test_token_vectors_are_codes_times_scales(encoder: BundledEncoder, folder: Path) -> None:
    codes = load_file(folder / "model.safetensors")["token_codes"]
    assert encoder.token_vectors.shape == (len(WORDS), 8)
    np.testing.assert_allclose(encoder.token_vectors, codes.numpy() * 0.01, rtol=1e-6)


def test_loading_twice_is_identity_and_the_fingerprint_follows_the_weights(
    encoder: BundledEncoder, copy: Path
) -> None:
    again = BundledEncoder.load(copy)
    assert (again.name, again.dense_size, again.fingerprint) == ("bundled", 8, encoder.fingerprint)
    np.testing.assert_array_equal(again.encode_texts(TEXTS), encoder.encode_texts(TEXTS))
    np.testing.assert_array_equal(
        again.encode_images([picture()]), encoder.encode_images([picture()])
    )
    tensors = load_file(copy / "model.safetensors")
    tensors["text.skip.bias"] += 1
    save_file(tensors, copy / "model.safetensors")
    assert BundledEncoder.load(copy).fingerprint != encoder.fingerprint


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named_with_the_remedy(copy: Path, file: str) -> None:
    (copy / file).unlink()
    with pytest.raises(ModelError, match=rf"no `{file}`.*world build"):
        BundledEncoder.load(copy)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("keep", [0, 0.5])
def test_a_truncated_file_is_named_with_the_remedy(copy: Path, file: str, keep: float) -> None:
    content = (copy / file).read_bytes()
    (copy / file).write_bytes(content[: int(keep * len(content))])
    with pytest.raises(ModelError, match=rf"{file}`.*world build"):
        BundledEncoder.load(copy)


def _without_the_skip(tensors: dict[str, torch.Tensor]) -> None:
    del tensors["text.skip.bias"]


def _with_too_few_tokens(tensors: dict[str, torch.Tensor]) -> None:
    tensors["token_codes"] = tensors["token_codes"][:-1]
    tensors["token_scales"] = tensors["token_scales"][:-1]


def _without_a_table(tensors: dict[str, torch.Tensor]) -> None:
    del tensors["token_codes"]


@pytest.mark.parametrize("damage", [_without_the_skip, _with_too_few_tokens, _without_a_table])
def test_weights_that_do_not_fit_are_refused(
    copy: Path, damage: Callable[[dict[str, torch.Tensor]], None]
) -> None:
    tensors = load_file(copy / "model.safetensors")
    damage(tensors)
    save_file(tensors, copy / "model.safetensors")
    with pytest.raises(ModelError, match="world build"):
        BundledEncoder.load(copy)


def test_an_unknown_setting_in_the_configuration_is_refused(copy: Path) -> None:
    (copy / "config.json").write_text(json.dumps({**asdict(CONFIG), "depth": 3}))
    with pytest.raises(ModelError, match="not an encoder's configuration"):
        BundledEncoder.load(copy)
