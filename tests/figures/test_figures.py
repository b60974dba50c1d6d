"""Figures hold the numbers they are given; the frontier holds what nothing beats."""

import numpy as np
import pytest

from lsr.evaluation.passes import MEASURES
from lsr.figures.frontier import Curve, frontier, frontier_alt, look_of_model, trade_off_figure
from lsr.figures.query import crossing_figure, price_figure, rank_cloud_figure
from lsr.figures.style import LIGHT
from lsr.figures.trained import controls_figure, mismatch_figure, sizes_figure
from lsr.sweep.crossings import Crossing, Lines
from lsr.sweep.nulls import NULLS
from lsr.sweep.one_query import ImageRanks, PriceTag
from lsr.sweep.sweep import SweepRow


def row(value: float, accuracy: float, cost: float, std: float = 0.0) -> SweepRow:
    return SweepRow(
        value,
        dict.fromkeys(MEASURES, accuracy),
        dict.fromkeys(MEASURES, std),
        cost / 10,
        cost,
        30.0,
        cost * 5,
        1e5,
    )


ROWS = [row(0.0, 0.2, 1.0), row(0.5, 0.1, 2.0), row(1.0, 0.9, 4.0)]


def test_the_frontier_is_what_no_point_beats():
    rng = np.random.default_rng(0)
    points = [(float(a), float(b)) for a, b in rng.integers(0, 6, (40, 2))]
    kept = frontier(points)
    for i in kept:
        assert not any(
            (p[0] <= points[i][0] and p[1] > points[i][1])
            or (p[0] < points[i][0] and p[1] >= points[i][1])
            for p in points
        )
    best = {points[i] for i in kept}
    for point in points:
        assert point in best or any(c <= point[0] and v >= point[1] for c, v in best)


def test_beaten_points_are_faded_and_the_steps_leave_them_out():
    figure = trade_off_figure([Curve("demo", ROWS, 2)], LIGHT, teacher=0.95)
    points, legend, steps, marker, teacher = figure.data
    assert (legend.name, legend.marker.opacity, points.showlegend) == ("demo", None, False)
    assert list(points.x) == [1.0, 2.0, 4.0]
    opacity = points.marker.opacity
    assert opacity[1] < opacity[0] == opacity[2]
    assert (list(steps.x), steps.line.shape) == ([1.0, 4.0], "hv")
    assert (marker.x[0], marker.y[0]) == (4.0, 0.9)
    assert set(teacher.y) == {0.95}
    assert points.customdata[1] == ["demo", 0.5]


def test_the_band_is_one_deviation_to_each_side():
    rows = [row(0.2, 0.2, 2.0, 0.1), row(0.8, 0.8, 8.0, 0.1)]
    band = trade_off_figure([Curve("demo", rows)], LIGHT, x="flops").data[0]
    assert list(band.y) == pytest.approx([0.3, 0.9, 0.7, 0.1])
    assert list(band.x) == pytest.approx([0.2, 0.8, 0.8, 0.2])


def test_models_and_nulls_are_told_apart_whatever_stands_between_them():
    nulls = [Curve(f"one, {null}", ROWS, null=null) for null in NULLS]
    figure = trade_off_figure([Curve("one", ROWS), *nulls, Curve("two", ROWS)], LIGHT)
    looks = {
        trace.name: (trace.marker.color, trace.marker.symbol, trace.line.dash)
        for trace in figure.data
        if trace.x == (None,)
    }
    assert list(looks) == ["one", *(f"one, {null}" for null in NULLS), "two"]
    assert looks["one"] == look_of_model(0, LIGHT)
    assert looks["two"] == look_of_model(1, LIGHT)
    colours, symbols, dashes = zip(*looks.values(), strict=True)
    assert len(set(symbols)) == len(looks)
    assert len({colours[0], colours[-1], *colours[1:-1]}) == 3  # nulls share one that steps back
    assert len(set(dashes[1:-1])) == len(NULLS)


def test_a_null_has_no_frontier_and_the_cost_may_be_logarithmic():
    figure = trade_off_figure([Curve("null", ROWS, null="words")], LIGHT, log=True)
    points, legend = figure.data
    assert (points.showlegend, legend.name, legend.x[0]) == (False, "null", None)
    assert figure.layout.xaxis.type == "log"


