"""Lexical models by command: which method is chosen, what is kept, and what is told."""

import json
import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest

from lsr.cli.main import build_parser, main
from lsr.cli.train import lexical_settings
from lsr.collection.collection import load_collection
from lsr.evaluation.pairs import load_pairs, some_images
from lsr.exceptions import ModelError
from lsr.model.expansion import parse_control
from lsr.model.loading import load_model
from lsr.search.searcher import Searcher
from lsr.storage.files import read_json, write_json
from lsr.storage.places import ASSETS as BUNDLED
from lsr.storage.records import record_of
from lsr.training.budget import Budget
from lsr.training.lexical import make_model
from lsr.training.lexical.added_terms import THRESHOLDS, AddedTerms
from lsr.training.lexical.closed_form import ClosedFormSettings, closed_form_by_parts
from lsr.training.lexical.held_out import Checked, Comparison, compare, cross_validated
from lsr.training.lexical.make_model import make_lexical
from lsr.training.lexical.settings import LexicalReport, LexicalSettings, TuningSettings
from lsr.training.parts import returned
from tests.training.lexical.conftest import nothing

FOUR = ("--collection", "tiny", "--target-active-terms", "4")


def iter_of(made):
    """Work that has only what it returns."""
    return made
    yield


def told(home, name: str) -> dict:
    return json.loads((home / "models" / name / "training.json").read_text())


def test_without_options_of_training_a_head_is_tuned(tiny, answer, home):
    made = answer("train", "--out", "own", *FOUR)
    assert made["method"] == "tuned"
    training = told(home, "own")
    assert training["active_terms_train"] == pytest.approx(4, rel=0.1)
    assert made["budget"]["target"] == 4
    assert made["budget"]["met"] == training["active_terms_train"]
    assert made["budget"]["ok"] is True
    assert made["verdict"] == made["metrics"]["verdict"]
    held_out = made["held_out"]
    assert held_out["where"] == "5 of 5 folds of the training images"
    assert held_out["captions"] == len(load_pairs(tiny, "train").texts)
    assert held_out["kept"] == (held_out["after"] > held_out["before"])
    again = answer("evaluate", "--collection", "tiny", "--model", "own")
    assert again["sparse"] == pytest.approx(made["metrics"]["sparse"])
    assert again["verdict"] == made["verdict"]
    assert not list((home / "models").glob(".*"))


def test_every_part_is_reported_and_every_fold_counted(tiny, home):
    """Closed form, tuning and five folds; the folds' steps follow those of the tuning."""
    making = make_lexical(tiny, home / "models" / "own", LexicalSettings("tuned", 4))
    reports = list(making)
    stages = [report.stage for report in reports]
    assert stages == sorted(stages, key=["texts", "terms", "steps"].index)
    terms = [report for report in reports if report.stage == "terms"]
    assert [(one.step, one.steps) for one in terms] == [(1, 2), (2, 2)]
    steps = [report for report in reports if report.stage == "steps"]
    assert sorted({report.fold for report in steps}) == [0, 1, 2, 3, 4, 5]
    counted = [report.step for report in steps]
    assert counted == sorted(counted)
    each = LexicalSettings("tuned", 4).tuning(len(load_pairs(tiny, "train").texts)).steps
    assert counted[-1] == steps[-1].steps == 6 * each
    assert steps[-1].seconds_left == 0
    assert all(report.seconds_left > 0 for report in steps[:-1])
    written = json.loads(json.dumps(asdict(steps[-1])))
    assert record_of(LexicalReport, written) == steps[-1]


@pytest.mark.parametrize("stage", ["terms", "folds"])
def test_who_no_longer_listens_stops_the_work_and_nothing_is_written(tiny, home, stage):
    making = make_lexical(tiny, home / "models" / "own", LexicalSettings("tuned", 4))
    for report in making:
        if report.stage == stage or (stage == "folds" and report.fold == 2):
            break
    making.close()
    assert not list((home / "models").iterdir())


def test_a_command_that_is_stopped_says_that_nothing_is_kept(tiny, home, capsys, monkeypatch):
    said = []

    def interrupted(line):
        said.append(line)
        if line.startswith("Terms"):
            raise KeyboardInterrupt

    monkeypatch.setattr("lsr.cli.main._log", interrupted)
    assert main(["train", "--out", "own", *FOUR]) == 130
    assert said[-1].endswith("nothing of it is kept. Start it again.")
    assert not (home / "models").exists() or not list((home / "models").iterdir())


