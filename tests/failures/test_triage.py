"""What people say about failures is kept, read again and held against the guesses."""

from __future__ import annotations

import json
import shutil

import pytest

from lsr.collection.collection import load_collection
from lsr.exceptions import QueryError
from lsr.failures.agreement import Agreement, agreement
from lsr.failures.triage import (
    CAUSES,
    MOST_TAGS,
    Entry,
    add_entry,
    read_triage,
    tags_of,
    triage_file,
)
from lsr.model.checkpoint import save_model
from lsr.model.loading import load_model
from lsr.storage import places
from lsr.sweep.laboratory import Laboratory, open_laboratory
from tests.conftest import make_head


@pytest.fixture
def lab(collection, model) -> Laboratory:
    return open_laboratory(collection, model, "test")


def test_the_last_entry_of_a_query_counts_and_all_stay_in_the_file(lab):
    assert read_triage(lab).entries == {}
    add_entry(lab, Entry("caption-01", CAUSES[0], CAUSES[1], "a note – with “signs”", ("a", "b c")))
    add_entry(lab, Entry("caption-02", CAUSES[2]))
    add_entry(lab, Entry("caption-01", CAUSES[1], CAUSES[1]))
    add_entry(lab, Entry("caption-03", "", note="only a note"))
    found = read_triage(lab)
    assert found.problems == ()
    assert list(found.entries) == ["caption-02", "caption-01", "caption-03"]
    assert found.entries["caption-01"].cause == CAUSES[1]
    assert list(found.judged) == ["caption-02", "caption-01"]
    assert all(one.at.endswith("+00:00") for one in found.entries.values())
    lines = [json.loads(line) for line in found.path.read_text("utf-8").splitlines()]
    assert len(lines) == 5
    assert lines[0]["model"] == "tiny"
    assert lines[1]["note"] == "a note – with “signs”"
    assert lines[1]["tags"] == ["a", "b c"]


def test_it_lies_beside_the_model_and_outlives_its_next_training(lab, vocabulary):
    add_entry(lab, Entry("caption-01", CAUSES[0]))
    path = triage_file(lab)
    assert path.parent == lab.model.folder.parent / "tiny+triage"
    card = {"title": "Tiny", "encoder": "fake"}
    save_model(
        lab.model.folder,
        make_head(vocabulary, seed=9),
        vocabulary,
        card=card,
        training={},
        metrics={},
    )
    again = open_laboratory(lab.collection, load_model("tiny"), "test")
    assert read_triage(again).entries == {}
    assert path.exists()
    assert "tiny+triage" not in [one.name for one in places.folders("models")]


def test_of_a_bundled_model_it_lies_at_home(scenes, home):
    lab = open_laboratory(load_collection(scenes), load_model("demo"), "test")
    assert triage_file(lab).parent == home / "models" / "demo+triage"


def test_directions_and_splits_have_files_of_their_own(collection, model, lab):
    other = open_laboratory(collection, model, "test", "image-to-text")
    assert triage_file(other) != triage_file(lab)


def test_a_line_that_was_cut_off_is_told_and_nothing_is_lost(lab):
    add_entry(lab, Entry("caption-01", CAUSES[0]))
    path = triage_file(lab)
    add_entry(lab, Entry("caption-02", CAUSES[1]))
    path.write_bytes(path.read_bytes()[:-20])
    [problem] = read_triage(lab).problems
    assert "Line 3 of" in problem
    assert "was cut off" in problem
    add_entry(lab, Entry("caption-03", CAUSES[2]))
    found = read_triage(lab)
    assert list(found.entries) == ["caption-01", "caption-03"]
    assert len(found.problems) == 1
    assert '"query_id": "caption-02"' in path.read_text()


def test_a_file_whose_header_was_cut_off_begins_anew(lab):
    path = triage_file(lab)
    path.parent.mkdir()
    path.write_text('{"triage": 1, "mod')
    assert read_triage(lab).entries == {}
    add_entry(lab, Entry("caption-01", CAUSES[0]))
    assert list(read_triage(lab).entries) == ["caption-01"]


