"""Sources that were made to harm, or look so: refused or listed, and nothing else is read."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lsr.exceptions import CollectionError
from lsr.imports.imported import ImportRequest
from lsr.imports.planning import plan_import
from lsr.imports.readers.arrow_files import table_schema
from tests.imports.conftest import captions_by_image, coco, karpathy, photo, write_photos, write_zip


def listed(made) -> dict[str, str]:
    return {one.file: one.why for one in made.skipped}


def test_a_link_to_a_file_elsewhere_is_not_read_but_listed(photos, importing, tmp_path):
    elsewhere = write_photos(tmp_path / "elsewhere", ["private.jpg"])
    (elsewhere / "private.txt").write_text("a secret")
    (photos / "link.jpg").symlink_to(elsewhere / "private.jpg")
    (photos / "p0.txt").symlink_to(elsewhere / "private.txt")
    (photos / "captions.csv").symlink_to(elsewhere / "private.txt")
    (photos / "folder").symlink_to(elsewhere, target_is_directory=True)
    (photos / "same.jpg").symlink_to("p0.jpg")  # a copy of p0 by another name
    made = importing(photos)
    assert len(made.collection.images) == 10
    assert made.collection.caption_texts == []
    for name in ("link.jpg", "p0.txt", "captions.csv", "folder"):
        assert listed(made)[name].startswith("It is a link that leads out of the folder")
    assert "secret" not in json.dumps(made.skipped)
    assert listed(made)["same.jpg"] == "The same picture as `p0.jpg`."


def test_links_in_a_circle_are_listed(photos, importing):
    (photos / "a.jpg").symlink_to("b.jpg")
    (photos / "b.jpg").symlink_to("a.jpg")
    (photos / "round").symlink_to(photos, target_is_directory=True)
    made = importing(photos)
    assert len(made.collection.images) == 10
    assert set(listed(made)) == {"a.jpg", "b.jpg", "round"}


@pytest.mark.parametrize(("link", "to"), [("x.parquet", "../secret.parquet"), ("y.tar", "y.tar")])
def test_a_shard_is_not_reached_through_a_link(tmp_path, encoder, link, to):
    row = {"image": {"bytes": photo(1), "path": None}}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "secret.parquet")
    source = tmp_path / "source"
    source.mkdir()
    (source / link).symlink_to(to)
    with pytest.raises(CollectionError, match=f"`{link}` is a link that leads out of `source`"):
        plan_import(ImportRequest(str(source), "mine", encoder="fake"))


def test_a_small_zip_with_a_huge_list_is_refused_by_its_size(tmp_path, importing):
    row = b"p0.jpg,a dog\n"
    table = b"image,caption\n" + row * (2**24 // len(row) + 1)
    path = write_zip(tmp_path / "x.zip", {"captions.csv": table, "p0.jpg": photo(1)})
    assert path.stat().st_size < 100_000
    made = importing(path)
    assert made.collection.caption_texts == []
    assert (
        "MB unpack to 16 MB, as only files do that are made to fill" in listed(made)["captions.csv"]
    )


@pytest.mark.parametrize("name", ["dataset.json", "captions_val2014.json", "captions.json"])
def test_half_a_character_is_refused_with_its_code(photos, importing, name):
    content = {
        "dataset.json": karpathy(["p0.jpg"], ["test"]),
        "captions_val2014.json": coco(["p0.jpg"]),
        "captions.json": '[{"image": "p0.jpg", "caption": "photo coco"}]',
    }[name]
    (photos / name).write_text(content.replace("photo ", "\\ud83d ").replace("coco ", "\\ud83d "))
    with pytest.raises(CollectionError, match=r"it holds half of a character, \\ud83d"):
        importing(photos)


def test_half_a_character_in_a_line_costs_that_line(photos, importing):
    lines = (
        '{"image": "p0.jpg", "caption": "a \\udc00 dog"}',
        '{"image": "p1.jpg", "caption": "x"}',
    )
    (photos / "captions.jsonl").write_text("\n".join(lines[::-1]))
    made = importing(photos)
    assert made.collection.caption_texts == ["x"]
    assert "half of a character" in listed(made)["line 2 of captions.jsonl"]


@pytest.mark.parametrize("key", ["image_id", "id", "caption"])
@pytest.mark.parametrize("value", [[1], {"a": 1}, None, True])
def test_an_id_or_a_text_of_another_kind_is_refused_with_its_entry(photos, importing, key, value):
    content = json.loads(coco(["p0.jpg", "p1.jpg"]))
    content["annotations"][2][key] = value
    (photos / "captions_val2014.json").write_text(json.dumps(content))
    with pytest.raises(CollectionError, match=f"Entry 2 of `annotations` .*`{key}` is a"):
        importing(photos)


def test_numbers_and_texts_may_be_ids_of_one_list(photos, importing):
    content = json.loads(coco(["p0.jpg"]))
    content["annotations"][0]["image_id"] = "0"
    (photos / "captions_val2014.json").write_text(json.dumps(content))
    assert captions_by_image(importing(photos).collection) == {"0": ["coco 0 0", "coco 0 1"]}


def test_an_address_that_is_none_is_left_out_and_told(photos, importing):
    content = json.loads(coco(["p0.jpg", "p1.jpg"]))
    content["images"][0]["coco_url"] = "file:///etc/passwd"
    content["images"][1]["coco_url"] = "http://images.cocodataset.org/p1.jpg"
    (photos / "captions_val2014.json").write_text(json.dumps(content))
    made = importing(photos)
    assert made.collection.images["url"].to_pylist() == [
        None,
        "http://images.cocodataset.org/p1.jpg",
    ]
    assert listed(made)["captions_val2014.json"].startswith("1 of its addresses do not begin with")


@pytest.mark.parametrize(
    ("name", "head", "column"),
    [
        ("captions.csv", "image,caption,caption", "caption"),
        ("captions.csv", "image,IMAGE,caption", "image"),
        ("captions.tsv", "image\tsplit\tcaption\tsplit", "split"),
    ],
)
def test_a_list_with_two_columns_of_one_name_is_refused(photos, importing, name, head, column):
    row = "\t".join(["p0.jpg"] * 4) if "\t" in head else ",".join(["p0.jpg"] * 3)
    (photos / name).write_text(f"{head}\n{row}\n")
    with pytest.raises(CollectionError, match=f"`{name}` has 2 columns `{column}`. Rename one"):
        importing(photos)


def test_shards_with_two_columns_of_one_name_are_refused(tmp_path, encoder):
    images = pa.array([{"bytes": photo(1), "path": "a"}])
    table = pa.Table.from_arrays([images, images], ["image", "image"])
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(CollectionError, match="`x.parquet` has several columns `image`"):
        plan_import(ImportRequest(str(tmp_path), "mine", encoder="fake"))


def test_a_column_whose_name_is_no_utf8_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "train.arrow"
    schema = pa.schema([("nameless", pa.binary()), ("image", pa.binary())])
    with pa.ipc.new_stream(path, schema) as writer:
        writer.write_table(schema.empty_table())
    content = path.read_bytes()
    assert content.count(b"nameless") == 1
    path.write_bytes(content.replace(b"nameless", b"\xa0ameless"))
    with pytest.raises(
        CollectionError, match=r"`train\.arrow` is truncated or no parquet or Arrow"
    ):
        table_schema(path)
