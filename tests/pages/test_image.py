"""The Image page: who says its terms, where they are, and what is near."""

import threading

import numpy as np
import pytest

import lsr
from lsr.collection.collection import load_collection
from lsr.search.where import occlusion
from lsr.storage.places import find
from tests.pages.test_pages import component, mistake, opened, picture_bytes

IMAGE = "test-00003"


@pytest.fixture
def images(scenes):
    return load_collection(find("collections", scenes))


def terms(app) -> list[dict]:
    return component(app, "terms")["terms"]


def test_terms_are_told_apart_by_who_says_them(images):
    app = opened("image", collection=images.name, id=IMAGE)
    own = " ".join(images.captions_of(images.image_row(IMAGE))).lower().split()
    others = " ".join(images.caption_texts).lower().split()
    kinds = {one["term"]: one["kind"] for one in terms(app)}
    assert {"own", "other"} <= set(kinds.values())
    for term, kind in kinds.items():
        if not term.isalpha():
            continue
        if term in own:
            assert kind == "own"
        if kind == "other":
            assert term not in own
        if kind == "none":
            assert term not in others
    metrics = {one.label: one.value for one in app.metric}
    assert metrics["Said in a caption"] == f"{list(kinds.values()).count('own')} of {len(kinds)}"


def test_nothing_is_blanked_until_it_is_asked(images):
    app = opened("image", collection=images.name, id=IMAGE)
    assert all(one["map"] is None for one in terms(app))
    app.button(key="where").click().run()
    assert app.query_params["where"] == terms(app)[0]["term"]
    assert all(len(one["map"]) == 64 for one in terms(app))


def test_a_chosen_term_has_its_place_and_a_term_beyond_the_strongest_joins(images):
    app = opened("image", collection=images.name, id=IMAGE, where="eggs")
    eggs = next(one for one in terms(app) if one["term"] == "eggs")
    assert eggs["place"] == "bottom left"  # they lie there
    app = opened("image", collection=images.name, id=IMAGE, where="Zebra")
    assert not app.error
    assert terms(app)[-1]["term"] == "zebra"
    assert terms(app)[-1]["weight"] == 0
    assert terms(app)[-1]["kind"] == "other"


def test_an_unknown_term_has_no_place_and_the_page_goes_on(images):
    app = opened("image", collection=images.name, id=IMAGE, where="notaterm")
    assert "notaterm" in mistake(app).replace("\\", "")
    assert component(app, "sides")


def test_where_is_not_offered_for_other_encoders_on_a_server_for_others(
    collection, model, monkeypatch
):
    monkeypatch.setenv("LEXISCOPE_MODE", "class")
    app = opened("image", collection="tiny", model="tiny", id=collection.image_ids[0])
    assert not [one for one in app.button if one.key == "where"]


def test_nearest_images_are_those_of_both_vectors(images):
    app = opened("image", collection=images.name, id=IMAGE)
    sparse, dense = component(app, "sides")["sides"]
    row = images.image_row(IMAGE)
    cosines = images.image_vectors.astype(float) @ images.image_vectors[row].astype(float)
    order = [images.image_ids[i] for i in np.argsort(-cosines) if i != row]
    assert [one["id"] for one in dense["rows"]] == order[:12]
    products = lsr.load_model("demo").project(images.image_vectors).astype(float)
    scores = np.asarray((products @ products[row].T).todense()).ravel()
    order = [images.image_ids[i] for i in np.argsort(-scores) if i != row]
    assert [one["id"] for one in sparse["rows"]] == order[:12]


def test_a_picture_of_ones_own_has_places_but_no_support(scenes):
    app = opened("image", collection=scenes, where="lion")
    app.file_uploader[0].set_value(("mine.png", picture_bytes(), "image/png")).run()
    assert not app.exception
    assert not app.error
    assert {one["kind"] for one in terms(app)} == {"unknown"}
    assert all(one["map"] for one in terms(app))
    assert "Its rank for its own captions" not in [one.value for one in app.header]


def test_long_blanking_shows_how_far_it_is_and_can_be_stopped(images, monkeypatch):
    reported, held = threading.Event(), threading.Event()

    def slow(*args):
        reports = occlusion(*args)
        yield next(reports)
        reported.set()
        held.wait()  # the rest takes as long as the test
        yield from reports

    monkeypatch.setattr("pages.parts.image.seen.occlusion", slow)
    monkeypatch.setattr("pages.parts.image.seen._PATIENCE", 0)
    app = opened("image", collection=images.name, id=images.image_ids[70], where="lion")
    try:
        assert reported.wait(600)
        app.run()
        assert [one.text for one in app.get("progress")] == ["16 of 64 parts blanked"]
        assert all(one["map"] is None for one in terms(app))  # half a map would mislead
        app.button(key="stop-where").click().run()
        assert "where" not in app.query_params
        assert not app.get("progress")
        assert [one for one in app.button if one.key == "where"]
    finally:
        held.set()
