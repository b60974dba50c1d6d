"""Parts of lessons that move in the browser without asking the server: one plain file each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


def live(name: str) -> Any:
    """The component of a lesson: what all of them share, and `name.js` behind it."""
    script = "\n".join((_HERE / f"{one}.js").read_text("utf-8") for one in ("live", name))
    return st.components.v2.component(
        f"lexiscope_lesson_{name}",
        html="<div class='live'></div>",
        css=(_HERE / "live.css").read_text("utf-8"),
        js=script,
    )
