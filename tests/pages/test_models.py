"""The Models page: what is installed, deleting, and two models beside each other."""

from __future__ import annotations

import time

import numpy as np
import pytest
import scipy.sparse as sp

from lsr.collection.collection import load_collection
from lsr.exceptions import NotAllowedError
from lsr.imports.sparse.importing import SparseFiles, import_vectors
from lsr.model.loading import load_model
from lsr.sweep.knob_names import parse_knob
from lsr.sweep.laboratory import open_laboratory
from lsr.sweep.measure import measure
from pages.parts import actions, mode
from tests.pages.test_pages import opened


@pytest.fixture
def codes(scenes, tmp_path):
    """Vectors of bare numbers for a few of the bundled scenes."""
    collection = load_collection(scenes)
    n = len(collection.image_ids)
    matrix = sp.random(n, 500, 0.01, "csr", np.float32, rng=np.random.default_rng(0))
    sp.save_npz(tmp_path / "codes.npz", matrix)
    sp.save_npz(tmp_path / "captions.npz", matrix[collection.caption_image_rows])
    files = SparseFiles(str(tmp_path / "codes.npz"), str(tmp_path / "captions.npz"))
    for _ in import_vectors(collection, "codes", files):
        pass


def texts(app) -> str:
    return "\n".join(one.value for one in [*app.markdown, *app.caption, *app.info])


@pytest.mark.usefixtures("codes")
def test_every_kind_of_model_can_be_looked_into_and_searched_as_far_as_it_goes(scenes):
    app = opened("models", collection=scenes, which="codes")
    assert not [*app.exception, *app.error]
    assert "vectors, collection scenes" in texts(app)
    assert "imported from codes" in str(app.table[0].value)
    assert "active terms an image" in texts(app)
    app = opened("search", collection=scenes, model="codes")
    assert not [*app.exception, *app.error]
    assert "there are none of new texts" in texts(app)


@pytest.mark.usefixtures("codes")
def test_deleting_asks_the_mode(home, monkeypatch):
    monkeypatch.setenv(mode.SETTING, "read-only")
    with pytest.raises(NotAllowedError, match="Deleting is off"):
        actions.remove_model("codes")
    monkeypatch.setenv(mode.SETTING, "owner")
    actions.remove_model("codes")
    assert not (home / "models" / "codes").exists()


def test_published_figures_are_marked_and_apart(scenes):
    app = opened("models", collection=scenes, view="published")
    assert not [*app.exception, *app.error]
    assert "None was measured here" in texts(app)
    table = app.dataframe[0].value
    assert {"R@1", "source", "seen"} <= set(table.columns)
    assert (table["source"].str.startswith("https://")).all()


@pytest.mark.usefixtures("codes")
def test_an_image_and_the_laboratory_show_codes_as_far_as_they_go(scenes):
    image = load_collection(scenes).image_ids[0]
    app = opened("image", collection=scenes, model="codes", id=image)
    assert not [*app.exception, *app.error]
    app = opened("expansion", collection=scenes, model="codes", against="none")
    assert not app.exception
    assert [one.value for one in app.error] == []
    assert [one.value for one in app.segmented_control if one.label == "Knob"] == ["prune"]
    assert [one.options for one in app.selectbox if one.label == "Queries"] == [["The captions"]]
    table = sweep_of(scenes)
    assert table["R@1"] is not None
    assert table["exact@20"] is None  # nobody knows which numbers a caption says


def sweep_of(scenes):
    """The measures of the codes with all their terms."""
    ready = open_laboratory(load_collection(scenes), load_model("codes"), "test")
    [row] = measure(ready.task, parse_knob("top-k"), np.array([500.0]))
    return row


@pytest.mark.usefixtures("codes")
def test_vectors_are_exported_where_their_model_is_looked_into(scenes, home):
    app = opened("models", collection=scenes, which="codes")
    [command] = [one.value for one in app.code]
    assert "--model codes" in command
    [button] = [one for one in app.button if one.label == "Export"]
    button.click().run()
    assert not [*app.exception, *app.error]
    assert until_there(home / "exports")


def until_there(folder) -> bool:
    """Whether an export is written, once what writes it is done."""
    for _ in range(600):
        if folder.exists() and any(not one.name.startswith(".") for one in folder.iterdir()):
            return True
        time.sleep(0.05)
    return False


def test_two_models_are_matched_term_by_term(scenes):
    app = opened("models", collection=scenes, view="compare", against="demo-uncontrolled")
    assert not [*app.exception, *app.error]
    told = {one.label: one.value for one in app.metric}
    assert float(told["Translated"]) > 2 * float(told["As they are"])
    table = next(one.value for one in app.dataframe if "sureness" in one.value)
    assert table["sureness"].is_monotonic_decreasing
    assert len(set(table["demo-uncontrolled"])) == len(table) > 100
    app = opened("models", collection=scenes, view="compare", against="none")
    assert not any("sureness" in one.value for one in app.dataframe)
