"""How pictures enter an image tower when threads and the device share the work.

Threads resize and crop with Pillow, which does not hold Python back, and hand on bytes. The device
rescales and normalises whole batches of them. Both follow a processor's own settings, and only
where the pixels come out the same as the processor's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lsr.encoders.towers import Inputs, PictureSteps

TOLERANCE = 1e-5
_CHECK_SHAPES = ((150, 40), (33, 171), (2, 3), (97, 61), (224, 224))  # width, height
_LEVELS = {"do_rescale", "rescale_factor", "do_normalize", "image_mean", "image_std"}
_RESIZING = {"do_resize", "resample", "do_convert_rgb"}  # pictures are RGB before they come here
_WHOLE = _LEVELS | _RESIZING | {"size", "do_center_crop", "crop_size"}
_PATCHES = _LEVELS | _RESIZING | {"patch_size", "max_num_patches"}
# Names of classes, and what the processor has already turned into a size when it was loaded.
_WITHOUT_EFFECT = {
    "image_processor_type",
    "feature_extractor_type",
    "processor_class",
    "default_to_square",
}


@dataclass(frozen=True)
class Levels:
    """Bytes made real numbers: times `scale`, less `mean`, over `deviation`, for R, G and B."""

    scale: float
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def __call__(self, pixels: Tensor, axes_after: int) -> Tensor:
        """float32 of the shape of `pixels`; after the axis of the colours come `axes_after`."""
        shape = (3,) + (1,) * axes_after
        mean, deviation = (
            _row(row, pixels.device).reshape(shape) for row in (self.mean, self.deviation)
        )
        return pixels.to(torch.float32).mul_(self.scale).sub_(mean).div_(deviation)


@dataclass(frozen=True)
class WholePicture:
    """A picture resized, cropped around its centre, and given as one grid of pixels.

    size: (height, width), or the length of the shorter edge, or None to leave the picture as it is.
    crop: (height, width), or None; where the picture is smaller it gets a black border.
    """

    size: tuple[int, int] | int | None
    crop: tuple[int, int] | None
    resample: Image.Resampling
    levels: Levels

    def prepare(self, picture: Image.Image) -> Inputs:
        """`pixel_values`, (1, height, width, 3) uint8."""
        if self.size is not None:
            picture = picture.resize(self._resized(*picture.size), self.resample)
        if self.crop is not None:
            height, width = self.crop
            left, top = (picture.width - width) // 2, (picture.height - height) // 2
            picture = picture.crop((left, top, left + width, top + height))
        return {"pixel_values": torch.from_numpy(np.array(picture))[None]}

    def finish(self, inputs: Inputs) -> Inputs:
        """`pixel_values`, (B, 3, height, width) float32."""
        # Moved as bytes, a quarter of the traffic; and planes of one colour are fast to compute.
        planes = inputs["pixel_values"].permute(0, 3, 1, 2).contiguous()
        return {"pixel_values": self.levels(planes, 2)}

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) after resizing; of the longer edge a fraction of a pixel is dropped."""
        if isinstance(self.size, tuple):
            return self.size[1], self.size[0]
        edge = self.size or min(width, height)
        if width <= height:
            return edge, int(edge * height / width)
        return int(edge * width / height), edge


@dataclass(frozen=True)
class Patches:
    """SigLIP 2: a picture of its own shape as at most `most` square patches, then zeros."""

    side: int
    most: int
    resample: Image.Resampling
    levels: Levels

    def prepare(self, picture: Image.Image) -> Inputs:
        """`pixel_values`, (1, most, side · side · 3) uint8, its mask, and (1, 2) rows, columns."""
        height, width = _patched_size(picture.height, picture.width, self.side, self.most)
        rows, columns, side = height // self.side, width // self.side, self.side
        resized = np.asarray(picture.resize((width, height), self.resample))
        cells = resized.reshape(rows, side, columns, side, 3).transpose(0, 2, 1, 3, 4)
        pixels = np.zeros((1, self.most, side * side * 3), np.uint8)
        pixels[0, : rows * columns] = cells.reshape(rows * columns, -1)
        return {
            "pixel_values": torch.from_numpy(pixels),
            "pixel_attention_mask": (torch.arange(self.most)[None] < rows * columns).int(),
            "spatial_shapes": torch.tensor([[rows, columns]]),
        }

    def finish(self, inputs: Inputs) -> Inputs:
        """`pixel_values` in float32, zero where there is no patch; the rest as it was."""
        packed = inputs["pixel_values"]
        colours = self.levels(packed.reshape(*packed.shape[:-1], -1, 3), 0)
        pixels = colours.flatten(-2) * inputs["pixel_attention_mask"][..., None]
        return {**inputs, "pixel_values": pixels}


