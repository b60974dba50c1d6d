"""One legend for all charts of a report whose curves are models and nulls, drawn without plotly."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from lsr.figures.frontier import Look

# Outlines in a box of 16 × 16, as plotly draws its symbols.
_SHAPES = {
    "circle": "M8 3a5 5 0 1 0 .01 0z",
    "square": "M3.5 3.5h9v9h-9z",
    "diamond": "M8 2l6 6-6 6-6-6z",
    "triangle-up": "M8 2.5l6 10.5H2z",
    "x": "M4 2.6L8 6.6l4-4L13.4 4l-4 4 4 4L12 13.4l-4-4-4 4L2.6 12l4-4-4-4z",
    "cross": "M6 2h4v4h4v4h-4v4H6v-4H2V6h4z",
    "star": "M8 1.5l2 4.4 4.7.5-3.5 3.2 1 4.8L8 12l-4.2 2.4 1-4.8L1.3 6.4 6 5.9z",
}
_DASHES = {
    "solid": "",
    "dot": "2 3",
    "dash": "7 4",
    "longdash": "11 4",
    "dashdot": "8 3 2 3",
    "longdashdot": "12 3 2 3",
}


def legend(entries: Sequence[tuple[str, Look]]) -> str:
    """A list of names, each with its mark and line, as HTML."""
    items = "".join(f"<li>{_mark(look)}{escape(name)}</li>" for name, look in entries)
    return f"<ul class='legend' aria-label='Legend of all charts of models'>{items}</ul>"


def _mark(look: Look) -> str:
    colour = escape(look.colour)
    shape = f"<path d='{_SHAPES[look.symbol]}' transform='translate(16)'/>" if look.symbol else ""
    return (
        f"<svg viewBox='0 0 48 16' width='48' height='16' fill='{colour}' aria-hidden='true'>"
        f"<line x1='0' x2='48' y1='8' y2='8' stroke='{colour}' stroke-width='2' "
        f"stroke-dasharray='{_DASHES[look.dash]}'/>{shape}</svg>"
    )
