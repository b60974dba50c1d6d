"""A collection gets the vectors of another encoder, in its own place or under a new name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from lsr.cli.main import main
from lsr.collection.collection import Collection, load_collection
from lsr.collection.writing import write_collection
from lsr.encoding import reencoding
from lsr.encoding.reencoding import encode_collection
from lsr.exceptions import BusyError, CollectionError, QueryError, UnknownNameError
from lsr.storage.files import write_json
from tests.conftest import FakeEncoder, make_collection, unit


class OtherEncoder(FakeEncoder):
    """Vectors of another size: the first five numbers of the fake ones."""

    name = "other"
    dense_size = 5
    fingerprint = "other-1"

    def encode_texts(self, texts):
        return unit(super().encode_texts(texts)[:, :5])

    def encode_images(self, images):
        return unit(super().encode_images(images)[:, :5])


@pytest.fixture
def other(vocabulary, monkeypatch) -> OtherEncoder:
    encoder = OtherEncoder(vocabulary)

    def load(spec: str) -> OtherEncoder:
        if spec != "other":
            raise UnknownNameError(f"There is no encoder `{spec}`.")
        return encoder

    monkeypatch.setattr(reencoding, "load_encoder", load)
    return encoder


def change_images(collection: Collection, **columns: list) -> Collection:
    table = collection.images
    for name, values in columns.items():
        place = table.column_names.index(name)
        table = table.set_column(place, name, pa.array(values, table.schema.field(name).type))
    pq.write_table(table, collection.folder / "images.parquet")
    return load_collection(collection.folder)


def expected_images(encoder: OtherEncoder, collection: Collection) -> np.ndarray:
    pictures = [Image.open(collection.picture(row)) for row in range(len(collection.images))]
    return encoder.encode_images(pictures).astype(np.float16)


def test_a_new_collection_has_the_vectors_of_the_encoder(answer, collection, other, home):
    found = answer("encode", "--collection", "tiny", "--encoder", "other", "--name", "again")
    assert found.keys() == {
        "collection",
        "encoder",
        "n_images",
        "n_captions",
        "skipped",
        "images_per_second",
        "captions_per_second",
        "seconds",
    }
    assert (found["collection"], found["encoder"], found["skipped"]) == ("again", "other", [])
    assert (found["n_images"], found["n_captions"]) == (12, 24)
    made = load_collection("again")
    np.testing.assert_array_equal(made.image_vectors, expected_images(other, collection))
    texts = other.encode_texts(collection.caption_texts).astype(np.float16)
    np.testing.assert_array_equal(made.caption_vectors, texts)
    assert made.image_ids == collection.image_ids
    assert made.card["licence"] == "CC0"
    assert made.card["revised"]["from"] == "tiny"
    # Pictures are shared by both, and stay when the first collection goes.
    first = made.picture(0)
    assert first.samefile(collection.picture(0))
    shutil.rmtree(collection.folder)
    assert first.is_file()
    assert not any((home / "cache" / "encoding").iterdir())


def test_progress_is_told_with_images_a_second_and_time_left(capsys, collection, other):
    assert main(["encode", "--collection", "tiny", "--encoder", "other", "--json"]) == 0
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("images 12/12  ")
    assert "a second, 0 s left" in told[0]
    assert told[-1].startswith("captions 24/24  ")


def test_in_its_own_place_the_earlier_collection_stays_until_the_new_one_is_whole(
    collection, other
):
    for report in encode_collection(collection, "other"):
        if isinstance(report, reencoding.Reencoded):
            break
        assert load_collection(collection.folder).fingerprint == collection.fingerprint
    made = load_collection(collection.folder)
    assert (made.encoder, made.dense_size) == ("other", 5)
    assert made.picture(3).is_file()


def test_a_stopped_encoding_goes_on_whatever_the_new_name(collection, other):
    run: Iterator = encode_collection(collection, "other", "first")
    assert next(run).kind == "images"
    run.close()
    again = list(encode_collection(collection, "other", "second"))
    assert (again[0].done, again[0].per_second) == (12, 0.0)  # nothing left to do
    assert again[-1].collection.name == "second"


def test_an_unreadable_picture_is_left_out_with_its_captions(answer, collection, other):
    collection.picture(4).write_bytes(b"no picture")
    found = answer("encode", "--collection", "tiny", "--encoder", "other", "--name", "again")
    lost = collection.image_ids[4]
    assert [one["file"] for one in found["skipped"]] == [lost]
    assert "is not a picture that can be read" in found["skipped"][0]["why"]
    assert (found["n_images"], found["n_captions"]) == (11, 22)
    made = load_collection("again")
    assert lost not in made.image_ids
    readable = change_images(collection)
    Image.new("RGB", (20, 16)).save(readable.picture(4))
    kept = np.arange(12) != 4
    np.testing.assert_array_equal(made.image_vectors, expected_images(other, readable)[kept])
    assert made.captions_of(4) == collection.captions_of(5)


def test_in_its_own_place_a_collection_loses_nothing(collection, other):
    collection.picture(4).write_bytes(b"no picture")
    with pytest.raises(CollectionError, match="Only 11 of 12 images and 22 of 24 captions"):
        list(encode_collection(collection, "other"))
    assert load_collection(collection.folder).fingerprint == collection.fingerprint


def test_images_without_a_picture_file_are_refused_before_anything_is_encoded(collection, other):
    files = collection.images["file"].to_pylist()
    fewer = change_images(collection, file=[*files[:2], *[None] * 10])
    with pytest.raises(CollectionError, match="Only 2 of 12 images"):
        next(encode_collection(fewer, "other"))
    *_, made = encode_collection(fewer, "other", "again")
    assert made.collection.image_ids == fewer.image_ids[:2]
    assert made.skipped == dict.fromkeys(fewer.image_ids[2:], "It has no picture file.")


@pytest.mark.parametrize(("url", "says"), [("http://x/y.jpg", ", only 12 addresses"), (None, "")])
def test_a_collection_without_picture_files_is_refused(collection, other, url, says):
    bare = change_images(collection, file=[None] * 12, url=[url] * 12)
    with pytest.raises(CollectionError, match=f"no picture files of its 12 images{says}, so"):
        next(encode_collection(bare, "other"))


def test_a_collection_none_of_whose_pictures_can_be_read_is_refused(collection, other):
    for row in range(12):
        collection.picture(row).unlink()
    with pytest.raises(CollectionError, match=r"None of the 12 pictures .* There is no file"):
        list(encode_collection(collection, "other", "again"))


def test_a_bundled_collection_is_not_changed(other):
    demo = load_collection("demo")
    with pytest.raises(QueryError, match="`demo` is not one of your own"):
        next(encode_collection(demo, "other"))


def test_only_a_revision_is_replaced_under_its_name(collection, other, home):
    list(encode_collection(collection, "other", "again"))
    list(encode_collection(collection, "other", "again"))
    shutil.copytree(collection.folder, home / "collections" / "mine")
    with pytest.raises(QueryError, match="a collection `mine` of your own already"):
        next(encode_collection(collection, "other", "mine"))


def test_probes_of_images_that_are_left_out_go_with_them(collection, other):
    ids = collection.image_ids
    write_json(collection.folder / "probes.json", {"puppy": ids[3:5], "bike": ids[4:5]})
    collection.picture(4).write_bytes(b"no picture")
    *_, made = encode_collection(collection, "other", "again")
    text = Path(made.collection.folder / "probes.json").read_text()
    assert ids[3] in text
    assert ids[4] not in text
    assert "bike" not in text


def test_a_collection_without_captions_is_encoded(collection, other):
    card = collection.folder / "collection.json"
    pq.write_table(collection.captions.slice(0, 0), collection.folder / "captions.parquet")
    np.save(collection.folder / "caption_vectors.npy", np.zeros((0, 8), np.float16))
    write_json(card, collection.card | {"counts": {"images": 12, "captions": 0}})
    *_, made = encode_collection(load_collection(collection.folder), "other")
    assert made.collection.caption_vectors.shape == (0, 5)


def test_of_two_encodings_the_first_wins_and_the_other_is_told(collection, other):
    first = encode_collection(collection, "other")
    next(first)
    with pytest.raises(BusyError, match="`tiny` is being encoded with `other` by another process"):
        next(encode_collection(collection, "other"))
    *_, last = first
    assert load_collection("tiny").fingerprint == last.collection.fingerprint


def test_an_encoding_does_not_write_over_what_another_wrote_meanwhile(collection, other):
    running = encode_collection(collection, "other")
    next(running)
    replaced = write_collection(
        collection.folder,
        card={**collection.card, "title": "another"},
        images=collection.images.slice(0, 3),
        captions=collection.captions.slice(0, 6),
        image_vectors=collection.image_vectors[:3],
        caption_vectors=collection.caption_vectors[:6],
        beside=collection,
    )
    with pytest.raises(CollectionError, match="`tiny` was written by another process in the mean"):
        list(running)
    assert load_collection("tiny").fingerprint == replaced.fingerprint


def test_another_engine_is_refused(home, fake_encoder, capsys):
    make_collection(home / "collections" / "some", fake_encoder)
    arguments = "encode --collection some --encoder fake --name x --engine spark".split()
    assert main(arguments) == 2
    assert capsys.readouterr().err == "There is no engine `spark`. Use threads or ray.\n"