def test_the_file_of_another_model_is_refused_and_left_alone(lab, vocabulary, home):
    add_entry(lab, Entry("caption-01", CAUSES[0]))
    card = {"title": "Other", "encoder": "fake"}
    folder = home / "models" / "other"
    save_model(
        folder, make_head(vocabulary, seed=9), vocabulary, card=card, training={}, metrics={}
    )
    other = open_laboratory(lab.collection, load_model("other"), "test")
    path = triage_file(other)
    path.parent.mkdir()
    shutil.copy(triage_file(lab), path)
    before = path.read_bytes()
    for use in (lambda: read_triage(other), lambda: add_entry(other, Entry("caption-01", ""))):
        with pytest.raises(QueryError, match="triage of model `tiny`.* not of `other`"):
            use()
    path.write_text("something else\nof two lines\n")
    with pytest.raises(QueryError, match="does not begin as a triage file"):
        add_entry(other, Entry("caption-01", ""))
    assert path.read_text() == "something else\nof two lines\n"
    path.write_bytes(before)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (Entry("q", "nonsense"), "`nonsense` is no cause. Use one of"),
        (Entry("q", "", tags=tuple(f"tag {n}" for n in range(10_000))), "10,000 tags are too many"),
        (Entry("q", "", tags=("x" * 41,)), "is no tag. Use 1 to 40"),
        (Entry("q", "", tags=("a,b",)), "no commas"),
        (Entry("q", "", note="x" * 2_001), "2,001 characters. Use up to 2,000"),
    ],
)
def test_what_cannot_be_kept_is_refused(lab, entry, says):
    with pytest.raises(QueryError, match=says):
        add_entry(lab, entry)
    assert not triage_file(lab).exists()


def test_ten_thousand_tags_of_many_entries_are_read_and_those_of_one_line_are_told(lab):
    add_entry(lab, Entry("caption-01", CAUSES[0]))
    path = triage_file(lab)
    with path.open("a") as file:
        for number in range(500):
            tags = [f"tag {20 * number + place}" for place in range(MOST_TAGS)]
            told = {"query_id": f"q{number}", "cause": CAUSES[0], "tags": [*tags[1:], "common"]}
            file.write(json.dumps(told) + "\n")
        file.write(json.dumps({"query_id": "q", "cause": "", "tags": ["x"] * 10_000}) + "\n")
    found = read_triage(lab)
    assert len(found.entries) == 501
    assert len(found.tags) == 500 * 19 + 1
    assert next(iter(found.tags.items())) == ("common", 500)
    [problem] = found.problems
    assert "Line 503" in problem
    assert "10,000 tags are too many" in problem


def test_tags_stand_between_commas():
    assert tags_of(" red , two  words,,red, ") == ("red", "two words")


def test_agreement_beyond_chance_is_that_of_a_hand_worked_case():
    """Cohen's kappa of 20 and 15 of 50 agreed: observed .7, chance .5, so .4."""
    found = Agreement({("a", "a"): 20, ("a", "b"): 5, ("b", "a"): 10, ("b", "b"): 15})
    assert (found.n, found.agreed) == (50, 35)
    assert found.kappa == pytest.approx(0.4)
    assert Agreement({("a", "a"): 3}).kappa is None
    assert Agreement({}).kappa is None
    assert Agreement({("a", "a"): 3, ("b", "b"): 2}).kappa == 1


def test_only_entries_with_a_guess_and_a_cause_are_compared():
    entries = [
        Entry("1", "under-activation", "under-activation"),
        Entry("2", "generic terms", "under-activation"),
        Entry("3", "under-activation", "under-activation"),
        Entry("4", "", "under-activation"),
        Entry("5", "under-activation", ""),
    ]
    assert agreement(entries).table == {
        ("under-activation", "generic terms"): 1,
        ("under-activation", "under-activation"): 2,
    }
