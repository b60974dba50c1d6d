"""What killed writers left gets its name back or goes with the next write; nothing else goes."""

from pathlib import Path

import pytest

from lsr.collection.installed import remove_collection
from lsr.exceptions import BusyError, CollectionError
from lsr.storage.files import replacing_file, write_json
from lsr.storage.folders import replacing_folder
from lsr.storage.leftovers import is_leftover, restore_if_lost
from lsr.storage.locks import exclusive
from lsr.storage.places import find, folders


def write(target: Path) -> None:
    with replacing_folder(target) as temporary:
        (temporary / "weights").write_text("new")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def left(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "weights").write_text("half")
    return folder


@pytest.mark.parametrize(
    "name",
    [
        ".model~0123abcd",
        ".model~0123abcd-old",
        ".other~0123abcd",
        "..model-import~0123abcd",
        ".model-ab_d0f23",
        ".model-ab_d0f23-old",
        ".model-deleted-ab_d0f23",
    ],
)
def test_the_next_write_removes_a_folder_that_a_killed_one_left(tmp_path, name):
    write(tmp_path / "other")
    write(tmp_path / "model")
    left(tmp_path / name)
    write(tmp_path / "model")
    assert names(tmp_path) == {"model", "other"}


@pytest.mark.parametrize(
    "name", [".model~lock", ".other~lock", ".~0123abcd~card.json", ".model.lock"]
)
def test_the_next_write_removes_a_file_that_a_killed_one_left(tmp_path, name):
    (tmp_path / name).write_text("")
    write(tmp_path / "model")
    assert names(tmp_path) == {"model"}


@pytest.mark.parametrize(
    "name",
    [
        ".model-training",  # an unfinished training: eight letters, and no leftover
        ".model-import",
        ".model-other-abcdefgh",  # of another collection
        ".config",
        ".notes~mine",
        "model~0123abcd",
    ],
)
def test_what_is_no_leftover_stays(tmp_path, name):
    left(tmp_path / name)
    write(tmp_path / "model")
    assert names(tmp_path) == {"model", name}


def test_what_somebody_is_writing_now_stays(tmp_path):
    with (
        replacing_folder(tmp_path / "other") as folder,
        replacing_file(tmp_path / "card.json") as file,
    ):
        file.write_text("{}")
        write(tmp_path / "model")
        assert folder.exists()
        assert file.exists()
    assert names(tmp_path) == {"model", "other", "card.json"}


def test_the_next_file_removes_what_a_killed_writer_left_of_any(tmp_path):
    (tmp_path / ".~0123abcd~other.npy").write_bytes(bytes(100))
    (tmp_path / ".999999999-card.json").write_text("half")  # of an earlier version, process ended
    (tmp_path / ".1-card.json").write_text("{}")  # that process is running
    write_json(tmp_path / "card.json", {})
    assert names(tmp_path) == {"card.json", ".1-card.json"}


def test_two_threads_that_write_one_file_use_two_temporary_names(tmp_path):
    with replacing_file(tmp_path / "a") as one, replacing_file(tmp_path / "a") as other:
        assert one != other
        one.write_text("1")
        other.write_text("2")
    assert (tmp_path / "a").read_text() == "1"
    assert names(tmp_path) == {"a"}


@pytest.mark.parametrize("name", [".{}-ab_d0f23-old", ".{}~0123abcd-old"])
def test_a_collection_that_a_kill_took_its_name_from_is_listed_again(collection, home, name):
    """As an earlier version left it, and as a disk does that cannot exchange two names."""
    folder = collection.folder
    folder.rename(folder.with_name(name.format("tiny")))
    assert folder in list(folders("collections"))
    assert find("collections", "tiny") == folder
    assert names(folder.parent) == {"tiny"}


def test_of_two_earlier_versions_the_later_one_comes_back(tmp_path):
    import os

    for name, age in ((".model-aaaaaaaa-old", 2), (".model-bbbbbbbb-old", 1)):
        (left(tmp_path / name) / "weights").write_text(name)
        os.utime(tmp_path / name, (1_700_000_000 - age,) * 2)
    restore_if_lost(tmp_path / "model")
    assert (tmp_path / "model" / "weights").read_text() == ".model-bbbbbbbb-old"


def test_a_version_is_not_given_back_while_somebody_writes_the_next(tmp_path):
    left(tmp_path / ".model~0123abcd-old")
    with exclusive(tmp_path / ".model~lock", BusyError("busy")):
        restore_if_lost(tmp_path / "model")
    assert not (tmp_path / "model").exists()
    restore_if_lost(tmp_path / "model")
    assert names(tmp_path) == {"model"}


def test_what_was_deleted_does_not_come_back(collection, home):
    left(collection.folder.with_name(".tiny-ab_d0f23-old"))
    remove_collection("tiny")
    assert list(folders("collections"))
    assert "tiny" not in [folder.name for folder in folders("collections")]
    assert names(home / "collections") == set()


def test_a_collection_that_is_being_written_is_not_deleted(collection):
    with (
        replacing_folder(collection.folder) as temporary,
        pytest.raises(BusyError, match="is being written by another process"),
    ):
        remove_collection("tiny")
    assert temporary.name
    with pytest.raises(CollectionError, match="missing"):  # the new, empty version stands there
        from lsr.collection.collection import load_collection

        load_collection(collection.folder)


def test_leftovers_are_told_by_their_names():
    made = [".a~0123abcd", ".a~0123abcd-old", ".~0123abcd~a.npy", ".a~lock"]
    assert all(map(is_leftover, made))
    assert not any(map(is_leftover, ["a", ".a", ".a-training", "images", ".hidden.jpg"]))
