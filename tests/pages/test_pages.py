"""Every page opens, keeps its state in its address, and answers bad input with one sentence."""

import json
import re
import shlex
import shutil
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from lsr.ablation.reading import AblationTables, read_ablation, trained_models
from lsr.cli.main import main
from lsr.collection.collection import load_collection
from lsr.evaluation.projected import project_split
from lsr.search.searcher import Searcher
from lsr.storage import places
from lsr.storage.files import write_json
from lsr.sweep.engine_rules import engine_hits
from lsr.sweep.knobs import RANKINGS, Knob
from lsr.sweep.one_query import image_index
from lsr.sweep.sweep import RATE_STOPS
from pages.parts import background, caches
from pages.parts.expansion.curve import _clicked

APP = Path(__file__).resolve().parents[2] / "app.py"
PAGES = ("search", "image", "term", "expansion", "train")


def opened(page: str = "search", **address: str) -> AppTest:
    """A page after its first run at an address."""
    app = AppTest.from_file(str(APP), default_timeout=600)
    if page != "search":  # no page has an address that differs from its file's name
        app.switch_page(f"pages/{page}.py")
    for name, value in address.items():
        app.query_params[name] = value
    return app.run()


def board(app: AppTest) -> dict:
    """What the board of the Search page is drawn of; nothing where there is none."""
    return component(app, "hits") or {"hits": []}


def component(app: AppTest, has: str) -> dict:
    """What a component is drawn of, the first whose data has a name; empty where there is none."""
    drawn = (json.loads(one.proto.json) for one in app.get("bidi_component"))
    return next((one for one in drawn if has in one), {})


def tiles(app: AppTest) -> list[str]:
    """Image ids that the board, two lists, or else page links show, in order."""
    sides = component(app, "sides").get("sides", [])
    listed = [row["id"] for side in sides for row in side["rows"]]
    return [hit["id"] for hit in board(app)["hits"]] or listed or linked(app)


def linked(app: AppTest) -> list[str]:
    """Image ids that tiles and page links lead to, in order."""
    queries = [link.proto.query_string for link in app.get("page_link")]
    queries += [one["href"] for one in shown_links(app)]
    return [query.partition("id=")[2] for query in queries if "id=" in query]


def shown_links(app: AppTest) -> list[dict]:
    """The tiles and chips of a page, as their components are drawn of them, in order."""
    drawn = [json.loads(one.proto.json) for one in app.get("bidi_component")]
    return [link for one in drawn for link in one.get("links", [])]


def mistake(app: AppTest) -> str:
    """The one sentence that says what is wrong."""
    assert not app.exception
    assert len(app.error) == 1
    return app.error[0].value


@pytest.fixture(scope="module")
def collection():
    return load_collection(places.find("collections", "demo"))


@pytest.fixture(scope="module")
def image_id(collection) -> str:
    return collection.image_ids[collection.searchable_rows[3]]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens(page):
    app = opened(page)
    assert not app.exception
    assert not app.error
    assert app.title[0].value == page.capitalize()


def test_the_start_offers_queries_that_find_something(collection):
    app = opened()
    offered = [link.proto.label for link in app.get("page_link") if "q=" in link.proto.query_string]
    assert 5 <= len(offered) <= 6
    assert len(tiles(opened(q=offered[0]))) == 24


def test_a_search_shows_tiles_in_the_order_of_the_library():
    app = opened(q="two dogs")
    assert len(tiles(app)) == 24
    assert any("engine" in caption.value for caption in app.caption)
    assert app.text_input[0].value == "two dogs"


def test_without_expansion_only_literal_terms_are_active():
    app = opened(q="dog", expansion="off")
    assert app.toggle[0].value is False
    shown = board(app)
    assert shown["expansion"] is False
    assert {origin for hit in shown["hits"] for _, _, origin in hit["parts"]} == {"literal"}


def test_a_toggle_writes_the_address():
    app = opened(q="dog")
    app.toggle[0].set_value(False).run()
    assert app.query_params["expansion"] == "off"
    app.toggle[0].set_value(True).run()
    assert "expansion" not in app.query_params


def test_the_submitted_text_becomes_the_address():
    app = opened()
    app.text_input[0].set_value("a red car")
    app.button[0].click().run()
    assert app.query_params["q"] == "a red car"
    assert tiles(app)


