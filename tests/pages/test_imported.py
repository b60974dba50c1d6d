"""Photos of the user's own, without captions: pages open, and say where captions are needed."""

from base64 import b64decode
from io import BytesIO

import pytest
from PIL import Image

import lsr
from lsr.collection.collection import load_collection
from lsr.imports.running import import_source
from lsr.training import jobs
from lsr.training.lexical.settings import LexicalSettings
from pages.parts import pictures
from tests.imports.conftest import photo
from tests.pages.test_pages import component, mistake, opened, tiles
from tests.training.test_jobs import until


@pytest.fixture
def mine(tmp_path, home) -> str:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(5):
        (folder / f"photo {number}.jpg").write_bytes(photo(number, (900, 600)))
    return import_source(str(folder), "mine").collection.name


def test_pages_that_need_no_captions_open(mine):
    app = opened("image", collection=mine)
    assert not app.error
    assert len(tiles(app)) == 5
    app = opened("image", collection=mine, id="photo 3")
    assert any("It has no captions, so no term can be checked" in one.value for one in app.caption)
    for address in ({}, {"q": "a red car"}, {"q": "a red car", "dense": "on"}):
        app = opened("search", collection=mine, **address)
        assert not app.error
        assert not app.exception
    assert not opened("term", collection=mine, word="car").error


def test_the_page_that_measures_says_that_it_needs_captions(mine):
    said = mistake(opened("expansion", collection=mine)).replace("\\", "")
    assert "Collection `mine` has 5 images but no captions, so nothing can be measured" in said


def test_one_click_makes_a_model_of_images_without_captions(mine, home, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    app = opened("collections", collection=mine)
    assert not app.error
    button = next(one for one in app.button if one.label == "Make a model from its images")
    assert any("everything but a measure of accuracy" in one.value for one in app.markdown)
    button.click().run()
    assert not app.exception
    assert not app.error
    assert component(app, "address")["address"] == f"train?collection={mine}&run={mine}"
    assert jobs.find_job(mine).made == LexicalSettings("encoder-terms")
    until(mine, "finished")
    app = opened("train", collection=mine, run=mine)
    assert not app.error
    said = " ".join(one.value for one in app.markdown).replace("\\", "")
    assert "Readable? Unknown." in said
    assert "Without captions" in said
    assert not opened("search", collection=mine, model=mine, q="a red car").error
    assert not opened("image", collection=mine, model=mine, id="photo 3").error
    assert not opened("term", collection=mine, model=mine, word="car").error
    app = opened("vocabulary", collection=mine, model=mine)
    assert not app.error
    table, ready = app.dataframe[0].value, lsr.open(mine, mine)
    matrix, terms = ready.images.matrix, ready.model.vocabulary.terms
    assert table["images"].sum() == matrix.nnz
    assert set(table["term"]) == {terms[i] for i in matrix.indices}
    assert "said by its captions" not in table
    said = mistake(opened("vocabulary", collection=mine, model=mine, view="audit"))
    assert "no captions" in said


def test_no_full_size_picture_is_shown(mine, home):
    collection = load_collection(home / "collections" / mine)
    for pixels, size in ((pictures.TILE_PIXELS, (320, 213)), (pictures.LARGE_PIXELS, (640, 427))):
        shown = pictures.thumbnail(collection, "photo 2", pixels)
        kind = "JPEG"
        if isinstance(shown, str):  # small enough to go with the message, as it is stored
            before, content = shown.split(",")
            assert before == "data:image/webp;base64"
            shown, kind = b64decode(content), "WEBP"
            assert len(shown) <= 20_000
        with Image.open(BytesIO(shown)) as picture:
            assert (picture.size, picture.format) == (size, kind)
