from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from lsr.exceptions import CollectionError
from lsr.storage import files
from lsr.storage.files import (
    fingerprint,
    load_array,
    read_array,
    read_json,
    replacing_file,
    save_array,
)


@pytest.mark.parametrize("refusals", [3, 10_000])
def test_a_file_that_is_being_read_is_replaced_a_moment_later(tmp_path, monkeypatch, refusals):
    """As Windows has it; a reader that never closes it is told of after all."""
    target, tries = tmp_path / "curve.json", []
    target.write_text("old")
    replace = Path.replace

    def refusing(self, other):
        tries.append(other)
        if len(tries) <= refusals:
            raise PermissionError(13, "in use")
        return replace(self, other)

    monkeypatch.setattr(Path, "replace", refusing)
    monkeypatch.setattr(files, "_PATIENCE", 60.0 if refusals == 3 else 0.1)
    monkeypatch.setattr(files, "_PAUSE", 0.001)
    expected = nullcontext() if refusals == 3 else pytest.raises(PermissionError)
    with expected, replacing_file(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == ("new" if refusals == 3 else "old")
    assert [path.name for path in tmp_path.iterdir()] == ["curve.json"]


def test_a_failed_file_write_leaves_the_earlier_file(tmp_path):
    target = tmp_path / "curve.json"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing_file(target) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_reading_names_the_file_that_is_missing_or_damaged(tmp_path):
    with pytest.raises(CollectionError, match=r"`a\.json` is missing"):
        read_json(tmp_path / "a.json", CollectionError)
    (tmp_path / "a.json").write_text("[1")
    with pytest.raises(CollectionError, match="not readable JSON"):
        read_json(tmp_path / "a.json", CollectionError)
    (tmp_path / "a.json").write_text("[1]")
    with pytest.raises(CollectionError, match="holds a list"):
        read_json(tmp_path / "a.json", CollectionError)


def test_a_truncated_array_is_refused(tmp_path):
    path = tmp_path / "v.npy"
    np.save(path, np.ones((100, 8), np.float32))
    content = path.read_bytes()
    for length in (0, 10, len(content) - 4):
        path.write_bytes(content[:length])
        with pytest.raises(CollectionError, match=r"v\.npy` is truncated"):
            read_array(path, CollectionError)


def test_a_fingerprint_sees_every_part_and_its_border(tmp_path):
    file = tmp_path / "f"
    file.write_bytes(b"abc")
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
    assert fingerprint(file) == fingerprint("abc") == fingerprint(b"abc")
    assert fingerprint(np.array([1, 2])) != fingerprint(np.array([2, 1]))
    assert fingerprint(iter(["ab", "c"])) == fingerprint("abc")


def test_a_fingerprint_of_rows_in_blocks_is_that_of_all(tmp_path, monkeypatch):
    rows = np.arange(70, dtype=np.float32).reshape(7, 10)[:, ::2]
    save_array(tmp_path / "x.npy", rows)
    whole = fingerprint(rows.tobytes())
    monkeypatch.setattr(files, "_HASHED_ROWS", 3)
    assert fingerprint(rows) == fingerprint(load_array(tmp_path / "x.npy")) == whole


@pytest.mark.parametrize("may_map", [True, False])
def test_an_array_is_mapped_only_where_a_mapped_file_can_be_replaced(
    tmp_path, monkeypatch, may_map
):
    monkeypatch.setattr("lsr.storage.files._MAY_MAP", may_map)
    np.save(tmp_path / "array.npy", np.arange(6))
    array, own = (
        load_array(tmp_path / "array.npy"),
        load_array(tmp_path / "array.npy", private=True),
    )
    assert isinstance(array, np.memmap) == may_map
    own[0] = 9
    assert array.tolist() == [0, 1, 2, 3, 4, 5]
    assert own.tolist() == [9, 1, 2, 3, 4, 5]
