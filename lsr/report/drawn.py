"""Charts inside a report's page, which opens without a network and is not large.

plotly's script is kept compressed in the page and is unpacked by the browser; the charts are kept
as plain JSON beside their places.
"""

from __future__ import annotations

import base64
import gzip
from html import escape

import plotly
import plotly.graph_objects as go

_PAPER = "#fdfcf8"
_LOADER = """
(async () => {
  const packed = document.getElementById("plotly").textContent.trim();
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(unpacked).text();
  document.head.append(script);
  for (const chart of document.querySelectorAll("script.chart")) {
    const { data, layout } = JSON.parse(chart.textContent);
    const place = chart.previousElementSibling;
    place.replaceChildren();
    await Plotly.newPlot(place, data, layout, { displayModeBar: false, responsive: true });
  }
})().catch(() => {
  for (const place of document.querySelectorAll("div.chart")) {
    place.textContent = "This browser is too old to draw charts. The CSV files hold their numbers.";
  }
});
"""


def chart(figure: go.Figure, says: str) -> str:
    """A chart's place with its data.

    Args:
        says: what it shows, for who does not see it.
    """
    figure.update_layout(paper_bgcolor=_PAPER, plot_bgcolor=_PAPER, template="plotly_white")
    height = figure.layout.height or 400
    data = str(figure.to_json()).replace("</", "<\\/")
    return (
        f"<div class='chart' role='img' aria-label='{escape(says, quote=True)}' "
        f"style='min-height:{height}px'>This chart needs JavaScript.</div>"
        f"<script type='application/json' class='chart'>{data}</script>"
    )


def scripts() -> str:
    """What draws the charts, for the end of the page."""
    packed = gzip.compress(plotly.offline.get_plotlyjs().encode(), 9, mtime=0)
    text = base64.b64encode(packed).decode()
    return f"<script type='text/plain' id='plotly'>{text}</script><script>{_LOADER}</script>"