def test_no_hit_says_what_to_do():
    app = opened(q="zzzyqx", expansion="off")
    assert not app.exception
    assert not app.error
    assert not tiles(app)
    assert "Turn expansion on" in app.info[0].value


@pytest.mark.parametrize("query", ["", "   "])
def test_an_empty_query_is_one_sentence(query):
    assert "The query is empty" in mistake(opened(q=query))


def test_a_very_long_query_is_one_sentence_and_stays_in_the_box():
    app = opened(q="dog " * 2500)
    assert "10,000 characters" in mistake(app)
    assert len(app.text_input[0].value) == 10_000


@pytest.mark.parametrize(
    "query", ["🐶🏖️", "<b>dog</b> **x** $y$ `z` :red[w]", "כלב על החוף", "dog\u202egod", "\u0000dog"]
)
def test_odd_text_is_searched_like_any_other(query):
    app = opened(q=query)
    assert not app.exception
    assert not app.error
    assert len(tiles(app)) == 24


@pytest.mark.parametrize(
    ("page", "name", "value", "words"),
    [
        ("search", "collection", "nowhere", "Choose one in the sidebar"),
        ("image", "model", "../demo", "Choose one in the sidebar"),
        ("term", "engine", "turbo", "Choose one in the sidebar"),
        ("search", "expansion", "maybe", "Use `on` or `off`"),
        ("image", "id", "no*such$id", "Try one of its ids"),
        ("term", "term", "notaterm", "is not a term"),
        ("expansion", "control", "magic", "`caption`"),
        ("expansion", "rate", "1.5", "from 0 to 1"),
        ("expansion", "rate", "0.33", "Use `0.35`"),
        ("expansion", "x", "speed", "`flops`"),
        ("expansion", "split", "moon", "`test`"),
        ("expansion", "against", "nobody", "There is no model"),
    ],
)
def test_a_bad_address_is_one_sentence_with_a_remedy(page, name, value, words):
    assert words in mistake(opened(page, **{name: value})).replace("\\", "")


def test_after_a_bad_address_the_sidebar_mends_it():
    app = opened(collection="nowhere")
    assert app.selectbox[0].value is None
    app.selectbox[0].set_value("demo").run()
    assert not app.error
    assert app.title[0].value == "Search"


def test_an_image_page_marks_terms_and_shows_similar_images(image_id):
    app = opened("image", id=image_id)
    assert not app.error
    labels = {metric.label: metric.value for metric in app.metric}
    assert int(labels["Active terms"].replace(",", "")) > 0
    assert "of" in labels["Said in a caption"]
    assert set(linked(app)) == {image_id}  # its own captions, set against it
    for side in component(app, "sides")["sides"]:
        similar = [row["id"] for row in side["rows"]]
        assert len(similar) == 12
        assert image_id not in similar


def test_captions_lead_to_a_search(collection, image_id):
    app = opened("image", id=image_id)
    asked = [
        dict(parse_qsl(one["href"].removeprefix("./?")))["q"]
        for one in shown_links(app)
        if one["href"].startswith("./?")
    ]
    assert asked == collection.captions_of(collection.image_row(image_id))


def test_a_term_page_shows_its_frequency_and_images():
    app = opened("term", term="dog")
    assert app.metric[0].label == "Document frequency"
    assert tiles(app)
    assert "Frequent terms" not in [one.value for one in app.header]


def test_a_term_of_no_image_offers_frequent_ones():
    app = opened("term", term="parliament")
    assert not tiles(app)
    assert "Frequent terms" in [one.value for one in app.header]
    assert sum("term?" in one["href"] for one in shown_links(app)) == 30


def test_a_word_piece_is_a_term():
    app = opened("term", term="##s")
    assert not app.exception
    assert app.header[0].value == "\\#\\#s"


def test_another_term_can_be_typed():
    app = opened("term", term="dog")
    app.text_input[0].set_value("cat").run()
    assert app.query_params["term"] == "cat"
    assert app.header[0].value == "cat"


def measured(**address: str) -> AppTest:
    """The Expansion page after everything that it measures is measured."""
    app = opened("expansion", **address)
    for _ in range(2):  # the direction chosen, then the other one
        for work in list(background._WORKS.values()):
            work.wait(600)
        app.run()
    return app


