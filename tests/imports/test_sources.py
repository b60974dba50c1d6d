"""A source that cannot be imported as it is: the answer says what is there and what to do."""

import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lsr.exceptions import InputError
from lsr.imports.imported import ImportRequest
from lsr.imports.planning import plan_import
from lsr.imports.vectors.vector_file import read_vector_file
from tests.imports.conftest import photo, write_zip
from tests.imports.test_formats import write_tar


def refusal(source, encoder, **request) -> str:
    with pytest.raises(InputError) as problem:
        plan_import(ImportRequest(str(source), "mine", encoder="fake", **request))
    return str(problem.value)


def test_a_zip_beside_its_list_is_told_with_the_command(tmp_path, encoder, importing):
    write_zip(tmp_path / "images.zip", {"a.jpg": photo(1)})
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.jpg", "text": "a dog"}\n')
    said = refusal(tmp_path, encoder)
    assert "the archive `images.zip`, which is not opened in a folder" in said
    place = f"{tmp_path}/images.zip --name NAME --captions {tmp_path}/metadata.jsonl"
    assert f"`python -m lsr import {place}`" in said
    # What it says works.
    made = importing(tmp_path / "images.zip", captions=str(tmp_path / "metadata.jsonl"))
    assert made.collection.caption_texts == ["a dog"]


@pytest.mark.parametrize("name", ["x.tar.gz", "x.tgz"])
def test_a_compressed_tar_is_told_how_to_decompress(tmp_path, encoder, name):
    plain = write_tar(tmp_path / "plain", {"a.jpg": photo(1)})
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / name).write_bytes(gzip.compress(plain.read_bytes()))
    for source in (folder / name, folder):
        said = refusal(source, encoder)
        assert f"`{name}` is compressed" in said
        assert "gunzip" in said
    (folder / name).rename(folder / "x.tar")  # its name says that it is not compressed
    assert "not a plain tar file" in refusal(folder / "x.tar", encoder)


def test_a_folder_of_pictures_that_are_not_read_names_one(tmp_path, encoder):
    for name in ("a.heic", "b.HEIC"):
        (tmp_path / name).write_bytes(b"ftypheic")
    assert "2 pictures, such as `a.heic` of a kind that is not read" in refusal(tmp_path, encoder)


def test_a_table_whose_pictures_are_in_lists_is_described(tmp_path, encoder):
    rows = [{"images": [{"bytes": photo(1), "path": "a.jpg"}], "text": "a dog"}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
    said = refusal(tmp_path, encoder)
    assert "`x.parquet` has the columns `images` of list<" in said
    assert "Store the bytes of one in a column `image`" in said


@pytest.mark.parametrize(
    ("name", "says"),
    [("a.jpg", "is one picture. Give the folder"), ("a.rar", "Unpack it, and give the folder")],
)
def test_a_single_file_is_told_what_to_give(tmp_path, encoder, name, says):
    (tmp_path / name).write_bytes(photo(1))
    assert says in refusal(tmp_path / name, encoder)


def test_an_array_of_python_objects_is_named_as_one(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[1.0], None], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"`x.npy` holds Python objects.*Save one array.*float32"):
        read_vector_file(str(tmp_path / "x.npy"))
