"""`sweep` and `cheapest` on the command line: keys, agreement, mistakes."""

from __future__ import annotations

import shlex

import pytest

from lsr.cli.main import main
from lsr.evaluation.passes import COSTS, MEASURES
from lsr.sweep.knobs import Knob
from lsr.sweep.laboratory import open_laboratory
from lsr.sweep.sweep import Draws, sweep
from tests.sweep.brute import DIRECTIONS

TINY = ("--collection", "tiny", "--model", "tiny")
ROW = {"value", *MEASURES, *(f"{name}_std" for name in MEASURES), *COSTS, "draws", "R@1_half_width"}


@pytest.fixture
def ask(answer, collection, model):
    def run(*arguments: str):
        return answer(*arguments, *TINY)

    return run


def test_a_sweep_answers_with_every_documented_key(ask, collection, model):
    result = ask("sweep", "--steps", "3")
    assert set(result) == {
        "control", "direction", "fixed", "null", "queries", "seed", "rows", "seconds", "exact"
    }  # fmt: skip
    assert result["exact"] is None
    assert (result["control"], result["direction"]) == ("caption", "text-to-image")
    assert (result["fixed"], result["null"], result["seed"]) == ([], "", 0)
    assert [row["value"] for row in result["rows"]] == [0.0, 0.5, 1.0]
    assert set(result["rows"][0]) == ROW
    task = open_laboratory(collection, model).task
    assert result["rows"] == [row.as_dict() for row in sweep(task, Knob("caption"), [0, 0.5, 1])]
    assert {row["latency_us"] for row in result["rows"]} == {None}


def test_every_option_of_a_sweep_is_heard(ask, collection, model):
    result = ask(
        "sweep", "--control", "word", "--from", "0.2", "--to", "0.6", "--steps", "2",
        "--draws", "3", "--seed", "7", "--direction", "image-to-text", "--null", "shuffled",
        "--fix", "top-k@images=9", "--fix", "max-ratio=0.1", "--latency",
    )  # fmt: skip
    assert result["fixed"] == ["top-k@images=9", "max-ratio=0.1"]
    assert (result["null"], result["seed"]) == ("shuffled", 7)
    fixed = [(Knob("top-k", "images"), 9.0), (Knob("max-ratio"), 0.1)]
    ready = open_laboratory(
        collection, model, direction="image-to-text", fixed=fixed, null="shuffled"
    )
    rows = sweep(ready.task, Knob("word"), [0.2, 0.6], Draws(3, seed=7))
    for told, row in zip(result["rows"], rows, strict=True):
        assert told["latency_us"] > 0
        assert {**told, "latency_us": None} == row.as_dict()


def test_half_width_stops_the_draws(ask):
    result = ask("sweep", "--control", "word", "--steps", "2", "--draws", "40",
                 "--half-width", "0.9")  # fmt: skip
    assert {row["draws"] for row in result["rows"]} == {8}


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_exact_rates_agree_with_draws(ask, direction):
    result = ask("sweep", "--control", "word", "--steps", "3", "--draws", "60", "--exact",
                 "--direction", direction)  # fmt: skip
    exact = result["exact"]
    assert 0 < exact["fit"] <= exact["n_queries"]
    for row, drawn in zip(exact["rows"], result["rows"], strict=True):
        assert row["value"] == drawn["value"]
        widths = row["R@1_half_width"] + drawn["R@1_half_width"]
        assert row["R@1"] == pytest.approx(drawn["R@1"], abs=2 * widths + 1e-9)
        assert (row["R@1_half_width"] > 0) <= (exact["fit"] < exact["n_queries"])


def test_a_sweep_is_measured_once(ask, home):
    arguments = ("sweep", "--control", "word", "--steps", "3", "--draws", "2")
    first = ask(*arguments)
    files = sorted((home / "cache" / "sweeps").rglob("*"))
    assert len(files) == 1 + 1 + 2
    assert ask(*arguments)["rows"] == first["rows"]
    assert sorted((home / "cache" / "sweeps").rglob("*")) == files


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_sweep_ends_at_what_evaluate_measures(ask, direction):
    low, high = ask("sweep", "--steps", "2", "--direction", direction)["rows"]
    measured = ask("evaluate", "--direction", direction)
    for name in ("R@1", "R@5", "R@10", "MRR@10"):
        assert low[name] == pytest.approx(measured["literal"][name])
        assert high[name] == pytest.approx(measured["sparse"][name])
    assert high["exact@20"] == pytest.approx(measured["exact@20"])
    assert high["flops"] == pytest.approx(measured["flops"])


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("cost", ["posting_cost", "index_bytes"])
@pytest.mark.parametrize("fix", [(), ("--fix", "bits@both=3")])
def test_the_command_of_the_cheapest_setting_measures_it_again(answer, ask, direction, cost, fix):
    result = ask("cheapest", "--keep", "0.7", "--measure", "MRR@10", "--cost", cost,
                 "--direction", direction, *fix)  # fmt: skip
    assert set(result) == {"queries", "chosen_on", "setting", "command", "target", "full", "best",
                           "difference", "tried", "seconds"}  # fmt: skip
    assert result["chosen_on"] == "test"  # the tiny collection has no split to choose on
    assert result["target"] == pytest.approx(0.7 * result["full"]["MRR@10"])
    assert result["best"]["MRR@10"] >= result["target"]
    assert result["best"][cost] <= result["full"][cost]
    change = result["best"]["MRR@10"] - result["full"]["MRR@10"]
    assert result["difference"]["mean"] == pytest.approx(change)
    assert result["difference"]["low"] <= change <= result["difference"]["high"]
    assert result["tried"] > 1000
    assert result["command"].startswith("python -m lsr sweep ")
    (row,) = answer(*shlex.split(result["command"])[3:])["rows"]
    names = (*MEASURES, *COSTS, "value")
    again = {name: row[name] for name in names}
    assert again == pytest.approx({name: result["best"].get(name) for name in names})


