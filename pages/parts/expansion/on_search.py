"""From a setting on the Expansion page to the Search page, under the same setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from lsr.sweep.inference import InferenceSetting
from lsr.sweep.knobs import RANKINGS, Knob
from lsr.sweep.solve import in_words
from pages.parts import address, caches, links
from pages.parts.expansion.query import usual_query
from pages.parts.expansion.setting import Setting
from pages.parts.markup import escape


def search_address(
    address: Mapping[str, str],
    text: str,
    split: str,
    model: str,
    steps: Sequence[tuple[Knob, float]],
) -> dict[str, str]:
    """Parameters of the Search page for a text under some knobs.

    A caption's coin is no setting of one query: above rate 0 and below 1 both of its outcomes stand
    side by side.
    """
    rates = [value for knob, value in steps if knob.control == "caption"]
    acting = (one for one in steps if one[0].control != "caption" and in_words(*one))
    setting = str(InferenceSetting(tuple(acting)))
    found = links.parameters(address, q=text, split=split, setting=setting or None)
    if rates and rates[0] == 0:
        found["expansion"] = "off"
    elif rates and rates[0] < 1:
        found |= {"beside": "search", "against": model, "beside-expansion": "off"}
        if setting:
            found["beside-setting"] = setting
    return found


def to_search(setting: Setting, steps: Sequence[tuple[Knob, float]]) -> None:
    """A link that carries a setting to Search, and which images are searched there and here."""
    if any(knob.control in RANKINGS for knob, _ in steps):
        st.caption("Search ranks in one way of its own, so this setting cannot be taken there.")
        return
    here = st.query_params.to_dict()
    text = address.read_text("q") or usual_query(setting)
    st.page_link(
        links.SEARCH,
        label="Use this setting on Search",
        icon=":material/search:",
        query_params=search_address(here, text, setting.split, setting.models[0], steps),
    )
    images = caches.collection(setting.collection)
    rows = images.image_rows(setting.split)
    shown = int(np.isin(images.searchable_rows, rows).sum())
    st.caption(
        f"Here {len(rows):,} images are searched: all of split {escape(setting.split)}. Search "
        f"takes {'the same' if shown == len(rows) else f'the {shown:,} of them that can be shown'}"
        f", and without its split filter {len(images.searchable_rows):,}, so that ranks and counts "
        "differ."
    )
