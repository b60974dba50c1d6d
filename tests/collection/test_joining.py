import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lsr.cli.main import main
from lsr.collection import joining
from lsr.collection.collection import Collection, load_collection
from lsr.collection.joining import Joined, join_collections
from lsr.collection.queries import QueryRow, write_query_set
from lsr.collection.writing import write_collection
from lsr.exceptions import CollectionError, QueryError
from lsr.search.results import SearchSettings
from lsr.search.searcher import Searcher
from lsr.storage.files import write_json
from tests.conftest import make_collection

SPLITS = ("train",) * 6 + ("test",) * 6


@pytest.fixture
def whole(home, fake_encoder) -> Collection:
    made = make_collection(home / "collections" / "whole", fake_encoder, splits=SPLITS)
    write_query_set(
        made,
        "asked",
        [QueryRow("q1", "a dog", made.image_ids[row]) for row in (1, 8)]
        + [QueryRow("q2", "a cat", made.image_ids[9])],
    )
    return load_collection(made.folder)


def part_of(whole: Collection, name: str, rows: np.ndarray) -> Collection:
    """Some images of a collection, as an import of them alone would make it."""
    of_them = np.isin(whole.caption_image_rows, rows)
    made = write_collection(
        whole.folder.with_name(name),
        card={**whole.card, "name": name},
        images=whole.images.take(rows),
        captions=whole.captions.filter(of_them),
        image_vectors=whole.image_vectors[rows],
        caption_vectors=whole.caption_vectors[of_them],
        beside=whole,
    )
    # Each part holds its own pictures alone.
    mine = set(made.images["file"].to_pylist())
    for file in (made.folder / "images").iterdir():
        if file.name not in mine:
            file.unlink()
    return load_collection(made.folder)


@pytest.fixture
def halves(whole) -> list[Collection]:
    return [part_of(whole, "a", np.arange(6)), part_of(whole, "b", np.arange(6, 12))]


def joined(parts, name="all") -> Joined:
    *_, last = join_collections(parts, name)
    assert isinstance(last, Joined)
    return last


def test_two_halves_joined_are_the_whole(whole, halves, model, fake_encoder, answer, monkeypatch):
    monkeypatch.setattr(joining, "_BLOCK", 4)  # no block is a part, none divides one
    assert halves[1].query_set("asked").ids == ("q1", "q2")
    told = answer("join", "a", "b", "--name", "all")
    made = load_collection("all")
    assert told["n_images"] == 12
    assert told["renamed"] == {"images": 0, "captions": 0, "queries": 0}
    assert told["notes"] == []
    assert [one["n_images"] for one in told["parts"]] == [6, 6]
    assert made.images.select(["id", "split", "width"]) == whole.images.select(
        ["id", "split", "width"]
    )
    assert made.captions == whole.captions
    assert np.array_equal(made.image_vectors, whole.image_vectors)
    assert np.array_equal(made.caption_vectors, whole.caption_vectors)
    assert made.image_vectors.dtype == np.float16
    assert made.fingerprint == whole.fingerprint
    for row in range(12):
        assert Path(made.picture(row)).read_bytes() == Path(whole.picture(row)).read_bytes()
        # A name more for the same bytes, not a copy.
        assert Path(made.picture(row)).stat().st_nlink > 1
    asked, expected = made.query_set("asked"), whole.query_set("asked")
    assert asked.fingerprint == expected.fingerprint
    assert asked.image_rows.tolist() == [1, 8, 9]
    found, wanted = (
        Searcher(one, model, encoder=fake_encoder).search_text("a dog", SearchSettings(k=12)).hits
        for one in (made, whole)
    )
    assert found == wanted
    assert found
    assert not (whole.folder.parent.parent / "cache" / "joining" / "all").exists()


def test_ids_and_pictures_that_clash_bear_the_name_of_their_part(whole):
    a, b = part_of(whole, "a", np.arange(4)), part_of(whole, "b", np.arange(3, 6))
    same = whole.image_ids[3]
    write_query_set(a, "asked", [QueryRow("q1", "a dog", same), QueryRow("q3", "x", same)])
    write_query_set(b, "asked", [QueryRow("q1", "a fish", same), QueryRow("q3", "x", same)])
    one = joined([a, b])
    made = one.collection
    assert made.image_ids == [
        *whole.image_ids[:3],
        f"a-{same}",
        f"b-{same}",
        *whole.image_ids[4:6],
    ]
    assert one.renamed == {"images": 2, "captions": 4, "queries": 2}
    rows = [made.image_row(f"{part}-{same}") for part in "ab"]
    assert [made.captions_of(row) for row in rows] == [whole.captions_of(3)] * 2
    assert made.caption_ids[6:10] == [f"{p}-{whole.caption_ids[n]}" for p in "ab" for n in (6, 7)]
    assert [made.images["file"][row].as_py() for row in rows] == [
        f"{part}/{same}.png" for part in "ab"
    ]
    for row in rows:
        assert Path(made.picture(row)).read_bytes() == Path(whole.picture(3)).read_bytes()
    asked = made.query_set("asked")
    assert asked.ids == ("a-q1", "q3", "b-q1")
    assert asked.texts == ("a dog", "x", "a fish")
    assert asked.image_rows.tolist() == [rows[0], *rows, rows[1]]


