"""The lines of `lsr/` that a formula stands for, read from the source: they cannot drift."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter

import streamlit as st


@dataclass(frozen=True)
class Lines:
    """Lines of a function of the library.

    home: its module and name, as `model.few_vectors:stages`. first, last: what the first and the
    last line shown begin with; empty for the body's.
    """

    home: str
    first: str = ""
    last: str = ""


SHOWN: dict[str, Lines] = {
    "stages": Lines("model.few_vectors:stages"),
    "weights": Lines("model.few_vectors:project_few", "return"),
    "R@k": Lines("evaluation.measures:per_query"),
    "prune": Lines("sweep.knobs:pruning_stages", 'if knob.control == "top-k"', "return stages"),
    "chances": Lines("sweep.exact_coins:WordChances.at"),
    "coins": Lines("sweep.exact_coins:_on", "return"),
    "schedule": Lines("model.expansion:ExpansionControl.rate_at"),
    "match": Lines("sweep.term_matching:matched", "rows, columns", "picked, chosen"),
    "gaps": Lines("failures.cases:gaps", "answer =", "rival = documents"),
    "score": Lines("kernels.postings:score_images"),
}


def source(lines: Lines) -> str:
    """The lines, without the docstring and without their common indent.

    Raises:
        ValueError: the function has no line that begins so.
    """
    module, _, name = lines.home.partition(":")
    found = attrgetter(name)(import_module(f"lsr.{module}"))
    text = textwrap.dedent(inspect.getsource(getattr(found, "py_func", found)))  # if compiled
    [function] = ast.parse(text).body
    body = function.body  # type: ignore[attr-defined]
    if ast.get_docstring(function) is not None:  # type: ignore[arg-type]
        body = body[1:]
    kept = text.splitlines()[body[0].lineno - 1 : body[-1].end_lineno]
    start = _place(lines, kept, lines.first) if lines.first else 0
    stop = _place(lines, kept, lines.last) if lines.last else len(kept) - 1
    return textwrap.dedent("\n".join(kept[start : stop + 1]))


def _place(lines: Lines, kept: Sequence[str], begins: str) -> int:
    for place, line in enumerate(kept):
        if line.strip().startswith(begins):
            return place
    raise ValueError(f"no line of {lines.home} begins with {begins!r}")


def show_formula(formula: str, *names: str, says: str = "") -> None:
    """A formula beside the lines that compute it, folded away until they are wanted."""
    with st.expander("The formula, and the lines that compute it", icon=":material/function:"):
        left, right = st.columns([2, 3], gap="medium")
        with left:
            st.latex(formula)
            if says:
                st.markdown(says)
        with right:
            for name in names:
                lines = SHOWN[name]
                module, _, function = lines.home.partition(":")
                st.caption(f"`lsr/{module.replace('.', '/')}.py` · `{function}`")
                st.code(source(lines), language="python", wrap_lines=True)
