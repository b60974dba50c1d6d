import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from lsr.ablation import grid, processes
from lsr.ablation.grid import CONTROLS, SIZES, Grid, studies_named
from lsr.ablation.run_process import RATES, peak_memory, train_and_measure
from lsr.ablation.run_tables import MISMATCH_COLUMNS, RUN_COLUMNS, summarize_runs
from lsr.ablation.runs import ablate
from lsr.cli.main import main
from lsr.collection.collection import load_collection
from lsr.collection.queries import QueryRow, write_query_set
from lsr.evaluation.evaluate import evaluate_split
from lsr.evaluation.projected import project_split
from lsr.exceptions import ModelError, QueryError
from lsr.model.loading import load_model
from lsr.model.vocabulary import Vocabulary
from lsr.storage.files import write_json
from lsr.storage.locks import exclusive
from lsr.training.recipes import COMPACT_RECIPE
from lsr.training.train_model import train_model
from tests.ablation import ending
from tests.conftest import FakeEncoder, make_collection, make_tokenizer

ROOT = Path(__file__).resolve().parents[2]
SPLITS = ("train",) * 16 + ("val",) * 4 + ("test",) * 4
RECIPE = replace(COMPACT_RECIPE, epochs=1, batch_size=8, hidden_size=4)
TWO_SIZES = (4, 6)


@pytest.fixture
def tiny(home, fake_encoder):
    return make_collection(home / "collections" / "three", fake_encoder, splits=SPLITS)


def keys(one: Grid, study: str) -> list[str]:
    return [one.key(settings, "collection") for settings in one.runs(study)]


def test_the_controls_are_every_control_at_every_weight_and_seed():
    one = Grid(COMPACT_RECIPE, seeds=2, weights=(1e-2, 1e-3))
    runs = one.runs("controls")
    cells = {(str(r.control), r.document_regularizer_weight, r.seed) for r in runs}
    assert len(runs) == len(cells) == len(set(keys(one, "controls"))) == 8 * 2 * 2
    assert {control for control, _, _ in cells} == set(CONTROLS)
    assert all(r.query_regularizer_weight == r.document_regularizer_weight for r in runs)
    assert [r.seed for r in runs] == [0] * 16 + [1] * 16


def test_the_other_studies_share_runs_with_the_controls():
    one = Grid(COMPACT_RECIPE)
    own = COMPACT_RECIPE.document_regularizer_weight
    assert one.all_weights == (own / 4, own, own * 4)
    controls = set(keys(one, "controls"))
    assert len(set(keys(one, "mismatch"))) == 6 * 3 * 3
    assert set(keys(one, "mismatch")) < controls
    sizes = one.runs("size")
    assert [r.hidden_size for r in sizes] == [*SIZES] * 3
    assert {r.document_regularizer_weight for r in sizes} == {own}
    assert len(set(keys(one, "size")) & controls) == 3


def test_a_run_has_another_name_for_other_settings_images_or_collections():
    one = Grid(COMPACT_RECIPE)
    run = one.runs("size")[0]
    names = {
        one.key(run, "a"),
        one.key(run, "b"),
        one.key(replace(run, noise=0.2), "a"),
        replace(one, n_images=9).key(run, "a"),
    }
    assert len(names) == 4
    assert one.key(run, "a") == Grid(COMPACT_RECIPE, seeds=7).key(run, "a")


