"""Photos of the user's own, without captions: pages open, and say where captions are needed."""

from io import BytesIO

import pytest
from PIL import Image

from lsr.collection.collection import load_collection
from lsr.imports.running import import_source
from pages.parts import caches
from tests.imports.conftest import photo
from tests.pages.test_pages import mistake, opened, tiles


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


@pytest.mark.parametrize("page", ["expansion", "train"])
def test_pages_that_need_captions_say_so(mine, page):
    said = mistake(opened(page, collection=mine)).replace("\\", "")
    assert "Collection `mine` has 5 images but no captions, so nothing can be measured" in said


def test_no_full_size_picture_is_shown(mine, home):
    collection = load_collection(home / "collections" / mine)
    for pixels, size in ((caches.TILE_PIXELS, (320, 213)), (caches.LARGE_PIXELS, (640, 427))):
        with Image.open(BytesIO(caches.thumbnail(collection, "photo 2", pixels))) as shown:
            assert (shown.size, shown.format) == (size, "JPEG")
