"""Pictures prepared by threads and the device, against transformers' own processors."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from lsr.encoders import huggingface, towers
from lsr.encoders.picture_inputs import steps_like
from lsr.exceptions import ModelError
from lsr.storage.hub import Source
from tests.encoders import tiny

SHAPES = [(500, 375), (375, 500), (300, 17), (5, 90), (1, 1), (7, 3), (224, 224), (225, 223)]
# Made in the tests: transformers loads its networks then, not in every worker that reads this file.
PROCESSORS = {
    "blip": lambda: transformers.BlipImageProcessorPil(),
    "clip": lambda: transformers.CLIPImageProcessorPil(),
    "clip-small": lambda: transformers.CLIPImageProcessorPil(
        size=31, crop_size={"height": 17, "width": 30}
    ),
    "clip-border": lambda: transformers.CLIPImageProcessorPil(
        size=30, crop_size={"height": 51, "width": 42}
    ),
    "clip-crop-alone": lambda: transformers.CLIPImageProcessorPil(do_resize=False, crop_size=64),
    "clip-square": lambda: transformers.CLIPImageProcessorPil(
        size={"height": 40, "width": 24}, do_center_crop=False
    ),
    "siglip": lambda: transformers.SiglipImageProcessorPil(),
    "siglip-nearest": lambda: transformers.SiglipImageProcessorPil(
        resample=0, image_mean=0.4, image_std=0.3
    ),
    "siglip-rescaled-alone": lambda: transformers.SiglipImageProcessorPil(
        do_normalize=False, rescale_factor=1 / 127
    ),
    "siglip-normalised-alone": lambda: transformers.SiglipImageProcessorPil(do_rescale=False),
    "siglip2": lambda: transformers.Siglip2ImageProcessorPil(),
    "siglip2-small": lambda: transformers.Siglip2ImageProcessorPil(
        patch_size=8, max_num_patches=16
    ),
}


@pytest.mark.parametrize("make", PROCESSORS.values(), ids=PROCESSORS)
def test_the_steps_give_the_pixels_of_the_processor_at_every_shape(make):
    processor = make()
    steps = steps_like(processor)
    assert steps is not None
    for seed, shape in enumerate(SHAPES):
        picture = tiny.picture(seed, shape)
        found = steps.finish(steps.prepare(picture))
        expected = dict(processor(images=picture, return_tensors="pt"))
        assert found.keys() == expected.keys()
        for name, tensor in expected.items():
            assert found[name].dtype == tensor.dtype
            np.testing.assert_allclose(found[name], tensor, rtol=0, atol=1e-5)


@pytest.mark.parametrize("make", PROCESSORS.values(), ids=PROCESSORS)
def test_threads_hand_on_bytes(make):
    steps = steps_like(make())
    assert steps is not None
    assert steps.prepare(tiny.picture())["pixel_values"].dtype == torch.uint8


@pytest.mark.parametrize(
    "make",
    [
        lambda: transformers.CLIPImageProcessorPil(do_sharpen=True),
        lambda: transformers.BlipImageProcessorPil(
            do_pad=True, pad_size={"height": 400, "width": 400}
        ),
        lambda: transformers.CLIPImageProcessorPil(size={"shortest_edge": 32, "longest_edge": 64}),
        lambda: transformers.CLIPImageProcessorPil(do_center_crop=False),
        lambda: transformers.SiglipImageProcessorPil(do_rescale=False, do_normalize=False),
        lambda: transformers.Siglip2ImageProcessorPil(do_resize=False),
    ],
    ids=["unknown", "pad", "longest edge", "any shape", "bytes", "patches as they are"],
)
def test_other_settings_are_left_to_the_processor(make):
    assert steps_like(make()) is None


def test_a_setting_that_is_off_changes_nothing():
    assert (
        steps_like(transformers.CLIPImageProcessorPil(do_sharpen=False, do_pad=False)) is not None
    )


def test_a_processor_whose_pixels_differ_is_used_itself():
    class Brighter(transformers.BlipImageProcessorPil):
        def rescale(self, image: np.ndarray, scale: float, **kwargs: Any) -> np.ndarray:
            return super().rescale(image, scale, **kwargs) + 2e-5

    assert steps_like(Brighter(do_normalize=False)) is None


@pytest.mark.parametrize(
    ("family", "make"),
    [
        ("blip", tiny.make_blip),
        ("clip", tiny.make_clip),
        ("siglip", tiny.make_siglip),
        ("siglip", tiny.make_siglip2),
    ],
)
def test_the_vectors_are_those_of_the_processor(
    tmp_path: Path, family: str, make: Callable[[Path], Any]
):
    make(tmp_path)
    encoder = huggingface.load(family, Source(tmp_path, "tiny"), "tiny", "float32")
    pictures = [tiny.picture(seed, shape) for seed, shape in enumerate(SHAPES)]
    ours = encoder.encode_images(pictures, batch_size=3)
    assert encoder._towers.steps is not None
    encoder._towers.steps = None
    np.testing.assert_allclose(ours, encoder.encode_images(pictures), atol=1e-5)


def test_an_encoder_with_an_unknown_setting_uses_the_processor(tmp_path):
    tiny.make_clip(tmp_path)
    plain = huggingface.load("clip", Source(tmp_path, "tiny"), "tiny", "float32")
    square = {"height": 32, "width": 32}
    transformers.CLIPImageProcessorPil(size=32, crop_size=square, do_sharpen=True).save_pretrained(
        tmp_path
    )
    encoder = huggingface.load("clip", Source(tmp_path, "tiny"), "tiny", "float32")
    assert encoder._towers.steps is None
    pictures = [tiny.picture(seed) for seed in range(2)]
    found, expected = encoder.encode_images(pictures), plain.encode_images(pictures)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_settings_that_the_processor_refuses_are_refused_when_the_encoder_is_loaded(tmp_path):
    tiny.make_siglip(tmp_path)
    transformers.SiglipImageProcessorPil(size={"height": 32, "width": -1}).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="settings of `tiny` cannot be read"):
        huggingface.load("siglip", Source(tmp_path, "tiny"), "tiny", "float32")


def test_batches_keep_their_order_and_no_more_than_two_are_ahead():
    taken: list[int] = []

    def batches():
        for start in range(6):
            taken.append(start)
            yield [2 * start, 2 * start + 1]

    with ThreadPoolExecutor(2) as pool:
        for number, parts in enumerate(towers._ahead(pool, list, batches())):
            assert [one for part in parts for one in part] == [2 * number, 2 * number + 1]
            assert len(taken) <= number + 3
    assert len(taken) == 6
