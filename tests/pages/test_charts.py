"""Figures hold the numbers they are given, in the order they are given."""

import pytest

from lsr.figures.style import LIGHT
from pages.parts.charts import LIFT, ORIGINS, Bar, bars_table, selected_term, term_figure

PALETTE = LIGHT
BARS = [Bar("dog", 2.0, True), Bar("<b>", 1.0, False), Bar("##ing", 0.5, False)]


def test_the_two_kinds_of_bars_differ_in_colour_and_pattern():
    literal, expansion = term_figure(BARS, ORIGINS, PALETTE, "weight").data
    assert list(literal.x) == [2.0]
    assert list(expansion.x) == [1.0, 0.5]
    assert literal.marker.color != expansion.marker.color
    assert (literal.marker.pattern.shape, expansion.marker.pattern.shape) == ("", "/")


def test_bars_of_both_kinds_are_equally_thick():
    apart = [Bar("car", 2.0, True), *[Bar(t, 1.0, False) for t in "abc"], Bar("snow", 0.5, True)]
    assert {bars.width for bars in term_figure(apart, ORIGINS, PALETTE, "weight").data} == {0.7}


def test_bars_keep_their_order_from_top_to_bottom():
    figure = term_figure(BARS, ORIGINS, PALETTE, "weight")
    low, high = figure.layout.yaxis.range
    assert low > high
    assert [list(trace.y) for trace in figure.data] == [[0], [1, 2]]


def test_terms_on_the_axis_are_not_read_as_markup():
    assert "&lt;b&gt;" in term_figure(BARS, ORIGINS, PALETTE, "weight").layout.yaxis.ticktext[1]


def test_a_figure_without_bars_is_still_a_figure():
    assert len(term_figure([], LIFT, PALETTE, "lift").data) == 1


@pytest.mark.parametrize("custom", ["dog", ["dog"]])
def test_a_clicked_bar_names_its_term(custom):
    assert selected_term({"selection": {"points": [{"customdata": custom}]}}) == "dog"


@pytest.mark.parametrize("state", [None, {}, {"selection": {"points": []}}])
def test_no_click_names_no_term(state):
    assert selected_term(state) is None


def test_the_table_twin_has_every_bar():
    table = bars_table(BARS, ORIGINS)
    assert list(table.columns) == ["term", "weight", "kind"]
    assert table["kind"].tolist() == [ORIGINS.first, ORIGINS.second, ORIGINS.second]
