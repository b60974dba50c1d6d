"""A collection that is replaced while it is read or changed is read whole, or its reader told."""

import json
import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from lsr.collection.card import read_card
from lsr.collection.collection import Collection, load_collection
from lsr.collection.queries import QueryRow, write_query_set
from lsr.collection.writing import copy_collection, write_collection
from lsr.encoding.revision import standing, write_revision
from lsr.exceptions import CollectionError

VERSIONS = 30


def rewritten(collection: Collection, number: int) -> Collection:
    """The same images with vectors, and a title, that tell the version."""
    vectors = np.zeros((len(collection.images), 8), np.float16)
    vectors[:, number % 8] = 1
    return write_collection(
        collection.folder,
        card={**collection.card, "title": str(number % 8)},
        images=collection.images,
        captions=collection.captions,
        image_vectors=vectors,
        caption_vectors=collection.caption_vectors,
        beside=collection,
    )


def rewrite(folder: Path) -> None:
    for number in range(VERSIONS):
        rewritten(load_collection(folder), number)


def test_a_reader_never_mixes_two_versions(collection):
    """Every load beside a process that writes again and again is one version, and sound."""
    rewritten(collection, 0)
    writer = multiprocessing.get_context("spawn").Process(target=rewrite, args=(collection.folder,))
    writer.start()
    seen, loads = set(), 0
    while writer.is_alive() or not loads:
        read = load_collection(collection.folder)
        assert read.image_vectors[:, int(read.title)].tolist() == [1] * 12
        seen.add(read.title)
        loads += 1
    writer.join()
    assert writer.exitcode == 0
    assert load_collection(collection.folder).title == str((VERSIONS - 1) % 8)
    assert [path.name for path in collection.folder.parent.iterdir()] == ["tiny"]


@pytest.mark.parametrize("file", ["image_vectors.npy", "captions.parquet", "images.parquet"])
def test_a_replacement_between_two_files_is_noticed(collection, monkeypatch, file):
    """The writer cuts in right before the n-th file is opened."""
    cuts = []
    opened = {"image_vectors.npy": "stored_rows"}.get(file, "map_table")
    read = getattr(__import__("lsr.collection.collection", fromlist=["x"]), opened)

    def cutting(path, *others):
        if path.name == file and not cuts:
            cuts.append(path)
            with monkeypatch.context() as patched:
                patched.setattr(f"lsr.collection.collection.{opened}", read)
                rewritten(load_collection(collection.folder), 3)
        return read(path, *others)

    monkeypatch.setattr(f"lsr.collection.collection.{opened}", cutting)
    found = load_collection(collection.folder)
    assert cuts
    assert found.title == "3"
    assert found.image_vectors[:, 3].tolist() == [1] * 12


def test_a_card_that_is_exchanged_alone_is_noticed(collection):
    card = collection.folder / "collection.json"
    card.write_text(json.dumps({**collection.card, "fingerprint": "0" * 16}))
    with pytest.raises(CollectionError, match="`tiny` was replaced while it was in use. Open it"):
        collection.check_version()


def test_what_is_read_later_is_of_the_same_version(collection):
    write_query_set(collection, "some", [QueryRow("q", "a dog", "image-01")])
    rewritten(collection, 1)
    for late in (lambda: collection.query_set("some"), lambda: collection.probes):
        with pytest.raises(CollectionError, match="was replaced while it was in use"):
            late()
    assert len(load_collection(collection.folder).query_set("some").texts) == 1


def test_pictures_of_a_collection_that_was_replaced_are_not_shared(collection, home):
    rewritten(collection, 1)
    with pytest.raises(CollectionError, match="was replaced while it was in use"):
        copy_collection(collection, home / "collections" / "copy")
    assert not (home / "collections" / "copy").exists()


def revision(collection: Collection, folder: Path, before: str, column: int) -> Collection:
    vectors = np.zeros((12, 8), np.float16)
    vectors[:, column] = 1
    return write_revision(
        collection,
        folder,
        before,
        encoder="other",
        image_rows=np.arange(12),
        image_vectors=vectors,
        caption_rows=np.arange(24),
        caption_vectors=collection.caption_vectors,
        origin={},
    )


@pytest.mark.parametrize("name", ["tiny", "new"])
def test_of_two_revisions_the_first_wins_and_the_second_is_told(collection, home, name):
    folder = home / "collections" / name
    before = standing(collection, folder)
    revision(collection, folder, before, 1)
    with pytest.raises(CollectionError, match=rf"`{name}` was written by another process in the"):
        revision(collection, folder, before, 2)
    stands = load_collection(folder)
    assert stands.image_vectors[:, 1].tolist() == [1] * 12
    again = revision(load_collection(home / "collections" / "tiny"), folder, stands.fingerprint, 2)
    assert again.image_vectors[:, 2].tolist() == [1] * 12


def test_unfinished_files_are_not_shared_with_a_new_collection(collection, home):
    (collection.folder / ".~0123abcd~extra.json").write_text("half")
    (collection.folder / ".hidden.json").write_text("{}")
    copy = copy_collection(collection, home / "collections" / "copy")
    hidden = [path.name for path in copy.folder.iterdir() if path.name.startswith(".")]
    assert hidden == [".hidden.json"]


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 3.0])
def test_vectors_that_are_none_are_found_when_they_come_in(collection, value):
    vectors = np.array(collection.image_vectors)
    vectors[5] = value
    said = r"1 of the 12 image vectors .* not finite vectors of length 1, such as that of image `"
    with pytest.raises(CollectionError, match=said + collection.image_ids[5]):
        write_collection(
            collection.folder,
            card=collection.card,
            images=collection.images,
            captions=collection.captions,
            image_vectors=vectors,
            caption_vectors=collection.caption_vectors,
            beside=collection,
        )
    assert load_collection(collection.folder).fingerprint == collection.fingerprint


def test_vectors_of_a_folder_that_others_made_are_checked_when_it_is_read(collection):
    vectors = np.array(collection.caption_vectors)
    vectors[7, 2] = np.nan
    np.save(collection.folder / "caption_vectors.npy", vectors)
    card = read_card(collection.folder)
    assert card.pop("unit_vectors") is True
    (collection.folder / "collection.json").write_text(json.dumps(card))
    with pytest.raises(CollectionError, match=r"1 of the 24 caption vectors.*caption `caption-07`"):
        load_collection(collection.folder)