def lab_table(app: AppTest) -> dict[tuple[str, str], dict[str, str]]:
    """Cells of the table of the laboratory, by direction and model, then by measure."""
    page = next(html.proto.body for html in app.get("html") if "lab-table" in html.proto.body)
    heads, body = re.search(r"<thead>(.*)</thead><tbody>(.*)</tbody>", page).groups()
    names = re.findall(r"<th scope='col' title[^>]*>(.*?)</th>", heads)
    found, direction = {}, ""
    for row in re.findall(r"<tr>(.*?)</tr>", body):
        if group := re.search(r"rowgroup[^>]*>(.*?)</th>", row):
            direction = group[1]
            continue
        label = re.search(r"<th scope='row'>(.*?)</th>", row)[1]
        cells = re.findall(r"<td[^>]*>(.*?)</td>", row)
        found[direction, label] = dict(zip(names, cells, strict=True))
    return found


CAPTIONS = {"control": "caption", "queries": "captions"}
TO_IMAGE, TO_TEXT = "Text → image", "Image → text"


def test_a_lower_rate_lowers_the_active_terms_and_leaves_the_teacher():
    full, none = (lab_table(measured(**CAPTIONS, rate=rate)) for rate in ("1", "0"))
    ours, theirs = (TO_IMAGE, "demo"), (TO_IMAGE, "dense teacher")
    assert float(full[ours]["terms a query"]) > float(none[ours]["terms a query"])
    assert full[theirs]["R@1"] == none[theirs]["R@1"]
    assert float(full[ours]["R@1"]) == pytest.approx(0.8154, abs=0.002)


def test_the_page_starts_where_expansion_pays_and_opens_without_measuring(capsys):
    """Word level on the queries in other words, both directions, from what is shipped."""
    app = opened("expansion")
    assert not app.exception
    assert not app.get("progress")
    table = lab_table(app)
    assert [place for place, _ in table] == [TO_IMAGE] * 4 + [TO_TEXT] * 3  # BM25 has no images
    told = ["sweep", "--control", "word", "--queries", "paraphrased", "--from", "1", "--to", "1"]
    for direction, name in ((TO_IMAGE, "text-to-image"), (TO_TEXT, "image-to-text")):
        assert main([*told, "--steps", "1", "--draws", "1", "--direction", name, "--json"]) == 0
        (row,) = json.loads(capsys.readouterr().out)["rows"]
        assert table[direction, "demo"]["R@1"] == f"{row['R@1']:.3f}"
    curve = next(one for one in app.get("plotly_chart")).proto.alt
    ends = [float(number) for number in re.findall(r"(?:from|to) (0\.\d+) at", curve)]
    assert ends[1] > ends[0] + 0.1


def test_the_shipped_sweeps_are_what_a_sweep_measures(monkeypatch, tmp_path, capsys):
    told = ["sweep", "--control", "word", "--queries", "paraphrased", "--from", "0.5", "--to"]
    told += ["0.5", "--steps", "1", "--draws", "8", "--json"]
    assert main(told) == 0
    shipped = json.loads(capsys.readouterr().out)["rows"]
    monkeypatch.setattr("lsr.sweep.store.SHIPPED", "nothing")
    monkeypatch.setattr("lsr.sweep.store.home", lambda: tmp_path)
    assert main(told) == 0
    assert list(tmp_path.glob("cache/sweeps/*/*.parquet"))
    (ours,), (theirs,) = json.loads(capsys.readouterr().out)["rows"], shipped
    assert ours["draws"] == 8 <= theirs["draws"]
    assert ours["R@1"] == pytest.approx(theirs["R@1"], abs=0.01)


def test_the_caption_curve_is_said_to_be_a_line():
    app = measured(**CAPTIONS, rate="0.5")
    assert any("a line by definition" in one.value for one in app.caption)
    assert not any("a line by definition" in one.value for one in measured(rate="0.5").caption)
    ours = lab_table(app)[TO_IMAGE, "demo"]
    ends = [lab_table(measured(**CAPTIONS, rate=one))[TO_IMAGE, "demo"] for one in ("0", "1")]
    middle = sum(float(one["R@1"]) for one in ends) / 2
    assert float(ours["R@1"]) == pytest.approx(middle, abs=0.002)


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ({"control": "mean", "rate": "0.25"}, 0.25),
        ({"control": "word", "rate": "1"}, 1),
        ({"control": "word", "rates": "word-df", "rate": "0.5"}, 0.5),
        ({"control": "prune", "k": "1"}, 1),
        ({"control": "prune", "cut": "threshold", "side": "images", "least": "0.5"}, 0.5),
        ({"control": "prune", "cut": "max-ratio", "part": "expansion", "ratio": "0.2"}, 0.2),
        ({"control": "prune", "cut": "bits", "side": "both", "bits": "4"}, 4),
    ],
)
def test_every_knob_has_its_place_in_the_address(address, value, handful):
    app = measured(collection=handful, **address)
    assert not app.exception
    assert not app.error
    assert app.select_slider[0].value == value
    assert len(lab_table(app)) == 7