def test_both_also_speak_to_people(collection, model, capsys):
    assert main(["sweep", "--control", "word", "--steps", "2", "--draws", "2", *TINY]) == 0
    printed = capsys.readouterr()
    assert "R@1" in printed.out
    assert "{" not in printed.out
    assert "24 captions × 2 values" in printed.err
    assert "draw 2/2" in printed.err
    assert main(["cheapest", *TINY]) == 0
    printed = capsys.readouterr()
    assert "setting" in printed.out
    assert "settings tried" in printed.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sweep", "--control", "luck"], "`luck` is no control"),
        (["sweep", "--control", "caption@images"], "caption acts on"),
        (["sweep", "--to", "7"], "caption sweep from 0 to 7"),
        (["sweep", "--steps", "0"], "0 steps"),
        (["sweep", "--control", "word", "--draws", "0"], "0 draws are not possible"),
        (["sweep", "--control", "word", "--half-width", "2"], "half width of 2"),
        (["sweep", "--seed", "-1"], "Seed -1"),
        (
            ["sweep", "--control", "top-k", "--from", "1", "--to", "3", "--exact"],
            "counts the coins",
        ),
        (["sweep", "--draws", "many"], "invalid int value"),
        (["sweep", "--fix", "caption=1"], "caption can only be swept"),
        (["sweep", "--fix", "top-k"], "fixes nothing"),
        (["sweep", "--null", "zero"], "`zero` is no null"),
        (["sweep", "--direction", "up"], "`up` is no direction"),
        (["sweep", "--split", "dev"], "no split `dev`"),
        (["sweep", "--model", "nowhere"], "no model `nowhere`"),
        (["cheapest", "--keep", "0"], "A share of 0"),
        (["cheapest", "--measure", "exact@20"], "cannot be kept"),
        (["cheapest", "--cost", "latency_us"], "no cost to solve for"),
        (["cheapest", "--fix", "word=1"], "word can only be swept"),
        (["cheapest", "--collection", "nowhere"], "no collection `nowhere`"),
    ],
)
def test_a_mistake_gets_one_line_and_exit_2(collection, model, capsys, arguments, message):
    try:
        code = main([arguments[0], *TINY, *arguments[1:]])
    except SystemExit as leaving:
        code = leaving.code
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert len(printed.err.strip().splitlines()) == 1
    assert message in printed.err


def test_a_query_set_is_measured_by_every_command_that_measures(
    answer, queried, model, tmp_path, monkeypatch, fake_encoder
):
    monkeypatch.setattr("lsr.search.searcher.load_encoder", lambda name: fake_encoder)
    names = ("--collection", "queried", "--model", "tiny", "--queries", "some")
    measured = answer("evaluate", *names)
    swept = answer("sweep", "--steps", "2", *names)
    assert measured["queries"] == swept["queries"] == "some"
    assert swept["rows"][1]["R@1"] == pytest.approx(measured["sparse"]["R@1"])
    plain = answer("sweep", "--steps", "2", *names[:4])
    assert plain["queries"] is None
    assert plain["rows"] != swept["rows"]
    assert answer("sweep", "--steps", "2", *names)["rows"] == swept["rows"]
    best = answer("cheapest", "--keep", "0.6", *names)
    assert (best["queries"], best["full"]["R@1"]) == ("some", measured["sparse"]["R@1"])
    (row,) = answer(*shlex.split(best["command"])[3:])["rows"]
    assert row["R@1"] == pytest.approx(best["best"]["R@1"])


def test_an_unknown_query_set_is_answered_with_those_there_are(queried, model, capsys):
    for command in ("evaluate", "sweep", "cheapest"):
        names = ("--collection", "queried", "--model", "tiny", "--queries", "words")
        assert main([command, *names]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line == "Collection `queried` has no query set `words`. Its query sets are: `some`."
