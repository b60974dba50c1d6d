"""Columns of text as sequences: a long one answers as a short one does, without its strings."""

import numpy as np
import pyarrow as pa
import pytest

from lsr.collection import columns
from lsr.collection.columns import Ids, Texts

TEXTS = ["dog", "Ähre", "cat", "", "dog", "zoo", "a b"]
ASCENDING = ["a-1", "a-2", "b", "c", "é"]
MIXED = ["c", "é", "a-2", "b", "a-1"]


@pytest.fixture(params=["few", "many"])
def size(request, monkeypatch):
    """Whether columns are short enough to be lists at once."""
    if request.param == "many":
        monkeypatch.setattr(columns, "FEW", 0)
        monkeypatch.setattr(columns, "_BLOCK", 2)


def column(texts: list[str]) -> pa.ChunkedArray:
    return pa.chunked_array([texts[:3], texts[3:4], [], texts[4:]], pa.string())


def test_a_column_reads_as_a_list_does(size):
    texts = Texts(column(TEXTS))
    assert (list(texts), len(texts), texts[1:6:2]) == (TEXTS, 7, TEXTS[1:6:2])
    assert [texts[np.int64(row)] for row in range(-7, 7)] == TEXTS + TEXTS
    assert texts.at(np.array([6, 0, 6])) == ["a b", "dog", "a b"]
    assert texts.of(np.array([2, 1])) == ["cat", "Ähre"] != texts
    assert texts.of(np.arange(7)) is texts
    assert [one in texts for one in ("zoo", "zo", None)] == [True, False, False]
    assert (texts.index("dog"), texts.index("dog", 1)) == (0, 4)
    with pytest.raises(ValueError, match="'lion' is not there"):
        texts.index("lion")
    with pytest.raises(IndexError):
        texts[7]


@pytest.mark.parametrize("ids", [ASCENDING, MIXED])
def test_ids_are_found_in_any_order(size, ids):
    found = Ids(column(ids))
    assert [found.row(one) for one in ids] == list(range(5))
    assert [found.row(one) for one in ("", "a", "bb", "z", "ü")] == [None] * 5
    assert found.distinct == 5
    assert [ids[row] for row in found.ascending] == sorted(ids)


@pytest.mark.parametrize("ids", [ASCENDING, MIXED])
@pytest.mark.parametrize("order", [[0, 0, 1, 2, 2, 2, 3, 4], [4, 0, 1, 0, 3, 3], [0, 1, 2, 3, 4]])
def test_owners_are_found_whether_they_stand_in_order_or_not(size, ids, order):
    owners = column([ids[row] for row in order])
    assert Ids(column(ids)).rows(owners).tolist() == order


def test_owners_that_are_not_there_have_no_row(size):
    strangers = column(["a-1", "stranger", "c", "c"])
    assert Ids(column(ASCENDING)).rows(strangers).tolist() == [0, -1, 3, 3]
    assert Ids(column(ASCENDING)).rows(column([])).tolist() == []


@pytest.mark.parametrize("ids", [["a", "a", "b", "c"], ["b", "a", "c", "b"]])
def test_ids_that_come_twice_are_counted(size, ids):
    assert Ids(column(ids)).distinct == 3