def test_images_search_their_captions_beside():
    forward, back = (
        lab_table(measured(**CAPTIONS, direction=one)) for one in ("text-to-image", "image-to-text")
    )
    assert next(iter(forward)) == (TO_IMAGE, "demo")
    assert next(iter(back)) == (TO_TEXT, "demo")
    assert forward == {key: back[key] for key in forward}
    there, here = forward[TO_IMAGE, "demo"], forward[TO_TEXT, "demo"]
    assert there["terms a query"] == here["terms a document"]
    assert float(here["R@1"]) > float(there["R@1"])


def test_a_null_is_measured_beside_the_models():
    table = lab_table(measured(**CAPTIONS, null="words", rate="0"))
    assert len(table) == 9
    assert table[TO_IMAGE, "demo, caption words only"]["Exact@20"] == "1.000"


@pytest.mark.parametrize(
    "view", ["flips", "cloud", "coins", "order", "prices", "safe", "cheapest", "report"]
)
def test_every_closer_look_opens(view, scenes):
    app = opened("expansion", view=view, control="prune", k="5", collection=scenes)
    assert not app.exception
    assert not app.error


def test_the_order_marks_exchanges_and_its_caption_counts_them(scenes):
    query = "a dog on the beach"
    app = opened("expansion", collection=scenes, view="order", control="mean", q=query)
    assert not app.exception
    assert not app.error
    said = next(one.value for one in app.caption if "exchanges. Of the best" in one.value)
    counted = int(re.search(r"(\d+) exchanges", said)[1])
    chart = next(one for one in app.get("plotly_chart") if "exchanges among" in one.proto.alt)
    marks = json.loads(chart.proto.spec)["data"][-1]
    numbers = [one[0] for one in marks["customdata"]]
    assert numbers == sorted(numbers)
    assert 0 < len(numbers) <= counted
    assert numbers[-1] < counted
    assert marks["x"] == sorted(marks["x"])
    assert marks["x"][0] > 0
    assert marks["x"][-1] < 1

    # What moves in the browser: every image that is among the best at some weight.
    moved = component(app, "scores")
    ready = Searcher.open(scenes)
    asked, rows = ready.query_vector(query), np.unique(moved["rows"])
    assert len(rows) == len(moved["rows"]) == len(moved["names"])
    split = project_split(ready.collection, ready.model, "test").images
    literal, expansion = (
        split.matrix[:, asked.terms[part]] @ asked.matrix.data[part]
        for part in (asked.said, ~asked.said)
    )
    for weight in (0.0, 0.3, 1.0):
        here = np.sort([low + weight * more for low, more in moved["scores"]])
        everywhere = np.sort(literal + weight * expansion)
        best = moved["best"]
        assert here[-best:] == pytest.approx(everywhere[-best:], abs=1e-4), weight


def test_exact_coins_meet_the_coins_of_the_split(handful, home):
    collection = load_collection(home / "collections" / handful)
    caption = collection.captions_of(int(collection.image_rows("test")[0]))[0]
    app = opened("expansion", collection=handful, view="coins", rate="0.5", q=caption)
    assert not app.error
    told = [one.value for one in app.caption]
    assert any("In demo: " in one and "counted in" in one for one in told)
    moved = component(app, "shares")
    assert np.sum(moved["shares"], axis=0) == pytest.approx(np.ones(len(moved["shares"][0])))
    assert (len(moved["names"]), moved["value"]) == (11, 0.5)
    app.button("count-split").click().run()
    work = background.known(
        next(key for key in background._WORKS if str(key).startswith("('exact-coins'"))
    )
    work.wait(600)
    app.run()
    assert not app.exception
    said = next(one.value for one in app.caption if one.value.startswith("Expected R@1"))
    fit, n = map(int, re.search(r"(\d+) of (\d+) queries", said.replace(",", "")).groups())
    assert 0 < fit <= n
    chart = next(one for one in app.get("plotly_chart") if "Expected R@1" in one.proto.alt)
    drawn = {one["name"]: one for one in json.loads(chart.proto.spec)["data"]}
    exact, checked = drawn["queries that fit, exact"], drawn["the same, drawn"]
    assert exact["y"][-1] == pytest.approx(checked["y"][-1])  # at rate 1 nothing is drawn
    assert len(exact["y"]) == len(RATE_STOPS)