def steps_like(processor: Any) -> PictureSteps | None:
    """The two steps that give the pixels of a processor of transformers.

    None where it has a setting that is not known here, or where its pixels of the check pictures
    differ by more than TOLERANCE: then only the processor itself will do.
    """
    steps = _steps_of(processor.to_dict())
    if steps is None:
        return None
    return checked(steps, lambda picture: dict(processor(images=picture, return_tensors="pt")))


def checked(
    steps: PictureSteps, exact: Callable[[Image.Image], Mapping[str, Tensor]]
) -> PictureSteps | None:
    """The steps, or None where they differ from `exact` on a picture of any of several shapes."""
    for picture in _check_pictures(steps):
        expected, found = exact(picture), steps.finish(steps.prepare(picture))
        if expected.keys() != found.keys():
            return None
        if not all(_same(expected[name], found[name]) for name in found):
            return None
    return steps


def _steps_of(settings: Mapping[str, Any]) -> PictureSteps | None:
    """What the settings describe, or None where they describe anything else as well."""
    # By identity, because 0 is a way to resample.
    chosen = {name: one for name, one in settings.items() if one is not None and one is not False}
    patches = "patch_size" in chosen
    if chosen.keys() - _WITHOUT_EFFECT - (_PATCHES if patches else _WHOLE):
        return None
    levels = _levels_of(chosen)
    resample = chosen.get("resample", Image.Resampling.BILINEAR)
    if levels is None or resample not in list(Image.Resampling):
        return None
    resample = Image.Resampling(resample)
    if patches:
        side, most = chosen["patch_size"], chosen.get("max_num_patches")
        if "do_resize" not in chosen or most is None:
            return None
        return Patches(side, most, resample, levels)
    resized = chosen.get("size") if "do_resize" in chosen else None
    cropped = chosen.get("crop_size") if "do_center_crop" in chosen else None
    size, crop = _shape_of(resized), _shape_of(cropped)
    if resized is not None and size is None:
        size = dict(resized).get("shortest_edge") if len(resized) == 1 else None
        if size is None:
            return None
    if crop is None and (cropped is not None or not isinstance(size, tuple)):
        return None  # pictures of different shapes make no batch
    return WholePicture(size, crop, resample, levels)


def _levels_of(settings: Mapping[str, Any]) -> Levels | None:
    scale = settings.get("rescale_factor") if "do_rescale" in settings else 1.0
    mean, deviation = _colours(0), _colours(1)
    if "do_normalize" in settings:
        mean, deviation = (_colours(settings.get(name)) for name in ("image_mean", "image_std"))
    elif "do_rescale" not in settings:
        return None  # the processor would hand on bytes
    if scale is None or mean is None or deviation is None:
        return None
    return Levels(scale, mean, deviation)


def _colours(value: float | Sequence[float] | None) -> tuple[float, ...] | None:
    """One number for each of R, G and B."""
    if value is None or isinstance(value, int | float):
        return None if value is None else (float(value),) * 3
    return tuple(value) if len(value) == 3 else None


def _shape_of(size: Mapping[str, int] | None) -> tuple[int, int] | None:
    """(height, width) where the size is given by these two and nothing else."""
    named = dict(size or {})
    return (named["height"], named["width"]) if named.keys() == {"height", "width"} else None


def _check_pictures(steps: PictureSteps) -> Iterator[Image.Image]:
    """Noise of several shapes, the last that of the prepared picture itself."""
    shapes = list(_CHECK_SHAPES)
    if isinstance(steps, WholePicture):
        height, width = steps.prepare(Image.new("RGB", (8, 8)))["pixel_values"].shape[1:3]
        shapes[-1] = (width, height)
    rng = np.random.default_rng(0)
    for width, height in shapes:
        yield Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))


def _same(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    return bool((one - other).abs().max() <= TOLERANCE)


@lru_cache(maxsize=64)
def _row(values: tuple[float, ...], device: torch.device) -> Tensor:
    """The numbers on the device; kept, because a copy of so little waits for the whole batch."""
    return torch.tensor(values, dtype=torch.float32, device=device)


@lru_cache(maxsize=4096)
def _patched_size(height: int, width: int, side: int, most: int) -> tuple[int, int]:
    """(height, width) in whole patches; a search that costs more than the resizing of a stamp."""
    from transformers.models.siglip2.image_processing_pil_siglip2 import (
        get_image_size_for_max_num_patches,
    )

    size: tuple[int, int] = get_image_size_for_max_num_patches(height, width, side, most)
    return size
