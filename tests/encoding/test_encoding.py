"""Pictures and captions become rows on disk, whatever happens on the way."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lsr.encoding.encoded import read_encoded
from lsr.encoding.encoding import EncodingReport, encode_captions, encode_pictures
from lsr.encoding.reading_ahead import read_ahead
from lsr.exceptions import (
    CollectionError,
    DiskFullError,
    InputError,
    ModelError,
    PictureError,
    QueryError,
)
from lsr.storage.locks import exclusive
from tests.conftest import FakeEncoder

ROOT = Path(__file__).resolve().parents[2]
# Says when a batch is on disk and waits to be asked for the next one, so that it is killed between
# two, however fast or slow it is.
CHILD = """
import sys
from pathlib import Path
import numpy as np
from lsr.encoding.encoding import encode_pictures

class Means:
    name, dense_size, fingerprint = "means", 4, "means-1"
    def encode_images(self, pictures):
        means = np.array([np.asarray(p, np.float32).reshape(-1, 3).mean(axis=0) for p in pictures])
        vectors = np.concatenate([means, np.ones((len(means), 1))], axis=1).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

files = sorted(Path(sys.argv[1]).iterdir())
for report in encode_pictures(Means(), files, Path(sys.argv[2]), batch_size=3):
    print(report.done, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(2)
    files = [folder / f"{number:02}.png" for number in range(20)]
    for file in files:
        Image.fromarray(rng.integers(0, 255, (6, 8, 3), np.uint8)).save(file)
    return files


def child(pictures: Sequence[Path], work: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(pictures[0].parent), str(work)]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def directly(encoder: FakeEncoder, files: Sequence[Path]) -> np.ndarray:
    return encoder.encode_images([Image.open(file) for file in files]).astype(np.float16)


def test_rows_are_in_the_order_of_the_files(pictures, fake_encoder, tmp_path):
    work, files = tmp_path / "work", pictures[::-1]
    reports = list(encode_pictures(fake_encoder, files, work, batch_size=3, workers=4))
    assert [report.done for report in reports] == [3, 6, 9, 12, 15, 18, 20]
    assert {(r.kind, r.total, r.per_second > 0) for r in reports} == {("images", 20, True)}
    assert reports[-1].seconds_left == 0
    encoded = read_encoded(work)
    np.testing.assert_array_equal(encoded.image_vectors, directly(fake_encoder, files))
    assert encoded.image_vectors.dtype == np.float16
    assert encoded.caption_vectors is None
    assert encoded.unreadable == {}


def test_a_killed_encoding_goes_on_and_equals_an_unbroken_one(pictures, tmp_path):
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    child(pictures, unbroken).communicate(timeout=600)
    for kills in (1, 2):
        process = child(pictures, broken)
        first = process.stdout.readline()
        assert int(first) == 3 * kills  # goes on where the journal ends, not at the beginning
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=600)
        assert not (broken / "image_vectors.npy").exists()
    process = child(pictures, broken)
    done = [int(line) for line in process.communicate(timeout=600)[0].split()]
    assert done == [9, 12, 15, 18, 20]
    for name in ("image_vectors.npy", "unreadable.json"):
        assert (broken / name).read_bytes() == (unbroken / name).read_bytes()


def test_rows_that_the_journal_does_not_know_are_written_again(pictures, fake_encoder, tmp_path):
    work = tmp_path / "work"
    run = encode_pictures(fake_encoder, pictures, work, batch_size=6)
    assert next(run).done == 6
    run.close()
    # As a kill leaves it in the middle of a write: half a row, and half a line of the journal.
    with (work / "image_vectors.part").open("ab") as rows:
        rows.write(b"\x01" * 17)
    with (work / "image_vectors.journal").open("ab") as journal:
        journal.write(b'{"done": 12, "prob')
    done = [r.done for r in encode_pictures(fake_encoder, pictures, work, batch_size=6)]
    assert done == [12, 18, 20]
    np.testing.assert_array_equal(
        read_encoded(work).image_vectors, directly(fake_encoder, pictures)
    )


def test_a_full_disk_is_told_and_what_is_written_is_kept(
    pictures, fake_encoder, tmp_path, monkeypatch
):
    work, written = tmp_path / "work", []

    def full(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFullError, match="The disk is full"):
        list(encode_pictures(fake_encoder, pictures, work, batch_size=6))
    done = [r.done for r in encode_pictures(fake_encoder, pictures, work, batch_size=6)]
    assert done == [18, 20]
    np.testing.assert_array_equal(
        read_encoded(work).image_vectors, directly(fake_encoder, pictures)
    )


