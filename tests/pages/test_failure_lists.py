"""Lists of failures on their page: taken away, kept, and run again on another model."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from lsr.collection.collection import load_collection
from lsr.collection.writing import write_collection
from lsr.failures.cases import find_cases
from lsr.failures.causes import find_causes
from lsr.failures.lists import keep_list, kept_list, list_names, list_text
from lsr.failures.records import case_records
from lsr.model.loading import load_model
from lsr.sweep.laboratory import open_laboratory
from tests.pages.test_failures import page, table
from tests.pages.test_mode import said


def keep_all(scenes: str) -> None:
    """Keep every query of the collection as the model `demo` ranks it."""
    lab = open_laboratory(load_collection(scenes), load_model("demo"), "test")
    cases = find_cases(lab)
    every = list(range(len(cases)))
    told = case_records(cases, find_causes(cases, lab), every, lab.model.vocabulary.terms)
    keep_list("mine", list_text(lab, 1, told))


def test_a_list_is_kept_under_a_name_and_not_twice(scenes):
    app = page(scenes, which="only-dense")
    field = next(one for one in app.text_input if one.label == "Keep the list as")
    button = next(one for one in app.button if one.label == "Keep it")
    field.input("teacher-finds")
    button.click().run()
    assert list_names() == ["teacher-finds"]
    assert set(kept_list("teacher-finds").ranks) == set(table(app)["id"])
    field = next(one for one in app.text_input if one.label == "Keep the list as")
    field.input("teacher-finds")
    next(one for one in app.button if one.label == "Keep it").click().run()
    assert "There is a list" in app.error[0].value


@pytest.mark.parametrize("change", ["fixed", "broken"])
def test_a_kept_list_on_another_model_shows_what_is_fixed_and_broken(scenes, change):
    keep_all(scenes)
    labs = [
        open_laboratory(load_collection(scenes), load_model(name), "test")
        for name in ("demo", "demo-uncontrolled")
    ]
    before, after = (find_cases(one).ranks == 1 for one in labs)
    wanted = after & ~before if change == "fixed" else before & ~after
    app = page(scenes, model="demo-uncontrolled", list="mine", change=change)
    ids = find_cases(labs[0]).ids
    assert wanted.any()
    assert table(app)["id"].tolist() == [ids[row] for row in np.flatnonzero(wanted)]
    assert "Kept with model demo" in said(app)


def test_a_list_that_is_not_there_or_of_other_queries_is_one_sentence(scenes):
    app = page(scenes, list="nothing")
    assert "There is no list `nothing`" in app.error[0].value.replace("\\", "")
    keep_all(scenes)
    app = page(scenes, list="mine", direction="image-to-text", which="all")
    assert "Choose those of the list" in app.error[0].value
    assert len(table(app)) == 120


def test_every_form_of_a_list_is_offered(scenes):
    labels = [one.proto.label for one in page(scenes).get("download_button")]
    assert {"CSV", "JSON", "TREC run", "Judgements", "Page with pictures"} <= set(labels)


def test_a_server_for_others_keeps_no_lists(scenes, monkeypatch):
    monkeypatch.setenv("LEXISCOPE_MODE", "class")
    app = page(scenes)
    assert not [one for one in app.button if one.label == "Keep it"]
    assert "keeping lists of them is off" in said(app)


def test_a_split_of_one_query_is_a_list_of_one_without_a_rival(scenes, home):
    few = load_collection(scenes)
    row = few.image_rows("test")[:1]
    first = np.flatnonzero(few.caption_image_rows == row[0])[:1]
    place = int(np.isin(few.caption_splits, few.vector_splits)[: first[0]].sum())
    images, captions = (
        pq.read_table(few.folder / f"{name}.parquet") for name in ("images", "captions")
    )
    write_collection(
        home / "collections" / "one",
        card={**few.card, "name": "one", "caption_vector_splits": ["test"]},
        images=images.take(row),
        captions=captions.take(first),
        image_vectors=few.image_vectors[row],
        caption_vectors=few.caption_vectors[[place]],
        pictures=few.folder / "images",
    )
    app = page("one", which="all")
    assert [one.value for one in app.error] == []
    assert len(table(app)) == 1
    assert "No other document shares a term" in said(app)
    assert len(table(page("one"))) == 0
