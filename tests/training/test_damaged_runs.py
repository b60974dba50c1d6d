"""A run whose files hold something else is named with its reason, and the sound ones are listed."""

import json

import pytest

from lsr.collection.collection import Collection
from lsr.exceptions import ModelError
from lsr.model.protocol import Model
from lsr.storage.files import write_json
from lsr.training import jobs
from lsr.training.recipes import COMPACT_RECIPE
from lsr.training.run_folder import read_curve, run_folder
from lsr.training.settings import settings_as_json

DEEP = '{"reports": ' + "[" * 100_000


@pytest.fixture
def sound(collection: Collection, home) -> str:
    """An unfinished run that nothing is wrong with."""
    work = run_folder(home / "models" / "sound")
    work.mkdir(parents=True)
    write_json(work / "run.json", {**settings_as_json(COMPACT_RECIPE), "collection": "0" * 16})
    return "sound"


CASES = {
    "curve.json": ["{}", '{"reports": 5}', '{"reports": [1]}', '{"reports": [{}]}', "{", DEEP],
    "run.json": ["[]", '{"control": 5}', "{", '{"control": []}'],
    "worker.json": ['{"mark": 1}', '{"lexical": {}}', '{"lexical": 5}', '{"settings": 3}', "["],
    "progress.json": ["{}", '{"tuning": 5}', '{"tuning": {}}', "{"],
}


@pytest.mark.parametrize(
    ("file", "text"), [(file, text) for file, texts in CASES.items() for text in texts]
)
def test_a_run_with_a_damaged_file_is_named_beside_a_sound_one(sound, home, file, text):
    work = run_folder(home / "models" / "bad")
    work.mkdir(parents=True)
    settings = {**settings_as_json(COMPACT_RECIPE), "collection": "0" * 16}
    write_json(work / "run.json", settings)
    if file == "progress.json":
        from lsr.training.lexical.settings import LexicalSettings

        write_json(work / "worker.json", {"lexical": LexicalSettings("tuned").as_json()})
    (work / file).write_text(text)
    found = {job.name: job for job in jobs.jobs()}
    assert set(found) == {"sound", "bad"}
    assert found["sound"].status == "stopped"
    assert found["bad"].status == "failed"
    assert found["bad"].reason
    assert jobs.find_job("bad").reason == found["bad"].reason


@pytest.mark.parametrize(
    "change",
    [
        {"collection": 5},
        {"collection": {}},
        {"settings": []},
        {"curve": {}},
        {"curve": [5]},
        {"curve": [{"step": "x"}]},
    ],
)
def test_a_model_with_a_damaged_training_is_named(model: Model, sound, change):
    training = {
        "settings": settings_as_json(COMPACT_RECIPE),
        "collection": {"name": "tiny", "fingerprint": "0" * 16},
        "curve": [],
    }
    (model.folder / "training.json").write_text(json.dumps({**training, **change}))
    found = {job.name: job for job in jobs.jobs()}
    assert set(found) == {"sound", "tiny"}
    assert found["tiny"].status == "finished"
    assert found["tiny"].reason


def test_a_curve_without_reports_is_one_sentence(tmp_path):
    (tmp_path / "curve.json").write_text("{}")
    with pytest.raises(ModelError, match=r"curve\.json` is damaged: it holds no list of reports"):
        read_curve(tmp_path)
