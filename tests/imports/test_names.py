"""Names are compared in one way, wherever they come from: folder, zip, tar or list."""

import unicodedata
import zipfile

import pytest

from lsr.exceptions import CollectionError, QueryError
from lsr.imports.imported import ImportRequest
from lsr.imports.planning import plan_import
from lsr.imports.readers.names import plain_name
from tests.imports.conftest import captions_by_image, photo, write_photos
from tests.imports.test_formats import write_tar

NAMES = ("Müller größe", "학점", "caf\u00e9", "smile 😀", "two words")


def raw_zip(path, members, encoding):
    """A zip whose names stand in `encoding` without a mark, as older programs write them."""
    with zipfile.ZipFile(path, "w") as opened:
        for number, (name, content) in enumerate(members.items()):
            opened.writestr(f"{number:04d}" + "x" * (len(name.encode(encoding)) - 4), content)
    packed = path.read_bytes()
    for number, name in enumerate(members):
        raw = name.encode(encoding)
        packed = packed.replace(f"{number:04d}".encode() + b"x" * (len(raw) - 4), raw)
    path.write_bytes(packed)
    return path


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("é.jpg", "e\u0301.jpg"),
        ("a\\b.jpg", "a/b.jpg"),
        (" lead.jpg", "lead.jpg"),
        ("a  b.jpg", "a\u00a0b.jpg"),
        ("./a//b.jpg", "a/b.jpg"),
    ],
)
def test_names_that_differ_in_spelling_alone_are_one(one, other):
    assert plain_name(one) == plain_name(other)


def test_a_list_finds_pictures_however_their_names_are_spelled(tmp_path, importing):
    source = tmp_path / "x"
    source.mkdir()
    for n, name in enumerate(NAMES):
        decomposed = unicodedata.normalize("NFD", name)
        (source / f"{decomposed}.jpg").write_bytes(photo(n))
    listed = "".join(f"sub\\ {name} .jpg,a thing {n}\n" for n, name in enumerate(NAMES))
    (source / "captions.csv").write_text("image,caption\n" + listed.replace(" .jpg", ".jpg"))
    made = importing(source)
    assert made.skipped == []
    assert sorted(made.collection.caption_texts) == [f"a thing {n}" for n in range(len(NAMES))]


def test_sidecars_and_split_files_find_them_too(tmp_path, importing):
    source = write_photos(tmp_path / "x", ["a.jpg"])
    (source / "e\u0301te.jpg").write_bytes(photo(5))
    (source / "\u00e9te.txt").write_text("summer")
    (source / "a.txt").write_text("a thing")
    (source / "my.trainImages.txt").write_bytes("\u00e9te.jpg\n".encode("utf-16"))
    (source / "my.testImages.txt").write_text("a.jpg\n")
    made = importing(source).collection
    splits = dict(zip(made.caption_texts, made.caption_splits, strict=True))
    assert splits == {"summer": "train", "a thing": "test"}


@pytest.mark.parametrize(
    ("encoding", "page"), [("utf-8", None), ("cp932", "cp932"), ("gbk", "gbk")]
)
def test_names_in_a_zip_without_a_mark_are_utf8_or_in_the_named_code_page(
    tmp_path, importing, encoding, page
):
    members = {"写真集/桜の木.jpg": photo(1), "写真集/猫猫猫.jpg": photo(2)}
    listed = b"image,caption\n" + "桜の木.jpg,cherry\n猫猫猫.jpg,cat\n".encode()
    source = raw_zip(tmp_path / "x.zip", {**members, "captions.csv": listed}, encoding)
    made = importing(source, code_page=page)
    assert captions_by_image(made.collection) == {"桜の木": ["cherry"], "猫猫猫": ["cat"]}


def test_a_code_page_that_is_not_named_is_asked_for(tmp_path, importing, encoder):
    source = raw_zip(tmp_path / "x.zip", {"写真集.jpg": photo(1)}, "cp932")
    (note,) = (one for one in importing(source).notes if "code page" in one)
    assert note.startswith("1 names in x.zip are in a code page that it does not name")
    assert "--code-page" in note
    for wrong in ("klingon", "base64"):
        with pytest.raises(QueryError, match=f"no code page `{wrong}`"):
            plan_import(ImportRequest(str(source), "mine", encoder="fake", code_page=wrong))


def test_names_in_a_tar_are_read_in_the_named_code_page(tmp_path, importing):
    source = write_tar(tmp_path / "x.tar", {"abcd.jpg": photo(1), "b.jpg": photo(2)})
    content = source.read_bytes().replace(b"abcd.jpg", "猫猫.jpg".encode("cp932"))
    # The header's checksum is the sum of its bytes, the checksum itself counted as blanks.
    header = bytearray(content[:512])
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    source.write_bytes(header + content[512:])
    assert importing(source, code_page="cp932").collection.image_ids == ["猫猫", "b"]


def test_backslashes_in_a_zip_stand_between_folders(tmp_path, importing):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("imgs/captions.csv", "image,caption\ncats\\c0.jpg,a cat\n")
        opened.writestr("imgs/cats/c0.jpg", photo(0))
    path.write_bytes(path.read_bytes().replace(b"imgs/cats/c0", b"imgs\\cats\\c0").replace(
        b"imgs/captions", b"imgs\\captions"))  # fmt: skip
    made = importing(path)
    assert captions_by_image(made.collection) == {"c0": ["a cat"]}


def test_copies_under_one_name_count_as_one(tmp_path, importing):
    source = tmp_path / "x"
    for folder in ("images", "images/images"):
        (source / folder).mkdir(parents=True)
        for n in range(2):
            (source / folder / f"{n}.jpg").write_bytes(photo(n))
    (source / "results.csv").write_text("image,caption\n0.jpg,a dog\n1.jpg,a cat\n")
    made = importing(source, merge_duplicates=False)
    assert captions_by_image(made.collection) == {"0": ["a dog"], "1": ["a cat"]}
    assert [tuple(one) for one in made.skipped] == [
        (f"images/images/{n}.jpg", f"A copy of `images/{n}.jpg`, which has the same name.")
        for n in range(2)
    ]


def test_different_pictures_of_one_name_are_told_with_their_number(tmp_path, importing):
    source = write_photos(tmp_path / "x", ["a/0.jpg", "b/0.jpg"])
    (source / "captions.csv").write_text("image,caption\n0.jpg,a dog\n")
    with pytest.raises(CollectionError, match=r"`0.jpg` \(line 2 .*\) is the name of 2 different"):
        importing(source)