@pytest.mark.parametrize(
    "rule",
    ["two_phase.prune_ratio", "tokens_weight_threshold", "tokens_freq_ratio_threshold", "hybrid"],
)
def test_a_rule_of_an_engine_is_measured_and_ranks_the_pinned_query(scenes, rule):
    at = {"collection": scenes, "control": "engine", "rule": rule, "q": "a dog on the beach"}
    app = measured(**at)
    table = lab_table(app)
    for way in (TO_IMAGE, TO_TEXT):
        for name in ("demo", "demo-uncontrolled"):
            assert 0 < float(table[way, name]["R@1"]) <= 1
    assert any("OpenSearch" in one.value or "Elastic" in one.value for one in app.caption)
    ready = caches.laboratory(scenes, "demo", "test", "text-to-image", "", "")
    query, knob = ready.query(at["q"]), Knob(rule)
    if rule in RANKINGS:
        value = 0.5 if rule == "hybrid" else 0.4
        expected = [one.image_id for one in engine_hits(ready.plain, query, knob, value, 4)]
        assert linked(app)[: len(expected)] == expected
        assert any("cannot be taken there" in one.value for one in app.caption)


def test_a_cut_within_the_safe_range_keeps_the_first_hits(handful):
    at = {"collection": handful, "q": "a dog on the beach"}
    app = opened("expansion", view="safe", first="4", **at)
    assert not app.error
    table = app.dataframe[-2].value.set_index(["cut", "of"])  # of the first of two models
    least = int(table.loc[("Strongest k", "query"), "in order"].removeprefix("≥ "))
    ready = caches.laboratory(handful, "demo", "test", "text-to-image", "", "")
    query, index = ready.query(at["q"]), image_index(ready.plain, Knob("caption"), 1, "v")
    order = query.by_weight

    def first(n: int) -> list[str]:
        kept = order[:n]
        hits = index.search(query.terms[kept], query.matrix.data[kept], 4)
        return [hit.image_id for hit in hits]

    whole = first(len(order))
    assert all(first(n) == whole for n in range(least, len(order)))
    assert first(least - 1) != whole


def test_the_terms_of_a_known_caption_have_a_worth_that_adds_up(handful, home):
    collection = load_collection(home / "collections" / handful)
    row = int(collection.image_rows("test")[0])
    image_id, caption = collection.image_ids[row], collection.captions_of(row)[0]
    app = opened("expansion", collection=handful, view="prices", q=caption)
    assert not app.error
    said = next(one.value for one in app.caption if one.value.startswith("Worth of each term"))
    assert image_id in said.replace("\\", "")
    table = next(one.value for one in app.dataframe if "worth" in one.value)
    total = float(re.search(r"add up to (\d\.\d+)", said)[1])
    assert table["worth"].sum() == pytest.approx(total, abs=0.005)
    assert total > 0
    app = opened("expansion", collection=handful, view="prices", q="a dog that nobody drew")
    assert not any("worth" in one.value for one in app.dataframe)


@pytest.fixture
def _fresh_searchers():
    """Searchers of other tests have indexes of their own, and theirs shall not have this one's."""
    forget_searchers()
    yield
    forget_searchers()


def forget_searchers() -> None:
    caches._searcher.clear()
    caches._opened.clear()


@pytest.mark.usefixtures("_fresh_searchers")
def test_the_search_page_says_when_a_stored_index_keeps_smaller_weights(capsys):
    plain = opened(q="two dogs")
    assert any(one.value.endswith("engine `memory`") for one in plain.caption)
    forget_searchers()
    assert main(["index", "--weights", "int8", "--json"]) == 0
    capsys.readouterr()
    stored = opened(q="two dogs")
    assert any(one.value.endswith("engine `memory`, weights of int8") for one in stored.caption)
    assert len(tiles(plain)) == len(tiles(stored)) > 0


