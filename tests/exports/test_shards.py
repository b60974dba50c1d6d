import json
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lsr.cli.main import main
from lsr.collection.collection import load_collection
from lsr.collection.writing import write_collection
from lsr.exceptions import CollectionError, QueryError
from lsr.exports.shards import write_shards
from tests.conftest import make_collection

SPLITS = ("train",) * 4 + ("val",) * 2 + ("test",) * 5


@pytest.fixture
def pictured(home, fake_encoder):
    return make_collection(home / "collections" / "pictured", fake_encoder, splits=SPLITS)


@pytest.fixture
def _fake(fake_encoder, monkeypatch):
    monkeypatch.setattr("lsr.imports.running.load_encoder", lambda name: fake_encoder)


@pytest.mark.usefixtures("_fake")
def test_imported_again_the_collection_is_the_same(pictured, answer, tmp_path):
    shards = tmp_path / "shards"
    told = answer(
        *f"split-shards --collection pictured --out {shards} --images-per-shard 4".split()
    )
    assert [(one["name"], one["rows"]) for one in told["files"]] == [
        (f"shard-{n:06d}.tar", rows) for n, rows in enumerate((4, 4, 3))
    ]
    assert (told["n_images"], told["notes"]) == (11, [])
    answer(*f"import {shards} --name again --keep-duplicates --format webdataset".split())
    again = load_collection("again")
    assert again.image_ids == pictured.image_ids
    assert again.image_splits.tolist() == list(SPLITS)
    assert again.caption_texts == pictured.caption_texts
    assert again.captions["image_id"] == pictured.captions["image_id"]
    sizes = [one.images.select(["width", "height"]).to_pydict() for one in (again, pictured)]
    assert sizes[0] == sizes[1]
    # Captions go through the same encoder, and no picture lies between.
    assert np.array_equal(again.caption_vectors, pictured.caption_vectors)


def test_a_sample_is_a_picture_with_its_captions_and_bytes_stay_the_same(pictured, tmp_path):
    for out in ("one", "two"):
        list(write_shards(pictured, tmp_path / out))
    assert (tmp_path / "one" / "shard-000000.tar").read_bytes() == (
        tmp_path / "two" / "shard-000000.tar"
    ).read_bytes()
    first = pictured.image_ids[0]
    with tarfile.open(tmp_path / "one" / "shard-000000.tar") as shard:
        names = shard.getnames()
        assert names[:3] == [f"{first}.png", f"{first}.json", f"{first}.txt"]
        assert len(names) == 33
        content = [shard.extractfile(name).read() for name in names[:3]]
        assert {(one.mtime, one.uid, one.uname) for one in shard.getmembers()} == {(0, 0, "")}
    assert content[0] == Path(pictured.picture(0)).read_bytes()
    assert json.loads(content[1]) == {
        "id": first,
        "split": "train",
        "captions": pictured.captions_of(0),
    }
    assert content[2].decode().splitlines() == pictured.captions_of(0)
    card = json.loads((tmp_path / "one" / "export.json").read_text())
    assert card["collection"]["fingerprint"] == pictured.fingerprint


@pytest.mark.usefixtures("_fake")
def test_ids_that_cannot_be_names_and_images_without_a_picture(pictured, answer, tmp_path):
    ids = [f"a/b.{row} ä" for row in range(11)]
    new = dict(zip(pictured.image_ids, ids, strict=True))
    images = pictured.images.set_column(0, "id", pa.array(ids))
    files = [None, *images["file"].to_pylist()[1:]]
    owners = [new[one] for one in pictured.captions["image_id"].to_pylist()]
    write_collection(
        pictured.folder.with_name("odd"),
        card=pictured.card,
        images=images.set_column(1, "file", pa.array(files, pa.string())),
        captions=pictured.captions.set_column(1, "image_id", pa.array(owners)),
        image_vectors=np.array(pictured.image_vectors),
        caption_vectors=np.array(pictured.caption_vectors),
        beside=pictured,
    )
    told = answer("split-shards", "--collection", "odd", "--out", str(tmp_path / "odd"))
    assert told["notes"] == ["1 images have no picture file, so they are in no shard."]
    with tarfile.open(tmp_path / "odd" / "shard-000000.tar") as shard:
        assert shard.getnames()[0] == "000000000.png"
    answer(*f"import {tmp_path / 'odd'} --name again --keep-duplicates".split())
    assert load_collection("again").image_ids == ids[1:]


def test_what_cannot_be_sharded_is_told_and_what_stood_there_stays(pictured, tmp_path, capsys):
    out = tmp_path / "out"
    with pytest.raises(QueryError, match="Shards of 0 images"):
        list(write_shards(pictured, out, 0))
    list(write_shards(pictured, out))
    before = (out / "shard-000000.tar").read_bytes()
    Path(pictured.picture(10)).unlink()
    arguments = ["split-shards", "--collection", "pictured", "--out", str(out)]
    assert main([*arguments, "--images-per-shard", "5"]) == 2
    assert f"picture of image `{pictured.image_ids[10]}`" in capsys.readouterr().err
    assert (out / "shard-000000.tar").read_bytes() == before
    (out / "mine.txt").write_text("x")
    with pytest.raises(QueryError, match=r"such as `mine\.txt`"):
        list(write_shards(pictured, out))
    bare = pictured.images.set_column(1, "file", pa.nulls(11, pa.string()))
    made = write_collection(
        pictured.folder.with_name("bare"),
        card=pictured.card,
        images=bare,
        captions=pictured.captions,
        image_vectors=np.array(pictured.image_vectors),
        caption_vectors=np.array(pictured.caption_vectors),
    )
    with pytest.raises(CollectionError, match="None of the 11 images"):
        list(write_shards(made, tmp_path / "none"))
