"""The command `failures`, beside what `evaluate` measures."""

from __future__ import annotations

import json

import pytest

from lsr.cli.main import main


@pytest.mark.parametrize("direction", ["text-to-image", "image-to-text"])
def test_what_is_missed_is_what_evaluate_does_not_count(collection, model, answer, direction):
    about = ("--collection", "tiny", "--model", "tiny", "--direction", direction)
    measured = answer("evaluate", *about)
    for k in (1, 5):
        told = answer("failures", *about, "--k", str(k), "--limit", "0")
        assert told["n_rows"] == len(told["rows"])
        missed = sum(told["quadrants"][name] for name in ("only dense", "neither"))
        assert missed == told["n_rows"]
        assert 1 - missed / told["n_queries"] == pytest.approx(measured["sparse"][f"R@{k}"])
        found = told["quadrants"]["both"] + told["quadrants"]["only dense"]
        assert found / told["n_queries"] == pytest.approx(measured["dense"][f"R@{k}"])
        assert all((one["sparse_rank"] or k + 1) > k for one in told["rows"])
        assert sum(told["rivals_ahead_by"].values()) == pytest.approx(1)
        assert {one["kind"] for one in told["rows"]} <= {*told["rivals_ahead_by"], None}


def test_the_cases_of_a_quadrant_come_alone(collection, model, answer):
    about = ("--collection", "tiny", "--model", "tiny", "--which", "only-dense", "--limit", "2")
    told = answer("failures", *about, "--against", "tiny")
    assert len(told["rows"]) <= 2
    for one in told["rows"]:
        assert one["dense_rank"] == 1
        assert one["against_rank"] == one["sparse_rank"] != 1
        assert one["margin"] <= 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--which", "lost"], "--which is `lost`. Use missed,"),
        (["--limit", "-1"], "--limit is -1"),
        (["--because", "bad luck"], "--because is `bad luck`. Use no shared term,"),
        (["--by", "mood"], "`mood` groups nothing. Use cause,"),
        (["--fix", "top-k=2.5"], "whole numbers"),
        (["--k", "0"], "k is 0. Use 1 to 1,000"),
        (["--against", "nobody"], "There is no model `nobody`"),
    ],
)
def test_what_cannot_be_listed_gets_one_sentence(collection, model, capsys, given, message):
    assert main(["failures", "--collection", "tiny", "--model", "tiny", *given]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


def test_why_not_tells_edits_that_lift_the_answer_of_a_query(collection, model, answer):
    about = ("--collection", "tiny", "--model", "tiny", "--limit", "0")
    missed = [one["query_id"] for one in answer("failures", *about)["rows"]]
    told = answer("failures", *about, "--why-not", missed[0])["why_not"]
    assert told["query_id"] == missed[0]
    edits = told["answer"]["edits"]
    assert told["answer"]["rank"] == 1
    assert 1 <= len(edits) == sum(one["edit"] in ("boost", "add") for one in edits)
    if len(edits) == 1:
        assert missed[0] in edits[0]["fixed_ids"]
    assert all(one["fixed"] == len(one["fixed_ids"]) for one in edits)


def test_why_not_of_an_unknown_query_names_one_that_is_there(collection, model, capsys):
    about = ["--collection", "tiny", "--model", "tiny"]
    assert main(["failures", *about, "--why-not", "nobody"]) == 2
    error = capsys.readouterr().err
    assert "There is no query `nobody` among these 24" in error
    assert "`caption-00`" in error


def test_a_cause_that_is_said_is_kept_and_told(collection, model, answer, capsys):
    about = ["--collection", "tiny", "--model", "tiny"]
    missed = answer("failures", *about)["rows"][0]
    said = ["--judge", missed["query_id"], "--note", "a note", "--tags", "one, two"]
    told = answer("failures", *about, *said, "--cause", missed["cause"])
    assert told["rows"][0] | {"said_cause": missed["cause"]} == told["rows"][0]
    assert told["rows"][0]["note"] == "a note"
    assert told["rows"][0]["tags"] == ["one", "two"]
    assert (told["triage"]["judged"], told["triage"]["agreed"]) == (1, 1)
    assert answer("failures", *about)["triage"] == told["triage"]
    assert main(["failures", *about, *said, "--cause", "magic"]) == 2
    assert "`magic` is no cause" in capsys.readouterr().err


def test_the_command_writes_what_it_reads_again(collection, model, answer, tmp_path, capsys):
    about = ("--collection", "tiny", "--model", "tiny")
    path = tmp_path / "list.json"
    told = answer("failures", *about, "--which", "all", "--limit", "0", "--out", str(path))
    assert json.loads(path.read_text())["rows"] == told["rows"]
    again = answer("failures", *about, "--again", str(path), "--fix", "top-k@both=3")
    changes = [
        one["change"]
        for one in answer(
            "failures", *about, "--again", str(path), "--fix", "top-k@both=3", "--limit", "0"
        )["rows"]
    ]
    assert again["again"]["same"] == changes.count("same")
    assert len(again["again"]["broken"]) == changes.count("broken") > 0
    for ending in (".csv", ".run", ".qrels", ".html"):
        answer("failures", *about, "--out", str(tmp_path / f"list{ending}"))
        assert (tmp_path / f"list{ending}").stat().st_size > 100
    assert main(["failures", *about, "--out", str(tmp_path / "list.doc")]) == 2
    assert "End its name with .csv" in capsys.readouterr().err


def test_groups_and_a_second_model_are_told_with_counts(collection, model, answer):
    about = ("--collection", "tiny", "--model", "tiny", "--limit", "0")
    told = answer("failures", *about, "--by", "words", "--against", "tiny")
    groups = told["groups"]["rows"]
    assert sum(one["n"] for one in groups) == told["n_queries"]
    assert sum(one["count"] for one in groups) == told["n_rows"]
    versus = told["versus"]
    assert versus["both"] + versus["neither"] == told["n_queries"]
    assert (versus["only_first"]["n"], versus["p"]) == (0, 1)
    assert "groups" not in answer("failures", *about)


def test_queries_of_a_cause_come_alone(collection, model, answer):
    about = ("--collection", "tiny", "--model", "tiny", "--limit", "0")
    told = answer("failures", *about)
    name = max(told["causes"], key=lambda one: told["causes"][one]["n"])
    alone = answer("failures", *about, "--because", name)
    assert 0 < alone["n_rows"] == told["causes"][name]["n"]
    for one in alone["rows"]:
        assert name in [cause["name"] for cause in one["causes"]]
        assert one["cause"] == one["causes"][0]["name"]
    assert sum(one["share"] for one in told["causes"].values()) == pytest.approx(1)


def test_the_answer_as_text_names_the_causes(collection, model, answer, capsys):
    about = ("--collection", "tiny", "--model", "tiny", "--limit", "3")
    first = answer("failures", *about)["rows"][0]
    assert main(["failures", *about, "--why-not", first["query_id"]]) == 0
    told = capsys.readouterr().out
    cause = first["causes"][0]
    assert f"{cause['name']} {cause['share']:.0%}" in told
    assert "teacher_gap" in told
