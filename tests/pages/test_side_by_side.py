"""Two searches side by side, and settings that travel between Expansion and Search."""

import numpy as np
import pytest

import lsr
from lsr.collection.collection import load_collection
from lsr.search.results import SearchSettings
from lsr.search.searcher import Searcher
from lsr.storage.places import find
from lsr.sweep.inference import parse_inference, under_setting
from lsr.sweep.knobs import Knob
from pages.parts.expansion.on_search import search_address
from tests.pages.test_pages import board, component, mistake, opened
from tests.pages.test_search import links_of, texts

QUERY = "two lions in the desert"
OTHER = "demo-uncontrolled"


def sides(app) -> list[dict]:
    """Both lists; none where one search stands alone."""
    return component(app, "sides").get("sides", [])


def ids(side: dict) -> list[str]:
    return [row["id"] for row in side["rows"]]


@pytest.fixture
def images(scenes):
    return load_collection(find("collections", scenes))


def searched(images, model: str, text: str = QUERY, setting: str = "", **settings) -> list[str]:
    ready = Searcher(images, lsr.load_model(model))
    if setting:
        ready = under_setting(ready, parse_inference(setting))
    found = ready.search_text(text, SearchSettings(k=200, **settings))
    return [hit.image_id for hit in found.hits]


def test_nothing_stands_beside_unless_asked(scenes):
    app = opened(q=QUERY, collection=scenes)
    assert sides(app) == []
    assert "Overlap@" not in texts(app)


@pytest.mark.parametrize("old", [{"dense": "on"}, {"dense": "1"}, {"beside": "dense"}])
def test_the_dense_teacher_stands_beside_and_the_search_stays(images, old):
    app = opened(q=QUERY, collection="scenes", caption="on the", **old)
    left, right = sides(app)
    saying = [
        image_id
        for row, image_id in enumerate(images.image_ids)
        if any("on the" in text.lower() for text in images.captions_of(row))
    ]
    vector = lsr.open().encoder.encode_texts([QUERY])[0]
    cosines = {
        image_id: float(images.image_vectors[images.image_row(image_id)].astype(float) @ vector)
        for image_id in saying
    }
    assert ids(right) == sorted(saying, key=lambda one: -cosines[one])[:24]
    assert ids(left) == searched(images, "demo", caption="on the")[:24]
    for row in right["rows"]:
        assert row["score"] == pytest.approx(cosines[row["id"]], abs=1e-4)
    assert right["name"] == "dense teacher"
    assert app.text_input[0].value == QUERY


def test_two_models_rank_under_the_same_filters_and_edits(images):
    about = {"boost": {"desert": 3.0}, "split": "test", "exclude": ("tent",)}
    app = opened(
        q=QUERY,
        collection="scenes",
        beside="search",
        against=OTHER,
        boost="desert=3",
        split="test",
        exclude="tent",
        tiles="12",
    )
    left, right = sides(app)
    ours, theirs = searched(images, "demo", **about), searched(images, OTHER, **about)
    assert (ids(left), ids(right)) == (ours[:12], theirs[:12])
    assert ids(right) != searched(images, OTHER)[:12]
    for row in left["rows"]:
        there = theirs.index(row["id"]) + 1 if row["id"] in theirs else None
        assert row["there"] == there
    shared = len(set(ours[:12]) & set(theirs[:12]))
    assert f"**Overlap@12 {shared / 12:.2f}** ({shared} of 12)" in texts(app)


def test_own_words_beside_all_terms_and_why_in_both(images):
    ours = searched(images, "demo")
    address = {"against": "demo", "beside-expansion": "off", "hit": ours[0]}
    app = opened(q=QUERY, collection="scenes", beside="search", **address)
    left, right = sides(app)
    assert ids(left) == ours[:24]
    assert ids(right) == searched(images, "demo", expansion=False)[:24]
    told = texts(app)
    assert "In **demo**" in told
    assert "In **demo, own words alone**" in told


def test_the_same_model_twice_differs_in_expansion_unless_told_otherwise(scenes):
    app = opened(q=QUERY, collection=scenes, beside="search", against="demo")
    assert [side["name"] for side in sides(app)] == ["demo", "demo, own words alone"]
    assert "the same search" not in texts(app)
    both = {"against": "demo", "beside-expansion": "on"}
    app = opened(q=QUERY, collection=scenes, beside="search", **both)
    assert "Both sides are the same search" in texts(app)
    assert "RBO 1.00" in texts(app)


def test_a_setting_is_in_force_until_it_is_taken_off(images):
    setting = "top-k=2 top-k@images=10"
    app = opened(q=QUERY, collection="scenes", setting=setting, beside="search")
    left, right = sides(app)
    cut = searched(images, "demo", setting=setting)
    assert ids(left) == cut[:24]
    assert ids(right) == searched(images, "demo")[:24]
    assert "Captions keep their 2 strongest terms; images keep their 10" in texts(app)
    app.button(key="no-setting").click().run()
    assert "setting" not in app.query_params
    assert app.text_input[0].value == QUERY


def test_a_wrong_second_setting_leaves_the_first_search(images):
    app = opened(q=QUERY, collection="scenes", beside="search", **{"beside-setting": "caption=0.5"})
    assert "flips a coin" in mistake(app)
    assert sides(app) == []
    assert texts(app).count("images searched") == 1


def test_a_term_that_the_second_model_lacks_is_said_once(images):
    app = opened(q=QUERY, collection="scenes", beside="search", mute="notaterm")
    assert not app.exception
    assert all("notaterm" in one.value for one in app.error)
    assert len(sides(app)) == 2


def test_a_knob_is_carried_to_the_same_hits_on_search(images):
    app = opened(
        "expansion", collection="scenes", control="prune", k="5", queries="captions", q=QUERY
    )
    link = next(one for one in links_of(app) if "setting" in one)
    assert link["setting"] == ["top-k=5"]
    assert link["split"] == ["test"]
    carried = {name: value[0] for name, value in link.items()}
    found = opened(**carried)
    expected = searched(images, "demo", setting="top-k=5", split="test")
    shown = [hit["id"] for hit in board(found)["hits"]]
    assert shown == expected[:24]
    assert f"{np.sum(images.image_splits == 'test'):,} images searched" in texts(found)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([("mean", 0.5)], {"setting": "mean=0.5"}),
        ([("caption", 1.0)], {}),
        ([("word", 1.0), ("threshold", 0.0)], {}),
        ([("caption", 0.0)], {"expansion": "off"}),
        (
            [("top-k", 8), ("caption", 0.4)],
            {
                "setting": "top-k=8",
                "beside": "search",
                "against": "demo",
                "beside-expansion": "off",
                "beside-setting": "top-k=8",
            },
        ),
    ],
)
def test_a_coin_for_each_query_leads_to_both_of_its_sides(steps, expected):
    found = search_address({}, "a dog", "test", "demo", [(Knob(c), v) for c, v in steps])
    assert found == {"q": "a dog", "split": "test", **expected}
