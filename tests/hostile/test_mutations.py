"""Whatever is changed in a file or an address, only errors of our own come of it.

The long run, in a process that may crash, is `python -m benchmarks.mutations`.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.attempt import attempt, changed
from tests.hostile.readers import READERS

# A page takes a second, and an encoder a fifth of one.
FEW = {"address": 1, "encoder": 2, "unfinished training": 2}
MUTATIONS = 6
MOST_BYTES = 10**9


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Callable[[Callable[[Path], None]], Path]:
    """The sound files of a reader, made once for all that share them."""
    made: dict[Callable[[Path], None], Path] = {}

    def of(make: Callable[[Path], None]) -> Path:
        if make not in made:
            made[make] = tmp_path_factory.mktemp("sound")
            before = os.environ.get("LEXISCOPE_HOME", "")
            make(made[make])
            os.environ["LEXISCOPE_HOME"] = before
        return made[make]

    return of


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_only_errors_of_our_own_come_of_a_changed_file(reader, sound, tmp_path, monkeypatch):
    monkeypatch.setenv("LEXISCOPE_HOME", str(tmp_path))  # readers set their own; it is put back
    for number in range(FEW.get(reader.name, MUTATIONS)):
        file = changed(reader, sound(reader.make), tmp_path / "changed", 0, number)
        outcome = attempt(reader, tmp_path / "changed", file)
        about = f"{reader.name} {number}: {outcome.what} at {outcome.place} ({file})"
        assert outcome.end in ("read", "refused"), about
        assert outcome.n_bytes < MOST_BYTES, about


def test_each_of_more_than_22_readers_takes_its_sound_files(sound, tmp_path, monkeypatch):
    monkeypatch.setenv("LEXISCOPE_HOME", str(tmp_path))
    assert len(READERS) > 22
    for place, reader in enumerate(READERS):
        if reader.name in FEW:  # as slow as all others together; the long run begins with them
            continue
        folder = tmp_path / str(place)
        shutil.copytree(sound(reader.make), folder)
        outcome = attempt(reader, folder)
        assert outcome.end == "read", f"{reader.name}: {outcome.what} at {outcome.place}"


def test_a_mutation_follows_from_its_seed_reader_and_number(sound, tmp_path):
    reader = next(one for one in READERS if one.name == "table of captions")

    def content(seed: int, number: int) -> bytes:
        name = changed(reader, sound(reader.make), tmp_path / "changed", seed, number)
        return (tmp_path / "changed" / name).read_bytes()

    assert content(0, 5) == content(0, 5)
    assert len({content(0, number) for number in range(20)}) > 15
    assert content(0, 5) != content(1, 5)
