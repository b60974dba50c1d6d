"""A report holds what the laboratory measures, opens without a network, and knows what drifted."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lsr.collection.queries import QueryRow, write_query_set
from lsr.evaluation.evaluate import evaluate
from lsr.exceptions import QueryError, UnknownNameError
from lsr.model.checkpoint import save_model
from lsr.report.checking import check_report
from lsr.report.report_tables import KNOBS, ReportSettings, read_settings
from lsr.report.writing import write_report
from lsr.sweep.knob_names import parse_knob
from lsr.sweep.laboratory import open_laboratory
from lsr.sweep.nulls import NULLS
from lsr.sweep.sweep import Draws, sweep
from tests.conftest import make_head

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """Where the first test leaves the report, which takes seconds to write."""
    return tmp_path_factory.mktemp("written") / "report"


@pytest.fixture
def report(
    written, collection, model, fake_encoder, monkeypatch, tmp_path
) -> tuple[Path, ReportSettings]:
    """A copy of the report on the collection and the model, which are the same in every test."""
    monkeypatch.setattr("lsr.search.searcher.load_encoder", lambda name: fake_encoder)
    settings = ReportSettings(collection.name, (model.name,), draws=3, queries=("a dog",))
    if not written.exists():
        reports = list(write_report(written, settings, "python -m lsr report"))
        assert reports[-1].folder == written
        assert [one.done for one in reports] == list(range(1, len(reports) + 1))
        assert {one.planned for one in reports} == {len(reports)}
    shutil.copytree(written, tmp_path / "report")
    return tmp_path / "report", settings


def test_a_report_is_one_page_without_network_and_its_tables(report):
    folder, settings = report
    assert {path.name for path in folder.iterdir()} >= {
        "index.html",
        "report.json",
        "curves.csv",
        "operating_points.csv",
        "queries.csv",
        "compared.csv",
        "ablation.csv",
        "mismatch.csv",
    }
    page = (folder / "index.html").read_text()
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", page)
    assert "Plotly.newPlot" in page
    assert len(page.encode()) < 3_000_000
    assert "python -m lsr report" in page
    assert read_settings(folder)[0] == settings


def test_contents_lead_to_every_heading_and_one_legend_serves_all_charts_of_models(report):
    page = (report[0] / "index.html").read_text()
    headings = re.findall(r"<h[23] id='([^']+)'>", page)
    contents = re.search(r"<nav aria-label='Contents'>(.*?)</nav>", page)[1]
    assert re.findall(r"href='#([^']+)'", contents) == headings
    assert len(set(headings)) == len(headings) > len(KNOBS)
    assert page.count("class='legend'") == 1
    entries = re.findall(r"<li><svg.*?</svg>(.*?)</li>", page)
    model = report[1].models[0]
    assert entries == [model, *(f"{model}, {null}" for null in NULLS), "dense teacher"]
    charts = [json.loads(one) for one in re.findall(r"class='chart'>(\{.*?\})</script>", page)]
    assert len(charts) > len(KNOBS)
    for chart in charts[: len(KNOBS) + 1]:
        assert chart["layout"]["showlegend"] is False


def test_its_charts_are_drawn_without_a_network(report):
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(offline=True).new_page()
        mistakes: list[str] = []
        page.on("pageerror", lambda problem: mistakes.append(str(problem)))
        page.goto((report[0] / "index.html").as_uri())
        places = page.locator("div.chart")
        sync_api.expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
        sync_api.expect(page.locator("div.chart.js-plotly-plot")).to_have_count(places.count())
        assert not mistakes
        browser.close()


def test_its_curves_are_those_of_the_laboratory(report, collection, model):
    folder, _ = report
    curves = pd.read_csv(folder / "curves.csv", keep_default_na=False)
    assert set(curves["knob"]) == set(KNOBS)
    assert set(curves["null"]) == {"", *NULLS}
    task = open_laboratory(collection, model, "test").task
    for knob in ("top-k@both", "word"):
        rows = sweep(task, parse_knob(knob), KNOBS[knob], Draws(3))
        mine = curves[(curves["knob"] == knob) & (curves["null"] == "")]
        assert mine["value"].tolist() == [row.value for row in rows]
        assert np.allclose(mine["R@1"], [row.mean["R@1"] for row in rows])
        assert np.allclose(mine["flops"], [row.flops for row in rows])


def test_what_did_not_change_has_not_drifted(report):
    folder, _ = report
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    *_, last = check_report(folder)
    assert last.drifts == []
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_drifted_number_is_named_with_its_place(report):
    folder, _ = report
    curves = pd.read_csv(folder / "curves.csv")
    place = curves.index[(curves["knob"] == "caption") & curves["null"].isna()][3]
    curves.loc[place, "R@1"] += 0.01
    curves.to_csv(folder / "curves.csv", index=False)
    *_, last = check_report(folder)
    (drift,) = last.drifts
    assert (drift.table, drift.column) == ("curves", "R@1")
    assert "knob caption" in drift.row
    assert float(drift.kept) - float(drift.now) == pytest.approx(0.01)


def test_another_model_under_the_same_name_is_named_first(report, model, vocabulary):
    folder, _ = report
    other = make_head(vocabulary, seed=8)
    save_model(model.folder, other, vocabulary, card=model.card, training={}, metrics={})
    *_, last = check_report(folder)
    assert last.drifts[0].column == "fingerprint"
    assert {drift.table for drift in last.drifts} > {"report", "curves"}


def test_a_folder_with_other_files_is_left_alone(collection, model, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    settings = ReportSettings(collection.name, (model.name,))
    with pytest.raises(QueryError, match="holds other files"):
        list(write_report(tmp_path / "mine", settings))
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_a_report_that_fails_leaves_nothing(collection, tmp_path):
    with pytest.raises(UnknownNameError):
        list(write_report(tmp_path / "new", ReportSettings(collection.name, ("nobody",))))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "settings",
    [ReportSettings(models=()), ReportSettings(models=("demo", "demo")), ReportSettings(draws=0)],
)
def test_impossible_reports_are_refused(settings, tmp_path):
    with pytest.raises(QueryError):
        list(write_report(tmp_path / "new", settings))


def test_what_is_no_report_is_not_checked(tmp_path):
    with pytest.raises(QueryError, match="no report"):
        list(check_report(tmp_path))
    (tmp_path / "report.json").write_text('{"schema": 0}')
    with pytest.raises(QueryError, match="another version"):
        list(check_report(tmp_path))


def test_a_report_on_a_query_set_says_so_and_minds_when_the_set_changes(
    queried, model, fake_encoder, monkeypatch, tmp_path
):
    monkeypatch.setattr("lsr.search.searcher.load_encoder", lambda name: fake_encoder)
    monkeypatch.setattr("lsr.report.report_tables.KNOBS", {"caption": (0.0, 1.0), "top-k": (5,)})
    folder = tmp_path / "report"
    settings = ReportSettings("queried", (model.name,), draws=2, query_set="some")
    list(write_report(folder, settings))
    curves = pd.read_csv(folder / "curves.csv", keep_default_na=False)
    kept = curves[(curves["knob"] == "caption") & (curves["null"] == "") & (curves["value"] == 1)]
    measured = evaluate(queried, model, queries="some")["sparse"]
    assert kept["R@1"].item() == pytest.approx(measured["R@1"])
    assert "query set some" in (folder / "index.html").read_text()
    assert read_settings(folder)[0] == settings
    assert list(check_report(folder))[-1].drifts == []
    rows = [QueryRow(f"q{n}", f"a dog {n}", image) for n, image in enumerate(queried.image_ids)]
    write_query_set(queried, "some", rows)
    drifts = list(check_report(folder))[-1].drifts
    assert ("report", "queries", "fingerprint") in {(d.table, d.row, d.column) for d in drifts}
