"""A server for others: what its mode switches off stays off, whatever a page is asked."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from lsr.collection.collection import Collection, load_collection
from lsr.exceptions import NotAllowedError, QueryError
from lsr.exports.exporting import ExportRequest
from lsr.failures.triage import Entry
from lsr.imports.imported import ImportRequest
from lsr.imports.planning import plan_import
from lsr.imports.running import import_source
from lsr.model.edited import edit_terms
from lsr.model.loading import load_model
from lsr.model.term_edits import parse_edits
from lsr.report.report_tables import ReportSettings
from lsr.sweep.laboratory import open_laboratory
from lsr.training import jobs
from lsr.training.jobs import queue
from lsr.training.lexical.settings import LexicalSettings
from pages.parts import actions, background, mode
from pages.parts.collections.tasks import Task
from pages.parts.train import turns
from tests.conftest import FakeEncoder, make_collection
from tests.pages.test_pages import mistake, opened

ROOT = Path(__file__).resolve().parents[2]
SHARED = ("class", "read-only")
SECRET = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _no_works():
    background._WORKS.clear()
    yield
    background._WORKS.clear()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for colour in ("red", "green", "blue"):
        Image.new("RGB", (40, 30), colour).save(folder / f"{colour}.png")
    return folder


@pytest.fixture
def mine(photos: Path) -> Collection:
    """A collection that someone brought."""
    import_source(str(photos), "mine")
    return load_collection("mine")


@pytest.fixture
def keeps_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue moves only where a test says so."""
    monkeypatch.setattr(turns, "keep", lambda: None)


def said(app: AppTest) -> str:
    """Everything that a page tells."""
    told = [*app.info, *app.caption, *app.markdown, *app.error, *app.warning, *app.success]
    return " ".join(str(one.value) for one in told).replace("\\", "")


def files_below(folder: Path) -> list[str]:
    """Files that stand for something, other than what is computed again when it is missing."""
    there = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in there if name.split("/")[0] not in ("cache", "indexes"))


# Which mode it is


@pytest.mark.parametrize(
    ("address", "means"),
    [
        ("127.0.0.1", "owner"),
        ("127.8.0.9", "owner"),
        ("::1", "owner"),
        ("localhost", "owner"),
        ("0.0.0.0", "class"),
        ("::", "class"),
        (None, "class"),
        ("", "class"),
        ("192.168.1.5", "class"),
        ("lab.example.org", "class"),
        ("unix:///run/lexiscope.sock", "class"),
    ],
)
def test_the_address_that_is_listened_on_says_who_is_served(address, means, monkeypatch):
    monkeypatch.setattr(mode.config, "get_option", {"server.address": address}.get)
    assert mode.current() == means


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_whoever_comes_through_a_proxy_is_not_the_owner(header, monkeypatch):
    monkeypatch.setattr(type(mode.st.context), "headers", {header: "203.0.113.7"})
    assert mode.current() == "class"
    monkeypatch.setenv("LEXISCOPE_MODE", "owner")  # whoever runs the server knows better
    assert mode.current() == "owner"


def test_the_environment_decides_and_the_sidebar_shows_it(monkeypatch):
    assert "Mode: owner" in [one.value for one in opened("collections").sidebar.caption]
    for name in SHARED:
        monkeypatch.setenv("LEXISCOPE_MODE", name)
        app = opened("collections")
        assert f"Mode: {name}" in [one.value for one in app.sidebar.caption]


def test_a_mode_that_does_not_exist_shows_nothing_but_that(monkeypatch):
    monkeypatch.setenv("LEXISCOPE_MODE", "Owner ")
    app = opened("collections")
    assert "Use one of `owner`, `class`, `read-only`" in mistake(app)
    assert not app.title


def test_a_page_whose_name_was_made_to_lead_here_reaches_nothing():
    for host in ("localhost:8501", "127.0.0.1:8501", "[::1]:8501"):
        assert is_host_allowed(host)
    for host in ("elsewhere.example:8501", "127.0.0.1.elsewhere.example", "", None):
        assert not is_host_allowed(host)


# The doors


