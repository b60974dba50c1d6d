"""One bad folder does not take a page down: the sound ones are shown and the bad one is named."""

from __future__ import annotations

import pytest

from lsr.collection.collection import Collection
from lsr.storage.files import write_json
from lsr.training.recipes import COMPACT_RECIPE
from lsr.training.run_folder import run_folder
from lsr.training.settings import settings_as_json
from tests.pages.test_pages import opened

DEEP = '{"counts": ' + "[" * 100_000


@pytest.mark.parametrize("card", ["{", DEEP, "[]", '{"schema": 1, "counts": 5}'])
@pytest.mark.parametrize("page", ["collections", "train"])
def test_pages_open_beside_a_damaged_collection_and_model(collection: Collection, home, card, page):
    for kind, file in (("collections", "collection.json"), ("models", "config.json")):
        (home / kind / "bad").mkdir(parents=True)
        (home / kind / "bad" / file).write_text(card)
    app = opened(page)
    assert not app.exception
    assert not app.error
    if page == "collections":
        said = [one.value for one in app.markdown]
        assert any(text.startswith("**bad** :red[") for text in said)
        assert any("**tiny**" in one.proto.label for one in app.get("page_link"))


def test_the_train_page_names_a_damaged_run_and_shows_the_others(home):
    settings = {**settings_as_json(COMPACT_RECIPE), "collection": "0" * 16}
    for name in ("sound", "bad"):
        work = run_folder(home / "models" / name)
        work.mkdir(parents=True)
        write_json(work / "run.json", settings)
    (run_folder(home / "models" / "bad") / "curve.json").write_text("{}")
    app = opened("train", run="sound")
    assert not app.exception
    assert sorted(next(one for one in app.selectbox if one.label == "Run").options) == [
        "bad",
        "sound",
    ]
    app = opened("train", run="bad")
    assert not app.exception
    assert "holds no list of reports" in app.error[0].value
