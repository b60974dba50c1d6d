"""What is measured once is kept: by configuration, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lsr.evaluation.passes import COSTS, MEASURES
from lsr.evaluation.task import make_task
from lsr.exceptions import DiskFullError
from lsr.storage.folders import remove_folder
from lsr.sweep.knobs import Knob
from lsr.sweep.store import SweepStore
from lsr.sweep.sweep import Draws, sweep, sweeping
from tests.sweep import brute

ABOUT = {"collection": "a1", "knob": "word", "fixed": "", "seed": 0}
WORD = Knob("word")


@pytest.fixture(scope="module")
def task():
    small = brute.make_world(3)
    return make_task(small.projected(), "text-to-image", small.vectors)


@pytest.fixture
def store(tmp_path: Path) -> SweepStore:
    return SweepStore(ABOUT, tmp_path)


def files(store: SweepStore) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in store.folder.iterdir()}


def added(store: SweepStore, before: dict[str, bytes]) -> list[tuple[float, int]]:
    """Values and draws in the files that came since."""
    names = sorted(files(store).keys() - before.keys())
    rows = [row for name in names for row in pq.read_table(store.folder / name).to_pylist()]
    return [(row["value"], row["draw"]) for row in rows]


def test_a_second_sweep_measures_nothing(task, store):
    first = list(sweeping(task, WORD, [0.0, 0.5], Draws(3), store=store))
    kept = files(store)
    assert len(kept) == 3 + 1
    assert first == list(sweeping(task, WORD, [0.0, 0.5], Draws(3), store=store))
    assert kept == files(store)
    assert first[-1].rows == sweep(task, WORD, [0.0, 0.5], Draws(3))


@pytest.mark.parametrize("direction", brute.DIRECTIONS)
@pytest.mark.parametrize("control", ["caption", "mean", "top-k", "bits"])
@pytest.mark.parametrize("words", [True, False])
def test_what_is_kept_reads_back_as_it_was_measured(tmp_path, direction, control, words):
    small = brute.make_world(3)
    task = make_task(small.projected(), direction, small.vectors if words else None)
    store = SweepStore(ABOUT, tmp_path)
    measured = list(sweeping(task, Knob(control), [1.0], store=store))
    assert list(sweeping(task, Knob(control), [1.0], store=store)) == measured
    assert measured[-1].rows == sweep(task, Knob(control), [1.0])


def test_new_values_and_draws_are_all_that_is_measured(task, store):
    list(sweeping(task, WORD, [0.0, 0.5, 1.0], Draws(2), store=store))
    before = files(store)
    rows = list(sweeping(task, WORD, [0.0, 0.25, 0.5], Draws(3), store=store))[-1].rows
    assert sorted(added(store, before)) == [(0.0, 2), (0.25, 0), (0.25, 1), (0.25, 2), (0.5, 2)]
    for row, fresh in zip(rows, sweep(task, WORD, [0.0, 0.25, 0.5], Draws(3)), strict=True):
        assert row.as_dict() == pytest.approx(fresh.as_dict(), abs=1e-12)


def test_a_sweep_that_is_stopped_keeps_its_draws(task, store):
    run = sweeping(task, WORD, [0.5], Draws(9), store=store)
    next(run), next(run)
    run.close()
    assert store.read().keys() == {(0.5, 0), (0.5, 1)}


@pytest.mark.parametrize("damage", [lambda _: b"", lambda b: b[:-9], lambda b: b"PAR1" + b[40:]])
def test_a_damaged_file_counts_as_not_there(task, store, damage):
    list(sweeping(task, WORD, [0.0, 0.5], Draws(2), store=store))
    before = files(store)
    (part,) = (p for p in store.folder.glob("*.parquet") if pq.read_table(p)["draw"][0].as_py())
    part.write_bytes(damage(part.read_bytes()))
    assert store.read().keys() == {(0.0, 0), (0.5, 0)}
    rows = list(sweeping(task, WORD, [0.0, 0.5], Draws(2), store=store))[-1].rows
    assert added(store, before) == [(0.0, 1), (0.5, 1)]
    assert rows == sweep(task, WORD, [0.0, 0.5], Draws(2))


def test_a_file_that_another_process_takes_away_counts_as_not_there(task, store):
    list(sweeping(task, WORD, [0.5], Draws(1), store=store))
    (store.folder / ".1-gone.parquet").symlink_to("nowhere")
    assert store.read().keys() == {(0.5, 0)}


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"knob": "caption"}, {"fixed": "top-k@images=4"}, {"collection": "b2"}]
)
def test_another_configuration_has_another_folder(task, store, tmp_path, other):
    list(sweeping(task, WORD, [0.5], Draws(1), store=store))
    stranger = SweepStore({**ABOUT, **other}, tmp_path)
    assert stranger.folder != store.folder
    assert stranger.read() == {}
    assert SweepStore(dict(reversed(ABOUT.items())), tmp_path).read() == store.read() != {}


def test_a_folder_says_what_it_is_about(task, store):
    list(sweeping(task, WORD, [0.5], Draws(1), store=store))
    assert json.loads((store.folder / "sweep.json").read_text()).items() >= ABOUT.items()


def test_the_store_is_under_the_home(home):
    assert SweepStore(ABOUT).folder.parent == home / "cache" / "sweeps"
    assert not home.exists()


def test_nothing_half_written_stays_where_the_disk_is_full(task, store, monkeypatch):
    list(sweeping(task, WORD, [0.5], Draws(1), store=store))
    before = files(store)

    def fail(_, path: Path) -> None:
        path.write_bytes(b"PAR1 half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pq, "write_table", fail)
    with pytest.raises(DiskFullError, match="The disk is full"):
        list(sweeping(task, WORD, [0.5, 0.6], Draws(1), store=store))
    assert files(store) == before


def test_latency_is_added_to_what_is_kept_once(task, store):
    plain = list(sweeping(task, WORD, [0.0, 0.5], Draws(2), store=store))[-1].rows
    assert [row.latency_us for row in plain] == [None, None]
    timed = list(sweeping(task, WORD, [0.0, 0.5], Draws(2), latency=True, store=store))[-1].rows
    assert all(row.latency_us > 0 for row in timed)
    assert [row.mean for row in timed] == [row.mean for row in plain]
    before = files(store)
    again = list(sweeping(task, WORD, [0.0, 0.5], Draws(2), latency=True, store=store))[-1].rows
    assert again == timed
    assert files(store) == before


def test_the_oldest_configurations_make_room(store, tmp_path):
    for number in range(200):
        card = tmp_path / f"{number:03d}" / "sweep.json"
        card.parent.mkdir()
        card.write_text("{}")
        os.utime(card, (number, number))
    record = {"value": 1.0, "draw": 0}
    store.append([record])
    assert sorted(path.name for path in tmp_path.iterdir())[:2] == ["001", "002"]
    assert len(list(tmp_path.iterdir())) == 200
    store.append([record])
    assert (tmp_path / "001").exists()


def test_two_processes_that_measure_one_sweep_keep_both_their_rows(tmp_path):
    one, other = SweepStore(ABOUT, tmp_path), SweepStore(ABOUT, tmp_path)
    record = dict.fromkeys((*MEASURES, *COSTS), 0.5)
    one.append([{**record, "value": 0.0, "draw": 0}])
    other.append([{**record, "value": 1.0, "draw": 0}])
    assert set(one.read()) == set(other.read()) == {(0.0, 0), (1.0, 0)}


def test_rows_are_kept_though_another_process_makes_room_in_this_moment(store, monkeypatch):
    """The folder vanishes between the making of the temporary file and the writing into it."""
    write, calls = pq.write_table, []

    def removed_once(table, place):
        calls.append(place)
        if len(calls) == 1:
            remove_folder(store.folder)
        write(table, place)

    monkeypatch.setattr("lsr.sweep.store.pq.write_table", removed_once)
    record = dict.fromkeys((*MEASURES, *COSTS), 0.5)
    store.append([{**record, "value": 1.0, "draw": 0}])
    assert len(calls) == 2
    assert list(store.read()) == [(1.0, 0)]
    assert [path.name for path in store.folder.parent.iterdir()] == [store.folder.name]
