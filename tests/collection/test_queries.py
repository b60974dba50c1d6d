"""Query sets beside the captions: read, checked, written, and no part of the fingerprint."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lsr.collection.collection import load_collection
from lsr.collection.queries import QueryRow, keep_answers, write_query_set
from lsr.collection.writing import copy_collection, write_collection
from lsr.exceptions import CollectionError, DiskFullError, QueryError, UnknownNameError

GOOD = {
    "id": ["b", "a", "b", "c"],
    "text": ["two dogs", "a cat", "two dogs", "a boat"],
    "image_id": ["image-03", "image-01", "image-00", "image-03"],
}


def put(collection, name="some", **columns):
    """A set as somebody else would write it."""
    path = collection.folder / "queries" / f"{name}.parquet"
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table({**GOOD, **columns}), path)
    return load_collection(collection.folder)


def answers(collection, found):
    """Image ids by query id."""
    return {
        query: {collection.image_ids[row] for row in found.image_rows[start:stop]}
        for query, start, stop in zip(found.ids, found.starts[:-1], found.starts[1:], strict=True)
    }


def test_rows_of_one_query_are_its_answers_wherever_they_stand(collection):
    found = put(collection).query_set("some")
    assert (found.ids, found.texts) == (("b", "a", "c"), ("two dogs", "a cat", "a boat"))
    assert answers(collection, found) == {
        "b": {"image-03", "image-00"},
        "a": {"image-01"},
        "c": {"image-03"},
    }
    assert found.owners.tolist() == [0, 0, 1, 2]


def test_names_are_listed_without_opening_a_file(collection):
    assert collection.query_sets == []
    folder = collection.folder / "queries"
    folder.mkdir()
    for name in ("words.parquet", "all.parquet", ".9-words.parquet", "notes.txt"):
        (folder / name).write_bytes(b"no parquet")
    assert load_collection(collection.folder).query_sets == ["all", "words"]


def test_only_queries_that_some_of_the_images_answer_are_among_them(collection):
    ready = put(collection)
    found = ready.query_set("some")
    rows = np.sort([ready.image_row("image-01"), ready.image_row("image-00")])
    queries, starts, places = found.among(rows)
    assert [found.ids[row] for row in queries] == ["b", "a"]
    assert starts.tolist() == [0, 1, 2]
    assert [ready.image_ids[rows[place]] for place in places] == ["image-00", "image-01"]
    assert [len(part) for part in found.among(np.zeros(0, int))] == [0, 1, 0]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (dict.fromkeys(GOOD, pa.array([], pa.string())), "`some` has 0 rows. Give every query"),
        ({"id": ["", "a", " ", "c"]}, r"2 rows without an id: `two dogs` \(row 1\), .*\(row 3\)"),
        ({"text": ["two dogs", None, "two dogs", " "]},
         r"2 rows without a text: `a` \(row 2\), `c` \(row 4\)"),
        ({"text": ["two dogs", "a cat", "2 dogs", "a boat"]},
         r"1 queries two texts: `b` \(row 1 and row 3\)"),
        ({"image_id": ["image-03", "nobody", "image-00", "image-3"]},
         r"2 images that collection `tiny` does not have: `nobody` \(row 2\), `image-3` \(row 4\)"),
        ({"image_id": ["image-03", "image-01", "image-03", "image-03"]},
         r"1 answers twice: `b image-03` \(row 3\)"),
        ({"id": [1, 2, 1, 3]}, "some.parquet` holds int64 in column `id`, not text. Restore"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_with_its_number(collection, columns, message):
    with pytest.raises(CollectionError, match=message):
        put(collection, **columns).query_set("some")


def test_a_missing_column_is_named(collection):
    put(collection)
    path = collection.folder / "queries" / "some.parquet"
    pq.write_table(pa.table({"id": ["a"], "image_id": ["image-01"]}), path)
    with pytest.raises(CollectionError, match="some.parquet` has no column text. Restore"):
        collection.query_set("some")


def test_a_truncated_file_is_named(collection):
    put(collection)
    path = collection.folder / "queries" / "some.parquet"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CollectionError, match=r"some\.parquet` is truncated"):
        collection.query_set("some")


def test_an_unknown_set_is_answered_with_those_there_are(collection):
    with pytest.raises(UnknownNameError, match="no query set `x`. It has none yet; bring one"):
        collection.query_set("x")
    put(collection, "words")
    with pytest.raises(UnknownNameError, match="no query set `x`. Its query sets are: `some`, `wo"):
        put(collection).query_set("x")


def rows(*answers):
    return [QueryRow(query, f"text {query}", image) for query, image in answers]


def test_what_is_written_is_read_back_and_replaces_what_was_there(collection):
    for told in (rows(("q", "image-00")), rows(("q", "image-02"), ("r", "image-05"))):
        made = write_query_set(collection, "mine", told)
        read = load_collection(collection.folder).query_set("mine")
        assert (read.ids, read.texts, read.fingerprint) == (made.ids, made.texts, made.fingerprint)
        assert answers(collection, read) == {query: {image} for query, _, image, _ in told}
    assert [path.name for path in (collection.folder / "queries").iterdir()] == ["mine.parquet"]


def test_what_cannot_be_written_leaves_what_was_there(collection, monkeypatch):
    write_query_set(collection, "mine", rows(("q", "image-00")))
    before = (collection.folder / "queries" / "mine.parquet").read_bytes()
    with pytest.raises(CollectionError, match="1 images that collection `tiny` does not have"):
        write_query_set(collection, "mine", rows(("q", "nobody")))
    with pytest.raises(QueryError, match="`../x` cannot name a query set"):
        write_query_set(collection, "../x", rows(("q", "image-00")))

    def fail(_, path):
        path.write_bytes(b"PAR1 half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", fail)
    with pytest.raises(DiskFullError, match="The disk is full"):
        write_query_set(collection, "mine", rows(("q", "image-01")))
    (kept,) = (collection.folder / "queries").iterdir()
    assert kept.read_bytes() == before


def test_a_query_set_does_not_change_the_fingerprint_of_its_collection(collection):
    before = (collection.folder / "collection.json").read_bytes()
    write_query_set(collection, "mine", rows(("q", "image-00")))
    again = load_collection(collection.folder)
    assert again.fingerprint == collection.fingerprint
    assert (collection.folder / "collection.json").read_bytes() == before


def test_the_fingerprint_of_a_set_tells_texts_and_answers_apart_but_not_their_order(collection):
    made = [
        put(collection, **columns).query_set("some").fingerprint
        for columns in (
            {},
            {"text": ["two dogs", "a cat", "two dogs", "a ship"]},
            {"image_id": ["image-03", "image-01", "image-02", "image-03"]},
            {"image_id": ["image-00", "image-01", "image-03", "image-03"]},
        )
    ]
    assert made[0] == made[3]
    assert len(set(made)) == 3


def test_a_copy_under_another_name_has_the_same_fingerprint_and_its_own_sets(collection, home):
    write_query_set(collection, "mine", rows(("q", "image-00")))
    copy = copy_collection(collection, home / "collections" / "other")
    assert (copy.name, copy.fingerprint) == ("other", collection.fingerprint)
    assert json.loads((copy.folder / "collection.json").read_text())["name"] == "other"
    write_query_set(copy, "mine", rows(("q", "image-01")))
    write_query_set(copy, "more", rows(("q", "image-01")))
    assert load_collection(collection.folder).query_sets == ["mine"]
    assert answers(collection, collection.query_set("mine")) == {"q": {"image-00"}}
    assert copy.picture(0).is_file()


def test_a_collection_written_beside_another_keeps_its_sets(collection, home):
    ready = put(collection)
    before = (ready.folder / "queries" / "some.parquet").read_bytes()
    kept = np.sort([ready.image_row(image) for image in ("image-01", "image-03")])
    captions = np.flatnonzero(np.isin(ready.caption_image_rows, kept))
    small = write_collection(
        home / "collections" / "small",
        card={**ready.card, "name": "small"},
        images=ready.images.take(kept),
        captions=ready.captions.take(captions),
        image_vectors=ready.image_vectors[kept],
        caption_vectors=ready.caption_vectors[captions],
        beside=ready,
    )
    assert answers(small, small.query_set("some"))["b"] == {"image-03"}
    assert (ready.folder / "queries" / "some.parquet").read_bytes() == before


def test_a_smaller_collection_keeps_the_answers_that_it_holds(collection):
    put(collection, "gone", image_id=["image-05"] * 2 + ["image-06", "image-05"])
    put(collection)
    put(collection, "whole", image_id=["image-03", "image-01", "image-01", "image-03"])
    whole = (collection.folder / "queries" / "whole.parquet").read_bytes()
    keep_answers(collection.folder, pa.chunked_array([["image-03"], ["image-01"]]))
    small = load_collection(collection.folder)
    assert small.query_sets == ["some", "whole"]
    assert answers(small, small.query_set("some")) == {
        "b": {"image-03"}, "a": {"image-01"}, "c": {"image-03"}
    }  # fmt: skip
    assert (collection.folder / "queries" / "whole.parquet").read_bytes() == whole
