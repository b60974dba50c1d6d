"""The Models page: what is installed, deleting, and two models beside each other."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from lsr.collection.collection import load_collection
from lsr.exceptions import NotAllowedError
from lsr.imports.sparse.importing import SparseFiles, import_vectors
from pages.parts import actions, mode
from tests.pages.test_pages import opened


@pytest.fixture
def codes(scenes, tmp_path):
    """Vectors of bare numbers for a few of the bundled scenes."""
    collection = load_collection(scenes)
    n = len(collection.image_ids)
    matrix = sp.random(n, 500, 0.01, "csr", np.float32, rng=np.random.default_rng(0))
    sp.save_npz(tmp_path / "codes.npz", matrix)
    for _ in import_vectors(collection, "codes", SparseFiles(str(tmp_path / "codes.npz"))):
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
