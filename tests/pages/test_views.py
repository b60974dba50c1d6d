"""Views and past queries: what a page shows is found again by name, by link and by history."""

from __future__ import annotations

import json
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from lsr.exceptions import QueryError, UnknownNameError
from lsr.storage.views import View, delete_view, save_view, views
from tests.pages.test_pages import opened


def box(app: AppTest) -> AppTest:
    """The app with the box of the sidebar opened."""
    app.session_state["views"] = True
    return app.run()


def links_of(app: AppTest) -> dict[str, tuple[str, dict[str, str]]]:
    """(page, address) of the links of the sidebar, by label."""
    found = {}
    for link in app.sidebar.get("page_link"):
        address = {name: one for name, [one] in parse_qs(link.proto.query_string).items()}
        found[link.proto.label.replace("\\", "")] = (link.proto.page, address)
    return found


def test_a_view_is_the_rule_and_not_what_was_found(home):
    saved = save_view("  dogs   alone ", "search", {"q": "dog", "expansion": "off"})
    assert saved == View("dogs alone", "search", {"q": "dog", "expansion": "off"})
    [file] = (home / "views").iterdir()
    assert json.loads(file.read_text("utf-8")) == {
        "name": "dogs alone",
        "page": "search",
        "address": {"q": "dog", "expansion": "off"},
    }
    assert views() == ([saved], [])


def test_names_that_differ_in_signs_alone_are_two_views(home):
    for name in ("a/b", "a b", "Ä", "../../x", "猫"):
        save_view(name, "term", {"term": name})
    assert [view.name for view in views()[0]] == sorted(
        ["a/b", "a b", "Ä", "../../x", "猫"], key=str.casefold
    )
    assert {path.parent for path in home.rglob("*.json")} == {home / "views"}
    delete_view("a/b")
    assert "a b" in [view.name for view in views()[0]]


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\0b"])
def test_a_name_that_cannot_be_shown_is_refused(name, home):
    with pytest.raises(QueryError, match="cannot name a view"):
        save_view(name, "search", {})
    assert not (home / "views").exists()


def test_a_taken_name_keeps_its_view():
    save_view("mine", "search", {"q": "one"})
    with pytest.raises(QueryError, match="There is a view `mine`"):
        save_view("mine", "search", {"q": "two"})
    assert views()[0][0].address == {"q": "one"}
    with pytest.raises(UnknownNameError, match="no view `yours`"):
        delete_view("yours")


@pytest.mark.parametrize("content", ["[]", "{", '{"name": "x"}', '{"name": "x", "page": 3}'])
def test_a_damaged_view_is_named_and_hides_no_other(content, home):
    save_view("sound", "search", {"q": "a"})
    (home / "views" / "broken.json").write_text(content)
    found, [problem] = views()
    assert [view.name for view in found] == ["sound"]
    assert "broken.json" in problem


def test_the_box_links_to_views_and_past_queries_and_saves(home):
    save_view("red cars", "expansion", {"q": "a red car"})
    app = box(opened("search", q="two dogs", expansion="off"))
    assert not app.exception
    links = links_of(app)
    assert links["red cars"] == ("expansion", {"q": "a red car"})
    assert links["two dogs · search"][1] == {"q": "two dogs", "expansion": "off"}
    assert app.sidebar.code[0].value.endswith("?q=two+dogs&expansion=off")
    app.sidebar.text_input[0].input("two dogs alone")
    next(one for one in app.sidebar.button if one.label == "Save the view").click().run()
    assert not app.error
    assert [(view.name, view.page) for view in views()[0]] == [
        ("red cars", "expansion"),
        ("two dogs alone", "search"),
    ]
    assert "two dogs alone" in links_of(app)
    next(one for one in app.sidebar.button if one.key == "delete-view-red cars").click().run()
    assert [view.name for view in views()[0]] == ["two dogs alone"]


def test_the_last_query_stands_first_and_once():
    app = opened("search", q="two dogs")
    for query in ("a cat", "two dogs"):
        app.query_params["q"] = query
        app.run()
    asked = [label for label in links_of(box(app)) if label.endswith(" · search")]
    assert asked == ["two dogs · search", "a cat · search"]


def test_a_closed_box_reads_nothing(home):
    (home / "views").mkdir(parents=True)
    (home / "views" / "broken.json").write_text("{")
    app = opened("search")
    assert not app.error
    assert "broken.json" in box(app).error[0].value.replace("\\", "")


def test_a_server_for_others_shows_views_and_keeps_them(home, monkeypatch):
    save_view("given", "search", {"q": "a dog"})
    monkeypatch.setenv("LEXISCOPE_MODE", "class")
    app = box(opened("search"))
    assert links_of(app)["given"] == ("", {"q": "a dog"})
    assert "Saving and deleting views is off" in app.sidebar.info[0].value
    assert not [one for one in app.sidebar.button if "view" in str(one.key or one.label).lower()]
