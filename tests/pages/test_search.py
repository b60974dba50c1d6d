"""The Search page explains, filters, edits and hands over what it finds."""

import io
import json
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest

import lsr
from lsr.collection.collection import load_collection
from lsr.evaluation.projected import project_split
from lsr.search.results import SearchSettings
from lsr.storage.places import find
from pages.parts.search.download import as_csv, as_json, as_trec
from pages.parts.search.edit import Edit
from tests.pages.test_pages import board, mistake, opened, picture_bytes, tiles

QUERY = "two lions in the desert"


@pytest.fixture(scope="module")
def ready():
    return lsr.open()


def texts(app) -> str:
    drawn = [*app.markdown, *app.caption, *app.header, *app.info, *app.warning]
    return "\n".join(one.value for one in drawn).replace("\\", "")


def links_of(app) -> list[dict]:
    return [parse_qs(link.proto.query_string) for link in app.get("page_link")]


def test_tiles_carry_what_made_their_scores(ready):
    hits = ready.search_text(QUERY, SearchSettings(k=24)).hits
    shown = board(opened(q=QUERY))
    assert [one["id"] for one in shown["hits"]] == [hit.image_id for hit in hits]
    # A page runs in a thread of its own, where torch may split sums otherwise.
    assert [one["score"] for one in shown["hits"]] == pytest.approx([hit.score for hit in hits])
    for one in shown["hits"]:
        assert sum(product for _, product, _ in one["parts"]) == pytest.approx(one["score"])
    assert not shown["selected"]


def n_hits(ready) -> int:
    """Images that share a term with the query, counted over all of them."""
    terms = ready.query_vector(QUERY).terms
    return int((ready.images.matrix[:, terms].getnnz(axis=1) > 0).sum())


def test_a_hit_is_explained_beside_the_tiles(ready):
    hit = ready.search_text(QUERY, SearchSettings(k=24)).hits[2]
    app = opened(q=QUERY, hit=hit.image_id)
    assert len(tiles(app)) == 24
    assert board(app)["selected"] == hit.image_id
    n = n_hits(ready)
    assert f"Rank 3 of {n:,}** · score {hit.score:.2f}" in texts(app)
    table = next(one.proto.body for one in app.get("html") if "query × image" in one.proto.body)
    for one in hit.contributions[:5]:
        assert f"{one.query_weight:.2f} × {one.image_weight:.2f}" in table
    app.button(key="close-why").click().run()
    assert "hit" not in app.query_params
    assert "Why this image" not in texts(app)


def test_an_unknown_hit_is_one_sentence_and_the_tiles_stay():
    app = opened(q=QUERY, hit="nowhere")
    assert "has no image `nowhere`" in mistake(app).replace("\\", "")
    assert len(tiles(app)) == 24


def test_a_caption_marks_its_image_and_tells_its_rank(ready):
    split = project_split(ready.collection, ready.model, "test")
    scores = (split.captions.matrix @ split.images.matrix.T).toarray()
    own = scores[np.arange(len(scores)), split.pairs.relevant]
    behind = ((scores > own[:, None]).sum(axis=1) >= 24) & (own > 0)
    row = int(np.flatnonzero(behind)[0])
    text, owner = split.pairs.texts[row], split.images.ids[split.pairs.relevant[row]]
    hits = [hit.image_id for hit in ready.search_text(text, SearchSettings(k=1000)).hits]
    app = opened(q=text)
    assert board(app)["gold"][owner] == "its caption"
    assert f"stands at rank {hits.index(owner) + 1:,} of" in texts(app)
    assert any(link.get("hit") == [owner] for link in links_of(app))
    assert board(opened(q="no caption says this"))["gold"] == {}


def test_filters_are_in_the_address_and_limit_the_hits(ready):
    app = opened(q=QUERY, caption="on the beach", include="lion", split="test")
    assert tiles(app)
    for image_id in tiles(app):
        row = ready.collection.image_row(image_id)
        assert ready.collection.image_splits[row] == "test"
        assert any("on the beach" in text.lower() for text in ready.collection.captions_of(row))
        assert "lion" in {term.term for term in ready.inspect(image_id, 1000).terms}
    labels = [one.proto.popover.label for one in app.get("popover")]
    assert "Filters · 3" in labels


def test_pages_go_on_where_the_one_before_ended(ready):
    hits = [hit.image_id for hit in ready.search_text(QUERY, SearchSettings(k=36)).hits]
    app = opened(q=QUERY, tiles="12", sheet="3")
    assert tiles(app) == hits[24:]
    assert f"25 to 36 of {n_hits(ready):,} images" in texts(app)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("dense", "maybe", "Use `on` or `off`"),
        ("beside", "x", "Use `none`, `dense`, `search`"),
        ("setting", "top-k=x", "sets nothing"),
        ("tiles", "7", "Use `12`"),
        ("sheet", "0", "from 1 to"),
        ("least", "x", "from 0 to"),
        ("boost", "lion", "Write terms as `dog=1.5`"),
        ("mute", "notaterm", "is not a term"),
        ("split", "moon", "has no split"),
    ],
)
def test_a_mistake_in_one_option_keeps_the_rest_of_the_page(name, value, words):
    app = opened(q=QUERY, **{name: value})
    assert words in mistake(app).replace("\\", "")
    assert len(tiles(app)) == 24