@pytest.mark.parametrize("view", ["query", "cloud", "coins", "order", "prices", "safe"])
def test_a_null_stands_beside_the_models_in_every_look_at_a_query(view, handful):
    app = opened("expansion", collection=handful, view=view, null="words", q="a dog on the beach")
    assert not app.exception
    assert not app.error
    told = " ".join(one.value for one in app.caption).replace("\\", "")
    for name in ("demo", "demo-uncontrolled", "demo, caption words only"):
        assert f"In {name}:" in told


def test_a_null_stands_in_every_chart_of_what_was_trained(capsys):
    app = opened("expansion", control="training", null="words")
    assert not app.exception
    assert not app.error
    _, points, rates, sizes = app.get("plotly_chart")
    told = ["sweep", "--control", "caption", "--from", "0", "--to", "1", "--steps", "2"]
    assert main([*told, "--null", "words", "--json"]) == 0
    literal, full = json.loads(capsys.readouterr().out)["rows"]
    at = f"{literal['R@1']:.3f} at FLOPs {full['flops']:.3g}"
    assert f"null: R@1 with literal terms only {at}" in points.proto.alt
    heat = json.loads(rates.proto.spec)["data"][0]
    assert heat["y"][-1] == "null"
    assert heat["text"][-1][0] == f"{literal['R@1']:.2f}".removeprefix("0")
    assert "null, all terms" in sizes.proto.spec
    assert "null:" not in opened("expansion", control="training").get("plotly_chart")[1].proto.alt


def test_what_changes_names_queries_terms_and_an_interval(scenes):
    app = opened("expansion", collection=scenes, view="flips", control="prune", k="3")
    figures = {metric.label: metric.value for metric in app.metric}
    low, high = (float(part) for part in app.metric[0].delta.split(" … "))
    assert low <= float(figures["Change of R@1"]) <= high < 0
    assert int(figures["Queries that lose"]) > int(figures["Queries that gain"])
    assert [one for one in shown_links(app) if "term=" in one["href"]]


def test_the_point_of_the_second_model_is_explained_with_its_own_figures(scenes, capsys):
    address = {"collection": scenes, "view": "flips", "control": "prune", "k": "5"}
    app = opened("expansion", **address, point="demo-uncontrolled")
    assert not app.exception
    told = [
        "sweep",
        "--collection",
        scenes,
        "--model",
        "demo-uncontrolled",
        "--control",
        "top-k",
        "--json",
    ]
    told += ["--queries", "paraphrased"]
    low, high = (
        json.loads(capsys.readouterr().out)["rows"][0]["R@1"]
        for k in ("5", "500")
        if main([*told, "--from", k, "--to", k, "--steps", "1"]) == 0
    )
    assert float(app.metric[0].value) == pytest.approx(low - high, abs=1e-4)
    assert any(one.value.startswith("**demo\\-uncontrolled**, ") for one in app.markdown)
    other = opened("expansion", **address, point="gone")
    assert not other.error
    assert "point" not in other.query_params


@pytest.mark.parametrize(
    ("points", "clicked"),
    [([], None), ([{}], None), ([{"customdata": ["demo", 0.5]}], ("demo", 0.5))],
)
def test_a_click_names_the_curve_and_the_value(points, clicked):
    assert _clicked({"selection": {"points": points}}) == clicked


def test_a_null_can_be_the_baseline(handful):
    address = {"view": "flips", "null": "shuffled", "baseline": "null"}
    app = opened("expansion", collection=handful, **address)
    assert not app.exception
    assert not app.error
    figures = {metric.label: metric.value for metric in app.metric}
    assert float(figures["Change of R@1"]) > 0


def test_latency_is_measured_when_it_is_drawn(handful):
    table = lab_table(measured(x="latency_us", control="prune", k="5", collection=handful))
    for name in ("demo", "demo-uncontrolled"):
        assert float(table[TO_IMAGE, name]["µs a query"]) > 0