def test_every_setting_of_the_recipe_reaches_every_run():
    control = replace(COMPACT_RECIPE.control, per="caption")
    recipe = replace(COMPACT_RECIPE, noise=0.3, seed=5, control=control)
    runs = [run for study in studies_named("all") for run in Grid(recipe).runs(study)]
    assert {run.noise for run in runs} == {0.3}
    assert {run.seed for run in runs} == {5, 6, 7}
    assert {run.control.per for run in runs} == {"caption"}
    assert {(run.select_by, run.select_below) for run in runs} == {("last", None)}


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """An ablation of two runs, killed after the first and started again with the same command."""
    base = tmp_path_factory.mktemp("ablation")
    encoder = FakeEncoder(Vocabulary(make_tokenizer()))
    collection = make_collection(base / "collections" / "three", encoder, splits=SPLITS)
    out = base / "out"
    arguments = ["ablate", "--collection", str(collection.folder), "--out", str(out), "--study",
                 "size", "--seeds", "1", "--epochs", "1", "--batch-size", "8", "--hidden-size", "4",
                 "--workers", "1", "--json"]  # fmt: skip
    script = (
        f"import sys, lsr.ablation.grid as g, lsr.cli.main as command; g.SIZES = {TWO_SIZES}\n"
        "log = command._log\n"
        "def waiting(line):\n"
        "    log(line)\n"
        "    if line.startswith('1/2'): sys.stdin.read()\n"  # to be killed before the second run
        f"command._log = waiting\ncommand.main({arguments!r})"
    )
    environment = {**os.environ, "LEXISCOPE_HOME": str(base)}
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = []
    for line in process.stderr:
        said.append(line)
        if line.startswith("1/2"):
            process.send_signal(signal.SIGKILL)
            break
    process.stdin.close()
    process.stderr.close()
    process.wait()
    finished = {path.name: path.stat().st_mtime_ns for path in (out / ".runs").glob("*.json")}
    stdout = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(stdout):
        patch.setattr(grid, "SIZES", TWO_SIZES)
        patch.setenv("LEXISCOPE_HOME", str(base))
        assert main(arguments) == 0
    return collection, out, said, finished, json.loads(stdout.getvalue())


def test_a_killed_ablation_goes_on_without_training_finished_runs_again(killed):
    _, out, said, finished, answer = killed
    assert said[0].startswith("0 of 2 runs")
    assert "min left" in said[1]
    assert len(finished) == 1
    assert (answer["runs"], answer["trained_now"]) == (2, 1)
    now = {path.name: path.stat().st_mtime_ns for path in (out / ".runs").glob("*.json")}
    assert len(now) == 2
    assert finished.items() < now.items()
    assert not list((out / ".runs").glob("*.training"))


def test_the_tables_hold_a_row_for_every_run_and_what_was_run_stands_beside(killed):
    collection, out, _, _, answer = killed
    table = pq.read_table(out / "runs.parquet")
    assert table.schema.equals(RUN_COLUMNS)
    rows = table.to_pylist()
    assert [row["hidden_size"] for row in rows] == [4, 6]
    for row in rows:
        assert row["study"] == "size"
        assert row["n_images"] == 16
        assert row["collection"] == collection.fingerprint
        assert row["seconds"] > 0
        assert row["peak_memory"] > 50e6
        assert json.loads(row["settings"])["hidden_size"] == row["hidden_size"]
        filled = [name for name in RUN_COLUMNS.names if not name.startswith("queries")]
        assert all(row[name] is not None for name in filled)
    # The mismatch study was not asked for.
    mismatch = pq.read_table(out / "mismatch.parquet")
    assert mismatch.schema.equals(MISMATCH_COLUMNS)
    assert len(mismatch) == 0
    card = json.loads((out / "ablation.json").read_text())
    assert card["finished_runs"] == 2
    assert card["collection"]["fingerprint"] == collection.fingerprint
    assert card["constants"]["epochs"] == 1
    assert len(card["commands"]) == 1
    assert "--study size" in card["commands"][0]
    assert [cell["hidden_size"] for cell in answer["cells"]] == [4, 6]