def test_a_prefix_that_is_taken_is_put_twice(whole):
    ids = ["x", "a-x", "y"]
    parts = [ids, ["x"]]
    made = joining.set_apart(parts, ["a", "b"])
    assert made.names == [["a-a-x", "a-x", "y"], ["b-x"]]
    assert joining.part_labels(["../out", "a", "b", "B"]) == ["part-1", "a", "part-3", "part-4"]


def test_vectors_that_only_some_parts_store_are_left_out_and_told(home, fake_encoder, whole):
    some = make_collection(
        home / "collections" / "some",
        fake_encoder,
        splits=("train",) * 3 + ("test",) * 2,
        caption_vector_splits=["test"],
    )
    one = joined([whole, some])
    assert one.collection.vector_splits == ["test"]
    expected = np.concatenate([whole.caption_vectors[12:], some.caption_vectors])
    assert np.array_equal(one.collection.caption_vectors, expected)
    assert "split `train` have vectors in `whole` but not in `some`" in one.notes[0]
    assert "Query set `asked` is not in `some`" in one.notes[1]


def test_small_pictures_and_the_encoder_mark_stay_where_all_parts_agree(halves):
    for part in halves:
        about = {"format": "folder", "notes": [], "encoder_fingerprint": "e1"}
        card = {**part.card, "small_pictures": 10, "imported": about}
        small = part.folder / "images" / "small"
        small.mkdir()
        for file in part.images["file"].to_pylist():
            (small / file).write_bytes(b"small " + file.encode())
        write_json(part.folder / "collection.json", card)
    made = joined([load_collection(part.folder) for part in halves]).collection
    assert made.card["joined"]["encoder_fingerprint"] == "e1"
    assert "imported" not in made.card
    names = made.images["file"].to_pylist()
    assert [made.picture(row, 10).read_bytes() for row in (0, 11)] == [
        b"small " + names[row].encode() for row in (0, 11)
    ]


def test_what_cannot_be_joined_is_told_and_nothing_is_written(home, halves, fake_encoder, capsys):
    a, b = halves
    other = make_collection(home / "collections" / "other", fake_encoder)
    write_json(other.folder / "collection.json", {**other.card, "encoder": "else"})
    other = load_collection(other.folder)
    with pytest.raises(CollectionError, match=r"two kinds: `fake`, 8 numbers each, and `else`"):
        joined([a, other])
    with pytest.raises(QueryError, match="not 1"):
        joined([a])
    with pytest.raises(QueryError, match="`a` is given twice"):
        joined([a, b, a])
    with pytest.raises(QueryError, match="collection `b` of your own already"):
        joined([a, b], "b")
    with pytest.raises(QueryError, match="bundled"):
        joined([a, b], "demo")
    for part, mark in ((a, "e1"), (b, "e2")):
        write_json(
            part.folder / "collection.json",
            {**part.card, "imported": {"encoder_fingerprint": mark}},
        )
    assert main(["join", "a", "b", "--name", "all"]) == 2
    assert "two versions of `fake`, e1 and e2" in capsys.readouterr().err
    write_json(b.folder / "collection.json", b.card)
    Path(b.picture(2)).unlink()
    with pytest.raises(CollectionError, match=f"image `{b.image_ids[2]}` of collection `b` is"):
        joined([a, b])
    assert not (home / "collections" / "all").exists()
    assert not (home / "cache" / "joining" / "all").exists()


def test_a_part_without_pictures_beside_one_with_some_is_told(whole, home, fake_encoder):
    bare = make_collection(home / "collections" / "bare", fake_encoder, splits=("test",) * 2)
    table = bare.images.set_column(1, "file", pa.nulls(2, pa.string()))
    made = write_collection(
        home / "collections" / "bare",
        card=bare.card,
        images=table,
        captions=bare.captions,
        image_vectors=np.array(bare.image_vectors),
        caption_vectors=np.array(bare.caption_vectors),
    )
    one = joined([whole, made])
    assert "2 images of `bare` have no pictures" in one.notes[0]
    assert len(one.collection.searchable_rows) == 12


def test_a_part_that_was_replaced_meanwhile_is_refused(halves):
    a, b = halves
    steps = join_collections([a, b], "all")
    next(steps)
    write_json(b.folder / "collection.json", {**b.card, "fingerprint": "other"})
    with pytest.raises(CollectionError, match="`b` was replaced"):
        list(steps)
    assert json.loads((a.folder / "collection.json").read_text())["name"] == "a"