def doors(mine: Collection, photos: Path, home: Path) -> dict[str, Callable[[], object]]:
    request = ImportRequest(str(photos), "other")
    export = ExportRequest("mine", None, "csv", home / "exports" / "out", "all")
    report = ReportSettings("demo", ("demo",), "test", "text-to-image")
    rest = jobs.Job("rest", "stopped", "mine", made=LexicalSettings("encoder-terms"))
    return {
        "import": lambda: actions.plan(request),
        "carry out": lambda: actions.carry_out(plan_import(request)),
        "encode": lambda: actions.encode("mine", "bundled", "again"),
        "export": lambda: actions.export(export),
        "report": lambda: actions.write(home / "reports" / "one", report, ""),
        "check": lambda: actions.check(home / "reports" / "one"),
        "delete": lambda: actions.remove("mine"),
        "train": lambda: actions.train("words", "mine", LexicalSettings("encoder-terms")),
        "go on": lambda: actions.go_on(rest),
        "discard": lambda: actions.discard(rest),
        "stop": lambda: actions.stop(rest),
        "save a view": lambda: actions.save_view("cats", "search", {"q": "cat"}),
        "delete a view": lambda: actions.delete_view("dogs"),
        "judge a failure": lambda: actions.judge(
            open_laboratory(load_collection("demo"), load_model("demo"), "test"),
            Entry("test-00000-0", "other"),
        ),
        "keep a list": lambda: actions.keep_list("mine", "{}"),
        "save an edited model": lambda: actions.keep_edited(
            "pets", edit_terms(load_model("demo"), parse_edits("merge:dogs:dog"))
        ),
        "open a class": actions.open_class,
        "count a prediction": lambda: actions.count_prediction("ABCDEF", "1a", "10"),
    }


OPEN_IN = dict.fromkeys(("train", "go on", "open a class", "count a prediction"), "class")


@pytest.mark.parametrize("name", SHARED)
def test_every_door_is_shut_and_nothing_is_written_or_gone(name, mine, photos, home, monkeypatch):
    monkeypatch.setenv("LEXISCOPE_MODE", name)
    monkeypatch.setenv("LEXISCOPE_TRAINING_MINUTES", "5")
    before = files_below(home)
    for door, enter in doors(mine, photos, home).items():
        if OPEN_IN.get(door) == name:
            continue
        with pytest.raises(NotAllowedError):
            enter()
    assert files_below(home) == before
    assert jobs.jobs() == []


def test_training_is_off_in_a_class_that_has_no_minutes_for_it(mine, photos, home, monkeypatch):
    monkeypatch.setenv("LEXISCOPE_MODE", "class")
    monkeypatch.setenv("LEXISCOPE_TRAINING_MINUTES", "0")
    for door in ("train", "go on"):
        with pytest.raises(NotAllowedError, match="Training is off"):
            doors(mine, photos, home)[door]()
    assert jobs.jobs() == []
    assert "Training is off" in said(opened("train"))


@pytest.mark.parametrize("minutes", ["-1", "1.5", "ten", "1441", "²"])
def test_minutes_that_are_none_are_one_sentence(minutes, monkeypatch):
    monkeypatch.setenv("LEXISCOPE_TRAINING_MINUTES", minutes)
    with pytest.raises(QueryError, match="whole minutes up to 1,440"):
        mode.training_minutes()