def test_a_row_holds_what_training_that_model_gives(tiny, tmp_path):
    run = Grid(replace(RECIPE, epochs=3), weights=(1e-2,)).runs("controls")[5]
    assert str(run.control) == "scheduled"
    result = train_and_measure(tiny, run, 0, tmp_path / "unfinished")
    # numba has set the threads of OpenMP, torch's included; others round otherwise.
    torch.set_num_threads(1)
    list(train_model(tiny, tmp_path / "model", run, precision=torch.float32))
    metrics = json.loads((tmp_path / "model" / "metrics.json").read_text())
    row = result["row"]
    assert {name: row[name] for name in metrics["sparse"]} == metrics["sparse"]
    assert row["literal_R@1"] == metrics["literal"]["R@1"]
    assert row["dense_R@1"] == metrics["dense"]["R@1"]
    assert row["active_terms_image"] == pytest.approx(metrics["active_terms"]["image"], rel=1e-3)
    assert {n: row[n] for n in metrics["co_activation"]} == metrics["co_activation"]
    for name in ("flops", "exact@20", "semantic@20", "kendall_tau"):
        assert row[name] == metrics[name]
    rates = result["mismatch"]
    assert tuple(one["rate"] for one in rates) == RATES
    assert rates[0]["R@1"] == row["literal_R@1"]
    assert rates[-1]["R@1"] == row["R@1"]
    assert rates[-1]["flops"] == pytest.approx(row["flops"])
    np.testing.assert_allclose(np.diff([one["flops"] for one in rates], n=2), 0, atol=1e-6)


def test_a_run_is_measured_on_a_query_set_as_well(tiny, tmp_path, monkeypatch, fake_encoder):
    monkeypatch.setattr("lsr.evaluation.pairs.load_encoder", lambda name: fake_encoder)
    asked = [tiny.caption_texts[row] for row in tiny.caption_rows("test")]
    images = tiny.image_ids
    rows = [
        QueryRow(f"q{number}", text, images[tiny.caption_image_rows[row]])
        for number, (row, text) in enumerate(zip(tiny.caption_rows("test"), asked, strict=True))
    ]
    write_query_set(tiny, "asked", rows[::2])
    run = Grid(RECIPE, weights=(1e-2,)).runs("size")[0]
    with_queries = Grid(RECIPE, queries="asked")
    assert with_queries.key(run, "a") != Grid(RECIPE).key(run, "a")
    plain = train_and_measure(tiny, run, 0, tmp_path / "unfinished")
    both = train_and_measure(load_collection(tiny.folder), run, 0, tmp_path / "unfinished", "asked")
    # Half of the captions under another name: what is trained and measured on captions stays.
    assert {**both["row"], **_untimed(plain["row"])} == {**both["row"], **_untimed(both["row"])}
    on_captions = [one for one in both["mismatch"] if not one["queries"]]
    on_queries = [one for one in both["mismatch"] if one["queries"] == "asked"]
    assert [one["rate"] for one in on_queries] == list(RATES)
    assert on_captions == plain["mismatch"]
    assert both["row"]["queries"] == "asked"
    assert both["row"]["queries_R@1"] == on_queries[-1]["R@1"]
    assert both["row"]["queries_literal_R@1"] == on_queries[0]["R@1"]
    ranked = evaluate_split(projected_with(tiny, run, tmp_path, "asked"))
    assert both["row"]["queries_R@1"] == ranked["sparse"]["R@1"]
    assert both["row"]["queries_literal_R@1"] == ranked["literal"]["R@1"]


def projected_with(collection, run, folder, queries):
    """The query set under the model that `train` makes with a run's settings."""
    torch.set_num_threads(1)
    list(train_model(collection, folder / "model", run, precision=torch.float32))
    return project_split(
        load_collection(collection.folder), load_model(folder / "model"), "test", queries=queries
    )


def _untimed(row):
    return {n: v for n, v in row.items() if n not in ("seconds", "pairs_per_second", "peak_memory")}


def test_fewer_images_train_on_the_first_ones(tiny, tmp_path):
    run = Grid(RECIPE, weights=(1e-2,)).runs("size")[0]
    assert train_and_measure(tiny, run, 9, tmp_path / "unfinished")["row"]["n_images"] == 9


