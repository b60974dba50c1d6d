"""A full disk is one sentence, whoever notices it: the kernel really refuses here."""

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import SafetensorError

from lsr.exceptions import DiskFullError
from lsr.storage import room
from lsr.storage.files import replacing_file, save_array, write_json
from lsr.storage.folders import replacing_folder
from lsr.storage.room import check_room, free_bytes, told_when_full

ROOT = Path(__file__).resolve().parents[2]
SAID = r"The disk is full \(.* free.*\), so `.*/model` was not written; .* Free some space"
# Every writer that the library uses, in a process that may write no file of more than 4,096 bytes.
LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np, pyarrow as pa, pyarrow.parquet as pq
from PIL import Image
from safetensors.numpy import save_file
from lsr.exceptions import DiskFullError
from lsr.storage.files import save_array, write_json
from lsr.storage.folders import replacing_folder

noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)
WRITERS = {
    "npy": lambda folder: save_array(folder / "a.npy", noise),
    "parquet": lambda folder: pq.write_table(pa.table({"a": noise.ravel()}), folder / "a.parquet"),
    "safetensors": lambda folder: save_file({"a": noise}, folder / "a.safetensors"),
    "json": lambda folder: write_json(folder / "a.json", {"a": noise.ravel().tolist()}),
    "picture": lambda folder: Image.fromarray(noise).save(folder / "a.webp", "WEBP"),
    "text": lambda folder: (folder / "a.csv").write_text("x" * 10_000),
}
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
for name, writer in WRITERS.items():
    try:
        with replacing_folder(Path(sys.argv[1])) as temporary:
            writer(temporary)
    except DiskFullError as problem:
        print(name, problem)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="it has no limit for a process")
def test_every_writer_says_in_one_sentence_that_there_is_no_room(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "weights").write_text("old")
    command = [sys.executable, "-c", LIMITED, str(target)]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    lines = [line.split(" ", 1) for line in said.stdout.splitlines()]
    assert [name for name, _ in lines] == [
        "npy",
        "parquet",
        "safetensors",
        "json",
        "picture",
        "text",
    ]
    for _, sentence in lines:
        assert sentence.startswith("The disk is full (")
        assert f"so `{target}` was not written; what stood there before is untouched." in sentence
    assert (target / "weights").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is full")
def test_an_array_on_a_disk_that_is_full_already_is_told_of():
    with pytest.raises(DiskFullError, match=r"^The disk is full \(.*so `/dev/full` was not"):
        save_array(Path("/dev/full"), np.zeros(10_000))


@pytest.mark.parametrize(
    "problem",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EFBIG, "File too large"),
        SafetensorError("Error while serializing: No space left on device (os error 28)"),
    ],
    ids=["full disk", "quota", "limit", "safetensors"],
)
def test_a_full_disk_names_what_was_not_written_and_what_to_do(tmp_path, problem):
    """The folder that the user knows, not the temporary one."""
    with (
        pytest.raises(DiskFullError, match=SAID),
        replacing_folder(tmp_path / "model") as temporary,
        replacing_file(temporary / "config.json"),
    ):
        raise problem
    assert list(tmp_path.iterdir()) == []


def test_another_error_stays_what_it_is(tmp_path):
    with pytest.raises(OSError, match="1000 requested"), told_when_full(tmp_path / "v.npy"):
        raise OSError("1000 requested and 10 written")


def test_what_needs_more_than_is_free_is_refused_before_it_begins(tmp_path):
    free = free_bytes(tmp_path / "not" / "there")
    check_room(free // 2, tmp_path / "not" / "there")
    with pytest.raises(
        DiskFullError, match=r"free, [\d,.]+ GB needed\), so `.*/there` was not"
    ) as no:
        check_room(2 * free, tmp_path / "not" / "there")
    assert no.value.needed == 2 * free
    said = r"needed\), so `.*/model` was not written"
    with pytest.raises(DiskFullError, match=said), told_when_full(tmp_path / "model"):
        check_room(2 * free, tmp_path / ".model~0123abcd" / "a.npy")


def test_an_array_that_does_not_fit_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "free_bytes", lambda _: 39)
    with pytest.raises(DiskFullError, match=r"\(39 bytes free, 40 bytes needed\)"):
        save_array(tmp_path / "a.npy", np.zeros(10, np.float32))
    assert list(tmp_path.iterdir()) == []
    save_array(tmp_path / "a.npy", np.zeros(9, np.float32))
    write_json(tmp_path / "a.json", {})