def test_pages_go_through_the_doors_and_past_none():
    behind = {
        "plan_import", "run_import", "import_source", "encode_collection", "run_export",
        "write_report", "check_report", "remove_collection", "fetch_pictures", "save_view",
        "delete_view", "add_entry", "add_prediction",
        "save_edited", "save_edited_as",
    }  # fmt: skip
    verbs = {"start", "resume", "restart", "stop", "discard"}
    found = set()
    for path in sorted((ROOT / "pages").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            name = node.id if isinstance(node, ast.Name) else ""
            if isinstance(node, ast.Attribute):
                of_jobs = isinstance(node.value, ast.Name) and node.value.id == "jobs"
                name = node.attr if node.attr in behind or not of_jobs else f"jobs.{node.attr}"
            if name in behind or name in {f"jobs.{verb}" for verb in verbs}:
                found.add((path.relative_to(ROOT).as_posix(), name))
    assert {file for file, _ in found} == {"pages/parts/actions.py"}
    assert {name for _, name in found} >= {f"jobs.{verb}" for verb in verbs}


# The pages


@pytest.mark.parametrize("name", SHARED)
@pytest.mark.parametrize(
    ("address", "key"),
    [
        ({"collection": "mine"}, "delete-for-good"),
        ({"collection": "mine", "export-split": "all"}, "export"),
        ({"collection": "mine", "new-encoder": "clip:/etc", "new-name": "again"}, "encode"),
    ],
)
def test_a_click_on_a_button_from_before_does_nothing(name, address, key, mine, home, monkeypatch):
    app = opened("collections", **address)
    before = files_below(home)
    monkeypatch.setenv("LEXISCOPE_MODE", name)
    app.button(key=key).click().run()
    assert not app.exception
    assert files_below(home) == before
    assert background.works_of(Task) == []
    for words in ("Deleting is off", "Exporting is off", "Encoding anew is off"):
        assert f"{words}: this server runs in mode `{name}`" in said(app)
    assert not {button.key for button in app.button} & {"delete-for-good", "export", "encode"}


@pytest.mark.parametrize("name", SHARED)
def test_a_crafted_address_and_session_import_nothing(name, photos, home, monkeypatch):
    monkeypatch.setenv("LEXISCOPE_MODE", name)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=600).run()
    app.switch_page("pages/collections.py")
    crafted = {"view": "import", "source": str(photos), "name": "x", "captions": "/etc/passwd"}
    for key, value in crafted.items():
        app.query_params[key] = value
        app.session_state[f"address-{key}"] = value
    app.session_state["things of this session"] = {"Importing x"}
    app.run()
    assert not app.exception
    assert "Importing is off" in said(app)
    assert not {"Import", "See what will happen"} & {button.label for button in app.button}
    assert background._WORKS == {}
    assert files_below(home) == []


@pytest.mark.parametrize("name", SHARED)
def test_a_report_is_neither_written_nor_checked(name, home, monkeypatch):
    monkeypatch.setenv("LEXISCOPE_MODE", name)

    def page() -> None:
        from pages.parts.expansion.reports import show_report

        assert not show_report(None)  # it asks for the mode before anything else

    app = AppTest.from_function(page).run()
    assert not app.exception
    assert "Writing and checking reports is off" in said(app)
    assert not {button.key for button in app.button} & {"write-report", "check-report"}
    assert not (home / "reports").exists()


def test_nothing_is_trained_or_uploaded_where_visitors_only_read(mine, home, monkeypatch):
    monkeypatch.setenv("LEXISCOPE_MODE", "read-only")
    for page in ("search", "image"):
        app = opened(page)
        assert "Uploading is off" in said(app)
        assert not app.get("file_uploader")
    for page in ("train", "collections"):
        app = opened(page, collection="mine", name="words")
        assert "Training is off" in said(app)
    assert "Start training" not in [button.label for button in app.button]
    assert jobs.jobs() == []


def test_a_class_may_search_with_a_picture_and_sees_no_folder_of_the_server(mine, monkeypatch):
    monkeypatch.setenv("LEXISCOPE_MODE", "class")
    assert opened("search").get("file_uploader")
    app = opened("collections", collection="mine")
    told = said(app) + " ".join(str(table.value) for table in app.table)
    assert str(mine.folder) not in told


# Importing from named folders


