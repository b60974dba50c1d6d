import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lsr.collection import columns
from lsr.collection.collection import load_collection
from lsr.evaluation.pairs import load_pairs
from lsr.exceptions import CollectionError, UnknownNameError
from lsr.storage import tables
from tests.conftest import make_collection


def test_what_was_written_is_read_back(collection):
    again = load_collection(collection.folder)
    assert again.image_ids == collection.image_ids
    assert again.fingerprint == collection.fingerprint
    assert again.card["counts"] == {"images": 12, "captions": 24}
    row = again.image_row("image-03")
    assert again.image_ids[row] == "image-03"
    assert again.picture(row).is_file()
    assert len(again.captions_of(row)) == 2
    owners = again.captions["image_id"].to_pylist()
    expected = [
        text for text, owner in zip(again.caption_texts, owners, strict=True) if owner == "image-03"
    ]
    assert again.captions_of(row) == expected


def test_a_large_collection_is_read_as_a_small_one(collection, monkeypatch, arrow_bytes):
    """Its tables are mapped, and no column is a list of strings."""
    monkeypatch.setattr(tables, "MAPPED_BYTES", 0)
    monkeypatch.setattr(columns, "FEW", 0)
    large, n = load_collection(collection.folder), len(collection.images)
    assert arrow_bytes() == 0
    assert (large.images, large.captions) == (collection.images, collection.captions)
    for name in ("image_ids", "caption_ids", "caption_texts", "splits"):
        assert list(getattr(large, name)) == list(getattr(collection, name))
    for name in ("caption_image_rows", "searchable_rows", "captions_with_vectors"):
        assert np.array_equal(getattr(large, name), getattr(collection, name))
    for row in range(n):
        assert large.captions_of(row) == collection.captions_of(row)
        assert large.picture(row) == collection.picture(row)
        assert large.image_row(collection.image_ids[row]) == row
    with pytest.raises(UnknownNameError, match="no image `image-99`"):
        large.image_row("image-99")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("collection.json", "`collection.json` is missing"),
        ("images.parquet", "`images.parquet` is missing"),
        ("captions.parquet", "`captions.parquet` is missing"),
        ("image_vectors.npy", "`image_vectors.npy` is missing"),
        ("caption_vectors.npy", "`caption_vectors.npy` is missing"),
    ],
)
def test_a_missing_file_is_named(collection, file, message):
    (collection.folder / file).unlink()
    with pytest.raises(CollectionError, match=message):
        load_collection(collection.folder)


@pytest.mark.parametrize(
    "file", ["images.parquet", "captions.parquet", "image_vectors.npy", "caption_vectors.npy"]
)
def test_a_truncated_file_is_named(collection, file):
    path = collection.folder / file
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CollectionError, match=f"{file}` is truncated"):
        load_collection(collection.folder)


def test_counts_that_differ_are_given_with_the_noun(collection):
    vectors = np.load(collection.folder / "image_vectors.npy")
    np.save(collection.folder / "image_vectors.npy", vectors[:-1])
    with pytest.raises(CollectionError, match=r"`tiny` has 12 images but 11 image vectors\."):
        load_collection(collection.folder)


def test_vectors_of_another_size_are_refused(collection):
    vectors = np.load(collection.folder / "caption_vectors.npy")
    np.save(collection.folder / "caption_vectors.npy", vectors[:, :5])
    with pytest.raises(CollectionError, match=r"shape \(24, 5\), not \(rows, 8\)"):
        load_collection(collection.folder)


def test_captions_of_strangers_are_refused(collection):
    path = collection.folder / "captions.parquet"
    table = pq.read_table(path).to_pydict()
    table["image_id"][0] = "nobody"
    pq.write_table(pa.table(table), path)
    with pytest.raises(CollectionError, match="1 images that it does not hold, such as `nobody`"):
        load_collection(collection.folder)


def test_a_newer_schema_is_refused(collection):
    card = json.loads((collection.folder / "collection.json").read_text())
    (collection.folder / "collection.json").write_text(json.dumps({**card, "schema": 99}))
    with pytest.raises(CollectionError, match="schema 99, this version reads schema 1"):
        load_collection(collection.folder)


def test_an_unknown_image_gets_the_nearest_ids(collection):
    with pytest.raises(UnknownNameError, match=r"no image `image-3`.*`image-0?3`"):
        collection.image_row("image-3")


def test_images_without_pictures_are_searched_only_when_none_has_one(home, fake_encoder):
    tiny = make_collection(home / "collections" / "mixed", fake_encoder)
    path = tiny.folder / "images.parquet"
    table = pq.read_table(path).to_pydict()
    table["file"] = [None if row < 5 else name for row, name in enumerate(table["file"])]
    pq.write_table(pa.table(table), path)
    assert load_collection(tiny.folder).searchable_rows.tolist() == list(range(5, 12))
    table["file"] = [None] * 12
    schema = tiny.images.schema
    pq.write_table(pa.table(table, schema=schema), path)
    assert load_collection(tiny.folder).searchable_rows.tolist() == list(range(12))


