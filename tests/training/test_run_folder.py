"""One process a run, nothing half-written, and a sentence when the disk is full."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors import SafetensorError

from lsr.cli.main import main
from lsr.collection.collection import Collection
from lsr.exceptions import CollectionError, DiskFullError, ModelError
from lsr.training import state
from lsr.training.run_folder import run_folder
from lsr.training.settings import TrainingSettings
from lsr.training.train_model import train_model
from tests.conftest import FakeEncoder, make_collection

SETTINGS = TrainingSettings(epochs=2, batch_size=8, hidden_size=2, temperature=0.1)
SPLITS = ("train",) * 8 + ("val",) * 4


@pytest.fixture
def tiny(home: Path, fake_encoder: FakeEncoder) -> Collection:
    return make_collection(home / "collections" / "tiny", fake_encoder, splits=SPLITS)


@pytest.fixture
def folder(home: Path) -> Path:
    return home / "models" / "mine"


def test_a_second_training_of_a_name_is_refused_until_the_first_lets_go(tiny, folder):
    first = train_model(tiny, folder, SETTINGS)
    next(first)
    with pytest.raises(ModelError, match="`mine` is being trained already"):
        next(train_model(tiny, folder, SETTINGS, resume=True))
    first.close()
    assert [report.epoch for report in train_model(tiny, folder, SETTINGS, resume=True)] == [2]
    assert not run_folder(folder).exists()


def test_what_a_killed_process_half_wrote_is_removed(tiny, folder):
    first = train_model(tiny, folder, SETTINGS)
    next(first)
    first.close()
    half = run_folder(folder) / ".4242-state.safetensors"
    half.write_bytes(b"half")
    next(train_model(tiny, folder, SETTINGS, resume=True))
    assert not half.exists()


def test_a_training_that_cannot_begin_leaves_nothing(home, folder, fake_encoder):
    bare = make_collection(home / "collections" / "bare", fake_encoder, splits=("train",) * 4)
    with pytest.raises(CollectionError, match="no captions in a split `val`, to choose the best"):
        next(train_model(bare, folder, SETTINGS))
    assert not run_folder(folder).exists()


def test_a_full_disk_is_one_sentence_and_the_run_goes_on_later(tiny, folder, monkeypatch, capsys):
    def fail(*_: object, **__: object) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    folder.mkdir(parents=True)
    (folder / "config.json").write_text("the earlier model")
    run = train_model(tiny, folder, SETTINGS)
    next(run)
    with monkeypatch.context() as patch:
        patch.setattr(state, "save_file", fail)
        with pytest.raises(
            DiskFullError, match=r"The disk is full \(.* free\), so `.*/mine` was not"
        ):
            next(run)
    with monkeypatch.context() as patch:
        patch.setattr("safetensors.torch.save_file", fail)
        arguments = ["--epochs=2", "--batch-size=8", "--hidden-size=2", "--temperature=0.1"]
        assert main(["train", "--collection=tiny", "--out=other", *arguments]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[-1].startswith("The disk is full (")
    assert f"free), so `{folder.with_name('other')}` was not written" in said[-1]
    assert "Free some space" in said[-1]
    assert (folder / "config.json").read_text() == "the earlier model"
    assert [report.epoch for report in train_model(tiny, folder, SETTINGS, resume=True)] == [2]
    names = sorted(path.name for path in folder.parent.iterdir())
    assert names == [".other-training", "mine"]


def test_training_that_would_not_fit_says_so_before_its_first_step(tiny, folder, monkeypatch):
    """Weights, two moments, the best weights, and a copy while they are replaced."""
    monkeypatch.setattr("lsr.storage.room.free_bytes", lambda _: 1_000_000)
    said = r"The disk is full \(1 MB free, [\d,]+ MB needed\), so `.*/mine` was not written"
    with pytest.raises(DiskFullError, match=said) as refused:
        next(train_model(tiny, folder, SETTINGS))
    weights = 8 * 2 + 2 + 2 * 2 + 30_522 * 2 + 30_522
    assert refused.value.needed == 28 * weights
