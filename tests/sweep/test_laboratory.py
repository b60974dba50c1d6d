"""The door to the expansion laboratory: what it opens, keeps and says."""

from __future__ import annotations

import shlex

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lsr.cli.main import build_parser
from lsr.collection.collection import load_collection
from lsr.collection.queries import QueryRow, write_query_set
from lsr.evaluation.evaluate import evaluate
from lsr.evaluation.measures import summarize
from lsr.evaluation.projected import project_split
from lsr.evaluation.task import DIRECTIONS
from lsr.exceptions import QueryError, UnknownNameError
from lsr.sweep.knobs import Knob, set_to
from lsr.sweep.laboratory import command_of, open_laboratory
from lsr.sweep.points import compare
from lsr.sweep.sweep import Draws, sweep
from tests.conftest import make_collection

FIXED = ((Knob("top-k", "images"), 6.0), (Knob("max-ratio", part="expansion"), 0.2))


def test_fixed_prunings_hold_in_the_task_and_not_in_the_free_one(collection, model):
    for direction in DIRECTIONS:
        plain = open_laboratory(collection, model, direction=direction)
        ready = open_laboratory(collection, model, direction=direction, fixed=FIXED)
        task = plain.task
        for knob, value in FIXED:
            task = set_to(task, knob, value)
        assert sweep(ready.task, Knob("mean"), [0.5]) == sweep(task, Knob("mean"), [0.5])
        assert sweep(ready.free, Knob("mean"), [0.5]) == sweep(plain.task, Knob("mean"), [0.5])
        assert np.diff(ready.task.images.matrix.indptr).max() == 6


def test_a_judged_split_at_hand_is_taken(collection, model):
    projected = project_split(collection, model, "test")
    assert open_laboratory(collection, model, projected=projected).projected is projected
    assert (
        open_laboratory(collection, model, projected=projected, null="words").projected
        is not projected
    )


def test_a_null_takes_the_place_of_the_models_work(collection, model):
    ready = open_laboratory(collection, model, null="words")
    assert set(ready.task.captions.matrix.data.tolist()) == {1.0}
    assert ready.task.captions.said.all()


def test_everything_that_matters_has_a_store_of_its_own(collection, model, home, fake_encoder):
    splits = make_collection(home / "collections" / "two", fake_encoder, splits=["test", "val"] * 6)
    ready = open_laboratory(collection, model)
    caption = Knob("caption")
    near = [((Knob("threshold"), value),) for value in (0.12345678, 0.12345679)]
    stores = [
        ready.store(caption, 0),
        ready.store(caption, 1),
        ready.store(Knob("word"), 0),
        ready.store(Knob("top-k", "images"), 0),
        ready.store(Knob("top-k", "images", "literal"), 0),
        open_laboratory(collection, model, direction="image-to-text").store(caption, 0),
        open_laboratory(collection, model, null="words").store(caption, 0),
        open_laboratory(splits, model).store(caption, 0),
        open_laboratory(splits, model, "val").store(caption, 0),
        *(open_laboratory(collection, model, fixed=one).store(caption, 0) for one in near),
        open_laboratory(collection, model, fixed=FIXED).store(caption, 0),
        open_laboratory(collection, model, fixed=FIXED[::-1]).store(caption, 0),
    ]
    assert len({store.folder for store in stores}) == len(stores)
    assert {store.folder.parent for store in stores} == {home / "cache" / "sweeps"}
    assert open_laboratory(collection, model).store(caption, 0).folder == stores[0].folder


def test_a_sweep_is_kept_and_not_measured_again(collection, model, home):
    first = list(open_laboratory(collection, model).sweeping(Knob("word"), [0.2, 0.7], Draws(2)))
    files = {path: path.stat().st_mtime_ns for path in home.rglob("cache/sweeps/*/*")}
    assert len(files) == 3
    ready = open_laboratory(collection, model)
    assert list(ready.sweeping(Knob("word"), [0.2, 0.7], Draws(2))) == first
    assert {path: path.stat().st_mtime_ns for path in home.rglob("cache/sweeps/*/*")} == files
    assert first[-1].rows == sweep(ready.task, Knob("word"), [0.2, 0.7], Draws(2))


def test_points_compare(collection, model, vocabulary):
    ready = open_laboratory(collection, model, fixed=FIXED)
    found = compare(
        ready.point(Knob("caption"), 1.0), ready.point(Knob("top-k"), 2), vocabulary, "MRR@10"
    )
    rows = [
        sweep(ready.task, knob, [value])[0]
        for knob, value in ((Knob("caption"), 1.0), (Knob("top-k"), 2))
    ]
    assert found.mean == pytest.approx(rows[1].mean["MRR@10"] - rows[0].mean["MRR@10"])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"direction": "up"}, QueryError, "`up` is no direction"),
        ({"null": "zero"}, QueryError, "`zero` is no null"),
        ({"split": "dev"}, UnknownNameError, "no split `dev`"),
    ],
)
def test_what_is_not_there_is_refused(collection, model, options, error, message):
    with pytest.raises(error, match=message):
        open_laboratory(collection, model, **options)


