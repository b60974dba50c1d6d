"""How a page says that something is wrong: one sentence, where it happened, and the app goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import streamlit as st

from lsr.exceptions import InputError
from pages.parts.markup import sentence

Read = TypeVar("Read")


def show_mistake(mistake: InputError) -> None:
    """The one place where an InputError becomes something to read."""
    st.error(sentence(str(mistake)), icon=":material/error:")


def show_off(why: str) -> None:
    """Say why something is off on this server, in its place."""
    st.info(sentence(why), icon=":material/lock:")


@contextmanager
def mistakes_shown() -> Iterator[None]:
    """Show an InputError of the block in place of the rest of the block."""
    try:
        yield
    except InputError as mistake:
        show_mistake(mistake)


def or_default(read: Callable[[], Read], default: Read) -> Read:
    """What `read` finds; where that is an InputError, it is shown and the page goes on."""
    try:
        return read()
    except InputError as mistake:
        show_mistake(mistake)
        return default
