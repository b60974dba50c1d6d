"""Training with the splits that are there; what is missing is told with the remedy."""

from dataclasses import replace

import pytest

from lsr.cli.main import main
from lsr.exceptions import CollectionError
from lsr.model.loading import load_model
from lsr.storage.files import read_json
from lsr.training.lexical.make_model import make_lexical
from lsr.training.train_model import train_model
from tests.conftest import make_collection
from tests.training.conftest import SETTINGS

LAST = replace(SETTINGS, select_by="last")


@pytest.fixture
def collection_of(home, fake_encoder):
    return lambda *splits: make_collection(
        home / "collections" / "some", fake_encoder, splits=splits
    )


def test_without_val_nothing_is_measured_and_the_last_weights_are_kept(collection_of, home):
    bare = collection_of(*["train"] * 12)
    reports = list(train_model(bare, home / "models" / "bare", LAST))
    assert len(reports) == LAST.epochs
    assert all(report.measures == {} for report in reports)
    assert all(report.active_terms_image > 0 for report in reports)
    assert [report.best for report in reports] == [True] * LAST.epochs
    metrics = read_json(home / "models" / "bare" / "metrics.json", CollectionError)
    assert metrics["split"] == "train"


def test_a_measure_that_selects_needs_val(collection_of, home):
    bare = collection_of(*["train"] * 8)
    says = (
        "no captions in a split `val`, to choose the best weights by R@1; its splits are `train`.*"
        "python -m lsr import SOURCE --name some --splits made`, or .* `--select-by last`"
    )
    with pytest.raises(CollectionError, match=says):
        next(train_model(bare, home / "models" / "m", SETTINGS))


@pytest.mark.parametrize("make", [train_model, make_lexical])
def test_without_train_the_command_that_makes_it_is_told(collection_of, home, make):
    only = collection_of(*["test"] * 8)
    says = "no captions in a split `train`, to learn from; its splits are `test`.*--splits made`"
    with pytest.raises(CollectionError, match=says):
        next(iter(make(only, home / "models" / "m")))


def test_the_command_trains_without_val(collection_of, home, capsys):
    collection_of(*["train"] * 10, "test")
    options = ["--epochs=2", "--batch-size=8", "--hidden-size=4", "--temperature=0.1"]
    assert (
        main(["train", "--collection", "some", "--out", "m", "--method", "trained", *options]) == 0
    )
    assert "epoch 2/2  loss" in capsys.readouterr().err
    assert load_model("m").name == "m"
