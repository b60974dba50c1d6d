"""What cannot be imported is refused in one sentence with its numbers, or listed and left out."""

import errno
import io
import stat
import tarfile
import zipfile

import pytest
from PIL import Image

from lsr.exceptions import CollectionError, DiskFullError, InputError, QueryError, UnknownNameError
from lsr.imports import stages, thumbnails
from lsr.imports.imported import ImportRequest
from lsr.imports.planning import plan_import
from lsr.imports.readers import contents
from tests.imports.conftest import coco, karpathy, photo, write_photos, write_zip
from tests.imports.test_formats import TABLES, write_tar


def nothing_left(home) -> bool:
    return not home.exists() or not any((home / "collections").iterdir())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("c.csv", "picture,words\na,b\n",
         "`c.csv` has no column `image` and `caption` in its first line. Name the"),
        ("c.csv", "image\np0.jpg\n",
         "`c.csv` has no column `caption`; its first line names `image`"),
        ("c.csv", "", "`c.csv` is empty"),
        ("c.csv", "image,caption\n", "`c.csv` lists no caption that can be read"),
        ("c.csv", b"image,caption\np0.jpg,a dog\np1.jpg,d\xe9j\xe0\n",
         "`c.csv` is not UTF-8 in line 3, perhaps an older code page.*Save the file as UTF-8"),
        ("c.csv", "image,caption\nx.jpg,a dog\ny.jpg,a cat\n",
         "None of the 2 listed images is among the 10 pictures of `photos`.*`x.jpg` \\(line 2"),
        ("c.csv", "\"" + "a" * 200_000 + ",caption\np0.jpg,a dog\n",
         "The first line of `c.csv` cannot be read"),
        ("c.jsonl", "{}\n[1]\n", "lists no caption.*line 1 of c.jsonl"),
        ("c.token", "p0.jpg a dog\n", "`c.token` has no column"),
        ("c.json", "{", "`c.json` is not readable JSON"),
        ("c.json", '{"a": 1, "b": 2}', "`c.json` is no list of captions that is known: neither"),
        ("c.json", '{"images": [{"id": 1, "file_name": "p0.jpg"}], "annotations": [{"id": 1}]}',
         "Entry 0 of `annotations` in `c.json`.*'image_id'|Entry 0 of `annotations`.*'caption'"),
        ("c.json", '{"images": [{"file_name": "p0.jpg"}], "annotations": [1]}',
         "Entry 0 of `images` in `c.json`.*'id'"),
        ("c.json", '{"images": [{"filename": "p0.jpg", "sentences": 3, "split": "x"}]}',
         "Image 0 of `c.json` is not in Karpathy's format"),
        ("c.json", "3", "`c.json` holds a int"),
    ],
)  # fmt: skip
def test_a_list_that_is_none_is_refused_with_its_line(
    photos, importing, home, tmp_path, name, content, message
):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CollectionError, match=message):
        importing(photos, captions=str(path))
    assert nothing_left(home)


def test_rows_that_cannot_be_used_are_listed_with_their_line(photos, importing, tmp_path):
    path = tmp_path / "c.csv"
    path.write_text(
        "image,n,caption\np0.jpg,1,a dog\np1.jpg\np2.jpg,1,...\n,1,a cow\ngone.jpg,1,a cat\n"
        'p3.jpg,1,"a\nb\nc\nd"\nP4.JPG,1,a bird\n'
    )
    made = importing(photos, captions=str(path))
    listed = {one.file: one.why for one in made.skipped}
    assert listed == {
        "line 3 of c.csv": "It has 1 columns, the first line has 3.",
        "p2.jpg": "1 of its captions hold no letter or digit (line 4 of c.csv).",
        "line 5 of c.csv": "It names no image.",
        "gone.jpg": "There is no such picture in `photos`; its caption is left out "
        "(line 6 of c.csv).",
    }
    assert sorted(made.collection.caption_texts) == ["a b c d", "a bird", "a dog"]


def test_a_name_that_could_mean_several_pictures_is_not_guessed(tmp_path, importing):
    source = write_photos(tmp_path / "x", ["a/1.jpg", "b/1.jpg", "2.jpg"])
    (source / "captions.csv").write_text("image,caption\n1.jpg,a dog\nb/1.jpg,a cat\n2,a cow\n")
    made = importing(source)
    assert [one.file for one in made.skipped] == ["1.jpg"]
    assert (
        "2 different pictures have that name, such as `a/1.jpg` and `b/1.jpg`"
        in made.skipped[0].why
    )
    assert made.collection.image_ids == ["b/1", "2", "a/1"]
    assert made.collection.captions_of(0) == ["a cat"]


