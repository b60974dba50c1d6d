"""Figures of the studies, for pages and reports: numbers in, a plotly figure out."""

from lsr.figures.frontier import Curve, frontier, frontier_alt, trade_off_figure
from lsr.figures.query import price_figure, rank_cloud_figure
from lsr.figures.style import DARK, LIGHT, Palette, legend
from lsr.figures.trained import controls_figure, mismatch_figure, sizes_figure

__all__ = [
    "DARK",
    "LIGHT",
    "Curve",
    "Palette",
    "controls_figure",
    "frontier",
    "frontier_alt",
    "legend",
    "mismatch_figure",
    "price_figure",
    "rank_cloud_figure",
    "sizes_figure",
    "trade_off_figure",
]
