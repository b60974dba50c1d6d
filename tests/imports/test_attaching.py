"""Vectors from any model find their images and captions, or are refused in one sentence."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from lsr.collection.collection import load_collection
from lsr.collection.writing import write_collection
from lsr.exceptions import CollectionError, InputError, QueryError
from lsr.imports.vectors.attaching import VectorFiles, attach
from tests.conftest import SHARED, unit

SIZE = 6


@pytest.fixture
def vectors(tmp_path, collection) -> tuple[np.ndarray, np.ndarray]:
    """Image and caption vectors in the order of the collection; both are files too."""
    rng = np.random.default_rng(3)
    images, captions = (unit(rng.normal(size=(n, SIZE))).astype(np.float16) for n in (12, 24))
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "captions.npy", captions)
    return images, captions


def write_csv(path: Path, **columns: list) -> str:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return str(path)


def files(folder: Path, captions: str | None = "captions.npy", **labels: str) -> VectorFiles:
    place = None if captions is None else str(folder / captions)
    return VectorFiles(str(folder / "images.npy"), place, "mine", **labels)


def test_vectors_without_ids_go_by_order(answer, collection, vectors, tmp_path, capsys):
    found = answer(
        *("attach", "--collection", "tiny", "--images", str(tmp_path / "images.npy")),
        *("--captions", str(tmp_path / "captions.npy"), "--encoder", "mine", "--name", "again"),
    )
    assert (found["n_images"], found["n_captions"], found["skipped"]) == (12, 24, [])
    assert found["encoder"] == "mine"
    assert "12 vectors of images.npy are taken in the order of the collection" in found["notes"][0]
    made = load_collection("again")
    np.testing.assert_array_equal(made.image_vectors, vectors[0])
    np.testing.assert_array_equal(made.caption_vectors, vectors[1])
    assert made.image_vectors.dtype == np.float16
    assert made.picture(0).is_file()
    assert load_collection(collection.folder).encoder == "fake"


@pytest.mark.parametrize("label", ["id", "file", "path", "stem"])
def test_images_go_by_id_or_file_name(collection, vectors, tmp_path, label):
    order = np.random.default_rng(5).permutation(12)
    np.save(tmp_path / "images.npy", vectors[0][order])
    names = {
        "id": collection.image_ids,
        "file": [f"{one}.png" for one in collection.image_ids],
        "path": [f"photos/{one}.png" for one in collection.image_ids],
        "stem": [f"{one}.JPG" for one in collection.image_ids],
    }[label]
    labels = write_csv(tmp_path / "images.csv", image=[names[row] for row in order])
    made = attach(collection, files(tmp_path, image_labels=labels)).collection
    np.testing.assert_array_equal(made.image_vectors, vectors[0])


def test_a_column_row_says_which_vector_a_line_belongs_to(collection, vectors, tmp_path):
    lines = np.random.default_rng(6).permutation(12)
    ids = [collection.image_ids[row] for row in lines]
    labels = write_csv(tmp_path / "images.csv", row=lines.tolist(), id=ids)
    made = attach(collection, files(tmp_path, image_labels=labels)).collection
    np.testing.assert_array_equal(made.image_vectors, vectors[0])


def test_captions_go_by_image_and_text(collection, vectors, tmp_path):
    order = np.random.default_rng(7).permutation(24)
    np.save(tmp_path / "captions.npy", vectors[1][order])
    owners, texts = collection.captions["image_id"].to_pylist(), collection.caption_texts
    labels = write_csv(
        tmp_path / "captions.csv",
        row=list(range(24)),
        image=[f"{owners[row]}.png" for row in order],
        caption=[f"  {texts[row].upper()}" for row in order],
    )
    made = attach(collection, files(tmp_path, caption_labels=labels)).collection
    np.testing.assert_array_equal(made.caption_vectors, vectors[1])


def test_equal_texts_of_one_image_get_their_vectors_in_order(collection, vectors, tmp_path):
    texts = list(collection.caption_texts)
    texts[3] = texts[2]
    table = collection.captions.set_column(2, "text", pa.array(texts))
    pq.write_table(table, collection.folder / "captions.parquet")
    again = load_collection(collection.folder)
    labels = write_csv(
        tmp_path / "captions.csv",
        image_row=again.caption_image_rows.tolist(),
        caption=again.caption_texts,
    )
    made = attach(again, files(tmp_path, caption_labels=labels)).collection
    np.testing.assert_array_equal(made.caption_vectors, vectors[1])


@pytest.mark.parametrize("kind", ["parquet", "safetensors"])
def test_other_files_are_read_too(collection, vectors, tmp_path, kind):
    order = np.random.default_rng(8).permutation(24)
    ids = [collection.caption_ids[row] for row in order]
    if kind == "parquet":
        table = pa.table({"id": ids, "emb": vectors[1][order].astype(np.float32).tolist()})
        pq.write_table(table, tmp_path / "vectors.parquet")
        given = files(tmp_path, "vectors.parquet")
    else:
        tensors = {"text": torch.tensor(vectors[1][order]), "image": torch.tensor(vectors[0])}
        save_file(tensors, tmp_path / "vectors.safetensors")
        labels = write_csv(tmp_path / "captions.csv", id=ids)
        given = files(tmp_path, "vectors.safetensors:text", caption_labels=labels)
        with pytest.raises(
            CollectionError, match=r"`image`, `text`. .*`vectors.safetensors:image`"
        ):
            attach(collection, files(tmp_path, "vectors.safetensors"))
    made = attach(collection, given).collection
    np.testing.assert_array_equal(made.caption_vectors, vectors[1])


def test_bfloat16_numbers_are_read(collection, vectors, tmp_path):
    halves = torch.tensor(vectors[0].astype(np.float32)).bfloat16()
    save_file({"image": halves}, tmp_path / "images.safetensors")
    given = VectorFiles(str(tmp_path / "images.safetensors"), None, "mine")
    made = attach(collection, given).collection
    np.testing.assert_allclose(made.image_vectors, vectors[0], atol=5e-3)


def test_norms_other_than_one_are_brought_to_one_and_said(collection, vectors, tmp_path):
    lengths = np.linspace(2, 9, 12)[:, None]
    np.save(tmp_path / "images.npy", vectors[0].astype(np.float64) * lengths)
    made = attach(collection, files(tmp_path))
    assert "images.npy had norms from 2 to 8.999 and were brought to unit length" in made.notes[1]
    np.testing.assert_allclose(np.linalg.norm(made.collection.image_vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(made.collection.image_vectors, vectors[0], atol=1e-3)
    assert made.collection.image_vectors.dtype == np.float32


def test_images_without_a_vector_are_left_out_under_a_new_name_only(collection, vectors, tmp_path):
    np.save(tmp_path / "images.npy", vectors[0][:10])
    names = [*collection.image_ids[:9], "stranger"]
    labels = write_csv(tmp_path / "images.csv", id=names)
    given = files(tmp_path, image_labels=labels)
    with pytest.raises(CollectionError, match="Only 9 of 12 images and 18 of 24 captions"):
        attach(collection, given)
    made = attach(collection, given, "again")
    assert made.collection.image_ids == collection.image_ids[:9]
    np.testing.assert_array_equal(made.collection.caption_vectors, vectors[1][:18])
    assert [one.file for one in made.skipped] == [*collection.image_ids[9:], "images.npy"]
    assert made.skipped[-1].why.startswith("1 of its 10 vectors belong to no image")
    assert made.skipped[-1].why.endswith("row 9.")


def test_without_caption_vectors_the_captions_are_kept(collection, vectors, tmp_path):
    made = attach(collection, files(tmp_path, None))
    assert len(made.collection.captions) == 24
    assert made.collection.caption_vectors.shape == (0, SIZE)
    assert made.collection.vector_splits == []
    assert "24 captions have no vectors" in made.notes[-1]


def broken(vectors: np.ndarray, row: int, value: float) -> np.ndarray:
    changed = vectors.copy()
    changed[row] = value
    return changed


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda v: v[:11], "holds 11 vectors but collection `tiny` has 12 images"),
        (lambda v: broken(v, 5, np.nan), "1 of the 12 vectors in `images.npy` hold NaN .* row 5"),
        (lambda v: broken(v, 4, 0), "1 of the 12 vectors in `images.npy` are all zeros.* row 4"),
        (lambda v: v[:, :5], "in `images.npy` have 5 numbers, those in `captions.npy` 6"),
        (lambda v: v[0], r"array of shape \(6,\)"),
        (lambda v: v.astype(str), "values of type <U"),
    ],
)
def test_vectors_that_cannot_be_right_are_refused(collection, vectors, tmp_path, change, says):
    np.save(tmp_path / "images.npy", change(vectors[0]))
    with pytest.raises(CollectionError, match=says):
        attach(collection, files(tmp_path))


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"id": ["x"] * 11}, r"holds 12 vectors but `l.csv` has 11 lines"),
        ({"id": ["x"] * 12}, "None of the 12 vectors of `images.npy` belongs to .* says `x`"),
        ({"name": ["x"] * 12}, "the columns are name"),
        ({"row": [0, 1, 99], "id": ["x"] * 3}, r"Line 4 of `l.csv` has the row `99`"),
        ({"row": [0, 1, 1], "id": ["x"] * 3}, "two lines of row 1"),
        ({"id": ["image-01"] * 12}, "Rows 0 and 1 of `images.npy` are two different vectors"),
    ],
)
def test_labels_that_cannot_be_right_are_refused(collection, vectors, tmp_path, columns, says):
    labels = write_csv(tmp_path / "l.csv", **columns)
    with pytest.raises(CollectionError, match=says):
        attach(collection, files(tmp_path, image_labels=labels))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_labels_are_read_in_either_encoding_and_spelling(collection, vectors, tmp_path, encoding):
    lines = [f"{row};photos\\ {one}.png" for row, one in enumerate(collection.image_ids)]
    labels = tmp_path / "images.csv"
    labels.write_bytes("\n".join(["Row;Image", *lines]).encode(encoding))
    made = attach(collection, files(tmp_path, image_labels=str(labels))).collection
    np.testing.assert_array_equal(made.image_vectors, vectors[0])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"row,id\n0,x\n1,a,b\n", "Line 3 of `l.csv` has 3 columns, the first line has 2"),
        (b"row,id,id\n0,x,y\n", "`l.csv` has several columns `id`"),
        ("row,id\n0,x\n".encode("utf-16-le"), "looks like UTF-16 .* Save it as UTF-8"),
    ],
)
def test_labels_that_cannot_be_read_are_refused(collection, vectors, tmp_path, content, says):
    (tmp_path / "l.csv").write_bytes(content)
    with pytest.raises(CollectionError, match=says):
        attach(collection, files(tmp_path, image_labels=str(tmp_path / "l.csv")))


def test_captions_that_match_nothing_are_refused(collection, vectors, tmp_path):
    labels = write_csv(tmp_path / "l.csv", caption=["nothing of the kind"] * 24)
    with pytest.raises(CollectionError, match="None of the 24 vectors of `captions.npy`"):
        attach(collection, files(tmp_path, caption_labels=labels))


def test_a_file_of_another_kind_or_none_is_refused(collection, vectors, tmp_path):
    (tmp_path / "v.bin").write_bytes(b"")
    for place, says in (("v.bin", "ends in `.bin`"), ("gone.npy", "no file")):
        with pytest.raises(InputError, match=says):
            attach(collection, VectorFiles(str(tmp_path / place), None, "mine"))
    with pytest.raises(QueryError, match="Say what computed the vectors"):
        attach(collection, VectorFiles(str(tmp_path / "images.npy"), None, " "))


@pytest.fixture
def flickr() -> Path:
    folder = SHARED / "flickr8k"
    if not folder.exists():
        pytest.skip(f"Flickr8k is not at {folder}")
    return folder


def test_each_photo_of_flickr8k_gets_the_vector_that_was_computed_for_it(flickr, home):
    """The 2,000 photos as an import lists them, and the 8,091 vectors of all of Flickr8k."""
    local = flickr / "vectors_local"
    photos = sorted(path.name for path in (flickr / "photos").glob("*.jpg"))[::-1]
    known = set(photos)
    with (flickr / "captions.txt").open(newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["image"] in known]
    n, m = len(photos), len(lines)
    assert (n, m) == (2000, 10000)
    collection = write_collection(
        home / "collections" / "photos",
        card={"name": "photos", "title": "", "licence": "", "source": "", "encoder": "unknown"},
        images=pa.table(
            {
                "id": [name.removesuffix(".jpg") for name in photos],
                "file": photos,
                "url": pa.nulls(n, pa.string()),
                "width": [1] * n,
                "height": [1] * n,
                "split": ["test"] * n,
            }
        ),
        captions=pa.table(
            {
                "id": [str(row) for row in range(m)],
                "image_id": [line["image"].removesuffix(".jpg") for line in lines],
                "text": [line["caption"].strip() for line in lines],
                "split": ["test"] * m,
            }
        ),
        image_vectors=np.ones((n, 1), np.float16),
        caption_vectors=np.ones((m, 1), np.float16),
    )
    given = VectorFiles(
        str(local / "image.npy"),
        str(local / "text.npy"),
        "flickr8k-local",
        str(local / "images.csv"),
        str(local / "captions.csv"),
    )
    made = attach(collection, given)
    assert [one.why.split(" vectors")[0] for one in made.skipped] == [
        "6,091 of its 8,091",
        "30,455 of its 40,455",
    ]
    # The vectors say it themselves: most captions are nearer to their photo.
    images, captions = (
        np.asarray(v, np.float32)
        for v in (made.collection.image_vectors, made.collection.caption_vectors)
    )
    own = np.einsum("ij,ij->i", captions, images[made.collection.caption_image_rows])
    other = np.einsum("ij,ij->i", captions, images[made.collection.caption_image_rows - 1])
    assert (own > other).mean() > 0.9  # the encoder is weak: 94 %
    # And one by one, read from the files by hand.
    names = [line.split(",")[1] for line in (local / "images.csv").read_text().splitlines()[1:]]
    stored = np.load(local / "image.npy")
    for row in range(0, n, 97):
        np.testing.assert_array_equal(
            made.collection.image_vectors[row], stored[names.index(photos[row])]
        )


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_lengths_from_the_smallest_to_the_largest_are_brought_to_1(
    collection, vectors, tmp_path, kind
):
    """As a file and as a table; the directions are those of the vectors of length 1."""
    rng = np.random.default_rng(8)
    images = rng.normal(size=(12, SIZE))
    expected = images / np.linalg.norm(images, axis=1, keepdims=True)
    scaled = (expected * np.logspace(-38, 38, 12)[:, None]).astype(kind)
    np.save(tmp_path / "images.npy", scaled)
    table = pa.table({"id": collection.image_ids, "emb": list(scaled)})
    pq.write_table(table, tmp_path / "images.parquet")
    for place in ("images.npy", "images.parquet"):
        made = attach(
            collection, VectorFiles(str(tmp_path / place), None, "mine"), f"of-{place[7:]}"
        )
        # Of the smallest, single precision keeps few digits.
        np.testing.assert_allclose(made.collection.image_vectors, expected, atol=2e-6)
        assert made.notes[-2 if place.endswith("npy") else 0].find("norms from 1e-38 to 1e+38") > 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0])
def test_a_vector_without_a_direction_is_refused_by_its_row(collection, vectors, tmp_path, value):
    images = vectors[0].astype(np.float32)
    images[7] = value
    np.save(tmp_path / "images.npy", images)
    with pytest.raises(CollectionError, match=r"1 of the 12 vectors in `images\.npy` .* row 7"):
        attach(collection, files(tmp_path))
    assert load_collection("tiny").fingerprint == collection.fingerprint