def test_captions_without_vectors_are_encoded_once_and_kept(home, fake_encoder):
    splits = ("train",) * 8 + ("test",) * 4
    tiny = make_collection(
        home / "collections" / "part", fake_encoder, splits=splits, caption_vector_splits=["test"]
    )
    assert len(tiny.caption_vectors) == 8
    whole = make_collection(home / "collections" / "whole", fake_encoder, splits=splits)
    before = fake_encoder.calls
    for _ in range(2):
        pairs = load_pairs(tiny, "train", fake_encoder)
    assert fake_encoder.calls == before + 1
    expected = load_pairs(whole, "train", fake_encoder)
    np.testing.assert_array_equal(pairs.caption_vectors, expected.caption_vectors)
    np.testing.assert_array_equal(
        load_pairs(tiny, "test", fake_encoder).caption_vectors,
        load_pairs(whole, "test", fake_encoder).caption_vectors,
    )


def test_an_encoder_whose_name_is_a_folder_keeps_its_vectors_in_the_cache(home, fake_encoder):
    part = make_collection(home / "collections" / "part", fake_encoder, caption_vector_splits=[])
    fake_encoder.name = "clip:/some/where/a model"
    load_pairs(part, "test", fake_encoder)
    (kept,) = (home / "cache").rglob("*")
    assert kept.parent == home / "cache"
    assert kept.name.startswith("clip-some-where-a-model-")


def test_pairs_name_the_image_of_every_caption(collection):
    pairs = load_pairs(collection, "test")
    for row, text in enumerate(pairs.texts):
        image = int(pairs.image_rows[pairs.relevant[row]])
        assert text in collection.captions_of(image)


def test_a_split_without_captions_is_refused(home, fake_encoder):
    tiny = make_collection(home / "collections" / "mute", fake_encoder)
    with pytest.raises(UnknownNameError, match="no split `val`"):
        load_pairs(tiny, "val")
    path = tiny.folder / "captions.parquet"
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    np.save(tiny.folder / "caption_vectors.npy", np.zeros((0, 8), np.float16))
    card = json.loads((tiny.folder / "collection.json").read_text())
    card["counts"]["captions"] = 0
    (tiny.folder / "collection.json").write_text(json.dumps(card))
    with pytest.raises(CollectionError, match="12 images but no captions"):
        load_pairs(load_collection(tiny.folder), "test")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("file", "../../secret.png", "picture in `../../secret.png`, which is not below"),
        ("file", "/etc/secret.png", "which is not below its folder `images`"),
        ("file", "a/../../x.png", "which is not below its folder `images`"),
        ("file", "..\\x.png", "which is not below its folder `images`"),
        ("file", "C:/x.png", "which is not below its folder `images`"),
        ("file", "x\0.png", "which is not below its folder `images`"),
        ("url", "/etc/passwd", "no address that begins with http:// or https://"),
        ("url", "file:///etc/passwd", "no address that begins with http:// or https://"),
        ("url", "javascript:alert(1)", "no address that begins with http:// or https://"),
        ("url", "http://a b", "no address that begins with http:// or https://"),
    ],
)
def test_a_picture_anywhere_but_in_its_folder_or_on_the_web_is_refused(
    collection, column, value, message
):
    path = collection.folder / "images.parquet"
    table = pq.read_table(path).to_pydict()
    table[column][3] = value
    pq.write_table(pa.table(table), path)
    with pytest.raises(CollectionError, match=f"Image `.*` of collection `tiny`.*{message}"):
        load_collection(collection.folder)


def test_a_picture_that_is_a_link_out_of_the_collection_is_refused(collection, tmp_path):
    place = collection.picture(0)
    (tmp_path / "secret.png").write_bytes(place.read_bytes())
    place.unlink()
    place.symlink_to(tmp_path / "secret.png")
    with pytest.raises(CollectionError, match="leads out of the folder of collection `tiny`"):
        collection.picture(0)
    place.unlink()
    place.symlink_to(place.name)  # in a circle
    with pytest.raises(CollectionError, match="leads out of the folder"):
        collection.picture(0)
    assert collection.picture(1).is_file()


@pytest.mark.parametrize("url", ["http://x.org/a.jpg", "HTTPS://x.org/%20?q=1", None, ""])
def test_an_address_of_the_web_stays(collection, url):
    path = collection.folder / "images.parquet"
    table = pq.read_table(path).to_pydict()
    table["url"] = [url] * len(table["id"])
    pq.write_table(pa.table({**table, "url": pa.array(table["url"], pa.string())}), path)
    assert load_collection(collection.folder).images["url"].to_pylist() == table["url"]
