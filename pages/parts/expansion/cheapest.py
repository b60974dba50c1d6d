"""The cheapest setting that keeps an accuracy, solved over all knobs."""

from __future__ import annotations

from functools import partial

import streamlit as st

from lsr.evaluation.measures import RANK_MEASURES
from lsr.evaluation.passes import COSTS
from lsr.figures.frontier import LABELS
from lsr.sweep.cheapest import Cheapest, cheapest
from lsr.sweep.laboratory import command_of
from lsr.sweep.solve import OperatingPoint
from pages.parts import address, background
from pages.parts.expansion.on_search import to_search
from pages.parts.expansion.setting import Setting
from pages.parts.glossary import glossed
from pages.parts.markup import escape

_KEEPS = tuple(range(80, 101))
_SOLVED_FOR = tuple(name for name in COSTS if name != "latency_us")


def show_cheapest(setting: Setting) -> bool:
    """The search for the cheapest setting; whether it is going on."""
    keep, measure, cost = _choose()
    model = setting.models[0]
    ready = setting.laboratory(model)
    key = (
        "cheapest",
        ready.collection.fingerprint,
        ready.model.fingerprint,
        setting.split,
        setting.queries,
        setting.direction,
        keep,
        measure,
        cost,
    )
    work = background.known(key)
    if work is None:
        st.caption(
            f"Tries some 6,200 settings of {escape(model)}: every rate, and every pruning of "
            "captions and every rule of an engine with every pruning of images. That takes half a "
            "minute to two."
        )
        if not st.button("Find the cheapest setting", type="primary", key="solve"):
            return False
        work = background.follow(key, partial(cheapest, ready, keep / 100, measure, cost), 0.3)
    if work.problem is not None:
        background.forget(key)
        raise work.problem
    running = work.running  # asked first: what ends in between is shown by the next run
    found: Cheapest | None = work.latest
    if running:
        share = found.solution.done / found.solution.planned if found else 0.0
        tried = found.solution.tried if found else 0
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.progress(share, f"{tried:,} settings tried")
            if st.button("Stop", key="stop-solve"):
                background.forget(key)
                st.rerun(scope="fragment")
    elif found is not None:
        _show_answer(setting, found, model)
    return running


def _choose() -> tuple[int, str, str]:
    with st.container(horizontal=True, gap="medium"):
        keep = int(address.number("keep", _KEEPS[0], _KEEPS[-1], 98))
        measure = address.option("of", RANK_MEASURES, "R@1")
        cost = address.option("cost", _SOLVED_FOR, "posting_cost")
        st.select_slider(
            "Keep",
            _KEEPS,
            format_func=lambda share: f"{share} %",
            **address.bound("keep", keep, 98, address.number_text),
        )
        st.selectbox("of", RANK_MEASURES, **address.bound("of", measure, "R@1"))
        st.selectbox(
            "with the fewest",
            _SOLVED_FOR,
            format_func=LABELS.__getitem__,
            **address.bound("cost", cost, "posting_cost"),
        )
    return keep, measure, cost


def _show_answer(setting: Setting, found: Cheapest, model: str) -> None:
    solution, sure = found.solution, found.confirmed
    if sure is None:
        st.info("No setting keeps that much. Keep less, or measure something else.")
        return
    st.markdown(f"**{escape(sure.point.in_words())}.** :gray[{escape(str(sure.point))}]")
    name, cost = solution.measure, solution.cost
    cells = st.grid(3, min_column_width=150, gap="xsmall")
    for label, key, digits in ((name, name, ".4f"), (LABELS[cost].capitalize(), cost, ",.4g")):
        share = sure.best[key] / max(sure.full[key], 1e-9)
        cells.metric(
            label,
            f"{sure.best[key]:{digits}}",
            f"{share:.1%} of {sure.full[key]:{digits}}",
            help=glossed("And its share of what every term gives."),
            delta_color="off",
            delta_arrow="off",
        )
    change = sure.difference
    cells.metric(
        f"Change of {name}",
        f"{change.mean:+.4f}",
        f"{change.low:+.4f} … {change.high:+.4f}",
        help=glossed("The range is a 95 % interval: a paired bootstrap over images."),
        delta_color="off",
        delta_arrow="off",
    )
    to_search(setting, [*sure.point.fixed, (sure.point.knob, sure.point.value)])
    st.caption(_how(setting, found))
    st.code(command(setting, model, sure.point), language="bash", wrap_lines=True)


def _how(setting: Setting, found: Cheapest) -> str:
    """Where the answer was chosen and where it was measured."""
    solution = found.solution
    chosen, own = escape(found.chosen_on), escape(setting.split)
    tried = f"The cheapest of {solution.tried:,} settings"
    if found.chosen_on == setting.split:
        return (
            f"{tried}, chosen and measured on the same split, {own}: the collection has no other "
            "to choose on, so expect a little less on new queries. This command measures it again:"
        )
    return (
        f"{tried}, chosen on split {chosen}, where it had to reach {solution.target:.4f} of "
        f"{solution.full[solution.measure]:.4f}, and measured on split {own}, which had no say. "
        "This command measures it again:"
    )


def command(setting: Setting, model: str, best: OperatingPoint) -> str:
    """The command line that measures an operating point."""
    return command_of(
        setting.collection,
        model,
        setting.split,
        setting.direction,
        (),
        "",
        best.options(),
        queries=setting.queries,
    )
