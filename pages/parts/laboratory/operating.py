"""The cheapest setting that keeps an accuracy, solved over all knobs."""

from __future__ import annotations

from functools import partial

import streamlit as st

from lsr.figures.frontier import LABELS
from lsr.laboratory import command_of
from lsr.measures import RANK_MEASURES
from lsr.sweep import COSTS, OperatingPoint, Solution, solve
from pages.parts import address, caches
from pages.parts.laboratory import worker
from pages.parts.laboratory.setting import Setting
from pages.parts.markup import escape

_KEEPS = tuple(range(80, 101))
_SOLVED_FOR = tuple(name for name in COSTS if name != "latency_us")


def show_operating(setting: Setting) -> bool:
    """The search for the cheapest setting; whether it is going on."""
    keep, measure, cost = _choose()
    model = setting.models[0]
    ready = caches.laboratory(setting.collection, model, setting.split, setting.direction, "")
    key = (
        "cheapest",
        ready.collection.fingerprint,
        ready.model.fingerprint,
        setting.split,
        setting.direction,
        keep,
        measure,
        cost,
    )
    work = worker.known(key)
    if work is None:
        st.caption(
            f"Tries some 3,900 settings of {escape(model)}: every rate, and every pruning of "
            "captions with every pruning of images. That takes ten seconds to a minute."
        )
        if not st.button("Find the cheapest setting", type="primary", key="solve"):
            return False
        work = worker.follow(key, partial(solve, ready.task, keep / 100, measure, cost), 0.3)
    if work.problem is not None:
        worker.forget(key)
        raise work.problem
    found: Solution | None = work.latest
    if work.running:
        share = found.done / found.planned if found else 0.0
        tried = found.tried if found else 0
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.progress(share, f"{tried:,} settings tried")
            if st.button("Stop", key="stop-solve"):
                worker.forget(key)
                st.rerun(scope="fragment")
    if found is not None:
        _show_solution(setting, found, model, unfinished=work.running)
    return work.running


def _choose() -> tuple[int, str, str]:
    with st.container(horizontal=True, gap="medium"):
        keep = int(address.read_number("keep", _KEEPS[0], _KEEPS[-1], 98))
        measure = address.read_option("of", RANK_MEASURES, "R@1")
        cost = address.read_option("cost", _SOLVED_FOR, "posting_cost")
        st.select_slider(
            "Keep",
            _KEEPS,
            format_func=lambda share: f"{share} %",
            **address.bound("keep", keep, 98, address.number_text),
        )
        st.selectbox("of", RANK_MEASURES, **address.bound("of", measure, "R@1"))
        st.selectbox(
            "at the least",
            _SOLVED_FOR,
            format_func=LABELS.__getitem__,
            **address.bound("cost", cost, "posting_cost"),
        )
    return keep, measure, cost


def _show_solution(setting: Setting, found: Solution, model: str, *, unfinished: bool) -> None:
    best = found.best
    if best is None:
        if not unfinished:
            st.info("No setting keeps that much. Keep less, or measure something else.")
        return
    st.markdown(
        f"{'Best so far' if unfinished else 'Cheapest'} of {found.tried:,} settings: "
        f"**{escape(str(best))}**"
    )
    full, now = found.full, best.record
    cells = st.grid(3, min_column_width=140, gap="xsmall")
    cells.metric(
        found.measure,
        f"{now[found.measure]:.4f}",
        f"{now[found.measure] / max(full[found.measure], 1e-9):.1%} of that with every term",
        delta_color="off",
        delta_arrow="off",
    )
    cells.metric(
        LABELS[found.cost].capitalize(),
        f"{now[found.cost]:,.4g}",
        f"{now[found.cost] / max(full[found.cost], 1e-9):.0%} of that with every term",
        delta_color="off",
        delta_arrow="off",
    )
    cells.metric("Target", f"{found.target:.4f}", help="What the accuracy has to reach.")
    st.caption(
        "It is chosen and measured on the same queries, so expect a little less on others. This "
        "command measures it again:"
    )
    st.code(command(setting, model, best), language="bash", wrap_lines=True)


def command(setting: Setting, model: str, best: OperatingPoint) -> str:
    """The command line that measures an operating point."""
    return command_of(
        setting.collection, model, setting.split, setting.direction, (), "", best.options()
    )
