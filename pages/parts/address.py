"""The address is the state of a page; a widget is a view of one of its parts.

Every page reads what it shows from the query parameters. A widget is set from the address before
it is drawn and writes the address when a person changes it, so a reload, a pasted address and the
browser's back button all lead to the same page. What equals its default is left out.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from lsr.exceptions import QueryError, shorten
from pages.parts.glossary import glossed
from pages.parts.messages import or_default

Given = ParamSpec("Given")
LAST_ADDRESS = "last-address"  # in the session, for the links that lead back to a page
AT_ONCE = 1.0  # seconds after an answer in which the browser may not have read it
_OUTDATED, _HEARD = "outdated-addresses", "heard"


def read_text(name: str) -> str | None:
    """The text of a parameter; None where the address does not have it."""
    value: str | None = st.query_params.get(name)
    return value


def read_flag(name: str, default: bool) -> bool:
    """Whether a parameter says `on`.

    Raises:
        QueryError: it says neither `on` nor `off`.
    """
    return parse_flag(name, read_text(name), default)


def read_number(name: str, low: float, high: float, default: float) -> float:
    """The number of a parameter.

    Raises:
        QueryError: no number, or outside [low, high].
    """
    return parse_number(name, read_text(name), low, high, default)


def read_option(name: str, options: Sequence[str], default: str) -> str:
    """The one of `options` that a parameter names.

    Raises:
        QueryError: another word.
    """
    return parse_option(name, read_text(name), options, default)


def flag(name: str, default: bool) -> bool:
    """As `read_flag`; what the address says wrong is shown, and the default is meant."""
    return or_default(lambda: read_flag(name, default), default)


def number(name: str, low: float, high: float, default: float) -> float:
    """As `read_number`; what the address says wrong is shown, and the default is meant."""
    return or_default(lambda: read_number(name, low, high, default), default)


def option(name: str, options: Sequence[str], default: str) -> str:
    """As `read_option`; what the address says wrong is shown, and the default is meant."""
    return or_default(lambda: read_option(name, options, default), default)


def parse_flag(name: str, raw: str | None, default: bool) -> bool:
    """See `read_flag`."""
    if raw is None:
        return default
    if raw not in ("on", "off"):
        raise QueryError(f"`{name}` in the address is `{shorten(raw)}`. Use `on` or `off`.")
    return raw == "on"


def parse_number(name: str, raw: str | None, low: float, high: float, default: float) -> float:
    """See `read_number`."""
    if raw is None:
        return default
    try:
        number = float(raw)
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        raise QueryError(
            f"`{name}` in the address is `{shorten(raw)}`. Use a number from {low:g} to {high:g}."
        )
    return number


def parse_option(name: str, raw: str | None, options: Sequence[str], default: str) -> str:
    """See `read_option`."""
    if raw is None:
        return default
    if raw not in options:
        choices = ", ".join(f"`{option}`" for option in options)
        raise QueryError(f"`{name}` in the address is `{shorten(raw)}`. Use {choices}.")
    return raw


def flag_text(value: bool) -> str:
    """A flag as the address writes it."""
    return "on" if value else "off"


def number_text(value: float) -> str:
    """A number as the address writes it."""
    return f"{value:g}"


def bound(
    name: str, value: Any, default: Any = None, as_text: Callable[[Any], str] = str
) -> dict[str, Any]:
    """Arguments that tie a widget to a parameter of the address.

    Args:
        value: what the address says now; the widget shows it.
        default: left out of the address; None means that nothing is left out.
        as_text: how the widget's value is written in the address.
    """
    key = f"address-{name}"
    if st.session_state.get(key) != value:
        st.session_state[key] = value
    return {"key": key, "on_change": write_from_widget, "args": (name, default, as_text)}


def choose(
    name: str,
    label: str,
    options: Mapping[str, str],
    default: str,
    *,
    help: str | None = None,
    hide_label: bool = False,
) -> str:
    """Buttons side by side for a parameter; the one of `options`, names with labels, it is set to.

    Where the address says another word, that is shown, and the default is meant.
    """
    value = option(name, list(options), default)
    st.segmented_control(
        label,
        list(options),
        format_func=options.__getitem__,
        required=True,
        help=help and glossed(help),
        label_visibility="collapsed" if hide_label else "visible",
        **bound(name, value, default),
    )
    return value


def whole(callback: Callable[Given, None]) -> Callable[Given, None]:
    """A callback that sees the newest address, and ends though the browser asks for more."""

    @wraps(callback)
    def held(*args: Given.args, **kwargs: Given.kwargs) -> None:
        with _unbroken():
            hold()
            callback(*args, **kwargs)

    return held


@contextmanager
def _unbroken() -> Iterator[None]:
    """What the browser asks for meanwhile waits until the block has ended.

    Streamlit 1.67 breaks a callback off at its next call when another request has come, forgets
    the rest of it, and puts that request behind those that came after it: of four steps of a
    slider the second could be the last word. It does so only while its runner says that it runs a
    script.
    """
    context = get_script_run_ctx()
    runner: Any = getattr(context and context.yield_check, "__self__", None)
    if runner is None or not runner._execing:
        yield
        return
    runner._execing = False
    try:
        yield
    finally:
        runner._execing = True


@whole
def write_from_widget(name: str, default: Any, as_text: Callable[[Any], str]) -> None:
    """Put the value of the widget that `bound` tied to `name` into the address."""
    value = st.session_state[f"address-{name}"]
    write(name, None if value is None or value == default else as_text(value))


def write(name: str, text: str | None) -> None:
    """Set a parameter of the address; None takes it out."""
    write_together({name: text})


@whole
def write_together(texts: Mapping[str, str | None]) -> None:
    """As `write` for several parameters, in one step of the browser's history."""
    before = st.session_state.get(LAST_ADDRESS, st.query_params.to_dict())
    now = {name: text for name, text in {**before, **texts}.items() if text is not None}
    if now != before:
        st.query_params.from_dict(now)
        st.session_state.setdefault(_OUTDATED, []).append(before)
    st.session_state[_HEARD] = time.monotonic()
    st.session_state[LAST_ADDRESS] = now


