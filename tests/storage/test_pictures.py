from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from lsr.exceptions import PictureError
from lsr.storage.pictures import MAX_BYTES, on_white, read_picture


def saved(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "CMYK", "1", "LA", "RGBA", "I;16"])
def test_every_mode_becomes_rgb(mode):
    kind = "TIFF" if mode in ("CMYK", "I;16") else "PNG"
    assert read_picture(saved(Image.new(mode, (6, 4)), kind)).mode == "RGB"


def test_transparent_parts_are_white():
    picture = on_white(Image.new("RGBA", (2, 2), (0, 0, 0, 0)))
    assert np.asarray(picture).min() == 255


def test_a_turned_photo_is_set_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    content = saved(Image.new("RGB", (40, 20)), "JPEG", exif=exif)
    assert read_picture(content).size == (20, 40)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n", b"<svg/>"])
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(PictureError, match="`x.png` is not a picture that can be read"):
        read_picture(content, "x.png")


def test_a_truncated_picture_is_refused():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    content = saved(noise, "JPEG")
    with pytest.raises(PictureError, match="or it is damaged"):
        read_picture(content[: len(content) // 2], "x.jpg")


def test_a_huge_file_or_picture_is_refused_before_it_is_decoded():
    with pytest.raises(PictureError, match=r"has 10\.0 MB; pictures may have up to 10 MB"):
        read_picture(bytes(MAX_BYTES + 1), "x.png")
    for side, message in ((8_000, "8,000 × 8,000 pixels"), (30_000, "more than 50 million")):
        bomb = saved(Image.new("1", (side, side)))
        assert len(bomb) < MAX_BYTES
        with pytest.raises(PictureError, match=message):
            read_picture(bomb, "x.png")


def test_a_path_that_is_no_file_is_refused(tmp_path):
    with pytest.raises(PictureError, match="no file `a.png`"):
        read_picture(tmp_path / "a.png")
    with pytest.raises(PictureError, match="is a folder"):
        read_picture(tmp_path)
