"""Locks die with their holder; processes are told from later ones of the same number."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from lsr.exceptions import InputError, QueryError
from lsr.storage import locks
from lsr.storage.folders import remove_folder
from lsr.storage.locks import ends_within, exclusive, is_held, is_running, start_mark

ROOT = Path(__file__).resolve().parents[2]
TAKEN = QueryError("taken")
HOLDER = """
import sys
from pathlib import Path
from lsr.exceptions import InputError, QueryError
from lsr.storage.locks import exclusive
with exclusive(Path(sys.argv[1]), QueryError("taken")):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds `tmp_path/lock`."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "lock")]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline().strip() == b"held"
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_a_lock_of_another_process_is_seen_and_dies_with_it(holder, tmp_path):
    lock = tmp_path / "lock"
    assert is_held(lock)
    with pytest.raises(QueryError, match="taken"), exclusive(lock, TAKEN):
        pass
    holder.kill()
    holder.wait()
    assert not is_held(lock)
    with exclusive(lock, TAKEN):
        assert is_held(lock)
    assert not is_held(lock)


def test_two_threads_exclude_each_other(tmp_path):
    lock, refused = tmp_path / "lock", []

    def other() -> None:
        try:
            with exclusive(lock, TAKEN):
                pass
        except QueryError:
            refused.append(True)

    with exclusive(lock, TAKEN):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert refused == [True]


def test_a_lock_whose_file_its_holder_removes_is_taken_anew(tmp_path, monkeypatch):
    """As a finished training does: it removes its folder, the lock included, while it holds it."""
    monkeypatch.setattr(locks, "_PATIENCE", 600.0)
    lock, seen = tmp_path / "run" / "lock", []

    def other() -> None:
        with exclusive(lock, TAKEN):
            seen.append((lock.exists(), is_held(lock)))

    with exclusive(lock, TAKEN):
        thread = threading.Thread(target=other)
        thread.start()
        remove_folder(lock.parent)
    thread.join()
    assert seen == [(True, True)]


def test_asking_makes_no_file(tmp_path, monkeypatch):
    assert not is_held(tmp_path / "none" / "lock")
    # The file is removed right after somebody saw it.
    monkeypatch.setattr(Path, "exists", lambda *_, **__: True)
    assert not is_held(tmp_path / "lock")
    assert list(tmp_path.iterdir()) == []


def test_an_error_inside_frees_the_lock(tmp_path):
    with pytest.raises(ValueError, match="inside"), exclusive(tmp_path / "lock", TAKEN):
        raise ValueError("inside")
    assert not is_held(tmp_path / "lock")


def test_a_process_runs_until_it_ends_and_another_of_its_number_is_not_it(holder):
    mark = start_mark(holder.pid)
    assert is_running(holder.pid, mark)
    assert not is_running(holder.pid, "12.5")
    assert not is_running(holder.pid, "no number")
    assert not ends_within(holder.pid, mark, 0)
    holder.kill()
    assert ends_within(holder.pid, mark, 600)  # it is not collected yet
    assert start_mark(holder.pid) is None
    assert is_running(os.getpid(), start_mark(os.getpid()))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep the time of day")
def test_a_clock_that_is_set_makes_no_process_another(monkeypatch):
    mark, booted = start_mark(os.getpid()), psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: booted + 3_600.0)
    assert start_mark(os.getpid()) == mark
    assert is_running(os.getpid(), mark)


def test_a_folder_that_goes_while_it_is_made_is_made_again(tmp_path, monkeypatch):
    """What another holder's removal does between two steps of `mkdir`."""
    lock, made = tmp_path / "run" / "lock", Path.mkdir

    def gone_once(path, *rest, **named):
        monkeypatch.setattr(Path, "mkdir", made)
        raise FileExistsError(17, "File exists")

    monkeypatch.setattr(Path, "mkdir", gone_once)
    with exclusive(lock, TAKEN):
        assert lock.exists()


def test_a_file_in_the_place_of_the_folder_is_one_sentence(tmp_path):
    (tmp_path / "run").write_text("")
    with (
        pytest.raises(InputError, match="Nothing can be written"),
        exclusive(tmp_path / "run" / "lock", TAKEN),
    ):
        pass