def test_the_shipped_ablation_is_drawn():
    app = opened("expansion", control="training")
    assert not app.exception
    assert not app.error
    assert [one.value for one in app.header] == [
        "The control dial",
        "What each control gives",
        "Trained at one rate, searched at another",
        "Size of the head",
    ]
    assert "python -m lsr ablate" in app.code[0].value


def test_an_ablation_that_a_query_set_searched_as_well_shows_both(monkeypatch):
    kept = read_ablation()
    runs = [
        {**row, "queries_R@1": row["R@1"] / 2, "queries_literal_R@1": row["literal_R@1"] / 2}
        for row in kept.runs
    ]
    captions = [row for row in kept.mismatch if not row["queries"]]
    asked = [{**row, "queries": "asked", "R@1": row["R@1"] / 2} for row in captions]
    both = AblationTables(runs, captions + asked, kept.command)
    monkeypatch.setattr("pages.parts.expansion.trained.read_ablation", lambda: both)
    address = {"control": "training", "trained-y": "queries_R@1"}
    pages = [opened("expansion", **address, searched=one) for one in ("captions", "asked")]
    plain, other = (
        np.array(json.loads(page.get("plotly_chart")[2].proto.spec)["data"][0]["z"])
        for page in pages
    )
    assert other == pytest.approx(plain / 2)
    assert not any(page.error or page.exception for page in pages)
    opened("expansion", **{**address, "searched": "gone"}).error[0]


def test_the_installed_models_stand_beside_the_ablation():
    app = opened("expansion", control="training", own="on")
    assert not app.exception
    rows = trained_models(load_collection(places.find("collections", "demo")).fingerprint)
    assert {"demo", "demo-lexical", "demo-uncontrolled"} <= {row["control"] for row in rows}
    trained = {row["control"]: row["trained with"] for row in rows}
    assert trained["demo"] == "scheduled"
    assert trained["demo-lexical"] == "closed-form"


def test_the_cheapest_setting_is_found_and_comes_with_its_command(scenes, capsys):
    at = {"collection": scenes, "queries": "captions", "control": "prune"}  # nothing is drawn first
    app = opened("expansion", view="cheapest", **at)
    app.button(key="solve").click().run()
    work = background.known(
        next(key for key in background._WORKS if isinstance(key, tuple) and "cheapest" in key)
    )
    work.wait(600)
    app.run()
    assert not app.exception
    assert any("chosen on split val" in one.value for one in app.caption)
    solved = {metric.label: metric.value for metric in app.metric}
    assert main([*shlex.split(app.code[0].value)[3:], "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert float(solved["R@1"]) == pytest.approx(row["R@1"], abs=1e-4)
    assert float(solved["Change of R@1"]) > -0.05


def test_the_slider_writes_the_address():
    app = opened("expansion")
    app.select_slider[0].set_value(0.5).run()
    assert app.query_params["rate"] == "0.5"


def test_without_any_collection_the_app_says_how_to_get_one(monkeypatch, tmp_path):
    monkeypatch.setattr(places, "ASSETS", tmp_path / "assets")
    monkeypatch.setenv("LEXISCOPE_HOME", str(tmp_path / "home"))
    assert "There is no collection yet" in mistake(opened())


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("images.parquet", "truncated or not a parquet file"),
        ("image_vectors.npy", "truncated or not a .npy array"),
        ("captions.parquet", "is missing"),
    ],
)
def test_a_broken_collection_is_one_sentence(monkeypatch, tmp_path, collection, file, words):
    broken = tmp_path / "collections" / "broken"
    ignore = shutil.ignore_patterns("images")
    shutil.copytree(collection.folder, broken, ignore=ignore)
    if words == "is missing":
        (broken / file).unlink()
    else:
        (broken / file).write_bytes((broken / file).read_bytes()[:100])
    monkeypatch.setenv("LEXISCOPE_HOME", str(tmp_path))
    said = mistake(opened(collection="broken")).replace("\\", "")
    assert words in said


def test_a_card_that_is_no_json_is_one_sentence(monkeypatch, tmp_path):
    folder = tmp_path / "collections" / "broken"
    folder.mkdir(parents=True)
    (folder / "collection.json").write_text("{", "utf-8")
    monkeypatch.setenv("LEXISCOPE_HOME", str(tmp_path))
    assert "is not readable JSON" in mistake(opened(collection="broken")).replace("\\", "")


