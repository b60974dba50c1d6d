"""Lines are appended whole: two writers, a killed one, a full disk, a folder that is not ours."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lsr.exceptions import DiskFullError, InputError
from lsr.storage import lines
from lsr.storage.lines import append_line, read_lines

ROOT = Path(__file__).resolve().parents[2]


def test_a_new_file_begins_with_its_header(tmp_path):
    path = tmp_path / "folder" / "lines"
    assert read_lines(path) == []
    append_line(path, "one", "header")
    append_line(path, "two", "other header")
    assert path.read_text() == "header\none\ntwo\n"
    assert read_lines(path) == ["header", "one", "two"]
    assert [one.name for one in path.parent.iterdir()] == ["lines"]


def test_threads_and_processes_that_append_at_once_lose_nothing(tmp_path):
    path = tmp_path / "lines"
    code = (
        "import sys; from pathlib import Path; from lsr.storage.lines import append_line\n"
        "for n in range(40): append_line(Path(sys.argv[1]), f'process {n} ' + 'x' * 9000, 'h')"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT)

    def append(name: str) -> None:
        for number in range(40):
            append_line(path, f"{name} {number} " + "x" * 9_000, "h")

    threads = [threading.Thread(target=append, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert other.wait() == 0
    found = read_lines(path)
    assert found[0] == "h"
    assert sorted(line.split(" x")[0] for line in found[1:]) == sorted(
        f"{name} {number}" for name in ("a", "b", "process") for number in range(40)
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("h\none\ntw", "h\none\ntw\nnew\n"),  # killed within a line
        ("h\none", "h\none\nnew\n"),
        ("head", "h\nnew\n"),  # killed within the header: nothing was ever whole
        ("", "h\nnew\n"),
    ],
)
def test_what_a_killed_writer_left_stays_a_line_of_its_own(tmp_path, before, after):
    path = tmp_path / "lines"
    path.write_text(before)
    append_line(path, "new", "h")
    assert path.read_text() == after


@pytest.mark.parametrize("before", ["h\none\n", "h\none", "head", ""])
def test_a_full_disk_leaves_the_file_as_it_was(tmp_path, monkeypatch, before):
    path = tmp_path / "lines"
    path.write_text(before)
    write, calls = os.write, []

    def half(descriptor: int, content: bytes) -> int:
        calls.append(content)
        if len(calls) == 1:
            return write(descriptor, content[:2])
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return write(descriptor, content)

    monkeypatch.setattr(lines.os, "write", half)
    with pytest.raises(DiskFullError, match="untouched"):
        append_line(path, "new", "h")
    assert path.read_text() == before


def test_a_folder_in_the_place_of_the_file_is_one_sentence(tmp_path):
    (tmp_path / "lines").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        append_line(tmp_path / "lines", "new", "h")
    with pytest.raises(InputError, match="cannot be read"):
        read_lines(tmp_path / "lines")
    with pytest.raises(ValueError, match="one line"):
        append_line(tmp_path / "other", "two\nlines", "h")
