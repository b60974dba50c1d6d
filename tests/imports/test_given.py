"""Collections of vectors and captions alone, each vector with its own; no picture is needed."""

import numpy as np
import pytest

from lsr.cli.main import main
from lsr.collection.collection import load_collection
from lsr.exceptions import CollectionError, InputError, QueryError
from lsr.imports.imported import ImportRequest
from lsr.imports.planning import plan_import
from lsr.imports.running import import_planned
from tests.conftest import unit
from tests.imports.conftest import captions_by_image, write_photos

LIST = "image,caption\na.jpg,a dog\nb.jpg,a cat\na.jpg,a big dog\nc.jpg,a cow\n"


@pytest.fixture
def given(tmp_path):
    """A list of three images with four captions, and vectors of both in its order."""
    rng = np.random.default_rng(3)
    of = {"images": rng.normal(size=(3, 8)), "captions": rng.normal(size=(4, 8))}
    (tmp_path / "list.csv").write_text(LIST)
    for name, vectors in of.items():
        np.save(tmp_path / f"{name}.npy", vectors.astype(np.float32))
    return tmp_path, {name: unit(vectors.astype(np.float32)) for name, vectors in of.items()}


def imported(source, **request):
    wish = {"encoder": "my-clip", **request}
    return import_planned(plan_import(ImportRequest(str(source), "mine", **wish)))


def test_a_list_and_vectors_make_a_collection(given, home):
    folder, of = given
    made = imported(
        folder / "list.csv",
        images=str(folder / "images.npy"),
        caption_vectors=str(folder / "captions.npy"),
    )
    found = load_collection("mine")
    assert (found.encoder, found.card["imported"]["format"]) == ("my-clip", "list")
    assert captions_by_image(found) == {
        "a": ["a dog", "a big dog"], "b": ["a cat"], "c": ["a cow"]
    }  # fmt: skip
    np.testing.assert_allclose(found.image_vectors, of["images"], atol=1e-6)
    # Captions stand image by image in a collection, and so do vectors without ids.
    np.testing.assert_allclose(found.caption_vectors, of["captions"], atol=1e-6)
    assert [found.picture(row) for row in range(3)] == [None] * 3
    assert found.searchable_rows.tolist() == [0, 1, 2]
    assert sorted(found.splits) == ["test", "train", "val"]
    assert made.skipped == []


def test_ids_say_whose_the_vectors_are(given, home):
    folder, of = given
    (folder / "images.csv").write_text("row,image\n0,c.jpg\n1,a.jpg\n2,b.jpg\n")
    (folder / "captions.csv").write_text(
        "row,image,caption\n0,c.jpg,a cow\n1,a.jpg,a big dog\n2,a.jpg,a dog\n3,b.jpg,a cat\n"
    )
    imported(
        folder / "list.csv",
        images=str(folder / "images.npy"),
        caption_vectors=str(folder / "captions.npy"),
        image_ids=str(folder / "images.csv"),
        caption_ids=str(folder / "captions.csv"),
    )
    found = load_collection("mine")
    np.testing.assert_allclose(found.image_vectors, of["images"][[1, 2, 0]], atol=1e-6)
    np.testing.assert_allclose(found.caption_vectors, of["captions"][[2, 1, 3, 0]], atol=1e-6)


def test_what_has_no_vector_is_listed(given, home):
    folder, _of = given
    (folder / "images.csv").write_text("row,image\n0,c.jpg\n2,b.jpg\n")
    made = imported(
        folder / "list.csv",
        images=str(folder / "images.npy"),
        image_ids=str(folder / "images.csv"),
    )
    assert made.collection.image_ids == ["b", "c"]
    assert made.collection.caption_texts == ["a cat", "a cow"]
    assert ("a", "images.npy has no vector of this image.") in [tuple(x) for x in made.skipped]
    assert made.collection.vector_splits == []  # its captions wait for an encoder
    assert any("captions have no vectors" in note for note in made.notes)


def test_pictures_may_come_with_vectors(given, home, tmp_path):
    folder, of = given
    photos = write_photos(tmp_path / "photos", ["a.jpg", "b.jpg", "c.jpg"])
    imported(photos, captions=str(folder / "list.csv"), images=str(folder / "images.npy"))
    found = load_collection("mine")
    np.testing.assert_allclose(found.image_vectors, of["images"], atol=1e-6)
    assert all(found.picture(row).is_file() for row in range(3))


@pytest.mark.parametrize(
    ("request_of", "error", "says"),
    [
        ({"images": "images.npy", "encoder": ""}, QueryError, "Say what computed the vectors"),
        ({"caption_vectors": "captions.npy"}, QueryError, "no vectors of the images.*--images"),
        (
            {"images": "captions.npy"},
            CollectionError,
            "holds 4 vectors but collection `mine` has 3",
        ),
        ({"images": "gone.npy"}, InputError, "There is no file"),
        ({}, InputError, r"`list.csv` is a list of captions, not pictures.*--images FILE.npy"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(given, home, request_of, error, says):
    folder, _ = given
    wish = {
        key: value if key == "encoder" or not value else str(folder / value)
        for key, value in request_of.items()
    }
    with pytest.raises(error, match=says):
        imported(folder / "list.csv", **wish)
    assert not home.exists() or not any((home / "collections").glob("*"))


def test_the_command_makes_one_and_searches_it_by_what_it_is(given, home, capsys):
    folder, _ = given
    arguments = ["import", str(folder / "list.csv"), "--name", "mine", "--encoder", "my-clip"]
    arguments += ["--images", str(folder / "images.npy")]
    assert main([*arguments, "--splits", "0/0/100", "--json"]) == 0
    assert load_collection("mine").splits == ["test"]
    assert '"notes"' in capsys.readouterr().out
