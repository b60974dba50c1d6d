"""Every kind of picture is imported or named, in a folder, a zip and a shard alike."""

import pytest

from lsr.exceptions import CollectionError
from tests.imports.conftest import photo, write_photos, write_zip
from tests.imports.test_formats import write_tar

READ = {
    "a.avif": photo(1, kind="AVIF"),
    "b.jfif": photo(2),
    "c.jpe": photo(3),
    "d.JPG": photo(4),
    "e.dib": photo(5, kind="BMP"),
    "f.mpo": photo(6, kind="MPO"),
    "g.apng": photo(7, kind="PNG"),
}
UNREAD = {"h.HEIC": b"\0\0\0\x18ftypheic", "i.jp2": photo(8, kind="JPEG2000"), "j.dng": b"II*\0"}


@pytest.mark.parametrize("kind", ["folder", "zip", "shard"])
def test_what_pillow_decodes_is_imported_and_the_rest_is_named(tmp_path, importing, kind):
    files = {**READ, **UNREAD, "k.mov": b"no picture"}
    if kind == "folder":
        source = tmp_path / "x"
        source.mkdir()
        for name, content in files.items():
            (source / name).write_bytes(content)
    else:
        write = write_zip if kind == "zip" else write_tar
        source = write(tmp_path / f"x.{'zip' if kind == 'zip' else 'tar'}", files)
    made = importing(source)
    assert made.collection.image_ids == ["a", "b", "c", "d", "e", "f", "g"]
    assert {one.file: one.why for one in made.skipped} == {
        name: f"Pictures that end in `{name[1:].lower()}` are not read. Convert it to JPEG or PNG."
        for name in UNREAD
    }


def test_a_zip_of_pictures_that_cannot_be_read_names_one(tmp_path, importing):
    source = write_zip(tmp_path / "x.zip", UNREAD)
    with pytest.raises(CollectionError, match=r"3 were left out, such as `h.HEIC`: Pictures that"):
        importing(source)


def test_a_picture_of_another_kind_than_its_name_says_is_read_by_content(tmp_path, importing):
    source = write_photos(tmp_path / "x", ["a.jpg"])
    (source / "b.jpg").write_bytes(photo(2, kind="PNG"))
    assert importing(source).collection.image_ids == ["a", "b"]
