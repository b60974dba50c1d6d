"""A list of failures is kept whole, taken away in the forms of others, and runs again."""

from __future__ import annotations

import json

import ir_measures
import numpy as np
import pandas as pd
import pytest

from lsr.exceptions import QueryError, UnknownNameError
from lsr.failures.cases import Cases, find_cases
from lsr.failures.causes import find_causes
from lsr.failures.files import csv_text, qrels_text, run_text
from lsr.failures.lists import keep_list, kept_list, list_names, list_text, read_list, run_again
from lsr.failures.records import case_records
from lsr.failures.triage import Entry, add_entry, read_triage
from lsr.model.checkpoint import save_model
from lsr.model.loading import load_model
from lsr.sweep.knob_names import parse_setting
from lsr.sweep.laboratory import Laboratory, open_laboratory
from tests.conftest import make_collection, make_head


@pytest.fixture
def lab(collection, model) -> Laboratory:
    return open_laboratory(collection, model, "test")


@pytest.fixture
def cases(lab) -> Cases:
    return find_cases(lab)


def records(lab: Laboratory, cases: Cases, rows: list[int]) -> list[dict]:
    causes = find_causes(cases, lab)
    return case_records(cases, causes, rows, lab.model.vocabulary.terms, read_triage(lab))


def keep(name: str, lab: Laboratory, cases: Cases, k: int = 1) -> None:
    keep_list(name, list_text(lab, k, records(lab, cases, list(range(len(cases))))))


def test_a_list_on_its_own_model_is_the_same_throughout(lab, cases):
    keep("mine", lab, cases)
    assert list_names() == ["mine"]
    saved = kept_list("mine")
    assert saved.ranks == dict(zip(cases.ids, cases.ranks.tolist(), strict=True))
    assert saved.model_mark == lab.model.fingerprint
    again = run_again(saved, lab, cases)
    assert again.rows.tolist() == list(range(len(cases)))
    assert (again.changes == 2).all()
    assert again.gone == ()


@pytest.mark.parametrize("other", ["model", "setting"])
def test_what_is_fixed_and_broken_is_what_both_ranks_say(lab, cases, vocabulary, home, other):
    keep("mine", lab, cases, k=2)
    if other == "model":
        card = {"title": "Other", "encoder": "fake"}
        folder = home / "models" / "other"
        head = make_head(vocabulary, seed=9)
        save_model(folder, head, vocabulary, card=card, training={}, metrics={})
        then = open_laboratory(lab.collection, load_model("other"), "test")
    else:
        fixed = [parse_setting("top-k@both=3")]
        then = open_laboratory(lab.collection, lab.model, "test", fixed=fixed)
    now = find_cases(then)
    again = run_again(kept_list("mine"), then, now)
    before, after = cases.found(2), now.found(2)
    assert again.of("fixed").tolist() == np.flatnonzero(after & ~before).tolist()
    assert again.of("broken").tolist() == np.flatnonzero(before & ~after).tolist()
    assert len(again.of("fixed")) + len(again.of("broken")) > 0
    assert len(again.of("same")) == (before == after).sum()


def test_queries_of_a_later_version_that_are_no_more_are_told(
    lab, cases, model, fake_encoder, home
):
    keep("mine", lab, cases)
    later = make_collection(home / "collections" / "later", fake_encoder, splits=("test",) * 8)
    now = open_laboratory(later, model, "test")
    again = run_again(kept_list("mine"), now, find_cases(now))
    assert again.gone == tuple(cases.ids[16:])
    assert len(again.rows) == 16


def test_a_list_of_other_queries_is_refused(lab, cases, collection, model):
    keep("mine", lab, cases)
    other = open_laboratory(collection, model, "test", "image-to-text")
    with pytest.raises(QueryError, match="text-to-image, the captions; what is measured"):
        run_again(kept_list("mine"), other, find_cases(other))


def test_names_of_lists_are_checked_and_none_is_overwritten(lab, cases):
    keep("mine", lab, cases)
    with pytest.raises(QueryError, match="There is a list `mine`"):
        keep("mine", lab, cases)
    with pytest.raises(QueryError, match="cannot name a list"):
        keep("../mine", lab, cases)
    with pytest.raises(UnknownNameError, match="The lists are: `mine`"):
        kept_list("other")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"rows": [', "not readable JSON"),
        ("{}", "lacks `collection`"),
        (
            '{"collection": "c", "split": "s", "direction": "d", "k": 1, "rows": [{}]}',
            "lacks `query_id`",
        ),
        ('{"collection": "c", "split": "s", "direction": "d", "k": 1, "rows": [3]}', "no object"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path, content, says):
    path = tmp_path / "list.json"
    path.write_text(content)
    with pytest.raises(QueryError, match=says):
        read_list(path)


@pytest.mark.parametrize("direction", ["text-to-image", "image-to-text"])
def test_the_run_and_the_judgements_give_the_same_recall_elsewhere(collection, model, direction):
    lab = open_laboratory(collection, model, "test", direction)
    cases = find_cases(lab)
    rows = np.flatnonzero(cases.ranks != 1).tolist()
    run = list(ir_measures.read_trec_run(run_text(cases, rows, "tiny")))
    qrels = list(ir_measures.read_trec_qrels(qrels_text(cases, rows)))
    found = ir_measures.calc_aggregate([ir_measures.Success @ 5], qrels, run)
    assert {one.query_id for one in qrels} == {cases.ids[row] for row in rows}
    assert found[ir_measures.Success @ 5] == pytest.approx(cases.found(5)[rows].mean())


def test_a_csv_has_a_line_a_query_and_computes_nothing(lab, cases, tmp_path):
    add_entry(lab, Entry(cases.ids[0], "other", note="=1+1", tags=("a", "b")))
    path = tmp_path / "list.csv"
    path.write_text(csv_text(records(lab, cases, [0, 1])))
    table = pd.read_csv(path)
    assert table["query_id"].tolist() == list(cases.ids[:2])
    assert table["note"][0] == "'=1+1"
    assert table["tags"][0] == "a; b"
    assert table["said_cause"][0] == "other"


def test_a_list_as_json_has_the_records(lab, cases):
    told = json.loads(list_text(lab, 1, records(lab, cases, [2, 3])))
    assert [one["query_id"] for one in told["rows"]] == list(cases.ids[2:4])
    assert told["rows"][0]["margin"] == pytest.approx(cases.margins[2])