def test_peak_memory_is_that_of_this_process():
    before = peak_memory()
    assert before > 20e6
    block = np.ones(int(before) // 8 + 30_000_000)
    assert peak_memory() >= block.nbytes


def test_a_summary_averages_over_seeds():
    same = {"study": "size", "control": "none", "regularizer_weight": 1.0, "hidden_size": 4}
    zero = {"literal_R@1": 0, "flops": 1, "active_terms_image": 0, "exact@20": 0, "seconds": 2}
    rows = [{**same, **zero, "seed": seed, "R@1": r} for seed, r in enumerate((0.2, 0.4, 0.6))]
    (cell,) = summarize_runs(rows)
    assert (cell["seeds"], cell["R@1"], cell["seconds"]) == (3, pytest.approx(0.4), 2)
    assert cell["R@1_std"] == pytest.approx(0.2)
    assert summarize_runs(rows[:1])[0]["R@1_std"] is None


@pytest.mark.parametrize(
    ("target", "message"),
    [(ending.die, "code -9"), (ending.complain, "The disk is full")],
    ids=["killed", "disk full"],
)
def test_a_worker_that_ends_without_a_result_is_told_of(
    tiny, tmp_path, monkeypatch, target, message
):
    monkeypatch.setattr(processes, "do", target)
    monkeypatch.setattr(grid, "SIZES", TWO_SIZES)
    with pytest.raises(ModelError, match=message):
        list(ablate(tiny, tmp_path / "out", Grid(RECIPE, seeds=1), ["size"], workers=1))
    assert not (tmp_path / "out" / "runs.parquet").exists()
    # A plan of which nothing was finished binds nobody.
    other = Grid(replace(RECIPE, epochs=2), seeds=1)
    assert next(ablate(tiny, tmp_path / "out", other, ["size"], workers=1)).done == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--study", "colour"], "`colour` is no study"),
        (["--seeds", "0"], "0 seeds is not possible"),
        (["--workers", "0"], "0 workers is not possible"),
        (["--scenes", "17"], "17 of 16 training images"),
        (["--scenes", "-3"], "-3 of 16 training images"),
        (["--regularizer-weights", "-1"], "regularizer weight is -1"),
        (["--control", "none"], "sets --control itself"),
        (["--epochs", "0"], "epochs is 0"),
    ],
)
def test_what_cannot_be_trained_gets_one_sentence(tiny, tmp_path, capsys, arguments, message):
    out = tmp_path / "out"
    assert main(["ablate", "--collection", "three", "--out", str(out), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not out.exists()


def test_a_folder_of_another_collection_or_recipe_is_left_alone(tiny, tmp_path):
    one = Grid(RECIPE, seeds=1)
    theirs = {"name": "photos", "fingerprint": "f00"}
    path = tmp_path / "ablation.json"
    write_json(path, {"collection": theirs, "finished_runs": 4})
    with pytest.raises(QueryError, match="of collection `photos` \\(f00\\), not of `three`"):
        next(ablate(tiny, tmp_path, one, ["size"]))
    ours = {"name": "three", "fingerprint": tiny.fingerprint}
    constants = {**one.constants(), "epochs": 70}
    write_json(path, {"collection": ours, "constants": constants, "finished_runs": 4})
    with pytest.raises(QueryError, match="other settings \\(epochs 70\\)"):
        next(ablate(tiny, tmp_path, one, ["size"]))
    assert json.loads(path.read_text())["finished_runs"] == 4


def test_two_ablations_do_not_write_into_one_folder(tiny, tmp_path):
    with (
        exclusive(tmp_path / ".runs" / "lock", QueryError("taken")),
        pytest.raises(QueryError, match="Another ablation is writing"),
    ):
        next(ablate(tiny, tmp_path, Grid(RECIPE), ["size"]))


def test_a_folder_that_cannot_be_made_is_told_of(tiny, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(QueryError, match="cannot be written to"):
        next(ablate(tiny, tmp_path / "file" / "out", Grid(RECIPE), ["size"]))
