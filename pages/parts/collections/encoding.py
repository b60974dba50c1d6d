"""A collection encoded anew with another encoder."""

from __future__ import annotations

import streamlit as st

from lsr.collection.installed import Overview
from lsr.encoders.own import own_names
from pages.parts import actions, address, mode
from pages.parts.collections.tasks import Task, start
from pages.parts.glossary import glossed
from pages.parts.messages import show_off

ENCODER_HELP = (
    "`bundled` has only seen drawn scenes. For photos give `clip:PLACE`, `siglip:PLACE` or "
    "`blip:PLACE`, where PLACE is a folder, or `owner/name` on huggingface.co after `python -m lsr "
    "encoder clip:owner/name` has downloaded it; or the name of an encoder of your own in "
    "`$LEXISCOPE_HOME/encoders`."
)


def encoder_box(parameter: str, default: str) -> str:
    """A box for the name of an encoder; any may be typed."""
    spec = address.read_text(parameter) or default
    known = dict.fromkeys(["bundled", *own_names(), spec])
    st.selectbox(
        "Encoder",
        list(known),
        accept_new_options=True,
        help=glossed(ENCODER_HELP),
        **address.bound(parameter, spec, default),
    )
    return spec


def show_encoding(one: Overview) -> None:
    """The form of a new encoding; a click starts it."""
    if why := mode.why_not("encode"):
        show_off(why)
        return
    st.markdown(
        "Encodes the stored pictures and the captions with another encoder, as a collection of "
        "its own. It goes on when this page is left."
    )
    spec = encoder_box("new-encoder", "bundled")
    default = f"{one.name}-{spec.partition(':')[0]}"
    name = address.read_text("new-name") or default
    st.text_input("Name of the new collection", **address.bound("new-name", name, default))
    if spec == one.encoder:
        st.caption("It has the vectors of this encoder already: choose another.")
    if st.button("Encode", type="primary", key="encode", disabled=spec == one.encoder):
        start(Task("Encoding", name), actions.encode(one.name, spec, name))
