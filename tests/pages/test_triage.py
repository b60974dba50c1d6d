"""Triage on the Failures page: one key says a cause, the list goes on, and nothing is lost."""

from __future__ import annotations

import pytest

from lsr.collection.collection import load_collection
from lsr.failures.cases import find_cases
from lsr.failures.causes import cause_of, find_causes
from lsr.failures.triage import Entry, add_entry, read_triage, triage_file
from lsr.model.loading import load_model
from lsr.sweep.laboratory import Laboratory, open_laboratory
from tests.pages.test_failures import page, table
from tests.pages.test_mode import said


@pytest.fixture
def lab(scenes) -> Laboratory:
    return open_laboratory(load_collection(scenes), load_model("demo"), "test")


def progress(app) -> str:
    return app.get("progress")[0].proto.text


def test_causes_are_said_one_after_the_other_and_kept(lab, scenes):
    cases = find_cases(lab)
    causes = find_causes(cases, lab)
    rows = [row for row in cases.by_contrast() if cases.ranks[row] != 1]
    first, second, third = (cases.ids[row] for row in rows[:3])
    app = page(scenes)
    assert progress(app).startswith(f"0 of {len(rows)} queries")
    app.button(key="triage-accept").click().run()
    assert app.header[0].value == cases.texts[rows[1]]
    app.text_area(key=f"triage-note-{second}").input("two of them").run()
    app.text_input(key=f"triage-tags-{second}").input("count, scenes").run()
    app.button(key="triage-other").click().run()
    assert app.header[0].value == cases.texts[rows[2]]
    assert progress(app).startswith(f"2 of {len(rows)} queries")
    guesses = [cause_of(causes, row) for row in rows[:2]]
    found = read_triage(lab).entries
    assert found[first].cause == found[first].guess == guesses[0]
    assert (found[second].cause, found[second].guess) == ("other", guesses[1])
    assert (found[second].note, found[second].tags) == ("two of them", ("count", "scenes"))
    assert third not in found
    assert "accepted in 1 of 2 queries" in said(app)


def test_queries_with_one_answer_are_judged_together_where_that_is_asked(lab, scenes):
    cases = find_cases(lab)
    rows = [int(row) for row in cases.by_contrast() if cases.ranks[row] != 1]
    first = next(row for row in rows if (cases.answers[rows] == cases.answers[row]).sum() > 1)
    same = [row for row in rows if cases.answers[row] == cases.answers[first]]
    app = page(scenes, case=cases.ids[first], together="on")
    assert any(one.label.startswith(f"Say it of {len(same)} queries") for one in app.toggle)
    app.button(key="triage-other").click().run()
    found = read_triage(lab).entries
    assert set(found) == {cases.ids[row] for row in same}
    causes = find_causes(cases, lab)
    assert {one.query_id: one.guess for one in found.values()} == {
        cases.ids[row]: cause_of(causes, row) for row in same
    }
    after = rows.index(first) + 1
    assert app.header[0].value == cases.texts[next(r for r in rows[after:] if r not in same)]


def test_what_was_said_before_is_there_again_and_filters(lab, scenes):
    cases = find_cases(lab)
    rows = [row for row in cases.by_contrast() if cases.ranks[row] != 1]
    ids = [cases.ids[row] for row in rows]
    for name in ids[:4]:
        add_entry(
            lab, Entry(name, "other", "under-activation", tags=("odd",) if name == ids[2] else ())
        )
    app = page(scenes, judged="open")
    assert table(app)["id"].tolist() == ids[4:]
    assert progress(app).startswith(f"4 of {len(ids)} queries")
    assert table(page(scenes, judged="judged"))["id"].tolist() == ids[:4]
    assert table(page(scenes, tag="odd"))["id"].tolist() == [ids[2]]
    app = page(scenes, case=ids[1])
    assert app.button(key="triage-other").label.startswith("✓")
    app.button(key="triage-next").click().run()
    assert app.header[0].value == cases.texts[rows[4]]


def test_a_mistake_keeps_the_place_and_is_one_sentence(lab, scenes):
    cases = find_cases(lab)
    row = next(row for row in cases.by_contrast() if cases.ranks[row] != 1)
    app = page(scenes)
    many = ", ".join(f"t{number}" for number in range(10_000))
    app.text_input(key=f"triage-tags-{cases.ids[row]}").input(many).run()
    assert "10,000 tags are too many for one query" in app.error[0].value.replace("\\", "")
    assert app.header[0].value == cases.texts[row]
    assert not triage_file(lab).exists()


def test_a_damaged_file_is_told_and_the_list_still_shown(lab, scenes):
    cases = find_cases(lab)
    add_entry(lab, Entry(cases.ids[0], "other"))
    path = triage_file(lab)
    path.write_bytes(path.read_bytes() + b'{"query_id": "test-')
    assert "was cut off" in page(scenes).warning[0].value
    path.write_text("nothing\nof the kind\n")
    app = page(scenes)
    assert "does not begin as a triage file" in app.error[0].value.replace("\\", "")
    assert len(table(app)) == (cases.ranks != 1).sum()


@pytest.mark.parametrize("name", ["class", "read-only"])
def test_nobody_judges_on_a_server_for_others(name, scenes, monkeypatch):
    monkeypatch.setenv("LEXISCOPE_MODE", name)
    app = page(scenes)
    assert "Judging failures and keeping lists of them is off" in said(app)
    assert not [one for one in app.button if str(one.key).startswith("triage-")]