def test_folders_and_lists_that_are_not_there_are_refused(tmp_path, encoder, home, photos):
    def planned(source, **request):
        return plan_import(ImportRequest(str(source), "mine", encoder="fake", **request))

    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("a dog")
    with pytest.raises(InputError, match="`texts` holds nothing that can be imported"):
        planned(tmp_path / "texts")
    with pytest.raises(UnknownNameError, match="no file of captions `gone.csv`"):
        planned(photos, captions="gone.csv")
    with pytest.raises(CollectionError, match=r"folder `texts` after --captions holds no `capt"):
        planned(photos, captions=str(tmp_path / "texts"))
    with pytest.raises(UnknownNameError, match="none"):
        plan_import(ImportRequest(str(photos), "mine", encoder="other"))
    empty = write_zip(tmp_path / "empty.zip", {"a.txt": b"x"})
    with pytest.raises(CollectionError, match="`empty.zip` holds no pictures: none of its 1 files"):
        planned(empty)
    (tmp_path / "cut.zip").write_bytes(empty.read_bytes()[:40])
    with pytest.raises(CollectionError, match="`cut.zip` is truncated or not a zip file"):
        planned(tmp_path / "cut.zip")
    assert not home.exists()


def test_an_archive_cannot_reach_outside_or_link(tmp_path, importing, home):
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as opened:
        for name in ("../out.jpg", "/etc/out.jpg", "a/../../out.jpg", "C:\\out.jpg", "ok.jpg"):
            opened.writestr(name, photo(1))
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        opened.writestr(link, "/etc/passwd")
    before = {one for one in tmp_path.rglob("*") if home not in (one, *one.parents)}
    made = importing(path)
    assert made.collection.image_ids == ["ok"]
    assert sorted(one.why for one in made.skipped) == [
        "It is a link, not a file.", *["Its path leads out of the archive."] * 4,
    ]  # fmt: skip
    assert {one for one in tmp_path.rglob("*") if home not in (one, *one.parents)} == before
    shard = tmp_path / "evil.tar"
    with tarfile.open(shard, "w") as opened:
        for name, kind in (("../out.jpg", tarfile.REGTYPE), ("link.jpg", tarfile.SYMTYPE)):
            one = tarfile.TarInfo(name)
            one.type, one.linkname = kind, "/etc/passwd"
            opened.addfile(one)
        one = tarfile.TarInfo("ok.jpg")
        one.size = len(photo(1))
        opened.addfile(one, io.BytesIO(photo(1)))
    made = importing(shard)
    assert (made.collection.image_ids, len(made.skipped)) == (["ok"], 2)


def test_a_member_without_a_name_of_its_own_does_not_end_an_import(tmp_path, importing):
    shard = write_tar(tmp_path / "x.tar", {".": b"{}", "ok.jpg": photo(1), "ok.txt": b"a dog"})
    made = importing(shard)
    assert made.collection.image_ids == ["ok"]
    assert list(made.collection.caption_texts) == ["a dog"]