def test_the_command_of_a_setting_leaves_out_what_is_the_default():
    setting = "--control caption --from 0.5 --to 0.5 --steps 1"
    line = command_of("demo", "demo", "test", "text-to-image", (), "", setting)
    assert line == f"python -m lsr sweep {setting}"


def test_the_command_of_a_setting_is_understood():
    setting = "--control top-k/expansion --from 4 --to 4 --steps 1 --fix top-k@images=9"
    line = command_of(
        "my photos", "it's", "val", "image-to-text", ["bits@images=4"], "words", setting, "mine"
    )
    read = build_parser().parse_args(shlex.split(line)[3:])
    assert (read.collection, read.model, read.split) == ("my photos", "it's", "val")
    assert (read.direction, read.null, read.control) == (
        "image-to-text",
        "words",
        "top-k/expansion",
    )
    assert read.queries == "mine"
    assert (read.start, read.stop, read.steps) == (4.0, 4.0, 1)
    assert sorted(read.fix) == ["bits@images=4", "top-k@images=9"]


def test_what_is_fixed_comes_first_in_the_command_because_it_held_first():
    setting = "--control top-k --from 4 --to 4 --steps 1 --fix top-k@images=9"
    line = command_of("demo", "demo", "test", "text-to-image", ["bits@images=2"], "", setting)
    read = build_parser().parse_args(shlex.split(line)[3:])
    assert read.fix == ["bits@images=2", "top-k@images=9"]


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_query_set_takes_the_place_of_the_captions(queried, model, direction):
    ready = open_laboratory(queried, model, direction=direction, queries="some")
    projected = project_split(queried, model, "test", queries="some")
    assert ready.task.captions.ids == tuple(sorted(projected.captions.ids))
    assert ready.n_texts == len(projected.captions)
    (row,) = sweep(ready.task, Knob("caption"), [1.0])
    measured = evaluate(queried, model, direction=direction, queries="some")
    assert {name: row.mean[name] for name in measured["sparse"]} == pytest.approx(
        measured["sparse"]
    )


def test_a_split_at_hand_must_hold_the_queries_that_are_asked_for(queried, model):
    captions = project_split(queried, model, "test")
    queries = project_split(queried, model, "test", queries="some")
    assert open_laboratory(queried, model, projected=queries, queries="some").task
    for projected, name in ((captions, "some"), (queries, "")):
        with pytest.raises(ValueError, match="holds other queries"):
            open_laboratory(queried, model, projected=projected, queries=name)


def test_query_sets_never_share_a_store(queried, model):
    write_query_set(queried, "other", [QueryRow("q", "a dog", "image-00")])
    caption = Knob("caption")
    stores = [open_laboratory(queried, model).store(caption, 0)]
    assert "queries" not in stores[0].about
    splits = [queried.image_splits[queried.image_row("image-00")], "test"]
    for name, split in zip(("other", "some"), splits, strict=True):
        stores.append(open_laboratory(queried, model, split, queries=name).store(caption, 0))
    write_query_set(queried, "some", [QueryRow("q", "a cat", image) for image in queried.image_ids])
    again = load_collection(queried.folder)
    stores.append(open_laboratory(again, model, queries="some").store(caption, 0))
    assert len({store.folder for store in stores}) == 4


def test_query_sets_never_share_a_teacher(queried, model):
    captions, queries = (open_laboratory(queried, model, queries=name) for name in ("", "some"))
    for ready in (captions, queries):
        assert ready.teacher == summarize(ready.task.teacher_ranks)
    assert captions.teacher != queries.teacher


def test_queries_with_the_same_answers_are_resampled_together(queried, model):
    both = ("image-00", "image-01")
    rows = [QueryRow(f"q{n}", f"a dog {n}", image) for n in range(2) for image in both]
    rows += [QueryRow("q2", "a cat", "image-01"), QueryRow("q3", "a fish", "image-00")]
    lone = all_in_test(queried)
    write_query_set(lone, "grouped", rows)
    groups = open_laboratory(load_collection(lone.folder), model, queries="grouped").task.groups
    assert groups[0] == groups[1]
    assert len(set(groups.tolist())) == 3


def all_in_test(collection):
    """The collection with all its images in `test`."""
    path = collection.folder / "images.parquet"
    table = pq.read_table(path)
    splits = pa.array(["test"] * len(table))
    place = table.column_names.index("split")
    pq.write_table(table.set_column(place, "split", splits), path)
    return load_collection(collection.folder)
