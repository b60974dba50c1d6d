"""A collection that stays in shards is read as the one that its parts would be joined into."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from lsr.collection.collection import load_collection
from lsr.collection.copying import send
from lsr.collection.items import image_items
from lsr.collection.joining import join_collections
from lsr.collection.queries import QueryRow, write_query_set
from lsr.collection.writing import copy_collection
from lsr.encoding.revision import revision_folder
from lsr.exceptions import CollectionError
from lsr.search.searcher import Searcher
from lsr.storage.copies import bring_all
from lsr.storage.files import fingerprint
from lsr.storage.part_rows import PartRows
from tests.conftest import make_collection

SPLITS = ("train",) * 3 + ("test",) * 4


@pytest.fixture
def parts(home, fake_encoder):
    """Two collections whose ids, captions' ids and pictures have the same names."""
    made = [
        make_collection(home / "collections" / name, fake_encoder, splits=SPLITS) for name in "ab"
    ]
    write_query_set(made[1], "asked", [QueryRow("q", "a dog", made[1].image_ids[5])])
    return [load_collection(one.folder) for one in made]


def test_shards_are_read_as_the_collection_that_they_would_be_joined_into(
    parts, model, fake_encoder, answer, home
):
    *_, whole = join_collections(parts, "whole")
    whole = whole.collection
    told = answer("join", "a", "b", "--name", "shards", "--in-shards")
    assert (told["n_images"], told["renamed"]) == (14, {"images": 14, "captions": 28, "queries": 0})
    shards = load_collection("shards")
    assert sorted(path.name for path in shards.folder.iterdir()) == [
        "captions.parquet", "collection.json", "images.parquet", "queries",
    ]  # fmt: skip
    assert shards.fingerprint == whole.fingerprint
    assert shards.image_ids == whole.image_ids
    assert shards.captions == whole.captions
    for split in ("train", "test"):
        ours, theirs = (one.stored_caption_vectors(split) for one in (shards, whole))
        assert np.array_equal(ours, theirs)
    for row in range(14):
        assert shards.picture(row).read_bytes() == whole.picture(row).read_bytes()
    assert shards.query_set("asked").texts == whole.query_set("asked").texts
    searchers = [Searcher(one, model, encoder=fake_encoder) for one in (shards, whole)]
    hits = [one.search_text("a red dog").hits for one in searchers]
    assert hits[0] == hits[1]
    marks = [model.mark(image_items(one, range(14))) for one in (shards, whole)]
    assert marks[0] == marks[1]


def test_parts_may_move_with_the_collection_and_lie_elsewhere(parts, home, tmp_path):
    far = tmp_path / "disk" / "b"
    far.parent.mkdir()
    shutil.move(parts[1].folder, far)
    list(join_collections([parts[0], load_collection(far)], "shards", in_shards=True))
    (home / "collections").rename(home / "moved")
    shards = load_collection(home / "moved" / "shards")
    places = [part.folder.resolve() for part in shards.parts]
    assert places == [home / "moved" / "a", far]
    assert len(shards.image_vectors) == 14
    bring_all(shards.folder)  # nothing lies in an object storage


def test_a_part_that_is_gone_or_another_is_told(parts, fake_encoder, home):
    list(join_collections(parts, "shards", in_shards=True))
    shards = load_collection("shards")
    away = parts[1].folder.rename(home / "away")
    with pytest.raises(CollectionError, match=r"Part `../b` of collection `shards` cannot be op"):
        load_collection("shards")
    other = make_collection(home / "collections" / "b", fake_encoder, splits=SPLITS[1:])
    with pytest.raises(
        CollectionError, match=f"is {other.fingerprint}, not {parts[1].fingerprint}"
    ):
        load_collection("shards")
    with pytest.raises(CollectionError, match=r"Part `.*/b` of collection `shards` was replaced"):
        shards.check_version()
    shutil.rmtree(other.folder)
    away.rename(other.folder)
    assert load_collection("shards").fingerprint == shards.fingerprint
    card = json.loads((shards.folder / "collection.json").read_text())
    (shards.folder / "collection.json").write_text(json.dumps({**card, "parts": ["b"]}))
    with pytest.raises(CollectionError, match="does not tell its parts. Restore the file"):
        load_collection("shards")


def test_what_would_copy_or_change_shards_is_refused(parts, home, fake_encoder):
    list(join_collections(parts, "shards", in_shards=True))
    shards = load_collection("shards")
    third = make_collection(home / "collections" / "c", fake_encoder, caption_vector_splits=[])
    for act in (
        lambda: copy_collection(shards, home / "collections" / "d"),
        lambda: revision_folder(shards, "d"),
        lambda: send(shards, "s3://bucket/shards"),
        lambda: list(join_collections([shards, third], "e", in_shards=True)),
    ):
        with pytest.raises(
            CollectionError, match="`shards` stays in 2 shards, .* --in-shards first"
        ):
            act()
    with pytest.raises(CollectionError, match="`test` have vectors in `a` but not in `c`, so they"):
        list(join_collections([parts[0], third], "e", in_shards=True))
    assert not (home / "collections" / "e").exists()
    # Joined with copies, shards are one part among others.
    *_, made = join_collections([shards, third], "e")
    assert len(made.collection.image_vectors) == 26


def test_rows_of_parts_are_those_of_one_array():
    rng = np.random.default_rng(0)
    arrays = [rng.random((n, 3)).astype(kind) for n, kind in ((4, "f2"), (0, "f2"), (5, "f4"))]
    rows, one = PartRows(arrays), np.concatenate(arrays)
    assert (rows.shape, rows.dtype, len(rows)) == (one.shape, one.dtype, len(one))
    for wanted in (
        slice(None), slice(1, 3), slice(3, 7), slice(6, 99), slice(8, 2), slice(0, 9, 2),
        [5, 0, 5], [-1], np.array([], int), np.arange(9) % 2 == 0, np.array([8, 3]),
    ):  # fmt: skip
        assert np.array_equal(rows[wanted], one[wanted])
        assert rows[wanted].dtype == one.dtype
    assert np.array_equal(np.asarray(rows), one)
    assert np.array_equal(np.array(list(rows)), one)
    assert fingerprint(rows) == fingerprint(one)
    with pytest.raises(IndexError, match="rows 9 to 9 of 9"):
        rows[[9]]
