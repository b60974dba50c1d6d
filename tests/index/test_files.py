import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from lsr.exceptions import IndexFileError, QueryError, UnknownNameError
from lsr.index.memory.files import open_index, save_index
from lsr.index.memory.growing import compacted, grown, shrunk
from lsr.index.memory.index import MemoryIndex
from lsr.kernels.checksum import checksum
from lsr.model.sparse import SparseVectors
from lsr.storage.leftovers import lock_of
from lsr.storage.locks import exclusive
from tests.index.test_exactness import PRECISIONS, brute_force, vectors

MARKS = {"collection": "c1", "model": "m1"}
QUERY = np.array([1, 4, 9]), np.array([1.0, 0.5, 0.75])


def part(images: SparseVectors, first: int, last: int) -> SparseVectors:
    return images.select(range(first, last))


def same(one: MemoryIndex, other: MemoryIndex) -> bool:
    assert list(one.ids) == list(other.ids)
    assert (one.images.matrix != other.images.matrix).nnz == 0
    assert one.search(*QUERY, 50) == other.search(*QUERY, 50)
    return True


@pytest.mark.parametrize("precision", PRECISIONS)
def test_an_index_that_is_opened_again_is_the_same(tmp_path, precision):
    index = MemoryIndex(vectors(1, 300, 24), precision)
    stored = save_index(index, tmp_path / "one", MARKS)
    again = open_index(tmp_path / "one", {**MARKS, "vocabulary": "v"})
    assert same(index, stored)
    assert same(index, again)
    again.forget()
    assert same(index, again)
    assert again.row_of(index.ids[7]) == 7
    assert again.precision == precision
    assert [file for file in tmp_path.iterdir() if not file.name.startswith(".")] == [
        tmp_path / "one"
    ]


def test_one_changed_byte_anywhere_is_noticed(tmp_path):
    folder = tmp_path / "one"
    save_index(MemoryIndex(vectors(1, 40, 24)), folder, MARKS)
    for file in sorted(folder.glob("*.npy")):
        content = file.read_bytes()
        for changed in (content[:-1], content[:-1] + bytes([content[-1] ^ 1]), b""):
            file.write_bytes(changed)
            with pytest.raises(IndexFileError, match="`one` is truncated or damaged"):
                open_index(folder)
        file.unlink()
        with pytest.raises(IndexFileError, match="`one` is truncated or damaged"):
            open_index(folder)
        file.write_bytes(content)
    assert open_index(folder)


def test_the_same_bytes_under_another_type_or_shape_are_noticed(tmp_path):
    folder = tmp_path / "one"
    save_index(MemoryIndex(vectors(1, 40, 24)), folder, MARKS)
    for name in ("levels", "rows"):
        file = folder / f"part-0-{name}.npy"
        array = np.load(file)
        sign = "i" if array.dtype.kind == "u" else "u"
        for changed in (array.view(f"{sign}{array.itemsize}"), array[None]):
            np.save(file, changed)
            with pytest.raises(IndexFileError, match=rf"\({file.name} is not what was written\)"):
                open_index(folder)
        np.save(file, array)
    assert len(open_index(folder)) == 40


def test_an_index_that_tells_checksums_alone_is_opened(tmp_path):
    """As version 0.1 wrote it."""
    folder = tmp_path / "one"
    stored = save_index(MemoryIndex(vectors(1, 40, 24)), folder, MARKS)
    card = json.loads((folder / "index.json").read_text())
    for one in card["parts"][0].values():
        del one["type"], one["shape"]
    (folder / "index.json").write_text(json.dumps(card))
    assert same(open_index(folder), stored)


def test_a_checksum_tells_swapped_and_lengthened_arrays_apart():
    array = np.arange(1000, dtype=np.uint8)
    swapped = array.copy()
    swapped[[3, 700]] = swapped[[700, 3]]
    sums = [array, swapped, array[:-1], np.append(array, np.uint8(0)), array[:0]]
    assert len({checksum(one) for one in sums}) == 5


@pytest.mark.parametrize(
    ("change", "wanted", "message"),
    [
        ({"schema": 7}, {}, "has schema 7; this version reads schema 2"),
        ({}, {"model": "m2"}, "was made from model m1, not m2"),
        ({}, {"vocabulary": "w"}, "was made from vocabulary v, not w"),
        ({"parts": None}, {}, "is truncated or damaged"),
        ({"n_images": 41}, {}, "40 images of 41"),
        ({"precision": "int2"}, {}, "precision int2"),
    ],
)
def test_an_index_made_otherwise_is_refused(tmp_path, change, wanted, message):
    folder = tmp_path / "one"
    save_index(MemoryIndex(vectors(1, 40, 24)), folder, MARKS)
    card = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps({**card, **change}))
    with pytest.raises(IndexFileError, match=message):
        open_index(folder, wanted)


def test_no_index_and_no_json_get_one_sentence(tmp_path):
    with pytest.raises(IndexFileError, match=r"index\.json` is missing"):
        open_index(tmp_path / "none")
    (tmp_path / "index.json").write_text("{")
    with pytest.raises(IndexFileError, match="not readable JSON"):
        open_index(tmp_path)


def test_a_second_writer_is_turned_away_and_the_old_index_stays(tmp_path):
    folder = tmp_path / "one"
    old = save_index(MemoryIndex(vectors(1, 40, 24)), folder, MARKS)
    with (
        exclusive(lock_of(folder), QueryError("not now")),
        pytest.raises(IndexFileError, match="Another process is writing the index `one`"),
    ):
        save_index(MemoryIndex(vectors(2, 40, 24)), folder, MARKS)
    assert same(open_index(folder), old)