@pytest.fixture
def roots(photos: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEXISCOPE_MODE", "class")
    monkeypatch.setenv("LEXISCOPE_IMPORT_ROOTS", f"{photos}{os.pathsep}")
    return photos


def refused(source: str, **more: str) -> str:
    with pytest.raises(NotAllowedError) as told:
        actions.plan(replace(ImportRequest(source, "x"), **more))
    return str(told.value)


def test_what_lies_below_a_named_folder_can_be_imported(roots, home):
    app = opened("collections", view="import", source=str(roots), name="mine")
    app.button[0].click().run()
    assert {metric.label: metric.value for metric in app.metric}["Images"] == "3"
    app.button(key="import").click().run()
    background.known(Task("Importing", "mine")).wait(600)
    app.run()
    assert "Collection **mine** is ready: 3 images." in said(app)
    other = opened("collections")  # another visitor
    assert "is ready" not in said(other)
    assert not [button for button in other.button if str(button.key).startswith("forget-")]


def test_no_path_outside_tells_whether_it_exists(roots, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text(SECRET)
    (roots / "out").symlink_to(tmp_path)
    (roots / "loop").symlink_to(roots / "loop")
    there = refused(str(secret))
    outside = (
        str(tmp_path / "nothing.csv"), "/", "~", "~nobody/x", "a\0b", "owner/name", ".",
        f"{roots}/../secret.csv", str(roots / "out"), str(roots / "out" / "secret.csv"),
        f"{roots}-2", "x" * 5_000,
    )  # fmt: skip
    assert {refused(path) for path in outside} == {there}
    assert refused(str(roots), captions=str(secret)) == there
    assert refused(str(roots), captions=str(tmp_path / "nothing.csv")) == there
    assert SECRET not in there


def test_a_page_that_names_a_secret_shows_nothing_of_it(roots, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text(SECRET)
    app = opened("collections", view="import", source=str(roots), captions=str(secret))
    app.button[0].click().run()
    assert "only from the folders" in mistake(app)
    assert SECRET not in said(app)
    assert background._WORKS == {}


def test_an_encoder_is_chosen_and_not_a_path(roots, tmp_path):
    assert "only encoders that it uses already" in refused(str(roots), encoder=f"clip:{tmp_path}")
    assert actions.plan(ImportRequest(str(roots), "x", encoder="bundled"))


def test_nobody_replaces_what_another_imported(mine, roots):
    (plan,) = actions.plan(ImportRequest(str(roots), "mine"))()
    with pytest.raises(NotAllowedError, match="nobody replaces another's"):
        actions.carry_out(plan)


def test_a_field_of_a_request_that_nobody_thought_of_is_held_to_be_a_path(roots):
    texts = {field.name for field in fields(ImportRequest) if str(field.type).startswith("str")}
    assert texts > actions._NO_PATHS
    for name in texts - actions._NO_PATHS - {"source"}:
        assert "only from the folders" in refused(str(roots), **{name: "/etc/passwd"})


def test_a_server_for_reading_imports_from_no_folder_whatever_is_named(roots, monkeypatch):
    monkeypatch.setenv("LEXISCOPE_MODE", "read-only")
    assert "Importing is off" in refused(str(roots))


# Training in turn


def test_a_run_of_a_class_waits_for_its_turn_and_one_is_enough(
    home, fake_encoder: FakeEncoder, keeps_still, monkeypatch
):
    splits = ("train",) * 16 + ("val",) * 4 + ("test",) * 4
    make_collection(home / "collections" / "tiny", fake_encoder, splits=splits)
    monkeypatch.setenv("LEXISCOPE_MODE", "class")
    form = {"collection": "tiny", "name": "first", "method": "closed-form", "active": "4"}
    app = opened("train", **form)
    assert "A run may take 10 minutes" in said(app)
    start = next(button for button in app.button if button.label == "Start training")
    start.click().run()
    assert jobs.find_job("first").status == "queued"
    assert "Stop" in [button.label for button in app.button]
    app.query_params["name"] = "second"
    app.run()
    next(button for button in app.button if button.label == "Start training").click().run()
    assert "Your training run `first` is not over yet" in said(app)
    assert [job.name for job in queue.queued()] == ["first"]
    other = opened("train", run="first")  # another visitor looks at it
    assert not {"Stop", "Resume", "Discard"} & {button.label for button in other.button}
    with pytest.raises(NotAllowedError, match="Only who started"):
        actions.stop(jobs.find_job("first"))
    next(button for button in app.button if button.label == "Stop").click().run()
    assert jobs.find_job("first").status == "stopped"
    assert queue.queued() == []
