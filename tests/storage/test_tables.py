"""Tables of unknown origin: what is in them is checked; a large one is mapped into memory."""

import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lsr.storage import tables
from lsr.storage.tables import map_columns, read_columns
from lsr.storage.untrusted import DamagedError, UnexpectedError

TEXT = {"id": "text"}


def test_columns_come_in_the_order_asked_for_and_text_as_strings(tmp_path):
    path = tmp_path / "x.parquet"
    columns = {"n": [1, None], "id": pa.array(["a", "b"]).dictionary_encode(), "other": [[1], []]}
    pq.write_table(pa.table(columns), path)
    table = read_columns(path, {"id": "text", "n": "whole number or nothing"})
    assert table.column_names == ["id", "n"]
    assert table["id"].type == pa.string()
    assert table.to_pydict() == {"id": ["a", "b"], "n": [1, None]}


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (pa.table({"x": ["a"]}), "has no column id"),
        (pa.Table.from_arrays([["a"], ["b"]], ["id", "id"]), "has several columns `id`"),
        (pa.table({"id": [["a"]]}), r"holds list<.*> in column `id`, not text"),
        (pa.table({"id": ["a", None]}), "holds nothing in 1 rows of column `id`"),
        (pa.table({"id": [b"a"]}), "holds binary in column `id`"),
    ],
)
def test_a_table_that_holds_something_else_is_refused(tmp_path, table, why):
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(UnexpectedError, match=why):
        read_columns(tmp_path / "x.parquet", TEXT)


def test_text_that_is_not_utf8_is_refused(tmp_path):
    broken = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")]
    )
    pq.write_table(pa.table({"id": broken}), tmp_path / "x.parquet")
    with pytest.raises(DamagedError, match="UTF8"):
        read_columns(tmp_path / "x.parquet", TEXT)


def test_a_small_file_that_stands_for_a_large_table_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"id": pa.array(["a" * 5_000] * 5_000)}), path)
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(tables, "MOST_TABLE_BYTES", 2**22)
    with pytest.raises(UnexpectedError, match="takes more than 4 MB in memory"):
        read_columns(path, TEXT)


def test_a_missing_table_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_columns(tmp_path / "x", TEXT)


@pytest.fixture
def small_blocks(monkeypatch):
    """Some ten rows are a block, and a table of 2 kB is large."""
    monkeypatch.setattr(tables, "_ROWS", 10)
    monkeypatch.setattr(tables, "_BLOCK", 20)
    monkeypatch.setattr(tables, "MAPPED_BYTES", 2_000)


@pytest.fixture
def kept(tmp_path, monkeypatch, small_blocks):
    """The folder where large tables are kept."""
    monkeypatch.setenv("LEXISCOPE_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "cache" / "tables"


def written(path, n, first=0):
    told = {"n": list(range(n)), "id": [f"image {row}" for row in range(first, first + n)]}
    told["n"][7] = None
    pq.write_table(pa.table(told), path)
    return {"id": told["id"], "n": told["n"]}


BOTH = {"id": "text", "n": "whole number or nothing"}


def test_a_large_table_is_mapped(tmp_path, kept, arrow_bytes):
    path = tmp_path / "x.parquet"
    told = written(path, 500)
    found = map_columns(path, BOTH)
    assert arrow_bytes() == 0
    assert found.mapped is not None
    path.unlink()
    next(kept.iterdir()).unlink()
    found.forget()
    assert found.table.to_pydict() == told


def test_a_large_table_is_checked_once_while_its_file_stays_as_it_is(tmp_path, monkeypatch, kept):
    path = tmp_path / "x.parquet"
    told = written(path, 500)
    map_columns(path, BOTH)
    with monkeypatch.context() as patched:
        patched.setattr(pq, "ParquetFile", None)
        again = map_columns(path, BOTH)
        assert again.table.to_pydict() == told
        with pytest.raises(DamagedError, match="callable"):  # other columns of it were not
            map_columns(path, TEXT)
    told = written(path, 500, first=300)
    assert map_columns(path, BOTH).table.to_pydict() == told
    assert again.table["id"][0].as_py() == "image 0"


def test_a_kept_table_that_is_damaged_is_read_anew(tmp_path, kept):
    path = tmp_path / "x.parquet"
    told = written(path, 500)
    map_columns(path, BOTH)
    [one] = kept.iterdir()
    for content in (b"", one.read_bytes()[:900], b"ARROW1" * 200):
        one.unlink()
        one.write_bytes(content)
        assert map_columns(path, BOTH).table.to_pydict() == told


def test_what_was_not_opened_for_longest_makes_room(tmp_path, monkeypatch, kept):
    paths = [tmp_path / f"{name}.parquet" for name in "abc"]
    for first, path in enumerate(paths):
        written(path, 500, first)
    map_columns(paths[0], BOTH)
    [a] = kept.iterdir()
    map_columns(paths[1], BOTH)
    [b] = {*kept.iterdir()} - {a}
    os.utime(a, (1, 1))
    os.utime(b, (2, 2))
    map_columns(paths[0], BOTH)  # opened now
    monkeypatch.setattr(tables, "LIMIT_BYTES", 2 * a.stat().st_size + 1_000)
    map_columns(paths[2], BOTH)
    left = {*kept.iterdir()}
    assert a in left
    assert b not in left
    assert len(left) == 2


def test_a_table_that_is_refused_leaves_nothing(tmp_path, kept):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"id": [*map(str, range(5_000)), None]}), path)
    with pytest.raises(UnexpectedError, match="holds nothing in 1 rows"):
        map_columns(path, TEXT)
    assert not list(kept.iterdir())


def test_a_large_table_stays_in_memory_where_nothing_can_be_written(
    tmp_path, monkeypatch, small_blocks
):
    (tmp_path / "home").write_text("no folder")
    monkeypatch.setenv("LEXISCOPE_HOME", str(tmp_path / "home"))
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"id": list(map(str, range(5_000)))}), path)
    found = map_columns(path, TEXT)
    assert (found.mapped, found.table["id"].to_pylist()) == (None, list(map(str, range(5_000))))


def test_what_is_missing_in_any_block_is_counted(tmp_path, small_blocks):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"id": [None if row % 30 == 9 else "a" for row in range(90)]}), path)
    with pytest.raises(UnexpectedError, match="holds nothing in 3 rows of column `id`"):
        read_columns(path, TEXT)