@pytest.mark.parametrize("missing", ["image_vectors.part", "image_vectors.journal"])
def test_an_encoding_that_lost_a_file_begins_again(pictures, fake_encoder, tmp_path, missing):
    work = tmp_path / "work"
    run = encode_pictures(fake_encoder, pictures, work, batch_size=6)
    next(run)
    run.close()
    (work / missing).unlink()
    assert next(encode_pictures(fake_encoder, pictures, work, batch_size=6)).done == 6


def test_a_finished_encoding_is_not_made_again(pictures, fake_encoder, tmp_path):
    work = tmp_path / "work"
    list(encode_pictures(fake_encoder, pictures, work))
    before = (work / "image_vectors.npy").stat().st_mtime_ns
    again = list(encode_pictures(fake_encoder, pictures, work))
    assert again == [EncodingReport("images", 20, 20, 0.0, 0.0)]
    assert (work / "image_vectors.npy").stat().st_mtime_ns == before


def test_another_encoder_or_another_list_starts_anew(pictures, fake_encoder, tmp_path):
    work = tmp_path / "work"
    list(encode_pictures(fake_encoder, pictures, work, batch_size=5))
    fake_encoder.fingerprint = "fake-2"
    assert next(encode_pictures(fake_encoder, pictures, work, batch_size=5)).done == 5
    assert not (work / "image_vectors.npy").exists()
    list(encode_pictures(fake_encoder, pictures, work, batch_size=5))
    swapped = [pictures[1], pictures[0], *pictures[2:]]
    assert next(encode_pictures(fake_encoder, swapped, work, batch_size=5)).done == 5


def test_a_moved_folder_goes_on(pictures, fake_encoder, tmp_path):
    run = encode_pictures(fake_encoder, pictures, tmp_path / "work", batch_size=5)
    next(run)
    run.close()
    moved = pictures[0].parent.rename(tmp_path / "moved")
    files = [moved / file.name for file in pictures]
    assert next(encode_pictures(fake_encoder, files, tmp_path / "work", batch_size=5)).done == 10


def test_unreadable_pictures_are_listed_and_their_rows_are_zeros(pictures, fake_encoder, tmp_path):
    work = tmp_path / "work"
    pictures[7].write_bytes(b"no picture")
    pictures[12].unlink()
    run = encode_pictures(fake_encoder, pictures, work, batch_size=5)
    next(run), next(run)
    run.close()
    list(encode_pictures(fake_encoder, pictures, work, batch_size=5))
    encoded = read_encoded(work)
    assert list(encoded.unreadable) == [7, 12]
    assert "`07.png` is not a picture" in encoded.unreadable[7]
    assert "no file `12.png`" in encoded.unreadable[12]
    good = [row for row in range(20) if row not in (7, 12)]
    assert not encoded.image_vectors[[7, 12]].any()
    expected = directly(fake_encoder, [pictures[row] for row in good])
    np.testing.assert_array_equal(encoded.image_vectors[good], expected)


def test_a_picture_that_the_encoder_refuses_is_listed(pictures, fake_encoder, tmp_path):
    class Picky(FakeEncoder):
        def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
            if any(image.width < 8 for image in images):
                raise PictureError("too narrow")
            return super().encode_images(images)

    fake_encoder.__class__ = Picky
    Image.new("RGB", (4, 4)).save(pictures[3])
    list(encode_pictures(fake_encoder, pictures, tmp_path))
    encoded = read_encoded(tmp_path)
    assert encoded.unreadable == {3: "too narrow"}
    assert np.flatnonzero(~encoded.image_vectors.any(axis=1)).tolist() == [3]


def test_a_large_picture_waits_as_a_small_one(tmp_path, fake_encoder):
    seen = []

    class Watching(FakeEncoder):
        def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
            seen.extend(image.size for image in images)
            return super().encode_images(images)

    fake_encoder.__class__ = Watching
    Image.new("RGB", (3000, 1500)).save(tmp_path / "large.jpg")
    Image.new("RGB", (640, 480)).save(tmp_path / "usual.jpg")
    files = [tmp_path / "large.jpg", tmp_path / "usual.jpg"]
    list(encode_pictures(fake_encoder, files, tmp_path / "work"))
    assert seen == [(1024, 512), (640, 480)]


