"""The Train page: the form in its address, a run from start to discard, a finished model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lsr.collection.collection import Collection
from lsr.figures.style import DARK, LIGHT
from lsr.storage.files import write_json
from lsr.training import jobs
from lsr.training.lexical.make_model import make_lexical
from lsr.training.lexical.settings import LexicalSettings
from lsr.training.recipes import COMPACT_RECIPE, QUICK_RECIPE
from lsr.training.run_folder import run_folder
from lsr.training.settings import TrainingReport, TrainingSettings, settings_as_json
from lsr.training.train_model import train_model
from pages.parts.background import time_left
from pages.parts.choice import free_name
from pages.parts.train import charts
from pages.parts.train.address import POINTS, with_points
from pages.parts.train.words import HELP, PRESETS
from tests.conftest import FakeEncoder, make_collection
from tests.pages.test_pages import mistake, opened
from tests.training.test_jobs import until

SPLITS = ("train",) * 16 + ("val",) * 4 + ("test",) * 4
SETTINGS = TrainingSettings(epochs=2, batch_size=8, hidden_size=4, temperature=0.1)


@pytest.fixture
def tiny(home: Path, fake_encoder: FakeEncoder) -> Collection:
    return make_collection(home / "collections" / "tiny", fake_encoder, splits=SPLITS)


def labelled(app: AppTest, kind: str, label: str):
    """The widget of a kind with that label."""
    return next(one for one in app.get(kind) if one.label == label)


def clicked(app: AppTest, label: str) -> AppTest:
    labelled(app, "button", label).click()
    return app.run()


def report(step: int, r1: float, *, best: bool = False) -> TrainingReport:
    """A made-up report of the first of two epochs of ten steps."""
    return TrainingReport(
        1, 2, step, 20, 3.0 / step, 0.5, {"R@1": r1}, 900.0 / step, 0.0, 1.0, best, 1.0, 1.0, 9.0
    )


def test_the_form_offers_a_tuned_run_of_the_collection_in_the_sidebar():
    app = opened("train")
    assert not app.error
    assert [one.value for one in app.header] == ["A new run", "No run yet"]
    assert labelled(app, "radio", "Method").value == "tuned"
    assert labelled(app, "number_input", "Active terms an image").value == 64
    assert "60,000 pairs: 440 steps of 512 pairs" in app.info[0].value.replace("\\", "")
    assert "Epochs" not in [one.label for one in app.number_input]
    labelled(app, "number_input", "Active terms an image").set_value(40).run()
    assert app.query_params["active"] == "40"


def test_what_is_said_before_the_start_follows_from_the_method():
    app = opened("train", method="closed-form")
    assert "without a training step" in app.info[0].value
    app = opened("train", method="encoder-terms")
    assert "3,000 pairs: 208 steps" in app.info[0].value.replace("\\", "")
    assert any("no captions needed" in one.value for one in app.caption)


def test_an_address_with_a_setting_of_free_training_means_free_training():
    app = opened("train", epochs="3")
    assert labelled(app, "radio", "Method").value == "trained"
    app = opened("train", epochs="3", method="tuned")
    assert labelled(app, "radio", "Method").value == "tuned"


def test_the_papers_recipe_is_among_those_of_free_training():
    app = opened("train", preset="published")
    assert labelled(app, "button_group", "Recipe").value == "published"
    assert labelled(app, "number_input", "Epochs").value == TrainingSettings().epochs
    assert labelled(app, "selectbox", "Hidden size").value == TrainingSettings().hidden_size


def test_free_training_offers_a_quick_run_of_the_collection_in_the_sidebar():
    app = opened("train", method="trained")
    assert not app.error
    assert [one.value for one in app.header] == ["A new run", "No run yet"]
    assert labelled(app, "text_input", "Name").value == "my-model"
    assert labelled(app, "number_input", "Epochs").value == QUICK_RECIPE.epochs
    assert any("12,000 images with 60,000 captions" in caption.value for caption in app.caption)
    assert all(HELP.values())


def test_a_preset_moves_every_field_that_was_not_changed():
    app = opened("train", preset="full", epochs="3")
    assert labelled(app, "selectbox", "Hidden size").value == COMPACT_RECIPE.hidden_size
    assert labelled(app, "number_input", "Epochs").value == 3


def test_control_alone_asks_an_image_for_nothing_that_its_captions_say():
    app = opened("train", preset="alone")
    assert labelled(app, "number_input", "Support weight").value == 0
    assert labelled(app, "number_input", "Charge on unsaid terms").value == 1
    app = opened("train", preset="alone", support="0.05", charge="4")
    assert labelled(app, "number_input", "Support weight").value == 0.05
    assert labelled(app, "number_input", "Charge on unsaid terms").value == 4


def test_a_field_writes_the_address_and_a_default_leaves_it():
    app = opened("train", method="trained")
    labelled(app, "number_input", "Epochs").set_value(5).run()
    assert app.query_params["epochs"] == "5"
    labelled(app, "selectbox", "Expansion control").set_value("constant").run()
    assert app.query_params["control"] == "constant"
    labelled(app, "slider", "Chance").set_value(0.25).run()
    assert app.query_params["rate"] == "0.25"
    labelled(app, "number_input", "Epochs").set_value(QUICK_RECIPE.epochs).run()
    assert "epochs" not in app.query_params


def test_the_collection_of_the_form_is_that_of_the_sidebar(tiny):
    app = opened("train")
    boxes = [one for one in app.selectbox if one.label == "Collection"]
    boxes[1].set_value("tiny").run()
    assert app.query_params["collection"] == "tiny"
    boxes = [one for one in app.selectbox if one.label == "Collection"]
    assert [one.value for one in boxes] == ["tiny", "tiny"]
    assert any("16 images with 32 captions" in caption.value for caption in app.caption)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("method", "magic", "`closed-form`, `tuned`"),
        ("active", "0", "from 1 to 100000"),
        ("preset", "huge", "Use `quick`, `full`"),
        ("support", "-1", "from 0 to 10"),
        ("charge", "0", "from 1 to 100"),
        ("control", "often", "`scheduled`"),
        ("rate", "2", "from 0 to 1"),
        ("word", "maybe", "Use `on` or `off`"),
        ("weight", "-1", "from 0 to 10"),
        ("target", "many", "from 0 to 100000"),
        ("epochs", "2.5", "Use a whole number"),
        ("hidden", "0", "from 1 to 8192"),
        ("terms", "some", "`content`, `all`"),
        ("run", "nobody", "There is no training run `nobody`"),
        ("run", "../x", "There is no training run"),
    ],
)
def test_a_bad_address_is_one_sentence(name, value, words):
    assert words in mistake(opened("train", **{name: value})).replace("\\", "")


@pytest.mark.parametrize(
    ("name", "words"),
    [("demo", "is a bundled model"), ("../x", "cannot name a model"), ("two words", "cannot name")],
)
def test_a_name_that_cannot_be_used_is_one_sentence_and_starts_nothing(home, name, words):
    app = opened("train", name=name)
    assert words in mistake(clicked(app, "Start training")).replace("\\", "")
    assert not (home / "models").exists()


def test_a_collection_without_captions_to_learn_from_offers_its_images_alone(collection):
    """Those of its test split, with an encoder that is not here."""
    app = opened("train", collection="tiny", method="trained")
    assert labelled(app, "radio", "Method").value == "encoder-terms"
    offered = labelled(app, "radio", "Method").options
    assert offered == ["From images alone", "Sums of words", "Latents"]
    assert "The encoder `fake` is not on this machine" in app.warning[0].value
    assert labelled(app, "button", "Start training").disabled
    told = " ".join(one.value for one in app.caption)
    assert "Its captions are in `test`, none in `train`" in told


def test_a_collection_without_anything_to_check_on_can_be_trained_on(home, fake_encoder):
    make_collection(home / "collections" / "tiny", fake_encoder, splits=("train",) * 12)
    app = opened("train", collection="tiny", method="trained")
    assert not app.error
    assert "12 images with 24 captions to learn from." in " ".join(one.value for one in app.caption)


def test_a_lexical_run_is_started_shown_and_started_again(tiny, home, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    form = {"name": "words", "active": "4", "method": "closed-form"}
    app = clicked(opened("train", collection="tiny", **form), "Start training")
    assert not app.exception
    assert not app.error
    assert app.query_params["run"] == "words"
    assert jobs.find_job("words").made == LexicalSettings("closed-form", 4)
    jobs.stop(jobs.find_job("words"))
    job = jobs.find_job("words")
    assert job.status == "stopped"
    app = opened("train", collection="tiny", run="words", method="closed-form")
    assert [b.label for b in app.button][-2:] == ["Start again", "Discard for good"]
    assert "Resume" not in [b.label for b in app.button]
    clicked(app, "Start again")
    assert jobs.find_job("words").status in ("waiting", "finished")
    until("words", "finished")
    app = opened("train", run="words")
    said = " ".join(one.value for one in app.markdown)
    assert ":material/contrast: **Sparse enough? Fair.** 3" in said
    assert "What to change?" in said


def test_a_tuned_model_shows_its_verdict_and_what_held_out_captions_said(tiny, home):
    list(make_lexical(tiny, home / "models" / "words", LexicalSettings("tuned", 4)))
    app = opened("train", run="words")
    assert not app.error
    said = " ".join(one.value for one in app.markdown).replace("\\", "")
    for part in ("Sparse enough?", "Readable?", "4 images with captions cannot tell", "Tuning "):
        assert part in said
    assert "R@1" in [metric.label for metric in app.metric]
    queries = [link.proto.query_string for link in app.get("page_link")]
    assert queries.count("model=words&collection=tiny") == 2


def test_a_model_from_before_verdicts_says_how_to_get_one(tiny, home):
    list(train_model(tiny, home / "models" / "mine", SETTINGS))
    path = home / "models" / "mine" / "metrics.json"
    write_json(path, {k: v for k, v in json.loads(path.read_text()).items() if k != "verdict"})
    app = opened("train", run="mine")
    assert not app.error
    said = " ".join(one.value for one in app.caption)
    assert "`python -m lsr evaluate --model mine --collection tiny`" in said


def test_a_run_is_started_stopped_and_discarded(tiny, home, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    form = {"name": "mine", "epochs": "5000", "hidden": "4", "terms": "all", "control": "none"}
    app = clicked(opened("train", collection="tiny", **form), "Start training")
    assert not app.exception
    assert not app.error
    assert app.query_params["run"] == "mine"
    assert "name" not in app.query_params
    job = jobs.find_job("mine")
    assert (job.settings.epochs, str(job.settings.control)) == (5000, "none")
    assert (job.collection, job.settings.terms) == ("tiny", "all")
    app = clicked(app, "Stop")
    assert jobs.find_job("mine").status == "stopped"
    assert [b.label for b in app.button][-2:] == ["Resume", "Discard for good"]
    app = clicked(app, "Discard for good")
    assert jobs.jobs() == []
    assert app.header[-1].value == "No run yet"


def test_a_finished_run_shows_its_figures_and_leads_to_a_search_with_it(tiny, home):
    list(train_model(tiny, home / "models" / "mine", SETTINGS))
    app = opened("train", run="mine")
    assert not app.error
    assert "mine" in app.success[0].value
    labels = [metric.label for metric in app.metric]
    assert labels == ["R@1", "Terms a caption", "Terms an image", "R@10", "FLOPs", "Exact@20"]
    queries = [link.proto.query_string for link in app.get("page_link")]
    assert "model=mine&collection=tiny" in queries
    alts = [chart.proto.alt for chart in app.get("plotly_chart")]
    assert len(alts) == 3
    assert all(alts)
    assert labelled(app, "text_input", "Name").value == "my-model"


def test_a_failed_run_says_why_and_offers_to_resume(tiny, home):
    work = run_folder(home / "models" / "odd")
    work.mkdir(parents=True)
    plan = {"settings": settings_as_json(SETTINGS), "collection": "tiny", "pid": 1, "mark": "x"}
    write_json(work / "worker.json", plan)
    (work / "worker.log").write_text("The disk is full, so `x*y` was not written.\n")
    app = opened("train", run="odd")
    assert "The disk is full, so `x*y`" in mistake(app)
    assert "Resume" in [button.label for button in app.button]


def test_a_run_of_the_command_line_is_shown_without_a_stop_button(tiny, home):
    run = train_model(tiny, home / "models" / "elsewhere", SETTINGS)
    next(run)
    app = opened("train")
    assert any("started elsewhere" in caption.value for caption in app.caption)
    assert "Stop" not in [button.label for button in app.button]
    assert [metric.label for metric in app.metric] == ["R@1", "Terms a caption", "Terms an image"]
    run.close()


@pytest.mark.parametrize("n_captions", [100, 5_000, 60_000, 566_435])
@pytest.mark.parametrize("preset", list(PRESETS))
def test_a_curve_has_about_twenty_points(n_captions, preset):
    settings = with_points(PRESETS[preset].recipe, n_captions)
    steps = max(1, n_captions // settings.batch_size) * settings.epochs
    points = -(-steps // settings.validate_every)
    assert points <= POINTS
    assert points >= min(steps, POINTS // 2 + 1)


def test_a_free_name_is_not_taken():
    assert free_name([]) == "my-model"
    assert free_name(["my-model", "my-model-3"]) == "my-model-2"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "a few seconds left"),
        (41, "about 50 s left"),
        (170, "about 3 min left"),
        (7200, "about 2.0 h left"),
    ],
)
def test_the_time_left_is_said_in_words(seconds, words):
    assert time_left(seconds) == words


def test_curves_differ_in_more_than_colour_and_say_what_they_show():
    reports = [report(1, 0.25, best=True), report(10, 0.5)]
    palette = LIGHT
    recall = charts.recall_figure(reports, 0.75, palette, 2)
    assert [trace.name for trace in recall.data] == ["validation R@1", "kept", "dense teacher"]
    assert list(recall.data[0].x) == [0.1, 1.0]
    assert list(recall.data[1].y) == [0.25]
    for figure in (
        charts.terms_figure(reports, palette, 2),
        charts.loss_figure(reports, palette, 2),
    ):
        first, second = figure.data
        assert first.line.dash != second.line.dash
        assert first.marker.symbol != second.marker.symbol
    assert charts.recall_alt(reports, 0.75) == (
        "Validation R@1 from 0.25 after 0.10 epochs to 0.5 after 1.00; the dense teacher has 0.750."
    )
    assert "a caption: from 900" in charts.terms_alt(reports)
    assert "penalty on active terms: from 0.5" in charts.loss_alt(reports)
    table = charts.reports_table(reports)
    assert list(table["kept"]) == [True, False]


def test_the_axis_of_active_terms_names_two_stops_around_what_is_there():
    reports = [replace(report(1, 0.1), active_terms_image=0.0), report(9, 0.2)]
    axis = charts.terms_figure(reports, DARK, 2).layout.yaxis
    assert (round(10 ** (axis.range[0] + 0.03)), round(10 ** (axis.range[1] - 0.03))) == (100, 1000)


def test_how_long_a_run_takes_is_told_by_its_own_steps(tiny):
    app = opened("train", collection="tiny", method="closed-form", active="4")
    assert not app.exception
    until_told = next(one.value for one in app.caption if "this machine" in one.value)
    assert (
        "a few seconds on free cores of this machine" in until_told.lower()
        or "Timing" in until_told
    )


def test_free_training_tells_its_steps_and_the_pace_of_a_run_like_it(tiny, home):
    line = {"collection": "tiny", "method": "trained", "preset": "quick"}
    told = [one.value.replace("\\", "") for one in opened("train", **line).caption]
    assert any("32 pairs: 4 steps of 32. The first report tells" in one for one in told)
    list(train_model(tiny, home / "models" / "like", replace(QUICK_RECIPE, epochs=1)))
    told = [one.value.replace("\\", "") for one in opened("train", **line).caption]
    assert any("at the pace of `like`, trained here" in one for one in told)


@pytest.mark.parametrize(("method", "says"), [("sae", "4,096 latents"), ("splice", "10,000 words")])
def test_other_kinds_are_offered_with_what_they_will_do(tiny, method, says):
    app = opened("train", collection="tiny", method=method)
    assert not [*app.exception, *app.error]
    assert says in " ".join(one.value for one in app.info)
    assert app.number_input[0].value == 32
