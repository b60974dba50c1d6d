"""The chart of a knob, and the table of what it gives where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from html import escape

import pandas as pd
import streamlit as st

from lsr.evaluation.passes import COSTS, MEASURES
from lsr.evaluation.task import DIRECTIONS
from lsr.figures.frontier import LABELS, MEANINGS, Curve, frontier_alt, trade_off_figure
from lsr.sweep.sweep import UNTIL_KNOWN, SweepReport, SweepRow
from pages.parts import address, background, charts, explain
from pages.parts.expansion.knobs import Turned, move_to
from pages.parts.expansion.setting import DIRECTION_LABELS, Setting
from pages.parts.markup import escape as escape_markdown

DRAWS = UNTIL_KNOWN
_PATIENCE = 1.2  # seconds that a page waits for what it begins to measure
_WAITING_PIXELS = 200  # of the place of a chart that nothing is measured for yet
# A curve whose ends differ by less than this share is called flat.
_FLAT = 0.01
_SHORT = {
    **LABELS,
    "overlap@10": "Overlap@10",
    "active_terms_query": "terms a query",
    "active_terms_document": "terms a document",
    "posting_cost": "postings",
    "latency_us": "µs a query",
    "index_bytes": "index",
}


@dataclass(frozen=True)
class Measured:
    """The rows of one model under the knob; none yet while the first are measured.

    direction: of search. null: what is undone in the model; empty where nothing is.
    teacher, lexical: measures of the dense ranks, and of BM25 over captions where there are any.
    running: whether more rows may come; asked before the rows were read, so that none is missed.
    """

    name: str
    model: str
    direction: str
    null: str
    rows: Sequence[SweepRow]
    work: background.Work[SweepReport]
    key: object
    teacher: dict[str, float]
    lexical: dict[str, float] | None
    running: bool


def measure(setting: Setting, turned: Turned) -> list[Measured]:
    """Every model, and the null, under a knob: from memory, from disk, or measured now.

    The direction chosen comes first, then the other one, which waits for the first.

    Raises:
        DiskFullError: what was measured cannot be kept.
    """
    found = _measure(setting, turned, setting.direction)
    if not any(one.running for one in found):
        found += _measure(setting, turned, setting.other_direction)
    return found


def _measure(setting: Setting, turned: Turned, direction: str) -> list[Measured]:
    found: list[Measured] = []
    for model, null, name in setting.searched:
        ready = setting.laboratory(model, null, direction)
        key = (
            ready.collection.fingerprint,
            ready.model.fingerprint,
            setting.split,
            setting.queries,
            direction,
            null,
            turned.knob,
            setting.latency,
        )
        if not ready.store(turned.knob, DRAWS.seed).begun:
            # Making ready for a sweep is no part of the patience that a sweep is given.
            with st.spinner("Setting up the laboratory…"):
                _ = ready.task.teacher_top
        start = partial(ready.sweeping, turned.knob, turned.values, DRAWS, latency=setting.latency)
        patience = _PATIENCE if direction == setting.direction else 0.0
        work = background.follow(key, start, patience)
        if work.problem is not None:
            background.forget(key)
            raise work.problem
        running = work.running
        rows = work.latest.rows if work.latest else ()
        teacher = found[0].teacher if found else ready.teacher
        lexical = found[0].lexical if found else ready.lexical
        found.append(
            Measured(name, model, direction, null, rows, work, key, teacher, lexical, running)
        )
    return found


def show_progress(found: Sequence[Measured], random: bool) -> bool:
    """A bar and a button to stop while something is measured; whether it is."""
    busy = [one for one in found if one.running]
    if not busy:
        _offer_to_go_on([one for one in found if one.work.stopped])
        return False
    done = sum(one.work.latest.done if one.work.latest else 0 for one in found)
    planned = sum(one.work.latest.planned if one.work.latest else DRAWS.most for one in found)
    names = ", ".join(dict.fromkeys(one.name for one in busy))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        count = f": {done} of at most {planned} draws" if random else ""
        st.progress(done / max(planned, 1), f"Measuring {names}{count}")
        if st.button("Stop", key="stop-sweep"):
            for one in busy:
                one.work.stop()
    return True


def _offer_to_go_on(stopped: Sequence[Measured]) -> None:
    if not stopped:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        names = ", ".join(dict.fromkeys(one.name for one in stopped))
        st.caption(f"Stopped: {names}. What was drawn is kept.")
        if st.button("Go on", key="go-on"):
            for one in stopped:
                background.forget(one.key)
            st.rerun(scope="fragment")


def show_reading(found: Sequence[Measured], turned: Turned) -> None:
    """How to read a null, a line by definition, and a flat curve: none explains itself."""
    for null in dict.fromkeys(one.null for one in found if one.null):
        st.caption(explain.NULLS[null])
    if turned.knob.control != "caption":
        return
    st.caption(explain.LINE)
    for one in found:
        if one.null or not one.rows or one.direction != DIRECTIONS[0]:
            continue
        low, high = one.rows[0].mean["R@1"], one.rows[-1].mean["R@1"]
        if low is not None and high is not None and low > 0 and abs(high - low) < _FLAT * low:
            st.caption(
                f"{escape_markdown(one.name)} is flat: with the captions' own words alone its R@1 "
                f"is {low:.3f}, with all terms {high:.3f}. Its expansion serves words that "
                "captions do not say."
            )


def show_charts(found: Sequence[Measured], setting: Setting, turned: Turned) -> None:
    """The trade-off in both directions, the one chosen first."""
    columns = st.columns(2, gap="medium")
    for column, direction in zip(
        columns, (setting.direction, setting.other_direction), strict=True
    ):
        with column:
            st.markdown(f"**{DIRECTION_LABELS[direction]}**")
            there = [one for one in found if one.direction == direction]
            if there:
                _show_chart(there, setting, turned, direction)
            else:
                st.caption("Comes next.")


def _show_chart(
    found: Sequence[Measured], setting: Setting, turned: Turned, direction: str
) -> None:
    """A click on a point turns the knob to it and shows what changes there."""
    teacher, x = found[0].teacher.get(setting.y), setting.cost(direction)
    lexical = (found[0].lexical or {}).get(setting.y)
    drawn = [Curve(one.name, one.rows, turned.place, one.null) for one in found if one.rows]
    if not drawn:
        st.container(border=True, height=_WAITING_PIXELS).caption(
            "The curve is drawn here as soon as its first values are measured."
        )
        return
    figure = trade_off_figure(
        drawn,
        charts.colours(),
        x=x,
        y=setting.y,
        log=setting.log,
        teacher=teacher,
        lexical=lexical,
    )
    key = f"trade-off-{direction}"
    state = st.plotly_chart(
        figure,
        key=key,
        alt=frontier_alt(drawn, x, setting.y),
        config=charts.CONFIG,
        on_select="rerun",
        selection_mode="points",
    )
    clicked = _clicked(state)
    if clicked is not None and clicked != st.session_state.get(f"{key}-clicked"):
        name, value = clicked
        # A point of the null has the first model's configuration.
        model = name if name in setting.models[1:] else None
        _take(key, clicked, model, turned, direction)
        if value in turned.values:
            if direction != setting.direction:
                st.rerun()
            st.rerun(scope="fragment")
    elif clicked is None:
        st.session_state.pop(f"{key}-clicked", None)


@address.whole
def _take(
    key: str, clicked: tuple[str, float], model: str | None, turned: Turned, direction: str
) -> None:
    """Turn the knob to a clicked point and show what changes there, all of it or nothing yet."""
    _, value = clicked
    if value in turned.values:
        move_to(turned, value)
        shown = None if direction == DIRECTIONS[0] else direction
        address.write_together({"point": model, "view": "flips", "direction": shown})
    st.session_state[f"{key}-clicked"] = clicked


def _clicked(state: object) -> tuple[str, float] | None:
    """The name of the curve and the value of the knob of a clicked point."""
    points = state.get("selection", {}).get("points", []) if isinstance(state, dict) else []
    custom = points[0].get("customdata") if points else None
    return (str(custom[0]), float(custom[1])) if custom is not None and len(custom) > 1 else None


def show_table(found: Sequence[Measured], setting: Setting, turned: Turned) -> None:
    """All measures where the knob stands: a row for each model and the teacher, by direction."""
    rows = [(one, one.rows[turned.place]) for one in found if one.rows]
    if not rows:
        return
    names = [
        name for name in (*MEASURES, *COSTS) if any(row.get(name) is not None for _, row in rows)
    ]
    heads = "".join(
        f"<th scope='col' title=\"{escape(MEANINGS[name], quote=True)}\">{_SHORT[name]}</th>"
        for name in names
    )
    lines = []
    for direction in dict.fromkeys(one.direction for one, _ in rows):
        label, width = DIRECTION_LABELS[direction], len(names) + 1
        lines.append(f"<tr><th scope='rowgroup' colspan='{width}'>{label}</th></tr>")
        there = [(one, row) for one, row in rows if one.direction == direction]
        chosen = (setting.cost(direction), setting.y)
        for one, row in there:
            values = [row.get(name) for name in names]
            lines.append(_line(one.name, names, values, chosen))
        teacher = [there[0][0].teacher.get(name) for name in names]
        lines.append(_line("dense teacher", names, teacher, chosen))
        if lexical := there[0][0].lexical:
            words = [lexical.get(name) for name in names]
            lines.append(_line("BM25 of captions", names, words, chosen))
    known = [row for _, row in rows if row.draws > 1]
    note = ""
    if known:
        widest = max(row.half_width for row in known)
        note = (
            f"<p>At most {max(row.draws for row in known)} draws, seed {DRAWS.seed}; the mean R@1 "
            f"here is known to ±{widest:.4f} (95 %).</p>"
        )
    st.html(
        f"<div class='lab-table'><table><thead><tr><th scope='col'>at {turned.value:g}</th>"
        f"{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>{note}"
    )


def _line(
    label: str,
    names: Sequence[str],
    values: Sequence[float | None],
    chosen: tuple[str, str],
) -> str:
    cells = "".join(
        f"<td{' class=chosen' if name in chosen else ''}>{_number(name, value)}</td>"
        for name, value in zip(names, values, strict=True)
    )
    return f"<tr><th scope='row'>{escape(label)}</th>{cells}</tr>"


def _number(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    if name in MEASURES:
        return f"{value:.3f}"
    if name == "index_bytes":
        return f"{value / 1e3:,.0f} kB" if value < 1e7 else f"{value / 1e6:,.1f} MB"
    return f"{value:,.2f}" if value < 10 else f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"


def sweep_table(found: Sequence[Measured]) -> pd.DataFrame:
    """All rows of all models as one table, with the keys of the command line."""
    return pd.DataFrame(
        [
            {"model": one.name, "direction": one.direction, **row.as_dict()}
            for one in found
            for row in one.rows
        ]
    )
