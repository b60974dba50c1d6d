import subprocess
import sys
import threading
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from lsr.exceptions import PictureError
from lsr.storage import pictures
from lsr.storage.pictures import MAX_BYTES, on_white, read_picture, read_sized


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


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_turn_is_the_one_that_pillow_makes(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    drawn = Image.fromarray(np.random.default_rng(0).integers(0, 255, (4, 6, 3), np.uint8))
    content = saved(drawn, exif=exif)
    read, size = read_sized(content)
    with Image.open(BytesIO(content)) as opened:
        expected = ImageOps.exif_transpose(opened)
    assert np.array_equal(np.asarray(read), np.asarray(expected))
    assert size == expected.size


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_a_large_picture_is_composited_and_shrunk_band_by_band(mode):
    side = 1600
    ramp = np.linspace(0, 255, side).astype(np.uint8)
    layers = [np.broadcast_to(ramp, (side, side)), np.broadcast_to(ramp[:, None], (side, side))]
    picture = Image.merge("LA", [Image.fromarray(one) for one in layers])
    if mode == "P":
        picture = picture.convert("RGBA").quantize(64)
    content = saved(picture.convert(mode))
    read, size = read_sized(content, most_pixels=side * side // 16)
    with Image.open(BytesIO(content)) as opened:
        whole = on_white(opened).resize(read.size, Image.Resampling.BOX)
    assert (size, read.size) == ((side, side), (side // 4, side // 4))
    assert np.abs(np.asarray(read, int) - np.asarray(whole, int)).max() <= 2


MEMORY = """
import sys
from pathlib import Path
from lsr.storage.pictures import read_picture
def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
read_picture(Path(sys.argv[1]))
before = peak()
print(read_picture(Path(sys.argv[2])).size, peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory another way")
def test_fifty_megapixels_with_alpha_take_less_than_300_mb(tmp_path):
    for name, side in (("small", 8), ("large", 7_000)):
        Image.new("LA", (side, side)).save(tmp_path / f"{name}.png")
    assert (tmp_path / "large.png").stat().st_size < 200_000
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, tmp_path / "small.png", tmp_path / "large.png"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    size, _, n_bytes = done.stdout.strip().rpartition(" ")
    assert size == "(2048, 2048)"
    assert int(n_bytes) < 300 * 10**6


def test_a_format_whose_decoder_takes_more_is_refused_by_its_bytes():
    content = saved(Image.new("RGB", (5000, 4000)), "WEBP", method=0)
    with pytest.raises(PictureError, match="takes 305 MB; up to 256 MB are given to a picture"):
        read_picture(content, "x.webp")


def test_pictures_share_what_decoding_may_take():
    room, order = pictures._Room(10), []
    large_is_in, large_goes = threading.Event(), threading.Event()

    def large():
        with room.taken(8):
            large_is_in.set()
            large_goes.wait(20)
            order.append("large")

    def small():
        with room.taken(3):
            order.append("small")

    threads = [threading.Thread(target=large), threading.Thread(target=small)]
    threads[0].start()
    assert large_is_in.wait(20)
    with room.taken(2):  # beside the large one there is room for this
        threads[1].start()
    large_goes.set()
    for thread in threads:
        thread.join(20)
    assert order == ["large", "small"]
