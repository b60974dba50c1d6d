"""A real S3-compatible server: photos imported from it, shards written to it and read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lsr.cli.main import main
from lsr.collection.collection import load_collection
from lsr.exceptions import InputError
from lsr.storage.remote import copied_here, is_remote


def photos(folder: Path) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(12):
        pixels = rng.integers(0, 256, (30, 40, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"p{number}.png")
    rows = [f"p{number}.png,a dog of number {number}" for number in range(12)]
    (folder / "captions.csv").write_text("\n".join(["image,caption", *rows]))
    return folder


def test_photos_of_a_bucket_become_the_collection_of_a_folder(bucket, tmp_path, home, answer):
    source = photos(tmp_path / "photos")
    for file in source.iterdir():
        bucket.upload_file(str(file), f"deep/photos/{file.name}")
    answer("import", str(source), "--name", "local")
    made = answer("import", f"s3://{bucket.name}/deep/photos/", "--name", "remote")
    assert (made["n_images"], made["n_captions"]) == (12, 12)
    assert load_collection("remote").fingerprint == load_collection("local").fingerprint
    assert not list((home / "cache" / "remote").iterdir())


def test_shards_go_to_a_bucket_whole_and_come_back(bucket, tmp_path, answer, capsys):
    answer("import", str(photos(tmp_path / "photos")), "--name", "local")
    address = f"s3://{bucket.name}/shards"
    command = ["split-shards", "--collection", "local", "--out", address, "--images-per-shard"]
    told = answer(*command, "3")
    assert (told["out"], told["n_images"], len(told["files"])) == (address, 12, 4)
    answer(*command, "6")
    names = {one.key.removeprefix("shards/") for one in bucket.objects.all()} - {""}
    # What the earlier ones had beyond these is gone.
    assert names == {"export.json", "shard-000000.tar", "shard-000001.tar"}
    answer("import", address, "--name", "back")
    assert load_collection("back").image_ids == load_collection("local").image_ids
    bucket.put_object(Key="other/thing.txt", Body=b"mine")
    assert main([*command[:-3], "--out", f"s3://{bucket.name}/other"]) == 2
    assert "is something else already" in capsys.readouterr().err
    assert bucket.Object("other/thing.txt").get()["Body"].read() == b"mine"


def test_a_copy_is_made_once_and_again_where_the_object_changed(bucket, home):
    bucket.put_object(Key="a/one.txt", Body=b"one")
    bucket.put_object(Key="a/two.txt", Body=b"two")
    copy = copied_here(f"s3://{bucket.name}/a")
    (copy / "two.txt").write_bytes(b"own")  # as long, and newer: it is not looked into
    bucket.put_object(Key="a/one.txt", Body=b"other")
    bucket.put_object(Key="a/three.txt", Body=b"3")
    bucket.Object("a/two.txt").delete()
    assert copied_here(f"s3://{bucket.name}/a") == copy
    assert {one.name: one.read_bytes() for one in copy.iterdir()} == {
        "one.txt": b"other",
        "three.txt": b"3",
    }
    assert copied_here(f"s3://{bucket.name}/a/three.txt").read_bytes() == b"3"


def test_what_cannot_be_read_is_told_in_a_sentence(bucket):
    assert not is_remote("photos")
    with pytest.raises(InputError, match="There is nothing at `s3://.*/nowhere`"):
        copied_here(f"s3://{bucket.name}/nowhere")
    with pytest.raises(InputError, match="There is nothing at `s3://no-such-bucket/x`"):
        copied_here("s3://no-such-bucket/x")
    bucket.put_object(Key="bad/../../out.txt", Body=b"x")
    with pytest.raises(InputError, match="has a name that no file may have"):
        copied_here(f"s3://{bucket.name}/bad")
    with pytest.raises(InputError, match="`s3://` names no bucket"):
        copied_here("s3://")
    with pytest.raises(InputError, match="An account has no place in an address") as no:
        copied_here("s3://name:secret@bucket/x")
    assert "secret" not in str(no.value).replace("$AWS_SECRET", "")
