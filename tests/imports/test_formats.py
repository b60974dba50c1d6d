"""Every format becomes the same collection: the right captions, splits and pictures."""

import io
import json
import sys
import tarfile
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from lsr.exceptions import InputError, UnknownNameError
from lsr.imports.imported import ImportRequest
from lsr.imports.planning import plan_import
from lsr.storage.hub import Source
from tests.imports.conftest import (
    captions_by_image,
    coco,
    karpathy,
    photo,
    write_photos,
    write_zip,
)

TABLES = {
    "captions.csv": "image,caption\np0.jpg,a dog\np1.jpg,\"two cats, red\"\np0.jpg,a big dog\n",
    "captions.tsv": "image\tcaption\np0.jpg\ta dog\np1.jpg\ttwo cats, red\np0.jpg\ta big dog\n",
    "captions.jsonl": '{"image":"p0.jpg","caption":"a dog"}\n'
    '{"image":"p1.jpg","caption":["two cats, red"]}\n{"image":"p0.jpg","caption":"a big dog"}\n',
    "captions.txt": "image,caption\r\np0.jpg,a dog\r\np1.jpg,two cats, red\r\np0.jpg,a big dog\r\n",
    "results.csv": "image_name| comment_number| comment\np0.jpg| 0| a dog\n"
    "p1.jpg| 0| two cats, red\np0.jpg| 1| a big dog\n",
    "captions.token": "p0.jpg#0\ta dog\np1.jpg#0\ttwo cats, red\np0.jpg#1\ta big dog\n",
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_every_kind_of_table_says_the_same(photos, importing, name):
    (photos / name).write_text(TABLES[name])
    made = importing(photos)
    said = {image: texts for image, texts in captions_by_image(made.collection).items() if texts}
    assert said == {"p0": ["a dog", "a big dog"], "p1": ["two cats, red"]}
    assert len(made.collection.images) == 10
    assert made.notes[0] == f"Captions come from {name}."
    assert made.skipped == []


def test_a_folder_without_captions_is_a_whole_collection(photos, importing, encoder):
    made = importing(photos)
    collection = made.collection
    assert sorted(collection.image_ids) == [
        *(f"P{n}" for n in [7]),
        *(f"p{n}" for n in (0, 1, 2, 3, 4, 5, 6, 8, 9)),
    ]
    assert (len(collection.captions), collection.caption_vectors.shape) == (0, (0, 8))
    for row, image_id in enumerate(collection.image_ids):
        source = next(p for p in photos.rglob("*") if p.stem == image_id)
        with Image.open(source) as picture:
            expected = encoder.encode_images([picture.convert("RGB")])[0]
        np.testing.assert_allclose(collection.image_vectors[row], expected, atol=2e-3)


def test_sidecars_give_one_caption_a_line(photos, importing):
    (photos / "p0.txt").write_text("a dog\n\n  a   big dog \n")
    (photos / "deep" / "er" / "p9.txt").write_text("a cat")
    (photos / "p1.txt").write_bytes(b"a dog\nd\xe9j\xe0\n")
    (photos / "README.txt").write_text("about these photos")
    made = importing(photos)
    said = captions_by_image(made.collection)
    assert (said["p0"], said["p9"], said["p1"]) == (["a dog", "a big dog"], ["a cat"], [])
    assert [tuple(one) for one in made.skipped] == [
        (
            "p1.txt",
            "It is not UTF-8 in line 2, perhaps an older code page such as Windows-1252. Save it "
            "as UTF-8 text.",
        )
    ]
    assert made.collection.caption_ids == ["p9#0", "p0#0", "p0#1"]


def test_a_zip_is_the_same_as_its_folder(photos, importing, tmp_path):
    (photos / "captions.csv").write_text(TABLES["captions.csv"])
    plain = importing(photos).collection
    members = {
        f"top/{path.relative_to(photos)}": path.read_bytes()
        for path in sorted(photos.rglob("*"))
        if path.is_file()
    }
    members["__MACOSX/top/._p0.jpg"] = b"resource fork"
    zipped = importing(write_zip(tmp_path / "all.zip", members))
    assert zipped.skipped == []
    assert captions_by_image(zipped.collection) == captions_by_image(plain)
    np.testing.assert_array_equal(zipped.collection.image_vectors, plain.image_vectors)
    assert zipped.collection.card["imported"]["format"] == "zip"


def test_karpathys_list_keeps_ids_and_splits(photos, importing):
    splits = ["train", "restval", "val", "test"]
    (photos / "dataset.json").write_text(karpathy([f"p{n}.jpg" for n in range(4)], splits))
    made = importing(photos)
    collection = made.collection
    assert collection.image_ids == ["100", "101", "102", "103"]
    assert collection.image_splits.tolist() == ["train", "train", "val", "test"]
    assert collection.caption_ids[:3] == ["0", "1", "10"]
    assert collection.captions_of(1) == ["photo 1 so 0", "photo 1 so 1"]
    assert "6 pictures are not in the list and are left out." in made.notes
    assert collection.card["imported"]["format"] == "karpathy"


def test_several_files_of_coco_give_the_splits(tmp_path, importing):
    root = tmp_path / "coco"
    for split, first in (("train", 0), ("val", 50)):
        names = [f"COCO_{split}2014_{n:012}.jpg" for n in range(first, first + 4)]
        write_photos(root / f"{split}2014", [*names, "other.jpg"])
        (root / "annotations").mkdir(exist_ok=True)
        (root / "annotations" / f"captions_{split}2014.json").write_text(coco(names, first))
    (root / "annotations" / "instances_val2014.json").write_text("{}")
    made = importing(root)
    collection = made.collection
    assert collection.image_ids == ["0", "1", "2", "3", "50", "51", "52", "53"]
    assert collection.image_splits.tolist() == ["train"] * 4 + ["val"] * 4
    assert collection.captions_of(5) == ["coco 51 0", "coco 51 1"]
    one = root / "annotations" / "captions_val2014.json"
    alone = importing(root / "val2014", captions=str(one)).collection
    assert set(alone.image_splits) == {"train", "val", "test"}
    both = importing(root / "val2014", captions=str(root / "annotations"))
    assert both.collection.image_ids == ["50", "51", "52", "53"]
    assert (
        "Of the 8 images that the list names, 4 are here; the others are left alone." in both.notes
    )


def test_flickrs_split_files_are_used(tmp_path, importing):
    names = [f"{n}_ab.jpg" for n in range(5)]
    root = tmp_path / "flickr"
    photos = write_photos(root / "Images", names)
    tokens = "".join(f"{name}#{k}\tcaption {k} of {name}\n" for name in names for k in range(2))
    (root / "Flickr8k.token.txt").write_text(tokens + "0_ab.jpg#2\n")
    (root / "splits").mkdir()
    for kind, chosen in (("train", names[:3]), ("dev", names[3:4]), ("test", names[4:])):
        listed = "\n".join(chosen)
        (root / "splits" / f"Flickr_8k.{kind}Images.txt").write_text(listed)
    tokens_file = str(root / "Flickr8k.token.txt")
    for source, captions in ((photos, tokens_file), (root, None)):
        made = importing(source, captions=captions)
        assert made.collection.image_splits.tolist() == ["train"] * 3 + ["val", "test"]
        assert made.collection.caption_ids[:2] == ["0_ab.jpg#0", "0_ab.jpg#1"]
        assert [one.file for one in made.skipped] == ["line 11 of Flickr8k.token.txt"]
        assert made.collection.card["imported"]["format"] == "flickr"


def write_tar(path, members):
    with tarfile.open(path, "w") as opened:
        for name, content in members.items():
            one = tarfile.TarInfo(name)
            one.size = len(content)
            opened.addfile(one, io.BytesIO(content))
    return path


def test_shards_give_samples_and_their_splits(tmp_path, importing):
    folder = tmp_path / "shards"
    folder.mkdir()
    for split, first in (("train", 0), ("val", 3)):
        members = {}
        for n in range(first, first + 3):
            members[f"{n:05}.jpg"] = photo(n)
            members[f"{n:05}.json"] = json.dumps({"caption": f"sample {n}", "x": 1}).encode()
            members[f"{n:05}.seg.png"] = photo(n, kind="PNG")
        members[f"{first:05}.txt"] = b"a text"
        write_tar(folder / f"{split}-000.tar", members)
    made = importing(folder)
    collection = made.collection
    assert collection.image_ids == [f"{n:05}" for n in range(6)]
    assert collection.image_splits.tolist() == ["train"] * 3 + ["val"] * 3
    assert captions_by_image(collection)["00003"] == ["a text", "sample 3"]
    assert captions_by_image(collection)["00004"] == ["sample 4"]
    assert {one.file for one in made.skipped} == {f"{n:05}.seg.png" for n in range(6)}
    alone = importing(folder / "val-000.tar").collection
    assert alone.image_ids == ["00003", "00004", "00005"]


def hugging_table(first: int, n: int) -> pa.Table:
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    rows = [{"bytes": photo(k), "path": f"{k}.jpg"} for k in range(first, first + n)]
    rows[-1] = {"bytes": None, "path": "/etc/passwd"}
    captions = [[f"row {k}", f"again {k}"] for k in range(first, first + n)]
    return pa.table({"image": pa.array(rows, kind), "caption": captions})


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_hugging_face_shards_need_no_package(tmp_path, importing, ending):
    root = tmp_path / "data"
    for split, first in (("train", 0), ("validation", 200)):
        table = hugging_table(first, 150)
        if ending == "parquet":
            root.mkdir(exist_ok=True)
            pq.write_table(table, root / f"{split}-00000-of-00001.parquet", row_group_size=64)
        else:
            (root / split).mkdir(parents=True)
            path = root / split / "data-00000-of-00001.arrow"
            with pa.ipc.new_stream(str(path), table.schema) as stream:
                stream.write_table(table, max_chunksize=50)
    made = importing(root)
    collection = made.collection
    assert collection.image_ids == [str(n) for n in (*range(149), *range(200, 349))]
    assert collection.image_splits.tolist() == ["train"] * 149 + ["val"] * 149
    assert captions_by_image(collection)["210"] == ["row 210", "again 210"]
    why = "It holds no bytes of a picture, only the path `/etc/passwd`."
    assert [one.why for one in made.skipped] == [why] * 2
    with Image.open(collection.picture(150)) as picture:
        seen = np.asarray(picture, np.int16).reshape(-1, 3).mean(axis=0)
    drawn = np.random.default_rng(201).integers(0, 255, 3)
    assert np.abs(seen - drawn).max() < 8


def test_rows_that_name_files_take_only_those_of_their_folder(tmp_path, importing):
    root = write_photos(tmp_path / "data", ["in.jpg"])
    write_photos(tmp_path, ["out.jpg"])
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    paths = ["in.jpg", str(root / "in.jpg"), "../out.jpg", str(tmp_path / "out.jpg")]
    rows = [{"bytes": None, "path": path} for path in paths]
    pq.write_table(pa.table({"image": pa.array(rows, kind)}), root / "x.parquet")
    made = importing(root, form="huggingface", merge_duplicates=False)
    assert len(made.collection.images) == 2
    assert [one.file for one in made.skipped] == ["row 2 of x.parquet", "row 3 of x.parquet"]


def test_image_folders_of_hugging_face_have_a_list_in_each_folder(tmp_path, importing):
    root = write_photos(tmp_path / "data", ["train/a.jpg", "train/b.jpg", "test/a.jpg"])
    (root / "train" / "metadata.csv").write_text("file_name,text\na.jpg,a dog\nb.jpg,a cat\n")
    (root / "test" / "metadata.jsonl").write_text('{"file_name": "a.jpg", "text": "a cow"}\n')
    collection = importing(root).collection
    assert captions_by_image(collection) == {
        "test/a": ["a cow"], "train/a": ["a dog"], "train/b": ["a cat"],
    }  # fmt: skip
    assert collection.image_splits[collection.image_row("test/a")] == "test"


def test_a_split_column_and_folders_named_after_splits_are_kept(photos, tmp_path, importing):
    (photos / "captions.csv").write_text(
        "image,caption,split\np0.jpg,a dog,train\np1.jpg,a cat,dev\np2.jpg,a cow,test\n"
    )
    made = importing(photos)
    splits = dict(zip(made.collection.image_ids, made.collection.image_splits, strict=True))
    assert [splits[one] for one in ("p0", "p1", "p2", "p3")] == ["train", "val", "test", "train"]
    assert "7 images without a split count as `train`." in made.notes
    names = ["train/a.jpg", "validation/b.jpg", "test/deep/c.jpg"]
    named = importing(write_photos(tmp_path / "sorted", names)).collection
    assert dict(zip(named.image_ids, named.image_splits, strict=True)) == {
        "a": "train", "b": "val", "c": "test",
    }  # fmt: skip


def test_captions_that_no_model_can_learn_from_are_told_before_the_import(photos, encoder):
    (photos / "captions.csv").write_text("image,caption\np0.jpg,a dog\np1.jpg,a cat\n")

    def notes(splits: str) -> str:
        request = ImportRequest(str(photos), "mine", encoder="fake", splits=splits)
        return " ".join(plan_import(request).listing.notes)

    assert "No captions are in a split `train`" in notes("0/0/100")
    assert "split `train`" not in notes("100/0/0")


def test_the_dry_run_writes_nothing_and_says_what_the_import_does(photos, encoder, home, importing):
    (photos / "captions.csv").write_text(TABLES["captions.csv"] + "gone.jpg,a bird\n")
    (photos / "copy.jpg").write_bytes((photos / "p2.jpg").read_bytes())
    plan = plan_import(ImportRequest(str(photos), "mine", encoder="fake"))
    assert not home.exists()
    assert (plan.form, plan.kind, plan.encoder, plan.replaces) == (
        "folder",
        "collections",
        "fake",
        False,
    )
    assert (plan.n_images, plan.n_captions, plan.n_duplicates) == (10, 3, 1)
    pictures = [p for p in photos.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png")]
    assert plan.n_bytes == sum(p.stat().st_size for p in pictures if p.name != "p2.jpg")
    made = importing(photos)
    assert [one.file for one in plan.skipped] == [one.file for one in made.skipped]
    assert plan.splits == {
        split: len(made.collection.image_rows(split)) for split in made.collection.splits
    }
    assert plan_import(ImportRequest(str(photos), "mine", encoder="fake")).replaces


def test_the_format_can_be_forced_and_an_unknown_one_is_refused(photos, importing, encoder):
    (photos / "dataset.json").write_text(karpathy(["p0.jpg"], ["test"]))
    (photos / "captions.csv").write_text(TABLES["captions.csv"])
    assert importing(photos).collection.image_ids == ["100"]
    with pytest.raises(
        InputError, match=r"holds 2 lists .*`captions.csv`, `dataset.json`.*--format"
    ):
        importing(photos, form="folder")
    listed = importing(photos, form="folder", captions=str(photos / "captions.csv")).collection
    assert listed.captions_of(listed.image_row("p1")) == ["two cats, red"]
    with pytest.raises(UnknownNameError, match="no format `avi`.*webdataset, huggingface"):
        importing(photos, form="avi")
    with pytest.raises(
        InputError, match=r"`photos` lacks \*\.tar, which format `webdataset` needs"
    ):
        importing(photos, form="webdataset")


def test_what_the_nearest_format_lacks_is_said(tmp_path, encoder):
    def problem():
        with pytest.raises(InputError) as caught:
            plan_import(ImportRequest(str(tmp_path / "x"), "mine"))
        return str(caught.value)

    (tmp_path / "x").mkdir()
    assert problem().startswith("`x` holds nothing that can be imported. Expected are")
    (tmp_path / "x" / "dataset_flickr8k.json").write_text(karpathy(["p0.jpg"], ["test"]))
    said = problem()
    assert said.startswith("`x` lacks pictures. Expected are")
    for part in ("a zip of pictures (a .zip file)", "captions_*.json", "WebDataset shards (*.tar)"):
        assert part in said


def test_a_name_of_the_hub_that_is_not_the_authors_is_read_by_the_package(
    tmp_path, importing, monkeypatch
):
    shard = tmp_path / "cache" / "x-train.arrow"
    shard.parent.mkdir()
    table = hugging_table(0, 5)
    with pa.ipc.new_stream(str(shard), table.schema) as stream:
        stream.write_table(table)
    asked = []

    def load_dataset(name):
        asked.append(name)
        if name == "made/gone":
            raise FileNotFoundError("no such data set")
        return {"validation": SimpleNamespace(cache_files=[{"filename": str(shard)}])}

    places = SimpleNamespace(HF_DATASETS_CACHE=tmp_path / "cache", HF_CACHE_HOME=tmp_path / "hf")
    package = SimpleNamespace(load_dataset=load_dataset, config=places)
    monkeypatch.setitem(sys.modules, "datasets", package)
    (tmp_path / "empty").mkdir()
    found = Source(tmp_path / "empty", "made/photos")
    monkeypatch.setattr("lsr.imports.formats.locate", lambda *_: found)
    made = importing("made/photos")
    assert asked == ["made/photos"]
    assert made.collection.image_ids == ["0", "1", "2", "3"]
    assert set(made.collection.image_splits) == {"val"}
    assert made.collection.card["source"] == "made/photos"
    with pytest.raises(InputError, match="`made/gone` could not be fetched .*no such data set"):
        importing("made/gone", form="huggingface")


def test_a_data_set_of_the_hub_needs_the_package(monkeypatch, home):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match="Run `python -m pip install datasets`"):
        plan_import(ImportRequest("nobody/photos", "mine", form="huggingface"))