def test_a_link_to_a_folder_is_not_followed(photos, importing, tmp_path):
    write_photos(tmp_path / "elsewhere", ["private.jpg"])
    (photos / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert "private" not in importing(photos).collection.image_ids


def test_a_zip_bomb_is_not_unpacked(tmp_path, importing, monkeypatch, home):
    bomb = write_zip(tmp_path / "bomb.zip", {"big.jpg": bytes(2**21), "ok.jpg": photo(1)})
    assert bomb.stat().st_size < 2**13
    monkeypatch.setattr(stages, "MAX_FILE_BYTES", 2**20)
    made = importing(bomb)
    assert [tuple(one) for one in made.skipped] == [
        ("big.jpg", "It has 2.0 MB; pictures may have up to 1 MB.")
    ]
    many = write_zip(tmp_path / "many.zip", {f"{n}.jpg": bytes(2**19 + n) for n in range(4)})
    with monkeypatch.context() as patched:
        patched.setattr("lsr.storage.room.free_bytes", lambda _: 2**20)
        with pytest.raises(
            DiskFullError, match=r"\(1 MB free, 2 MB needed\), so `.*/mine` was not"
        ):
            importing(many)
    monkeypatch.setattr(contents, "MOST_TEXT_BYTES", 2**10)
    listed = write_zip(
        tmp_path / "l.zip",
        {"captions.csv": TABLES["captions.csv"].encode() + b"x" * 2**11, "ok.jpg": photo(1)},
    )
    (line,) = importing(listed).skipped
    assert "`captions.csv` has 0 MB; lists of captions may have up to" in line.why


def test_a_damaged_member_is_listed(tmp_path, importing):
    path = write_zip(tmp_path / "x.zip", {"a.jpg": photo(1), "b.jpg": photo(2)})
    content = bytearray(path.read_bytes())
    content[content.index(b"a.jpg") + 40] ^= 0xFF
    path.write_bytes(content)
    made = importing(path)
    assert made.collection.image_ids == ["b"]
    assert [one.file for one in made.skipped] == ["a.jpg"]
    assert "It is damaged in the archive" in made.skipped[0].why


def test_a_truncated_shard_gives_what_is_whole(tmp_path, importing):
    shard = write_tar(tmp_path / "x.tar", {f"{n}.jpg": photo(n) for n in range(4)})
    content = shard.read_bytes()
    block = 512 + -(-len(photo(0)) // 512) * 512
    shard.write_bytes(content[: 3 * block + 600])
    made = importing(shard)
    assert made.collection.image_ids == ["0", "1", "2"]
    assert [tuple(one) for one in made.skipped] == [
        ("x.tar", "It is truncated after 3 whole files.")
    ]
    shard.write_bytes(b"\x1f\x8b" + content[2:700])
    with pytest.raises(CollectionError, match="`x.tar` is not a plain tar file"):
        importing(shard)


def test_unreadable_pictures_are_listed_and_an_import_without_any_fails(
    photos, importing, home, tmp_path
):
    (photos / "broken.jpg").write_bytes(photo(3)[:200])
    (photos / "empty.png").write_bytes(b"")
    made = importing(photos)
    assert len(made.collection.images) == 10
    assert [one.file for one in made.skipped] == ["broken.jpg", "empty.png"]
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "x.jpg").write_text("no picture")
    before = made.collection.fingerprint
    with pytest.raises(
        CollectionError,
        match="None of the 1 pictures of `bad` can be imported; the first is `x.jpg`",
    ):
        importing(bad)
    assert [p.name for p in (home / "collections").iterdir()] == ["mine"]
    assert importing(photos).collection.fingerprint == before


def test_a_name_that_is_taken_is_refused(photos, encoder, collection, home):
    for name, message in (
        ("demo", "`demo` is a bundled collection"),
        ("tiny", "collection `tiny` of your own that was not imported"),
        ("../x", "cannot be a name"),
    ):
        with pytest.raises(QueryError, match=message):
            plan_import(ImportRequest(str(photos), name, encoder="fake"))


@pytest.mark.parametrize("room", ["thumbnails", "writing"])
def test_a_full_disk_leaves_what_was_there(photos, importing, home, monkeypatch, room, tmp_path):
    before = importing(photos).collection.fingerprint
    other = write_photos(tmp_path / "other", ["a.jpg", "b.jpg"])

    def full(*_arguments, **_named):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        if room == "thumbnails":
            patched.setattr(thumbnails, "_store", full)
        else:
            patched.setattr("lsr.collection.writing.save_blocks", full)
        with pytest.raises(DiskFullError, match="The disk is full"):
            importing(other)
    kept = {p.name for p in (home / "collections").iterdir()}
    assert kept == {"mine", ".mine-import"}
    assert importing(other).collection.image_ids == ["a", "b"]
    assert importing(photos).collection.fingerprint == before
    assert {p.name for p in (home / "collections").iterdir()} == {"mine"}


def test_what_unpacks_nothing_asks_for_no_spare_room(photos, importing, monkeypatch):
    monkeypatch.setattr("lsr.storage.room.free_bytes", lambda _: 2**20)
    assert len(importing(photos).collection.images) > 0


def test_names_that_are_not_utf8_are_listed(photos, importing):
    try:
        (photos / "caf\udce9.jpg").write_bytes(photo(77))
    except OSError:
        pytest.skip("this disk takes no such name")
    made = importing(photos)
    assert [one.why for one in made.skipped] == ["Its name is not UTF-8. Rename the file."]


def test_karpathys_and_cocos_lists_need_their_pictures(tmp_path, importing):
    for name, content in (
        ("dataset.json", karpathy(["p0.jpg"], ["test"])),
        ("captions_val2014.json", coco(["p0.jpg"])),
    ):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        (folder / name).write_text(content)
        with pytest.raises(InputError, match=f"`{folder.name}` lacks pictures"):
            importing(folder)


def test_a_table_that_is_no_list_of_captions_is_left_alone(photos, importing):
    (photos / "metadata.csv").write_text("camera,lens\nx,y\n")
    assert len(importing(photos).collection.captions) == 0
    (photos / "captions.csv").write_text(TABLES["captions.csv"])
    assert len(importing(photos).collection.captions) == 3
    with Image.open(photos / "p0.jpg") as picture:
        assert picture.format == "JPEG"