def hold() -> None:
    """Go on from the address that was written last.

    A browser learns of a new address when the server answers. What it sends before, a second click
    or a fragment's timer, comes with the address before, and would undo the first.
    """
    last = st.session_state.get(LAST_ADDRESS)
    if last is not None and st.query_params.to_dict() != last:
        st.query_params.from_dict(last)


def hold_if_outdated(*, same_page: bool) -> None:
    """Go on from the address that was written last where this run has one that it replaced.

    A click on a button right after a text was typed comes with the address before the text. One of
    the browser's back button, or of a link a while later, may well lead to an older address.

    Args:
        same_page: the run before drew this page as well.
    """
    outdated = st.session_state.setdefault(_OUTDATED, [])
    address, context = st.query_params.to_dict(), get_script_run_ctx()
    at_once = time.monotonic() - st.session_state.get(_HEARD, -math.inf) < AT_ONCE
    goes_back = context is not None and context.is_history_navigation
    if same_page and at_once and not goes_back and address in outdated:
        hold()
    elif not at_once or address != st.session_state.get(LAST_ADDRESS):
        outdated.clear()


@contextmanager
def heard() -> Iterator[None]:
    """Held while a page or a part is drawn: what a browser asks meanwhile waits for its end."""
    try:
        yield
    finally:
        st.session_state[_HEARD] = time.monotonic()


def fragment(draw: Callable[Given, None], every: float | None) -> Callable[Given, None]:
    """A part of a page that runs by itself.

    Args:
        draw: draws it; may read the address. every: seconds between two runs; None: only when a
            widget of it changes.
    """

    def held(*args: Given.args, **kwargs: Given.kwargs) -> None:
        with heard():
            hold()
            draw(*args, **kwargs)

    return st.fragment(wraps(draw)(held), run_every=every)


def part_alone() -> bool:
    """Whether a part of the page runs by itself now, and the rest stays as it was drawn."""
    context = get_script_run_ctx()
    return context is not None and bool(context.fragment_ids_this_run)


def settle() -> None:
    """Make the browser show the address that this run works with.

    Streamlit 1.67 leaves the old address standing when a page link leads to the page it is on.
    """
    st.query_params.from_dict(st.query_params.to_dict())
