"""A folder is replaced at once, and what is read of it is of one version."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lsr.exceptions import BusyError, CollectionError, InputError
from lsr.storage import folders
from lsr.storage.files import read_json, write_json
from lsr.storage.folders import read_one_version, remove_folder, replacing_folder

ROOT = Path(__file__).resolve().parents[2]
# Writes a new version and is killed right before, or right after, the n-th rename of any kind.
KILLED = """
import os, signal, sys
from pathlib import Path
from lsr.storage import folders

count = [int(sys.argv[2])]

def dying(rename):
    def renamed(*arguments):
        count[0] -= 1
        if count[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        done = rename(*arguments)
        count[0] -= 1
        if count[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    return renamed

if sys.argv[3] == "steps":
    folders._exchanged = lambda *_: False
folders._exchanged = dying(folders._exchanged)
Path.rename = dying(Path.rename)
with folders.replacing_folder(Path(sys.argv[1])) as temporary:
    (temporary / "weights").write_text("new")
"""


def version(target: Path, content: str) -> None:
    with replacing_folder(target) as temporary:
        (temporary / "weights").write_text(content)
        (temporary / "card").write_text(content)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_failed_write_leaves_the_earlier_folder_and_no_rest(tmp_path):
    target = tmp_path / "model"
    version(target, "old")
    with pytest.raises(OSError, match="broken"), replacing_folder(target) as temporary:
        (temporary / "weights").write_text("half")
        raise OSError("broken")
    assert (target / "weights").read_text() == "old"
    assert names(tmp_path) == ["model"]


@pytest.mark.parametrize("at_once", [True, False])
def test_a_finished_write_replaces_the_folder_whole(tmp_path, monkeypatch, at_once):
    if not at_once:
        monkeypatch.setattr(folders, "_exchanged", lambda *_: False)
    target = tmp_path / "model"
    target.mkdir()
    (target / "stale").write_text("old")
    version(target, "new")
    assert names(target) == ["card", "weights"]
    assert names(tmp_path) == ["model"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux exchanges two names")
def test_linux_exchanges_the_names_so_that_none_is_missing_at_any_time(tmp_path, monkeypatch):
    """No rename takes the name away: between two system calls it is always there."""
    target = tmp_path / "model"
    version(target, "old")
    renamed = []
    monkeypatch.setattr(Path, "rename", lambda *names: renamed.append(names))
    version(target, "new")
    assert renamed == []
    assert (target / "weights").read_text() == "new"


@pytest.mark.parametrize("how", ["at once", "steps"])
@pytest.mark.parametrize("at", range(1, 7))
def test_a_kill_at_any_rename_leaves_a_whole_version_under_the_name(tmp_path, how, at):
    target = tmp_path / "model"
    target.mkdir()
    (target / "weights").write_text("old")
    command = [sys.executable, "-c", KILLED, str(target), str(at), how]
    ended = subprocess.run(command, cwd=ROOT, check=False)
    found = read_one_version(target, (target / "weights").read_text)
    assert found == ("old" if ended.returncode and not _renamed_whole(how, at) else "new")
    version(target, "newer")
    assert names(tmp_path) == ["model"]


def _renamed_whole(how: str, at: int) -> bool:
    """Whether the new version had its name already: the second moment of the last rename."""
    return at >= (2 if how == "at once" and sys.platform == "linux" else 6)


@pytest.mark.parametrize("renames", [0, 1])
def test_a_folder_that_cannot_be_exchanged_stays_under_its_name(tmp_path, monkeypatch, renames):
    """The system refuses the first or the second rename, as Windows does for open files."""
    target = tmp_path / "model"
    target.mkdir()
    (target / "weights").write_text("old")
    rename, done = Path.rename, []

    def refusing(self, other):
        done.append(other)
        if len(done) == renames + 1:
            raise PermissionError(13, "in use")
        return rename(self, other)

    with pytest.raises((InputError, PermissionError)) as refused, monkeypatch.context() as patched:
        patched.setattr(folders, "_exchanged", lambda *_: False)
        patched.setattr(Path, "rename", refusing)
        with replacing_folder(target) as temporary:
            (temporary / "weights").write_text("new")
    assert (target / "weights").read_text() == "old"
    assert names(tmp_path) == ["model"]
    if renames == 0:
        assert "cannot be replaced while a file in it is open" in str(refused.value)


def test_a_link_to_a_folder_stays_one_and_leads_to_the_new_version(tmp_path):
    (tmp_path / "disk").mkdir()
    version(tmp_path / "disk" / "model", "old")
    (tmp_path / "home").mkdir()
    try:
        (tmp_path / "home" / "model").symlink_to(tmp_path / "disk" / "model")
    except OSError:
        pytest.skip("no right to make links")
    version(tmp_path / "home" / "model", "new")
    assert (tmp_path / "home" / "model").is_symlink()
    assert (tmp_path / "disk" / "model" / "weights").read_text() == "new"
    assert names(tmp_path / "disk") == ["model"]


def test_of_two_writers_of_a_folder_the_first_wins_and_the_other_is_told(tmp_path):
    target = tmp_path / "model"
    with replacing_folder(target) as temporary:
        (temporary / "weights").write_text("first")
        with (
            pytest.raises(BusyError, match="/model` is being written by another process. Wait"),
            replacing_folder(target),
        ):
            pass
    assert (target / "weights").read_text() == "first"
    assert names(tmp_path) == ["model"]


def test_a_folder_without_the_right_to_write_is_named(tmp_path):
    if os.name == "nt" or os.geteuid() == 0:
        (tmp_path / "shut").write_text("a file is no folder to write into either")
    else:
        (tmp_path / "shut").mkdir(0o500)
    with (
        pytest.raises(InputError, match="Nothing can be written into `.*shut`"),
        replacing_folder(tmp_path / "shut" / "model"),
    ):
        pass


def test_a_read_that_a_writer_cuts_across_is_done_again(tmp_path):
    target = tmp_path / "model"
    version(target, "1")
    reads = []

    def read() -> tuple[str, str]:
        card = (target / "card").read_text()
        if len(reads) < 3:
            version(target, str(len(reads) + 2))  # between the two files
        reads.append(card)
        return card, (target / "weights").read_text()

    assert read_one_version(target, read) == ("4", "4")
    assert reads == ["1", "2", "3", "4"]


def test_a_complaint_about_another_version_is_not_believed(tmp_path):
    target = tmp_path / "model"
    version(target, "1")
    reads = []

    def read() -> str:
        reads.append(1)
        if len(reads) == 1:
            version(target, "2")
            raise CollectionError("`weights` is truncated. Restore the file.")
        return (target / "weights").read_text()

    assert read_one_version(target, read) == "2"
    with pytest.raises(CollectionError, match="Restore"):
        read_one_version(target, lambda: read_json(target / "none.json", CollectionError))


def test_a_folder_that_never_rests_is_told_of(tmp_path):
    target = tmp_path / "model"
    version(target, "1")
    with pytest.raises(InputError, match="was replaced again and again while it was read"):
        read_one_version(target, lambda: version(target, "2"))


def test_a_removed_folder_is_gone_at_once_and_leaves_nothing(tmp_path):
    version(tmp_path / "model", "1")
    remove_folder(tmp_path / "model")
    assert names(tmp_path) == []


def test_json_inside_a_new_version_leaves_no_lock_behind(tmp_path):
    with replacing_folder(tmp_path / "model") as temporary:
        write_json(temporary / "card.json", {"a": 1})
    assert names(tmp_path / "model") == ["card.json"]
