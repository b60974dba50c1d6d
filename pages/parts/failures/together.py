"""Many failures together: where they gather, and what a second model finds of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from lsr.failures.cases import Cases
from lsr.failures.causes import CAUSE_NAMES, Causes
from lsr.failures.groups import BYS, MEANS, Group, group
from lsr.failures.versus import Versus, changed_terms, compare
from lsr.sweep.laboratory import Laboratory
from pages.parts import address, caches, charts, links
from pages.parts.glossary import glossed
from pages.parts.markup import escape

_CALLED = {
    "cause": "Causes",
    "term": "Terms",
    "words": "Words",
    "things": "Things counted",
    "active": "Active terms",
    "rival": "Rivals",
    "pull": "Terms that pull",
    "confusion": "Confusions",
}
_ANY, _FIRST, _SECOND = "any", "first", "second"


def choose_view(models: Sequence[str]) -> str:
    """Draw what is looked at above the list: `queries`, `groups` or `models`."""
    views = {"queries": "Query by query", "groups": "Where they gather"}
    if len(models) > 1:
        views["models"] = f"Against {models[1]}"
    return address.choose("view", "Look at failures", views, "queries", hide_label=True)


def choose_group(
    found: Cases, causes: Causes, rows: np.ndarray, k: int, terms: Sequence[str], *, shown: bool
) -> np.ndarray:
    """The rows that the group of the address leaves.

    Args:
        shown: whether to draw the groups to choose from as well.
    """
    offered: dict[str, str] = {
        by: _CALLED[by] for by in BYS if by != "things" or found.task.queries_are == "captions"
    }
    by = address.read_text("by") or BYS[0]
    if shown:
        by = address.choose("by", "Groups of", offered, BYS[0])
    name = address.read_text("group")
    if by not in offered or not (shown or name):
        return rows
    groups = group(by, found, causes, rows, k, terms)
    if shown:
        _show_groups(by, groups.top(), len(groups.names), name)
    if not name:
        return rows
    st.button(
        f"Only {_CALLED[by].lower()}: {escape(name)}",
        icon=":material/close:",
        key="leave-group",
        help="Take this filter away.",
        on_click=address.write,
        args=("group", None),
    )
    members = groups.members(name)
    return rows[np.isin(rows, members)]


def _show_groups(by: str, groups: Sequence[Group], among: int, chosen: str | None) -> None:
    what, rate = MEANS[by]  # type: ignore[index]
    st.caption(
        f"{what.capitalize()}. Rate: of {rate}. A row leaves its queries in the list.",
        help=glossed(
            "95 % intervals (Wilson), in which failures with the same answer weigh as one. Above "
            f"or below its base: an exact binomial test, counted as one of {among:,} groups "
            "(Bonferroni), would hardly let chance go so far, and there are four answers or "
            "more. Shown are the groups that are most surely above."
        ),
    )
    table = pd.DataFrame(
        {
            _CALLED[by].lower(): [one.name for one in groups],
            "count": [one.count for one in groups],
            "answers": [one.answers for one in groups],
            "of": [one.n for one in groups],
            "rate": [round(one.rate, 3) for one in groups],
            "from": [round(one.low, 3) for one in groups],
            "to": [round(one.high, 3) for one in groups],
            "base": [round(one.base, 3) for one in groups],
            "against base": [_verdict(one) for one in groups],
        }
    )
    shares = {
        name: st.column_config.NumberColumn(format="percent")
        for name in ("rate", "from", "to", "base")
    }
    # A new key once a group is chosen: the row can then be chosen again.
    key = f"groups-{by}-{chosen or ''}"

    def choose() -> None:
        picked = st.session_state[key]["selection"]["rows"]
        if picked:
            address.write("group", groups[picked[0]].name)

    st.dataframe(
        table,
        hide_index=True,
        height=min(38 + 35 * max(len(table), 1), 320),
        key=key,
        on_select=choose,
        selection_mode="single-row",
        column_config=shares,
        alt=f"{_CALLED[by]} with counts, rates and intervals",
    )
    charts.offer_csv(table, f"failures-by-{by}", key="groups")


def _verdict(one: Group) -> str:
    if not one.sure:
        return "not told apart"
    return "above" if one.rate > one.base else "below"


def choose_apart(
    labs: Sequence[Laboratory], found: Cases, causes: Causes, rows: np.ndarray, k: int
) -> np.ndarray:
    """Draw what one of two models finds and the other does not; the rows that the choice leaves."""
    names = [lab.model.name for lab in labs]
    other, other_causes = caches.cases(labs[1:]), caches.causes(labs[1:])
    told = compare(found, other, k)
    _say_counts(told, names)
    counts = len(told.only_first), len(told.only_second)
    chosen = address.choose(
        "apart",
        "In the list",
        {
            _ANY: "As chosen above",
            _FIRST: f"Only {names[0]} finds it · {counts[0]:,}",
            _SECOND: f"Only {names[1]} finds it · {counts[1]:,}",
        },
        _ANY,
    )
    _show_causes(told, names, causes, other_causes)
    _show_changed(labs, found, other, told)
    if chosen == _ANY:
        return rows
    wanted = told.only_first if chosen == _FIRST else told.only_second
    order = found.by_contrast()
    return order[np.isin(order, wanted)]


def _say_counts(told: Versus, names: Sequence[str]) -> None:
    one, other = len(told.only_first), len(told.only_second)
    verdict = "could well be chance" if told.p >= 0.05 else "is hardly chance"
    st.markdown(
        f"Both find **{told.both:,}**, neither **{told.neither:,}**; only {escape(names[0])} "
        f"**{one:,}**, only {escape(names[1])} **{other:,}**. That they part so unevenly {verdict} "
        f"(p = {told.p:.2g}).",
        help=glossed(
            "McNemar's exact test on the queries that one alone finds: equally good models would "
            "share them like tosses of a coin."
        ),
    )


def _show_causes(told: Versus, names: Sequence[str], causes: Causes, others: Causes) -> None:
    """Why each misses what the other finds, beside each other."""
    mine, theirs = causes.counts(told.only_second), others.counts(told.only_first)
    table = pd.DataFrame(
        {
            "cause": CAUSE_NAMES,
            f"{names[0]} misses, {names[1]} finds": mine,
            f"{names[1]} misses, {names[0]} finds": theirs,
        }
    )
    table = table[(mine > 0) | (theirs > 0)]
    if not table.empty:
        st.dataframe(table, hide_index=True, key="apart-causes", alt="Causes of both models")


def _show_changed(labs: Sequence[Laboratory], found: Cases, other: Cases, told: Versus) -> None:
    """The terms whose weights differ most in what only one finds."""
    rows = np.concatenate([told.only_first, told.only_second])
    terms = (labs[0].model.vocabulary.terms, labs[1].model.vocabulary.terms)
    changed = changed_terms(found, other, rows, terms)
    if not changed:
        return
    names = [lab.model.name for lab in labs]
    st.markdown(
        "**Terms whose weights differ most there**",
        help=glossed("Mean shares of the weight of the vectors, of queries and of their answers."),
    )
    links.to_terms(
        [one.term for one in changed],
        [f"{one.side} {one.difference:+.1%}" for one in changed],
        key="changed",
    )
    table = pd.DataFrame(
        {
            "term": [one.term for one in changed],
            "side": [one.side for one in changed],
            names[0]: [one.first for one in changed],
            names[1]: [one.second for one in changed],
        }
    )
    charts.folded_table(
        table, "Shares of the weight", "Terms and their shares", name="changed", key="changed"
    )
