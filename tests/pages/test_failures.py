"""The Failures page: which queries are missed, by whom, and what one of them owes to which term."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from lsr.collection.collection import load_collection
from lsr.failures.cases import Cases, find_cases, gaps
from lsr.failures.causes import CAUSE_NAMES, Causes, explain, find_causes
from lsr.failures.groups import group
from lsr.failures.versus import compare
from lsr.model.loading import load_model
from lsr.sweep.laboratory import open_laboratory
from tests.pages.test_imported import mine  # noqa: F401  (a fixture)
from tests.pages.test_pages import linked, mistake, opened, shown_links


@pytest.fixture
def cases(scenes) -> Cases:
    labs = [
        open_laboratory(load_collection(scenes), load_model(name), "test")
        for name in ("demo", "demo-uncontrolled")
    ]
    return find_cases(*labs)


@pytest.fixture
def causes(scenes, cases) -> Causes:
    return find_causes(cases, open_laboratory(load_collection(scenes), load_model("demo"), "test"))


def page(collection: str, **address: str) -> AppTest:
    app = opened("failures", collection=collection, queries="captions", **address)
    assert not app.exception
    return app


def table(app: AppTest) -> pd.DataFrame:
    return app.dataframe[0].value


def test_the_table_has_the_queries_that_are_missed_the_largest_contrast_first(scenes, cases):
    rows = [row for row in cases.by_contrast() if cases.ranks[row] != 1]
    app = page(scenes)
    assert not app.error
    assert 5 < len(rows) < len(cases)
    assert table(app)["id"].tolist() == [cases.ids[row] for row in rows]
    assert table(app)["rank"].tolist() == [cases.ranks[row] for row in rows]
    assert table(app)["demo-uncontrolled"].tolist() == [cases.second[row] for row in rows]
    assert app.header[0].value == cases.texts[rows[0]]


def test_chips_and_a_word_leave_their_queries_and_no_others(scenes, cases):
    shown = table(page(scenes, which="only-dense", k="5", find="the "))
    expected = {
        cases.ids[row]
        for row in range(len(cases))
        if not cases.found(5)[row] and cases.dense[row] <= 5 and "the " in cases.texts[row]
    }
    assert set(shown["id"]) == expected
    assert (shown["dense"] <= 5).all()
    everything = table(page(scenes, which="all"))
    assert sorted(everything["id"]) == list(cases.ids)


def test_a_cause_leaves_the_queries_that_have_it(scenes, cases, causes):
    missed = np.flatnonzero(cases.ranks != 1)
    app = page(scenes)
    first = dict(zip(table(app)["id"], table(app)["cause"], strict=True))
    assert first == {cases.ids[row]: CAUSE_NAMES[causes.main[row]] for row in missed}
    common = int(causes.counts(missed).argmax())
    shown = table(page(scenes, cause=CAUSE_NAMES[common]))["id"].tolist()
    assert 0 < len(shown) < len(missed)
    assert sorted(shown) == [cases.ids[row] for row in missed if causes.holds[row, common]]
    told = " ".join(one.value for one in app.caption)
    share = causes.of(missed)[common]
    assert f"{CAUSE_NAMES[common]} {share:.0%}" in told


def test_a_query_tells_its_causes_with_shares_and_evidence(scenes, cases, causes):
    row = int(np.flatnonzero(cases.ranks != 1)[0])
    named = explain(causes, cases, row, load_model("demo").vocabulary.terms)
    told = [one.value for one in page(scenes, case=cases.ids[row]).markdown]
    for one in named:
        assert any(
            text.startswith(
                f"**{one.name.capitalize()}** · {one.share:.0%} of what puts the other ahead"
            )
            for text in told
        )


def test_a_setting_that_costs_answers_is_among_the_causes(scenes):
    app = page(scenes, setting="top-k=2", cause="pruning or control")
    assert not app.error
    assert set(table(app)["active terms"]) == {2}
    assert len(table(app)) > 5
    assert "`much` is no control" in mistake(
        opened("failures", collection=scenes, queries="captions", setting="much")
    )


def test_the_address_opens_a_query_with_the_terms_that_decide(scenes, cases):
    row = int(cases.by_contrast()[3])
    app = page(scenes, which="all", case=cases.ids[row])
    assert app.header[0].value == cases.texts[row]
    first = max(
        gaps(cases, row, load_model("demo").vocabulary.terms), key=lambda one: one.difference
    )
    assert (first.term, f"{first.difference:.2f}") in [
        (one["label"], one.get("note")) for one in shown_links(app)
    ]
    answer = cases.task.documents.ids[cases.answers[row]]
    assert answer in linked(app)


def test_images_that_search_show_captions(scenes):
    app = page(scenes, direction="image-to-text", which="all")
    assert not app.error
    assert len(table(app)) == 120
    assert app.header[0].value.startswith("test\\-")


def test_a_filter_that_leaves_nothing_is_an_empty_table(scenes):
    app = page(scenes, find="no caption says this")
    assert len(table(app)) == 0
    assert not app.error


def test_photos_without_captions_have_no_failures_to_show(mine):  # noqa: F811
    assert "no captions, so nothing can be measured" in mistake(
        opened("failures", collection=mine)
    ).replace("\\", "")


def test_a_group_leaves_its_queries_and_can_be_left(scenes, cases, causes):
    terms = load_model("demo").vocabulary.terms
    missed = np.flatnonzero(cases.ranks != 1)
    groups = group("pull", cases, causes, missed, 1, terms)
    first = groups.top()[0]
    app = page(scenes, view="groups", by="pull")
    shown = app.dataframe[0].value
    assert shown["terms that pull"].tolist() == [one.name for one in groups.top()]
    assert (shown["count"][0], shown["of"][0]) == (first.count, first.n)
    app = page(scenes, by="pull", group=first.name)
    expected = [cases.ids[row] for row in groups.members(first.name)]
    assert sorted(table(app)["id"]) == expected
    app.button(key="leave-group").click().run()
    assert len(table(app)) == len(missed)


def test_two_models_part_as_counted(scenes, cases, causes):
    other = find_cases(
        open_laboratory(load_collection(scenes), load_model("demo-uncontrolled"), "test")
    )
    told = compare(cases, other, 1)
    app = page(scenes, view="models", apart="second")
    said = " ".join(one.value for one in app.markdown)
    assert f"Both find **{told.both}**" in said
    assert f"(p = {told.p:.2g})" in said
    tables = [one.value for one in app.dataframe]
    listed = next(one for one in tables if "id" in one)
    assert set(listed["id"]) == {cases.ids[row] for row in told.only_second}
    of_causes = tables[0]
    expected = causes.counts(told.only_second)
    for name, n in zip(of_causes["cause"], of_causes.iloc[:, 1], strict=True):
        assert n == expected[CAUSE_NAMES.index(name)]
