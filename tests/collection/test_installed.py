"""What is installed at a glance, which models fit, and deleting."""

from __future__ import annotations

import json

import pytest

from lsr.collection.collection import load_collection
from lsr.collection.installed import fitting_models, overview, remove_collection
from lsr.exceptions import CollectionError, QueryError, UnknownNameError
from lsr.model.fit import VectorKind
from lsr.storage import places
from lsr.storage.room import bytes_on_disk
from tests.conftest import make_collection


@pytest.fixture
def mine(home, fake_encoder):
    return make_collection(
        home / "collections" / "mine", fake_encoder, splits=("train",) * 4 + ("test",) * 2
    )


def test_an_overview_says_what_the_whole_collection_says(mine, collection):
    seen = overview(mine.folder)
    whole = load_collection(mine.folder)
    assert (seen.name, seen.title, seen.encoder) == ("mine", whole.title, whole.encoder)
    assert (seen.n_images, seen.n_captions) == (len(whole.images), len(whole.captions))
    assert seen.splits == {"train": 4, "test": 2}
    assert list(seen.splits) == whole.splits
    assert not seen.bundled
    assert overview(places.ASSETS / "collections" / "demo").bundled


def test_the_bytes_are_those_of_all_files(mine):
    before = bytes_on_disk(mine.folder)
    files = [path for path in mine.folder.rglob("*") if path.is_file()]
    assert before == sum(path.stat().st_size for path in files)
    (mine.folder / "images" / "one").write_bytes(b"12345")
    assert bytes_on_disk(mine.folder) == before + 5


def test_a_model_fits_by_encoder_and_size_and_a_broken_one_never(collection, model, home):
    assert fitting_models("any", model.reads) == ["tiny"]
    assert fitting_models("any", VectorKind(model.encoder, 999)) == []
    assert fitting_models("demo", VectorKind("bundled", 256))[0] == "demo"
    (home / "models" / "tiny" / "config.json").write_text("{")
    assert fitting_models("any", model.reads) == []


def test_deleting_takes_the_folder_and_nothing_else(mine, home, collection):
    others = sorted(path.name for path in (home / "collections").iterdir() if path.name != "mine")
    remove_collection("mine")
    assert sorted(path.name for path in (home / "collections").iterdir()) == others


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("demo", QueryError, "`demo` is a bundled collection"),
        ("nothing", UnknownNameError, "You have no collection `nothing`"),
        ("../demo", QueryError, "cannot name a collection"),
    ],
)
def test_what_is_not_ones_own_is_not_deleted(home, name, error, message):
    with pytest.raises(error, match=message):
        remove_collection(name)
    assert (places.ASSETS / "collections" / "demo" / "collection.json").exists()


def test_a_damaged_collection_says_which_file(mine):
    card = mine.folder / "collection.json"
    content = json.loads(card.read_text())
    card.write_text(json.dumps({**content, "counts": 3}))
    with pytest.raises(CollectionError, match="not a collection's card"):
        overview(mine.folder)
    card.write_text(json.dumps(content))
    (mine.folder / "images.parquet").write_bytes(b"PAR1")
    with pytest.raises(CollectionError, match="truncated or not a parquet file"):
        overview(mine.folder)
