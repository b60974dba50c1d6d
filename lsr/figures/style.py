"""Colours that stand out on paper and on slate, and what all figures share."""

from __future__ import annotations

from typing import Any, NamedTuple


class Palette(NamedTuple):
    """Okabe–Ito colours, `ink` for letters and `faint` for what steps back."""

    first: str
    second: str
    third: str
    ink: str
    fourth: str
    faint: str

    @property
    def series(self) -> tuple[str, str, str, str]:
        """Colours of curves, in the order of their use."""
        return self.first, self.second, self.third, self.fourth


# The darker of each pair on paper, the lighter on slate.
LIGHT = Palette("#0072b2", "#d55e00", "#00805d", "#20262e", "#a8467c", "#7a7f87")
DARK = Palette("#56b4e9", "#e69f00", "#19b88a", "#e9e6df", "#d987b5", "#8f959d")
SYMBOLS = ("circle", "square", "diamond", "triangle-up")
DASHES = ("solid", "dot", "dash", "longdash")


def legend(palette: Palette) -> dict[str, Any]:
    """A legend in one line above the plot."""
    return {
        "orientation": "h",
        "x": 0,
        "y": 1,
        "xref": "container",
        "yref": "container",
        "yanchor": "top",
        "xanchor": "left",
        "font": {"color": palette.ink, "size": 13},
        "itemclick": False,
        "itemdoubleclick": False,
    }


def layout(palette: Palette, height: int, **more: Any) -> dict[str, Any]:
    """Size, margins, legend and letters."""
    return {
        "height": height,
        "margin": {"l": 12, "r": 14, "t": 44, "b": 50},
        "legend": legend(palette),
        "font": {"size": 13},
        "hovermode": "closest",
        **more,
    }


def axis(title: str, palette: Palette, **more: Any) -> dict[str, Any]:
    """An axis with a title in ink that nobody drags by accident."""
    return {
        "title": {"text": title, "standoff": 12, "font": {"color": palette.ink, "size": 13}},
        "fixedrange": True,
        "automargin": True,
        "tickfont": {"color": palette.ink, "size": 12},
        **more,
    }


def log_axis(title: str, palette: Palette, **more: Any) -> dict[str, Any]:
    """A logarithmic axis with a plain number at 1, 2 and 5 of every power of ten."""
    ticks = [step * 10.0**power for power in range(-3, 8) for step in (1, 2, 5)]
    texts = [f"{tick:,g}" if tick < 1e4 else f"{tick / 1e3:,g}k" for tick in ticks]
    shape = {"type": "log", "tickvals": ticks, "ticktext": texts}
    return axis(title, palette, **(shape | more))


def shade(colour: str, opacity: float) -> str:
    """A colour one can see through."""
    parts = ", ".join(str(part) for part in bytes.fromhex(colour[1:]))
    return f"rgba({parts}, {opacity})"