def test_where_tuning_does_not_help_the_closed_form_is_the_model(tiny, answer, monkeypatch):
    worse = Checked(Comparison(0.5, 0.4, 80, "here"), some_worth())
    monkeypatch.setattr(make_model, "cross_validated", lambda *_: iter_of(worse))
    answer("train", "--out", "kept", *FOUR)
    assert load_model("kept").thresholds is None
    answer("train", "--out", "closed", "--method", "closed-form", *FOUR)
    kept, closed = (load_model(name) for name in ("kept", "closed"))
    vectors = np.asarray(load_collection("tiny").image_vectors, np.float32)
    np.testing.assert_array_equal(
        kept.project(vectors).toarray(), closed.project(vectors).toarray()
    )


def some_worth() -> AddedTerms:
    """Weights below .3 are worth nothing, and those above it much."""
    ranks = np.where(np.arange(len(THRESHOLDS)) <= 6, 50.0, 40.0)
    return AddedTerms(ranks, ranks, np.full(len(THRESHOLDS), 400.0), 80)


def test_terms_that_are_worth_nothing_to_held_out_captions_are_not_added(
    tiny, answer, home, monkeypatch
):
    better = Checked(Comparison(0.4, 0.5, 80, "here"), some_worth())
    monkeypatch.setattr(make_model, "cross_validated", lambda *_: iter_of(better))
    made = answer("train", "--out", "own", *FOUR)
    model = load_model("own")
    assert (model.thresholds.weight, model.thresholds.frequent_weight) == (0.3, 0.45)
    assert made["added_terms"] == told(home, "own")["added_terms"]
    assert made["added_terms"]["says"].startswith(
        "Texts add terms from a weight of 0.3 on, 0.45 where many images activate them: "
        "5 terms a held-out caption in place of 5, MRR@10 0.625 in place of 0.625."
    )
    vectors = np.asarray(tiny.image_vectors[tiny.image_rows("train")], np.float32)
    share = (model.project(vectors).toarray() > 0).mean(axis=0)
    terms = np.array(model.vocabulary.terms)
    assert set(model.thresholds.frequent_terms) == set(terms[share > 0.1])
    again = answer("evaluate", "--collection", "tiny", "--model", "own")
    assert again["active_terms"] == pytest.approx(made["metrics"]["active_terms"])
    card = read_json(home / "models" / "own" / "config.json", ModelError)
    del card["expansion_thresholds"]
    write_json(home / "models" / "own" / "config.json", card)
    whole = answer("evaluate", "--collection", "tiny", "--model", "own")
    assert whole["active_terms"]["query"] > again["active_terms"]["query"]
    assert whole["active_terms"]["image"] == again["active_terms"]["image"]


def test_a_target_that_the_words_do_not_suffice_for_is_said_to_be_missed(tiny, home, capsys):
    line = ["train", "--out", "many", "--method", "closed-form", "--collection", "tiny", "--json"]
    assert main([*line, "--target-active-terms", "5000"]) == 0
    answered = capsys.readouterr()
    made = json.loads(answered.out)
    assert made["budget"]["ok"] is False
    assert made["budget"]["met"] < 40  # words that the captions of the collection are made of
    assert "The target is missed" in answered.err
    assert "add captions, or lower the target" in answered.err


def test_settings_survive_json_and_the_command_line():
    control = replace(parse_control("constant:0.25"), per="caption")
    settings = LexicalSettings("tuned", 40, control, noise=0.5, seed=3)
    assert LexicalSettings.from_json(json.loads(json.dumps(settings.as_json()))) == settings
    for one in (settings, LexicalSettings("closed-form", 7), LexicalSettings("encoder-terms")):
        parser = build_parser()
        options = parser.parse_args(["train", "--out=x", *one.as_arguments()])
        assert lexical_settings(options.method, options) == one
    with pytest.raises(ModelError, match="another version"):
        LexicalSettings.from_json({"seed": 1})


def test_an_option_of_training_trains_freely(tiny, answer):
    made = answer("train", "--out", "free", "--collection", "tiny", "--epochs", "1")
    assert made["method"] == "trained"
    assert len(made["epochs"]) == 1
    assert made["budget"] is None
    assert made["verdict"]["sparse"]["says"]