def test_what_was_not_understood_is_said_with_a_better_query():
    app = opened(q="two loins in the desert")
    assert "“loins” is read in pieces: lo ##ins" in texts(app)
    assert any(link.get("q") == ["two lions in the desert"] for link in links_of(app))
    assert "*lions*" in [link.proto.label for link in app.get("page_link")]
    app = opened(q=QUERY)
    assert "read in pieces" not in texts(app)
    assert "*lions*" not in [link.proto.label for link in app.get("page_link")]


@pytest.mark.parametrize("query", ["🐶🏖️", "狗在海滩上", "parliament"])
def test_a_query_of_nothing_the_model_knows_says_so(query):
    assert "says nothing the model knows" in texts(opened(q=query))


@pytest.mark.parametrize("query", [QUERY, "giraffe", "canine", "two"])
def test_a_query_that_the_model_knows_is_not_called_nothing(query):
    assert "says nothing the model knows" not in texts(opened(q=query))


def test_an_edit_in_the_address_is_what_the_library_searches(ready):
    settings = SearchSettings(
        k=24, boost={"lion": 0.5}, mute=("four",), rate=0.4, add={"tent": 2.0}, exclude=("tiger",)
    )
    hits = ready.search_text(QUERY, settings).hits
    app = opened(q=QUERY, boost="lion=0.5", mute="four", p="0.4", add="tent=2", exclude="tiger")
    assert tiles(app) == [hit.image_id for hit in hits]
    assert tiles(app) != tiles(opened(q=QUERY))
    assert board(app)["edit"] == {
        "p": 0.4,
        "boost": {"lion": 0.5},
        "mute": ["four"],
        "include": [],
        "exclude": ["tiger"],
    }


def test_terms_of_an_edit_are_spelt_as_the_vocabulary_does(ready):
    edit = Edit(boost={"LION": 2.0}, mute=(" Four",)).of(ready.model.vocabulary)
    assert edit == Edit(boost={"lion": 2.0}, mute=("four",))


def test_hits_can_be_taken_away_in_three_forms(ready):
    result = ready.search_text(QUERY, SearchSettings(k=30))
    table = pd.read_csv(io.BytesIO(as_csv(result)), keep_default_na=False)
    for hit in result.hits:
        rows = table[table["image_id"] == hit.image_id]
        assert rows["product"].sum() == pytest.approx(hit.score, rel=1e-5)
    told = json.loads(as_json(result))
    assert [one["image_id"] for one in told["hits"]] == [hit.image_id for hit in result.hits]
    lines = as_trec(result, "demo").decode().splitlines()
    assert lines[0].split()[:4] == ["1", "Q0", result.hits[0].image_id, "1"]
    assert [float(line.split()[4]) for line in lines] == [hit.score for hit in result.hits]


def test_terms_alone_are_searched_without_a_teacher_or_a_gold_mark(ready, scenes):
    app = opened(q="lion:1.5, desert", collection=scenes, beside="dense")
    assert not app.exception
    assert "Terms have no dense vector" in texts(app)
    drawn = board(app)
    assert {(one["term"], one["weight"]) for one in drawn["terms"]} == {
        ("lion", 1.5),
        ("desert", 1.0),
    }
    searched = ready.search_terms({"lion": 1.5, "desert": 1.0}, "", SearchSettings(k=1000))
    few = set(load_collection(find("collections", scenes)).image_ids)
    assert tiles(app) == [hit.image_id for hit in searched.hits if hit.image_id in few][:24]
    assert "says nothing the model knows" not in texts(app)


def test_an_unknown_term_alone_is_one_sentence():
    assert "notaterm" in mistake(opened(q="notaterm:2")).replace("\\", "")


def test_words_and_a_picture_search_together(scenes):
    app = opened(q=QUERY, collection=scenes)
    words = tiles(app)
    picture = ("mine.png", picture_bytes(), "image/png")
    app.file_uploader[0].set_value(picture).run()
    assert not app.error
    both = tiles(app)
    origins = {one["origin"] for one in board(app)["terms"]}
    assert origins == {"literal", "expansion"}
    app.slider[0].set_value(0.0).run()
    assert app.query_params["picture"] == "0"
    assert tiles(app) == words != both
    app.slider[0].set_value(1.0).run()
    assert {one["origin"] for one in board(app)["terms"]} == {"expansion"}
    assert tiles(app) not in (words, both)


def test_many_known_answers_take_one_line():
    app = opened(q="canine", tiles="12")
    lines = [one.value for one in app.markdown if one.value.startswith("★")]
    assert len(lines) == 1
    assert "images are known to answer" in lines[0]
    hits = [one["id"] for one in board(app)["hits"]]
    marked = set(board(app)["gold"])
    ranks = [place for place, one in enumerate(hits, 1) if one in marked]
    assert f"at ranks {', '.join(map(str, ranks))}" in lines[0]
    beyond = [link["hit"][0] for link in links_of(app) if "hit" in link]
    assert beyond
    assert not set(beyond) & set(hits)
