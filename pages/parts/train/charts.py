"""Live curves of a training run: what is learned, how sparse it is, and the loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from lsr.figures.style import Palette, legend
from lsr.training.settings import TrainingReport

Reports = Sequence[TrainingReport]
_HEIGHT = 215
_STOPS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)


def epochs_passed(report: TrainingReport) -> float:
    """Passes over the captions, with the part of the one that is going on."""
    return report.step / report.steps * report.epochs


def recall_figure(
    reports: Reports, teacher: float | None, palette: Palette, epochs: int
) -> go.Figure:
    """R@1 of the validation captions, the weights to keep, and the teacher as a thin line."""
    reports = [report for report in reports if report.measures]
    measured = [report.measures["R@1"] for report in reports]
    traces = [_line("validation R@1", reports, measured, palette.first, "solid", "circle")]
    if best := [report for report in reports if report.best][-1:]:
        traces.append(
            {
                "type": "scatter",
                "x": [epochs_passed(best[0])],
                "y": [best[0].measures["R@1"]],
                "mode": "markers",
                "marker": {"symbol": "diamond-open", "size": 14, "color": palette.second},
                "name": "kept",
                "hovertemplate": "kept weights: R@1 %{y:.3f}<extra></extra>",
            }
        )
    if teacher is not None:
        traces.append(
            {
                "type": "scatter",
                "x": [0, epochs],
                "y": [teacher, teacher],
                "mode": "lines",
                "line": {"color": palette.ink, "width": 1, "dash": "longdashdot"},
                "name": "dense teacher",
                "hovertemplate": "dense teacher R@1 %{y:.3f}<extra></extra>",
            }
        )
    axis = {"range": [0, 1.02], "tickformat": ".1f", "dtick": 0.2}
    return go.Figure(traces, _layout(palette, epochs, axis))


def terms_figure(reports: Reports, palette: Palette, epochs: int) -> go.Figure:
    """Mean active terms of a caption and of an image, on a logarithmic axis."""
    captions = [report.active_terms_query or None for report in reports]
    images = [report.active_terms_image or None for report in reports]
    traces = [
        _line("a caption", reports, captions, palette.first, "solid", "circle"),
        _line("an image", reports, images, palette.second, "dash", "square"),
    ]
    return go.Figure(traces, _layout(palette, epochs, _logarithmic([*captions, *images])))


def _logarithmic(values: Sequence[float | None]) -> dict[str, Any]:
    """An axis between two of _STOPS, so that at least two are named."""
    positive = [value for value in values if value] or [1.0]
    low = max((stop for stop in _STOPS if stop <= min(positive)), default=_STOPS[0])
    high = min((stop for stop in _STOPS if stop > max(positive)), default=_STOPS[-1])
    return {
        "type": "log",
        "range": [math.log10(low) - 0.03, math.log10(high) + 0.03],
        "tickvals": _STOPS,
        "ticktext": [f"{stop:,}" for stop in _STOPS],
    }


def loss_figure(reports: Reports, palette: Palette, epochs: int) -> go.Figure:
    """Both parts of the loss, as means over the steps since the point before."""
    relevance = [report.relevance_loss for report in reports]
    penalty = [report.penalty for report in reports]
    traces = [
        _line("relevance", reports, relevance, palette.first, "solid", "circle"),
        _line("penalty", reports, penalty, palette.second, "dash", "square"),
    ]
    return go.Figure(traces, _layout(palette, epochs, {"rangemode": "tozero"}))


def _line(
    name: str,
    reports: Reports,
    values: Sequence[float | None],
    colour: str,
    dash: str,
    symbol: str,
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "x": [epochs_passed(report) for report in reports],
        "y": list(values),
        "mode": "lines+markers",
        "line": {"color": colour, "width": 2.5, "dash": dash},
        "marker": {"symbol": symbol, "size": 6, "color": colour},
        "name": name,
        "hovertemplate": f"{name} %{{y:,.4~g}} after %{{x:.2f}} epochs<extra></extra>",
    }


def _layout(palette: Palette, epochs: int, axis: dict[str, Any]) -> dict[str, Any]:
    """Axes and legend; the horizontal axis reaches to the end of the run from the start."""
    return {
        "height": _HEIGHT,
        "margin": {"l": 8, "r": 12, "t": 34, "b": 40},
        "showlegend": True,
        "legend": legend(palette),
        "font": {"size": 13},
        "hovermode": "closest",
        "xaxis": {
            "title": {"text": "epochs", "standoff": 4, "font": {"color": palette.ink}},
            "range": [0, epochs * 1.02],
            "fixedrange": True,
            "nticks": 6,
        },
        "yaxis": {**axis, "fixedrange": True, "automargin": True},
    }


def recall_alt(reports: Reports, teacher: float | None) -> str:
    """What the figure of R@1 shows, in words."""
    beside = "" if teacher is None else f"; the dense teacher has {teacher:.3f}"
    if not any(report.measures for report in reports):
        return "No split `val` was held out, so nothing is measured while it trains."
    return f"Validation R@1 {_course(reports, [r.measures['R@1'] for r in reports])}{beside}."


def terms_alt(reports: Reports) -> str:
    """What the figure of active terms shows, in words."""
    captions = _course(reports, [report.active_terms_query for report in reports])
    images = _course(reports, [report.active_terms_image for report in reports])
    return f"Active terms of a caption: {captions}; of an image: {images}."


def loss_alt(reports: Reports) -> str:
    """What the figure of the loss shows, in words."""
    relevance = _course(reports, [report.relevance_loss for report in reports])
    penalty = _course(reports, [report.penalty for report in reports])
    return f"Relevance loss: {relevance}; penalty on active terms: {penalty}."


def _course(reports: Reports, values: Sequence[float]) -> str:
    return (
        f"from {values[0]:.4g} after {epochs_passed(reports[0]):.2f} epochs "
        f"to {values[-1]:.4g} after {epochs_passed(reports[-1]):.2f}"
    )


def reports_table(reports: Reports) -> pd.DataFrame:
    """A row for every report."""
    return pd.DataFrame(
        [
            {
                "epoch": round(epochs_passed(report), 3),
                "step": report.step,
                **report.measures,
                "active terms a caption": report.active_terms_query,
                "active terms an image": report.active_terms_image,
                "relevance loss": report.relevance_loss,
                "penalty": report.penalty,
                "regularizer factor": report.regularizer_factor,
                "kept": report.best,
                "seconds": report.seconds,
            }
            for report in reports
        ]
    )