def test_an_empty_list_gives_empty_arrays(fake_encoder, tmp_path):
    assert [r.total for r in encode_pictures(fake_encoder, [], tmp_path)] == [0]
    assert [r.total for r in encode_captions(fake_encoder, [], tmp_path)] == [0]
    encoded = read_encoded(tmp_path)
    assert encoded.image_vectors.shape == encoded.caption_vectors.shape == (0, 8)


def test_captions_are_encoded_in_their_order_and_go_on(fake_encoder, tmp_path):
    texts = [f"a {word} dog" for word in "red blue green big small left right cat fish".split()]
    run = encode_captions(fake_encoder, texts, tmp_path, batch_size=4)
    assert next(run).done == 4
    run.close()
    assert [r.done for r in encode_captions(fake_encoder, texts, tmp_path, batch_size=4)] == [8, 9]
    expected = fake_encoder.encode_texts(texts).astype(np.float16)
    np.testing.assert_array_equal(read_encoded(tmp_path).caption_vectors, expected)


def test_a_caption_that_is_refused_is_named_with_its_row(fake_encoder, tmp_path):
    class Refusing(FakeEncoder):
        def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
            if not all(text.strip() for text in texts):
                raise QueryError("The text holds no word.")
            return super().encode_texts(texts)

    fake_encoder.__class__ = Refusing
    texts = ["a dog"] * 6 + ["  "] + ["a cat"] * 3
    with pytest.raises(CollectionError, match=r"Caption 6, ``, .* holds no word"):
        list(encode_captions(fake_encoder, texts, tmp_path, batch_size=4))
    # The mended list is another list.
    texts[6] = "a fish"
    assert next(encode_captions(fake_encoder, texts, tmp_path, batch_size=4)).done == 4


@pytest.mark.parametrize(
    ("vectors", "says"),
    [
        (np.ones((1, 8), np.float32), r"shape \(1, 8\) for 2 texts; expected is \(2, 8\)"),
        (np.full((2, 8), np.nan, np.float32), "2 vectors that hold NaN"),
    ],
)
def test_an_encoder_that_gives_something_else_is_refused(fake_encoder, tmp_path, vectors, says):
    fake_encoder.encode_texts = lambda texts: vectors
    with pytest.raises(ModelError, match=says):
        list(encode_captions(fake_encoder, ["a", "b"], tmp_path))


def test_two_encodings_do_not_share_a_folder(pictures, fake_encoder, tmp_path):
    with (
        exclusive(tmp_path / "images.lock", InputError("taken")),
        pytest.raises(InputError, match="being encoded by another process"),
    ):
        list(encode_pictures(fake_encoder, pictures, tmp_path))


def test_the_list_of_unreadable_pictures_is_there_when_the_vectors_are(
    pictures, fake_encoder, tmp_path
):
    for report in encode_pictures(fake_encoder, pictures, tmp_path, batch_size=10):
        whole = report.done == report.total
        assert (tmp_path / "image_vectors.npy").exists() == whole
        assert (tmp_path / "unreadable.json").exists() == whole
    assert json.loads((tmp_path / "unreadable.json").read_text()) == {}


@pytest.mark.parametrize(("device", "n", "sizes"), [("cpu", 65, [64, 1]), ("cuda", 513, [512, 1])])
def test_an_encoder_on_a_gpu_gets_more_pictures_at_once(vocabulary, tmp_path, device, n, sizes):
    """A stand-in says where it is; rows are the same whatever the batch."""
    seen = []

    class Placed(FakeEncoder):
        def encode_images(self, images):
            seen.append(len(images))
            return super().encode_images(images)

    encoder = Placed(vocabulary)
    encoder.device = device
    files = [tmp_path / f"{row}.png" for row in range(n)]
    for row, file in enumerate(files):
        Image.new("RGB", (3, 2), (row % 256, 9, row // 256)).save(file)
    list(encode_pictures(encoder, files, tmp_path / "work"))
    assert seen == sizes
    stored = read_encoded(tmp_path / "work").image_vectors
    expected = FakeEncoder(vocabulary).encode_images([Image.open(file) for file in files])
    np.testing.assert_array_equal(stored, expected.astype(np.float16))


def test_pillow_keeps_the_memory_of_pictures_only_while_many_are_opened(pictures):
    pool = Image.core
    assert pool.get_blocks_max() == 0
    with closing(read_ahead(pictures, 2, 4)) as opened:
        next(opened)
        assert pool.get_blocks_max() > 0
        with closing(read_ahead(pictures, 2, 4)) as others:
            next(others)
        assert pool.get_blocks_max() > 0  # the first still reads
    assert pool.get_blocks_max() == 0
    assert pool.get_stats()["blocks_cached"] == 0