@pytest.fixture
def web_collection(monkeypatch, tmp_path, collection) -> str:
    """The bundled collection as one whose pictures all lie on the web."""
    assets = tmp_path / "assets"
    for kind in ("collections", "models"):
        shutil.copytree(places.ASSETS / kind, assets / kind)
    folder = assets / "collections" / "demo"
    images = collection.images
    urls = pa.array([f and f"https://pictures.example/{f}" for f in images["file"].to_pylist()])
    table = images.set_column(1, "file", pa.nulls(len(images), pa.string()))
    pq.write_table(table.set_column(2, "url", urls), folder / "images.parquet")
    card = json.loads((folder / "collection.json").read_text("utf-8"))
    # Pictures are cached by fingerprint, and those of the bundled one may be there already.
    write_json(folder / "collection.json", card | {"fingerprint": "on the web"})
    monkeypatch.setattr(places, "ASSETS", assets)
    return "https://pictures.example/"


def pictures(app: AppTest) -> list[str]:
    alone = [one.url for element in app.get("image") for one in element.proto.imgs]
    return alone + [one["picture"] for one in shown_links(app) if "picture" in one]


def test_pictures_on_the_web_are_shown_from_there_until_they_are_switched_off(web_collection):
    app = opened("image")
    assert all(url.startswith(web_collection) for url in pictures(app))
    assert pictures(app)
    switch = next(one for one in app.sidebar.toggle if one.label == "Pictures from the web")
    assert (switch.value, switch.disabled) == (True, False)
    switch.set_value(False).run()
    assert app.query_params["web"] == "off"
    assert not any(url.startswith(web_collection) for url in pictures(app))
    assert "web=off" in app.get("page_link")[1].proto.query_string


def test_whoever_runs_the_app_can_switch_pictures_on_the_web_off(web_collection, monkeypatch):
    monkeypatch.setenv("LEXISCOPE_REMOTE_PICTURES", "off")
    app = opened("image", web="on")
    assert not any(url.startswith(web_collection) for url in pictures(app))
    assert next(one for one in app.sidebar.toggle).disabled
    monkeypatch.setenv("LEXISCOPE_REMOTE_PICTURES", "never")
    assert "Use `on` or `off`" in mistake(opened("image"))


def test_a_collection_with_all_its_pictures_has_no_switch_for_the_web():
    assert not opened("image").sidebar.toggle


def picture_bytes(kind: str = "PNG") -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (64, 48), "teal").save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("page", ["search", "image"])
def test_an_uploaded_picture_is_inspected(page):
    app = opened(page)
    app.file_uploader[0].set_value(("mine.png", picture_bytes(), "image/png")).run()
    assert not app.exception
    assert not app.error
    assert tiles(app)


@pytest.mark.parametrize("page", ["search", "image"])
@pytest.mark.parametrize("content", [b"", b"no picture", picture_bytes()[:60]])
def test_a_broken_upload_is_one_sentence(page, content):
    app = opened(page)
    app.file_uploader[0].set_value(("x*y.png", content, "image/png")).run()
    assert "x*y.png" in mistake(app)


def test_no_page_lets_markup_through():
    for file in (APP.parent / "pages").rglob("*.py"):
        assert "unsafe_allow" not in file.read_text("utf-8"), file


def test_the_theme_needs_no_network():
    text = (APP.parent / ".streamlit" / "config.toml").read_text("utf-8")
    assert "http" not in text
    assert json.dumps("none") in text


def drawn(app: AppTest) -> list[int]:
    """How many there are of what a page is made of."""
    kinds = ("markdown", "caption", "metric", "button", "selectbox", "plotly_chart", "page_link")
    return [*(len(app.get(kind)) for kind in kinds), len(shown_links(app))]


@pytest.mark.parametrize(
    ("page", "name"),
    [
        *(("search", name) for name in ("tiles", "boost")),
        *(("expansion", name) for name in ("rate", "split", "view")),
        ("collections", "view"),
    ],
)
def test_what_one_option_says_wrong_leaves_the_rest_of_the_page(handful, page, name):
    asked = {"collection": handful, "q": "a dog"} if page == "search" else {"collection": handful}
    right, wrong = opened(page, **asked), opened(page, **asked, **{name: "zzz"})
    assert not right.error
    assert len(wrong.error) == 1
    assert "zzz" in wrong.error[0].value
    assert drawn(wrong) == drawn(right)
