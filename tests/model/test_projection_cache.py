"""Projected vectors that are kept: what is shipped is what the model gives, old ones go first."""

import os

import numpy as np
import pytest

from lsr.collection.collection import load_collection
from lsr.evaluation.pairs import load_pairs
from lsr.model import projection_cache
from lsr.model.loading import load_model
from lsr.model.projection_cache import cache_folder, literal_once, sparse_once
from lsr.model.protocol import Items
from lsr.storage import places


@pytest.fixture(scope="module")
def demo():
    return load_model(places.ASSETS / "models" / "demo")


@pytest.fixture(scope="module")
def pairs():
    return load_pairs(load_collection(places.ASSETS / "collections" / "demo"), "test")


def items(dense):
    return Items("images", ("",) * len(dense), lambda: dense)


def same(ours, theirs):
    assert abs(ours - theirs).max() < 1e-5
    assert ours.dtype == theirs.dtype


def test_what_is_shipped_is_what_the_model_gives(demo, pairs, home):
    ids = ("",) * len(pairs.texts)
    captions = Items("captions", ids, lambda: pairs.caption_vectors, pairs.texts)
    for one in (items(pairs.image_vectors), captions):
        same(sparse_once(demo, one), demo.sparse(one))
    ours = literal_once(demo.vocabulary, pairs.texts)
    assert (ours != demo.vocabulary.literal_matrix(pairs.texts)).nnz == 0
    assert not cache_folder().exists()


def test_what_is_not_shipped_is_projected_once_and_a_damaged_file_anew(demo, pairs, home):
    dense = pairs.image_vectors[:5]
    fresh = sparse_once(demo, items(dense))
    same(fresh, demo.project(dense))
    (file,) = cache_folder().iterdir()
    content = file.read_bytes()
    assert (sparse_once(demo, items(dense)) != fresh).nnz == 0
    for damaged in (b"", content[:-4], content[:100] + b"\xff" * (len(content) - 100)):
        file.write_bytes(damaged)
        same(sparse_once(demo, items(dense)), fresh)
        assert file.read_bytes() == content


def test_a_damaged_shipped_file_is_passed_over_and_left(demo, pairs, home, tmp_path, monkeypatch):
    dense = np.ascontiguousarray(pairs.image_vectors[:5])
    monkeypatch.setattr(places, "ASSETS", tmp_path)
    shipped = tmp_path / "projected" / projection_cache.sparse_name(demo, items(dense))
    shipped.parent.mkdir()
    shipped.write_bytes(b"nothing")
    same(sparse_once(demo, items(dense)), demo.project(dense))
    assert shipped.read_bytes() == b"nothing"


def test_files_that_were_not_used_for_longest_make_room(demo, pairs, home, monkeypatch):
    kept = {}
    for number in range(3):
        sparse_once(demo, items(pairs.image_vectors[number : number + 1]))
        (new,) = set(cache_folder().iterdir()) - set(kept)
        kept[new] = number
        os.utime(new, (number, number))
    used, oldest = next(iter(kept)), list(kept)[1]
    sparse_once(demo, items(pairs.image_vectors[:1]))
    assert used.stat().st_mtime > 3
    room = 4 * max(file.stat().st_size for file in kept)
    monkeypatch.setattr(projection_cache, "LIMIT_BYTES", room)
    monkeypatch.setattr(projection_cache, "_LARGEST_SHARE", 1.0)
    sparse_once(demo, items(pairs.image_vectors[3:5]))
    assert used.exists()
    assert not oldest.exists()
    assert sum(file.stat().st_size for file in cache_folder().iterdir()) <= room