def test_free_training_says_by_how_much_it_misses_its_target(tiny, answer, home):
    options = ("--epochs", "1", "--hidden-size", "8", "--terms", "all")
    made = answer("train", "--out", "free", "--collection", "tiny", "--target-active-terms", "1",
                  *options)  # fmt: skip
    vectors = np.asarray(load_pairs(tiny, "train").image_vectors)
    met = (load_model("free").project(vectors).toarray() > 0).sum(axis=1).mean()
    assert made["budget"]["met"] == pytest.approx(met)
    assert made["budget"]["ok"] is False
    assert "asked for: at most 1" in made["budget"]["says"]


def test_a_budget_is_met_within_a_tenth_on_both_sides_or_below():
    assert Budget(50, 45).ok
    assert Budget(50, 55).ok
    assert not Budget(50, 44.9).ok
    assert not Budget(50, 55.1).ok
    assert Budget(50, 3, at_most=True).ok
    assert not Budget(50, 56, at_most=True).ok


def test_photos_without_captions_get_a_head_of_the_encoders_words(home, answer, tmp_path, capsys):
    """The real encoder on real pictures: what it calls them is what they show."""
    for number in range(40):
        name = f"test-{number:05d}.webp"
        shutil.copy(BUNDLED / "collections" / "demo" / "images" / name, tmp_path / name)
    answer("import", str(tmp_path), "--name", "bare")
    made = answer("train", "--out", "bare", "--collection", "bare", "--target-active-terms", "12")
    assert made["method"] == "encoder-terms"
    assert made["metrics"] == {"split": None, "verdict": made["verdict"]}
    assert [made["verdict"][name]["grade"] for name in ("sparse", "readable")] == [
        "good",
        "unknown",
    ]
    assert told(home, "bare")["active_terms_train"] == pytest.approx(12, rel=0.1)
    captions, searcher = load_collection("demo"), Searcher.open("bare", "bare")
    said = 0
    for image_id in searcher.collection.image_ids:
        texts = captions.captions_of(captions.image_row(image_id))
        said += any(one.term in " ".join(texts) for one in searcher.inspect(image_id, 5).terms)
    assert said >= 20


def test_captions_of_other_splits_are_named_and_no_words_take_their_place(collection, capsys):
    assert main(["train", "--collection", "tiny", "--out", "quick"]) == 2
    said = capsys.readouterr().err
    assert "no captions in a split `train`, to learn from; its splits are `test`" in said
    assert "--splits made" in said


@pytest.mark.parametrize(
    ("method", "option", "takes"),
    [("closed-form", "--epochs=3", "--target-active-terms"), ("tuned", "--resume", "--noise")],
)
def test_options_of_training_are_refused(tiny, capsys, method, option, takes):
    line = ["train", "--collection", "tiny", "--out", "quick", "--method", method, option]
    assert main(line) == 2
    said = capsys.readouterr().err
    assert f"{option.partition('=')[0]} belongs to training" in said
    assert takes in said


def test_every_image_is_held_out_once_with_its_captions(pairs):
    fold_of = np.arange(len(pairs.image_vectors)) % 5
    seen = []
    for fold in range(5):
        part = some_images(pairs, fold_of == fold)
        np.testing.assert_array_equal(
            part.image_rows[part.relevant],
            pairs.image_rows[pairs.relevant[np.isin(pairs.caption_rows, part.caption_rows)]],
        )
        seen += part.texts
    assert sorted(seen) == sorted(pairs.texts)


def test_folds_compare_what_one_comparison_says(pairs, vocabulary):
    """Five folds by hand."""

    def fit(some):
        return closed_form_by_parts(some, vocabulary, nothing(), ClosedFormSettings(4))

    settings = TuningSettings(target_active_terms=4, steps=1, batch_size=8)
    found = returned(cross_validated(pairs, fit, vocabulary, settings))
    fold_of = np.random.default_rng(0).permutation(len(pairs.image_vectors)) % 5
    expected = 0.0
    for fold in range(5):
        held_out = some_images(pairs, fold_of == fold)
        start = returned(fit(some_images(pairs, fold_of != fold)))
        one = compare(start, start, held_out, len(vocabulary))
        expected += one.before * len(held_out.texts) / len(pairs.texts)
    assert found.comparison.before == pytest.approx(expected)
    assert found.comparison.captions == found.added.captions == len(pairs.texts)
    # With every term, a caption finds what the comparison says; the folds' ranks are added up.
    assert found.added.whole[0] / len(pairs.texts) == pytest.approx(found.comparison.after)
