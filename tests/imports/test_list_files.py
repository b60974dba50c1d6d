"""A list beside the pictures is read, or named with the reason and what to do."""

import json
import pickle
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lsr.imports.imported import ImportRequest
from lsr.imports.planning import plan_import
from tests.imports.conftest import captions_by_image, coco, karpathy, photo, write_photos, write_zip
from tests.imports.test_formats import write_tar

ROWS = [{"image": "a.jpg", "caption": "a dog"}, {"image": "b.jpg", "caption": "a cat"}]
SAID = {"a": ["a dog"], "b": ["a cat"]}
CSV = "image,caption\na.jpg,a dog\nb.jpg,a cat\n"


@pytest.fixture
def two(tmp_path):
    return write_photos(tmp_path / "two", ["a.jpg", "b.jpg"])


def parquet(rows: list[dict]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.csv", "filepath\ttitle\nsome/a.jpg\ta dog\nb.jpg\ta cat\n"),
        ("pairs.tsv", "__key__\ttxt\na\ta dog\nb\ta cat\n"),
        ("notes.txt", CSV),
        ("rows.json", json.dumps(ROWS)),
        ("rows.json", "\n".join(map(json.dumps, ROWS))),
        ("rows.jsonl", json.dumps(ROWS, indent=1)),
        ("metadata.json", json.dumps(ROWS)),
        ("names.json", json.dumps({"a.jpg": "a dog", "b.jpg": ["a cat"]})),
        ("kohya.json", json.dumps({"x/a": {"caption": "a dog"}, "x/b": {"caption": "a cat"}})),
        ("llava.json", json.dumps([
            {"image": f"{name}.jpg", "conversations": [
                {"from": "human", "value": "<image>"}, {"from": "gpt", "value": said},
            ]}
            for name, said in (("a", "a dog"), ("b", "a cat"))
        ])),
        ("structs.parquet", parquet([
            {"image": "a.jpg", "captions": [{"raw": "a dog", "tokens": ["a"]}]},
            {"image": "b.jpg", "captions": [{"raw": "a cat", "tokens": ["a"]}]},
        ])),
        ("list.parquet", parquet(ROWS)),
        ("results.token", "a.jpg#0\ta dog\nb.jpg#0\ta cat\n"),
        ("captions.csv", CSV.encode("utf-16")),
        ("any.json", json.dumps(ROWS).encode("utf-16")),
    ],
)  # fmt: skip
def test_a_list_is_known_by_its_content(two, importing, name, content):
    (two / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    made = importing(two)
    assert captions_by_image(made.collection) == SAID
    assert made.skipped == []


@pytest.mark.parametrize("content", [karpathy(["a.jpg", "b.jpg"], ["test"] * 2), coco(["a.jpg"])])
def test_karpathys_and_cocos_lists_are_known_by_content(two, importing, content):
    (two / "labels.json").write_text(content)
    made = importing(two)
    assert len(made.collection.captions) == 2 * len(made.collection.images) > 0
    assert "Captions come from labels.json." in made.notes


def test_lists_whose_names_say_splits_are_one_list(two, importing):
    (two / "annotations").mkdir()
    for split, rows in (("train", ROWS[:1]), ("test", ROWS[1:])):
        path = two / "annotations" / f"coco_karpathy_{split}.json"
        path.write_text(json.dumps(rows))
    made = importing(two)
    assert captions_by_image(made.collection) == {"b": ["a cat"], "a": ["a dog"]}
    splits = zip(made.collection.image_ids, made.collection.image_splits, strict=True)
    assert dict(splits) == {"a": "train", "b": "test"}


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("captions.csv", CSV.encode("utf-16-le"), "looks like UTF-16 .* Save it as UTF-8"),
        ("list.csv", CSV.encode("utf-32"), "It is UTF-32. Save it as UTF-8"),
        ("captions.csv", "img/a.jpg;un chien\n", "first line names no column `image`"),
        ("list.csv", "file,label\na.jpg,3\n", "columns are `file`, `label`. Name one .*`caption`"),
        ("list.txt", "a.jpg a dog\nb.jpg a cat\n", "first line names no column `image`"),
        ("list.json", '{"classes": [1]}', "It is no list of captions that is known"),
        ("list.json", "[[1, 2]]", "It is a list of list, not of objects"),
        ("list.json", '[{"image": "a.jpg", "label": 3}]', "`image`, `label`. .* need `caption`"),
        ("list.json", '{"a"', r"It is damaged \(.*\)"),
        ("list.jsonl", '{"file": "a.jpg"}\n', "It is no list of captions that is known"),
        ("list.parquet", b"PAR1", "It is damaged"),
        ("list.parquet", parquet([{"image": "a.jpg", "label": 3}]), "Name one of them `caption`"),
        ("list.parquet", parquet([{"image": b"x", "caption": "a"}]), "--format huggingface"),
        ("list.xlsx", b"PK", "It is a spreadsheet. Save it as CSV"),
        ("list.pkl", pickle.dumps(ROWS), "holds Python objects"),
        ("captions.csv", "", "It is empty"),
        ("other.csv", "image,caption\nx.jpg,a dog\n", "None of the 1 listed images is among"),
        ("more.zip", b"PK", "An archive inside the source is not opened"),
        ("a.xml", "<a/>", "captions are read from .txt, .caption and .json alone"),
        ("a.json", '{"people": 2}', "holds no `caption`"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_what_is_not_read_is_named_with_the_remedy(
    two, importing, tmp_path, encoder, kind, name, content, says
):
    content = content if isinstance(content, bytes) else content.encode()
    source = two
    if kind == "zip":
        members = {one: photo(n) for n, one in enumerate(("a.jpg", "b.jpg"))}
        source = write_zip(tmp_path / "two.zip", {**members, name: content})
    else:
        (two / name).write_bytes(content)
    planned = plan_import(ImportRequest(str(source), "mine", encoder="fake"))
    made = importing(source)
    assert made.skipped == planned.skipped
    (line,) = made.skipped
    assert line.file == name
    assert re.search(says, line.why), line.why
    assert len(made.collection.captions) == 0


def test_a_list_that_was_not_chosen_is_named(two, importing):
    (two / "captions.csv").write_text(CSV)
    (two / "instances.json").write_text('{"images": []}')
    (two / "a.txt").write_text("another dog")
    made = importing(two)
    assert captions_by_image(made.collection) == SAID
    instead = "Captions come from captions.csv. Name this one after --captions to read it instead."
    assert sorted(map(tuple, made.skipped)) == [
        ("a.txt", "It lies beside a picture, but captions come from captions.csv."),
        ("instances.json", instead),
    ]


def test_of_several_lists_under_unusual_names_none_is_guessed(two, importing):
    for name in ("one.csv", "other.csv"):
        (two / name).write_text(CSV)
    made = importing(two)
    assert len(made.collection.captions) == 0
    assert [one.file for one in made.skipped] == ["one.csv", "other.csv"]
    assert all("Name the one that is meant after --captions" in one.why for one in made.skipped)


def test_many_files_of_one_kind_are_one_line(two, importing):
    for n in range(30):
        (two / f"box{n}.json").write_text('{"boxes": []}')
    (line,) = importing(two).skipped
    assert line.file == "30 .json files"
    assert line.why.startswith("Such as `box0.json`: It was not read. It is no list")


def test_notes_and_licences_are_no_lists(two, importing):
    (two / "README.txt").write_text("These photos were taken in May.\n")
    (two / "LICENSE").write_text("CC BY")
    assert importing(two).skipped == []


@pytest.mark.parametrize(
    "name", ["{}.caption", "{}.jpg.caption", "{}.jpg.txt", "{}.json", "{}.TXT"]
)
def test_captions_lie_beside_pictures_under_several_endings(two, importing, name):
    for stem, said in (("a", "a dog"), ("b", "a cat")):
        is_json = name.endswith("json")
        (two / name.format(stem)).write_text(json.dumps({"caption": said}) if is_json else said)
    assert captions_by_image(importing(two).collection) == SAID


def test_samples_with_dots_in_their_names_are_samples(tmp_path, importing):
    members = {}
    for n in range(3):
        members |= {f"22.{n:02d}.png": photo(n, kind="PNG"), f"22.{n:02d}.txt": b"a dog %d" % n}
    made = importing(write_tar(tmp_path / "x.tar", members))
    said = captions_by_image(made.collection)
    assert said == {f"22.{n:02d}": [f"a dog {n}"] for n in range(3)}
    assert any("Names of samples hold dots" in note for note in made.notes)


def test_a_list_beside_shards_is_named(tmp_path, importing):
    folder = tmp_path / "shards"
    folder.mkdir()
    write_tar(folder / "0.tar", {"a.jpg": photo(1)})
    (folder / "captions.csv").write_text(CSV)
    (line,) = importing(folder).skipped
    assert (line.file, "after --captions" in line.why) == ("captions.csv", True)