def test_a_measure_that_is_not_known_draws_nothing():
    assert len(trade_off_figure([Curve("demo", ROWS)], LIGHT, x="latency_us").data) == 0
    assert frontier_alt([Curve("demo", ROWS)], "latency_us", "R@1") == "Nothing was measured."


def test_the_words_for_a_curve_name_both_ends():
    words = frontier_alt([Curve("demo", ROWS)], "active_terms_query", "R@1")
    assert "from 0.200 at 1" in words
    assert "to 0.900 at 4" in words


def test_a_cloud_has_every_rank_and_a_price_every_term():
    clouds = [ImageRanks("a", np.array([1, 2, 1])), ImageRanks("b", np.array([2, 1, 3]))]
    figure = rank_cloud_figure(clouds, LIGHT, ["1", "2"])
    assert [list(box.x) for box in figure.data] == [[1, 2, 1], [2, 1, 3]]
    tags = [PriceTag("dog", 2.0, "literal", 5, 0.7), PriceTag("pet", 1.0, "expansion", 50, 0.3)]
    literal, expansion = price_figure(tags, {"dog"}, LIGHT).data
    assert (literal.x[0], literal.y[0], literal.marker.symbol[0]) == (5, 0.7, "circle")
    assert (expansion.x[0], expansion.marker.symbol[0]) == (50, "square-open")


def test_names_of_terms_do_not_lie_on_each_other():
    at = [(100, 0.5), (110, 0.49), (105, 0.3), (5, 0.5)]
    tags = [PriceTag(f"t{i}", 1.0, "literal", *place) for i, place in enumerate(at)]
    literal, _ = price_figure(tags, set(), LIGHT).data
    assert list(literal.text) == ["t0", "", "t2", "t3"]


def test_the_ablation_is_drawn_as_means_over_seeds():
    runs = [
        {
            "control": control,
            "regularizer_weight": 0.01,
            "hidden_size": size,
            "R@1": accuracy,
            "literal_R@1": accuracy / 2,
            "flops": 3.0,
        }
        for control, size, accuracy in (("none", 64, 0.4), ("none", 64, 0.6), ("literal", 64, 0.2))
    ]
    none, literal = controls_figure(runs, LIGHT).data
    assert (list(none.y), list(literal.y)) == ([0.5], [0.2])
    assert none.error_y.array[0] == pytest.approx(np.std([0.4, 0.6], ddof=1))
    both = sizes_figure(runs[:2], LIGHT).data
    assert [list(trace.y) for trace in both] == [[0.5], [0.25]]


def test_the_mismatch_is_a_mean_for_each_control_and_rate():
    rows = [
        {"control": "none", "rate": rate, "R@1": rate * scale}
        for rate in (0.0, 1.0)
        for scale in (0.4, 0.8)
    ]
    heat = mismatch_figure(rows, LIGHT).data[0]
    assert np.allclose(heat.z, [[0.0, 0.6]])
    assert list(heat.text[0]) == [".00", ".60"]


def test_lines_of_images_are_drawn_against_their_mean_and_marks_stay_where_they_cross():
    literal, expansion = np.array([3.0, 2.0, 1.0]), np.array([1.0, 3.0, 3.5])
    crossings = (Crossing(0.5, 1, 1, 0), Crossing(0.8, 2, 2, 0))
    lines = Lines(literal, expansion, (0, 1, 2), crossings)
    for last in (1.0, 0.6):
        *drawn, marks = crossing_figure(lines, (0, 1, 2), LIGHT, None, last).data
        heights = np.array([line.y for line in drawn])
        assert heights.sum(axis=0) == pytest.approx([0, 0])
        at_last = literal + last * expansion
        assert heights[:, 1] - heights[0, 1] == pytest.approx(at_last - at_last[0])
        assert [line.customdata[1] for line in drawn] == pytest.approx(at_last)
        assert list(marks.x) == [c.rate for c in crossings if c.rate <= last]
        for x, y in zip(marks.x, marks.y, strict=True):
            of_risen = heights[1] if x == 0.5 else heights[2]
            assert y == pytest.approx(of_risen[0] + x / last * (of_risen[1] - of_risen[0]))
