"""The table of terms, the audit, and a query against an image in two models."""

import json
import re

import pytest

import lsr
from lsr.collection.collection import load_collection
from lsr.model.loading import load_model
from lsr.model.term_edits import edits_text, parse_edits
from lsr.search.audit import STRAY, audit
from lsr.search.results import SearchSettings
from lsr.sweep.edited_terms import measure_edits
from pages.parts.vocabulary_table import of_kind, table_of
from tests.pages.test_pages import linked, mistake, opened, shown_links, tiles


@pytest.fixture(scope="module")
def ready(any_home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEXISCOPE_HOME", str(any_home))
        return lsr.open()


def texts(app) -> str:
    return "\n".join(one.value for one in [*app.markdown, *app.caption]).replace("\\", "")


def test_the_table_is_that_of_the_index(ready):
    table = table_of(audit(ready))
    dog = table[table["term"] == "dog"].iloc[0]
    card = ready.term("dog", top=1)
    assert dog["images"] == card.document_frequency
    assert dog["largest weight"] == pytest.approx(card.images[0][1])
    assert of_kind(table, "active")["images"].min() > 0
    assert (of_kind(table, "dead")["images"] == 0).all()
    assert of_kind(table, "piece")["term"].str.startswith("##").all()
    assert len(of_kind(table, "hub")) < 20
    assert of_kind(table, "stray")["said by its captions"].max() == 0


def test_the_page_filters_by_the_address():
    app = opened("vocabulary", find="lion")
    assert not app.exception
    shown = app.dataframe[0].value["term"].tolist()
    assert "lion" in shown
    assert "dog" not in shown
    assert "stray" not in texts(app)


def test_the_audit_names_terms_and_images_worst_first(ready):
    found = audit(ready, top=10)
    app = opened("vocabulary", view="audit")
    figures = {one.label: one.value for one in app.metric}
    assert figures["Said by its caption"] == f"{found.share(0).mean:.1%}"
    lost = found.of_images[:, STRAY].sum(axis=1)
    rows = [ready.row_of[image_id] for image_id in linked(app)]
    assert rows
    assert lost[rows].tolist() == sorted(lost.tolist(), reverse=True)[: len(rows)]


def test_a_query_stands_against_an_image_in_two_models(ready):
    query = "two lions in the desert"
    image_id = ready.search_text(query, SearchSettings(k=9)).hits[8].image_id
    app = opened("against", q=query, id=image_id, against="demo-uncontrolled")
    assert not app.exception
    assert not app.error
    figures = {one.label: one.value for one in app.metric}
    assert re.fullmatch(r"9 of 1,\d{3}", figures["Rank in demo"])
    assert "Rank in demo\\-uncontrolled" in figures
    table = next(one.proto.body for one in app.get("html") if "mirrored" in one.proto.body)
    assert "lions" in table
    assert "Said by its captions, and silent" in texts(app)


def test_an_unknown_image_is_one_sentence():
    assert "has no image `nowhere`" in mistake(opened("against", id="nowhere")).replace("\\", "")


def test_a_term_page_shows_the_spread_and_where_captions_and_images_part(ready):
    term = ready.model.vocabulary.id_of("dog")
    said = audit(ready).said[:, [term]].toarray().ravel() > 0
    active = ready.images.matrix[:, [term]].toarray().ravel() > 0
    app = opened("term", term="dog")
    assert not app.exception
    said_only, active_only = int((said & ~active).sum()), int((active & ~said).sum())
    assert re.search(rf"\*\*{said_only:,} images?: a caption says it", texts(app))
    assert re.search(rf"\*\*{active_only:,} images?: the image activates it", texts(app))
    drawn = next(one.proto.body for one in app.get("html") if "histogram" in one.proto.body)
    assert "Histogram of the weights of dog" in drawn
    counts = [int(one) for one in re.findall(r"title='([\d,]+) images?, ", drawn)]
    assert sum(counts) == active.sum()
    heights = [float(one) for one in re.findall(r"height:([\d.]+)%", drawn)]
    assert heights == [pytest.approx(100 * one / max(counts), abs=0.06) for one in counts]


def test_an_image_page_ranks_the_image_for_its_own_captions(ready):
    app = opened("image", id="test-00003")
    assert not app.exception
    ranks = [one["note"] for one in shown_links(app) if "own words" in one.get("note", "")]
    assert len(ranks) == 5
    assert all(re.fullmatch(r"sparse [\d–]+ · own words [\d–]+ · dense \d+", one) for one in ranks)


def test_a_term_tells_what_it_stands_in_for(scenes):
    app = opened("term", term="animal", collection=scenes)
    assert not app.exception
    assert "Stands in for" in [one.value for one in app.header]
    told = [
        json.loads(one.proto.json) for one in app.get("bidi_component") if "stand-ins" in one.key
    ]
    words = {one["label"]: one for one in told[0]["links"]}
    fired, captions = words["donkey"]["note"].split(" of ")
    assert words["donkey"]["share"] == int(fired) / int(captions) > 0
    assert "term=donkey" in words["donkey"]["href"]
    assert "animal" not in words  # a caption that says it needs no other word for it


def test_edits_are_measured_undone_and_saved_as_a_model(scenes, home):
    at = {"collection": scenes, "view": "edit"}
    app = opened("vocabulary", edits="merge:dogs:dog,delete:beach", **at)
    assert not [*app.exception, *app.error]
    edits = parse_edits("merge:dogs:dog,delete:beach")
    collection = load_collection(home / "collections" / scenes)
    found = measure_edits(collection, load_model("demo"), edits)
    figures = {one.label: one for one in app.metric}
    assert float(figures["R@1"].value) == pytest.approx(found.after["R@1"], abs=1e-4)
    change = found.after["flops"] - found.before["flops"]
    assert float(figures["FLOPs"].delta) == pytest.approx(change, abs=0.006)
    assert change < 0
    app.button("undo-edit").click().run()
    assert app.query_params["edits"] == "merge:dogs:dog"
    assert app.dataframe[0].value.values.tolist() == [["merge", "dogs", "dog"]]
    app.text_input("edited-name").set_value("pets").run()
    app.button("save-edited").click().run()
    assert not [*app.exception, *app.error]
    assert edits_text(load_model("pets").edits) == "merge:dogs:dog"
    assert tiles(opened("search", collection=scenes, model="pets", q="dogs on a farm"))
    app.button("save-edited").click().run()
    assert "There is a model `pets` already" in mistake(app)


def test_an_edit_is_added_from_the_form_and_plurals_are_merged_at_once(scenes):
    app = opened("vocabulary", collection=scenes, view="edit", change="delete")
    assert not app.metric
    next(one for one in app.selectbox if one.label == "Term").set_value("dog").run()
    app.button("add-edit").click().run()
    assert app.query_params["edits"] == "delete:dog"
    assert not [*app.exception, *app.error]
    app = opened("vocabulary", collection=scenes, view="edit")
    app.button("merge-plurals").click().run()
    assert not [*app.exception, *app.error]
    edits = parse_edits(app.query_params["edits"])
    assert len(edits) > 10
    assert all(one.term.startswith(one.to) for one in edits)
    figures = {one.label: float(one.value.replace(",", "")) for one in app.metric}
    assert 0 < figures["R@1"] < 1


def test_edits_that_make_no_sense_are_one_sentence(scenes):
    app = opened("vocabulary", collection=scenes, view="edit", edits="delete:unicornish")
    assert "`unicornish` is no term" in mistake(app)
    assert not app.metric
