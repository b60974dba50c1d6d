"""Collections, models and indexes in an object storage, on a real S3-compatible server."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from lsr.cli.main import main
from lsr.collection.collection import load_collection
from lsr.collection.copying import copy_here, send
from lsr.collection.joining import join_collections
from lsr.collection.parts import bring_pictures
from lsr.exceptions import InputError, QueryError, UnknownNameError
from lsr.index.memory.files import stored_index
from lsr.model.loading import load_model
from lsr.storage import copies
from lsr.storage.places import find
from lsr.storage.remote import Remote, opened
from tests.conftest import make_collection


@pytest.fixture
def encoded(fake_encoder, monkeypatch):
    monkeypatch.setattr("lsr.search.searcher.load_encoder", lambda name: fake_encoder)


def below(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def objects(bucket, folder: str) -> set[str]:
    return {one.key.removeprefix(f"{folder}/") for one in bucket.objects.filter(Prefix=folder)}


def test_commands_answer_from_addresses_as_from_folders(
    address, collection, model, encoded, answer, home, monkeypatch
):
    """The collection, the model and the index are read from the bucket alone."""
    images, head = f"{address}/lab/images", f"{address}/lab/head"
    query = ("search", "a red dog on snow", "--k", "3")
    here = answer(*query, "--collection", "tiny", "--model", "tiny")
    sent = answer("copy", "--collection", "tiny", "--out", images)
    assert (sent["collection"], sent["out"]) == ("tiny", images)
    assert sent["n_files"] == len(opened(images).files()) == 5 + 12
    answer("copy", "--model", "tiny", "--out", head + "/")
    monkeypatch.setenv("LEXISCOPE_INDEXES", f"{address}/indexes")
    built = answer("index", "--collection", images, "--model", head)
    assert built["address"].startswith(f"{address}/indexes/")
    for one in ("collections", "models", "indexes", "cache"):
        (home / one).rename(home / f"away-{one}")  # another machine
    there = answer(*query, "--collection", images, "--model", head)
    assert there["hits"] == here["hits"]
    assert not (home / "indexes").exists()
    assert len(list((home / "cache" / "copies").glob("*/*/index.json"))) == 1


def test_a_picture_comes_when_it_is_asked_for(bucket, collection):
    address = f"s3://{bucket.name}/tiny"
    send(collection, address)
    there = load_collection(address)
    assert (there.fingerprint, there.image_ids) == (collection.fingerprint, collection.image_ids)
    assert np.array_equal(there.image_vectors, collection.image_vectors)
    assert not (there.folder / "images").exists()
    place = there.picture(3)
    assert place.read_bytes() == collection.picture(3).read_bytes()
    assert below(there.folder / "images") == {place.name}
    copies.bring_all(there.folder)
    assert below(there.folder) == below(collection.folder)
    # Who needs all of them, such as a collection of one's own, gets them.
    copy_here(load_collection(address), "mine")
    assert below(load_collection("mine").folder) == below(collection.folder)
    with pytest.raises(QueryError, match="There is a collection `mine` of your own already"):
        copy_here(there, "mine")


def test_what_has_not_changed_is_not_copied_again(bucket, collection, model, monkeypatch):
    address = f"s3://{bucket.name}/head"
    send(model, address)
    first = load_model(address)
    assert first.fingerprint == model.fingerprint
    fetched: list[str] = []
    fetch = Remote.fetch
    monkeypatch.setattr(Remote, "fetch", lambda r, w: (fetched.extend(w), fetch(r, w))[1])
    assert find("models", address) == first.folder
    assert fetched == []
    bucket.put_object(Key="head/metrics.json", Body=b'{"a": 1}')
    second = load_model(address)
    assert second.folder != first.folder
    assert second.folder.joinpath("metrics.json").read_bytes() == b'{"a": 1}'
    assert len(fetched) == len(below(model.folder))


def test_a_reader_never_gets_parts_of_two_versions(bucket, collection, fake_encoder, tmp_path):
    address = f"s3://{bucket.name}/c"
    splits = ("train",) * 6 + ("test",) * 6
    other = make_collection(tmp_path / "tiny", fake_encoder, splits=splits)
    send(collection, address)
    seen, sent = load_collection(address), int(time.time())
    fetch, times = Remote.fetch, []

    def replaced_meanwhile(remote, wanted):
        times.append(wanted)
        if len(times) == 1:
            fetch(remote, {name: wanted[name] for name in list(wanted)[:2]})
            while int(time.time()) == sent:  # the storage tells the time of a version in seconds
                time.sleep(0.05)
            send(collection, address)
            wanted = {name: wanted[name] for name in list(wanted)[2:]}
        fetch(remote, wanted)

    send(other, address)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Remote, "fetch", replaced_meanwhile)
        found = load_collection(address)
    assert len(times) == 2
    assert (found.fingerprint, found.splits) == (collection.fingerprint, ["test"])
    # A picture of another version does not come into one that is open.
    with pytest.raises(InputError, match=r"`s3://.*/c` was replaced while it was in use"):
        seen.picture(0)


def test_what_is_half_sent_is_not_there_and_goes_on(bucket, collection, monkeypatch):
    address = f"s3://{bucket.name}/c"
    send(collection, address)
    shared = opened(address).there

    class Breaks:
        """A storage that is lost after five objects."""

        def __init__(self):
            self.left = 5

        def __getattr__(self, name):
            return getattr(shared, name)

        def open_output_stream(self, path):
            self.left -= 1
            if self.left < 0:
                raise OSError("AWS Error NETWORK_CONNECTION during PutObject: curlCode: 7")
            return shared.open_output_stream(path)

    broken = Remote(address, Breaks(), f"{bucket.name}/c")
    with pytest.raises(InputError, match=r"written to: no server answers, or .* Check the network"):
        broken.send(collection.folder, "collection.json")
    with pytest.raises(UnknownNameError, match=r"There is \d+ files, but no `collection.json`"):
        load_collection(address)
    send(collection, address)
    assert objects(bucket, "c") - {""} == below(collection.folder)
    assert load_collection(address).fingerprint == collection.fingerprint


def test_copies_that_were_not_opened_for_longest_make_room(bucket, collection, model, monkeypatch):
    addresses = [f"s3://{bucket.name}/{name}" for name in "abc"]
    for address in addresses:
        send(model, address)
    first, second = (find("models", address) for address in addresses[:2])
    os.utime(second.parent / "copy.json", (1, 1))  # first was opened since
    size = sum((first / name).stat().st_size for name in below(first))
    monkeypatch.setattr(copies, "LIMIT_BYTES", int(2.5 * size))
    third = find("models", addresses[2])
    assert (first.exists(), second.exists(), third.exists()) == (True, False, True)


def test_what_cannot_be_used_is_told_in_a_sentence(bucket, collection, model, capsys, monkeypatch):
    send(model, f"s3://{bucket.name}/head")
    with pytest.raises(UnknownNameError, match=r"There is nothing at `s3://.*/nowhere`. Correct"):
        load_collection(f"s3://{bucket.name}/nowhere")
    with pytest.raises(UnknownNameError, match=r"files, but no `collection.json` at `s3://"):
        load_collection(f"s3://{bucket.name}/head")
    with pytest.raises(QueryError, match="is something else already"):
        send(collection, f"s3://{bucket.name}/head")
    assert main(["copy", "--model", "tiny", "--out", "s3://no-such-bucket/x"]) == 2
    assert "cannot be written to: there is no such bucket. Make it" in capsys.readouterr().err
    monkeypatch.setenv("LEXISCOPE_INDEXES", "/srv/indexes")
    with pytest.raises(QueryError, match="`.LEXISCOPE_INDEXES` is `/srv/indexes`, no address"):
        stored_index(collection.fingerprint, model.fingerprint)
    monkeypatch.setenv("LEXISCOPE_INDEXES", f"s3://{bucket.name}/indexes")
    assert stored_index(collection.fingerprint, model.fingerprint) is None


def test_a_bucket_of_google_refuses_in_a_sentence(google, collection, monkeypatch):
    monkeypatch.setenv("CLOUD_STORAGE_EMULATOR_ENDPOINT", google)
    with pytest.raises(InputError, match="cannot be written to: there is no such bucket. Make it"):
        send(collection, "gs://anonymous@no-such-bucket/x")
    with pytest.raises(InputError, match="Set `.GOOGLE_APPLICATION_CREDENTIALS`, and leave it out"):
        opened("gs://name@bucket/x")
    # Whom no account is set for waits seconds, and not the quarter of an hour of Arrow's default.
    monkeypatch.setenv("CLOUD_STORAGE_EMULATOR_ENDPOINT", "http://127.0.0.1:1")
    assert opened("gs://anonymous@bucket/x").there == opened(LIMITED.format(10)).there
    assert opened("gs://anonymous@bucket/x").there != opened(LIMITED.format(9)).there
    other = "gs://anonymous@bucket/x?scheme=http"
    assert opened(other).there == opened(f"{other}&retry_limit_seconds=10").there
    with pytest.raises(InputError, match="no server answers.*EMULATOR_ENDPOINT` names a server"):
        opened(LIMITED.format(1)).files()


LIMITED = "gs://anonymous@bucket/x?retry_limit_seconds={}"


def test_shards_in_a_bucket_are_read_as_one_collection(bucket, fake_encoder, tmp_path, home):
    for name, n in (("a", 3), ("b", 4)):
        made = make_collection(tmp_path / name, fake_encoder, splits=("test",) * n)
        send(made, f"s3://{bucket.name}/{name}")
    halves = [load_collection(f"s3://{bucket.name}/{name}") for name in "ab"]
    *_, joined = join_collections(halves, "all", in_shards=True)
    (home / "cache").rename(home / "away")  # another machine, which has nothing yet
    found = load_collection("all")
    assert found.image_ids == joined.collection.image_ids
    assert found.image_vectors[[6, 0]].tolist() == [
        one.image_vectors[row].tolist()
        for one, row in ((load_collection(tmp_path / "b"), 3), (load_collection(tmp_path / "a"), 0))
    ]
    assert not list((home / "cache" / "copies").glob("*/*/images"))
    [file] = found.images["file"].slice(5, 1).to_pylist()
    assert found.picture(5).read_bytes() == (tmp_path / "b" / "images" / file).read_bytes()
    bring_pictures(found)
    assert len(list((home / "cache" / "copies").glob("*/*/images/*"))) == 7