def test_a_write_that_fails_leaves_the_old_index(tmp_path, monkeypatch):
    folder = tmp_path / "one"
    old = save_index(MemoryIndex(vectors(1, 40, 24)), folder, MARKS)

    def fail(*_args, **_settings):
        raise KeyboardInterrupt

    monkeypatch.setattr("lsr.index.memory.files.save_array", fail)
    with pytest.raises(KeyboardInterrupt):
        save_index(MemoryIndex(vectors(2, 40, 24)), folder, MARKS)
    monkeypatch.undo()
    assert same(open_index(folder), old)
    assert {file.name for file in tmp_path.iterdir()} == {"one"}


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_an_index_that_grew_and_shrank_is_the_one_built_at_once(tmp_path, precision, monkeypatch):
    monkeypatch.setattr("lsr.index.memory.index.FEW_ROWS", 0)
    images = vectors(3, 200, 24, 3)
    index = MemoryIndex(part(images, 0, 170), precision)
    index = grown(index, part(images, 170, 185))
    index = save_index(index, tmp_path / "one", MARKS)
    index = shrunk(index, [images.ids[row] for row in (0, 5, 130, 176)])
    index = save_index(index, tmp_path / "one", MARKS)
    index = open_index(tmp_path / "one")
    index = grown(index, images.select([*range(185, 190), 5]))
    left = [row for row in range(190) if row not in (0, 130, 176)]
    whole = MemoryIndex(images.select(left), precision)
    assert len(index.segments) == 3
    assert same(index, whole)
    assert same(compacted(index), whole)
    assert len(compacted(index).segments) == 1
    del index.images
    for term in range(24):
        for mine, its in zip(index.postings(term), whole.postings(term), strict=True):
            assert mine.tolist() == its.tolist()
    assert index.document_frequency.tolist() == whole.document_frequency.tolist()
    assert index.active_terms.tolist() == whole.images.matrix.getnnz(axis=1).tolist()
    some = np.arange(len(whole)) % 3 == 0
    assert index.frequency_among(some).tolist() == whole.frequency_among(some).tolist()
    for mine, its in zip(index.weights_of_terms(), whole.weights_of_terms(), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-12)
    rows = np.array([186, 3, 170, 3])
    assert (index.matrix_of(rows) != whole.images.matrix[rows]).nnz == 0
    assert "images" not in index.__dict__
    np.testing.assert_allclose(index.score_all(*QUERY), whole.score_all(*QUERY), rtol=1e-6)
    queries = vectors(4, 9, 24).matrix
    only = frozenset(whole.ids[::2])
    for mine, its in zip(
        index.search_rows(queries, 5, only, include=[3]),
        whole.search_rows(queries, 5, only, include=[3]),
        strict=True,
    ):
        assert mine.tolist() == its.tolist()


def test_what_has_not_changed_is_not_written_again(tmp_path):
    images = vectors(5, 200, 24)
    index = save_index(MemoryIndex(part(images, 0, 180)), tmp_path / "one", MARKS)
    before = (tmp_path / "one" / "part-0-stored.npy").stat().st_ino
    save_index(grown(index, part(images, 180, 200)), tmp_path / "one", MARKS)
    assert (tmp_path / "one" / "part-0-stored.npy").stat().st_ino == before
    shutil.rmtree(tmp_path / "one")
    assert same(save_index(index, tmp_path / "two", MARKS), index)


def test_many_small_additions_leave_few_parts():
    images = vectors(6, 120, 24)
    index = MemoryIndex(part(images, 0, 2))
    for first in range(2, 120, 2):
        index = grown(index, part(images, first, first + 2))
    assert len(index.segments) <= 7
    assert same(index, MemoryIndex(images))


def test_joined_8_bit_parts_are_still_exact_for_what_they_keep():
    images = vectors(7, 100, 24)
    index = MemoryIndex(part(images, 0, 40), "int8")
    for first in (40, 60, 80):
        index = grown(index, part(images, first, first + 20))
    assert [tuple(hit) for hit in index.search(*QUERY, 10)] == brute_force(index, *QUERY, 10)
    largest = images.matrix.max()
    kept = index.images.matrix - MemoryIndex(images).images.matrix
    assert abs(kept).max() <= 3 * largest / 510


def test_everything_can_be_deleted_and_put_back():
    images = vectors(8, 20, 24)
    empty = shrunk(MemoryIndex(images), images.ids)
    assert len(empty) == 0
    assert empty.search(*QUERY, 5) == []
    assert same(grown(empty, images), MemoryIndex(images))


def test_growing_by_what_does_not_fit_is_refused():
    images = vectors(9, 20, 24)
    index = MemoryIndex(part(images, 0, 10))
    with pytest.raises(QueryError, match="1 of 11 new images are in the index already"):
        grown(index, part(images, 9, 20))
    with pytest.raises(QueryError, match="24 terms of vocabulary w, but the index has 24 of v"):
        grown(index, SparseVectors(images.matrix, images.ids, "w"))
    with pytest.raises(UnknownNameError, match="index of 10 images has no image `nobody`"):
        shrunk(index, ["nobody"])


def test_compiled_loops_are_read_from_their_cache_in_a_new_process(tmp_path):
    save_index(MemoryIndex(vectors(1, 40, 24)), tmp_path / "one", MARKS)
    code = (
        "import sys; from pathlib import Path; from lsr.index.memory.files import open_index;"
        "from lsr.kernels.search import best_of_few; index = open_index(Path(sys.argv[1]));"
        "assert best_of_few.stats.cache_hits and not best_of_few.stats.cache_misses"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "one")], check=True)
