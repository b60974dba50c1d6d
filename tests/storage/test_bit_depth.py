"""Pictures of more than 8 bits look like the same picture in 8, in the mean and in their levels."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from lsr.storage.pictures import read_picture, read_sized

RAMP = np.tile(np.arange(256), (8, 1))


def tiff(array: np.ndarray) -> bytes:
    file = BytesIO()
    Image.fromarray(array).save(file, "TIFF")
    return file.getvalue()


def sixteen_bit_png() -> bytes:
    file = BytesIO()
    Image.fromarray((RAMP * 257).astype(np.uint16)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "tolerance"),
    [
        (sixteen_bit_png(), 0),
        (tiff((RAMP * 257).astype(np.uint16)), 0),
        (tiff((RAMP * 257).astype(">u2")), 0),
        (tiff((RAMP * 16).astype(np.uint16)), 1),  # a camera of 12 bits
        (tiff(RAMP.astype(np.int32)), 0),
        (tiff((RAMP * 257).astype(np.int32)), 0),
        (tiff((RAMP / 255).astype(np.float32)), 0),
        (tiff(RAMP.astype(np.float32)), 0),
        (tiff((RAMP * 7.5 - 300).astype(np.float32)), 0),
    ],
    ids=["png16", "tiff16", "big-endian", "12 bits", "int", "int16", "unit", "255", "signed"],
)
def test_a_ramp_of_any_depth_is_the_ramp_in_8_bits(content, tolerance):
    seen = np.asarray(read_picture(content))[..., 0].astype(int)
    assert np.abs(seen - RAMP).max() <= tolerance


def test_what_is_not_finite_is_black_and_spoils_nothing():
    floats = (RAMP / 255).astype(np.float32)
    floats[0, :3] = np.nan, np.inf, -np.inf
    seen = np.asarray(read_picture(tiff(floats)))[..., 0]
    assert seen[0, :3].tolist() == [0, 0, 0]
    assert (seen[1:] == RAMP[1:]).all()


def test_an_even_picture_of_floats_is_read():
    assert np.asarray(read_picture(tiff(np.full((4, 4), -3.0, np.float32)))).max() == 0


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8, 9])
def test_the_size_is_that_of_the_picture_set_upright(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = BytesIO()
    Image.new("RGB", (40, 20)).save(file, kind, exif=exif)
    picture, size = read_sized(file.getvalue())
    assert size == ((20, 40) if orientation in (6, 8) else (40, 20))
    assert picture.size == size
    assert read_sized(file.getvalue(), most_pixels=200)[1] == size
