"""Lesson 5: accuracy against cost, and a setting to be found within a budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from lsr.sweep.knob_names import parse_knob
from pages.parts import links
from pages.parts.glossary import introducing
from pages.parts.lessons import bundled
from pages.parts.lessons.frame import Lesson, Step
from pages.parts.lessons.live import live
from pages.parts.lessons.questions import (
    Question,
    Scored,
    ask,
    estimate,
    off_by_factor,
    predict,
)
from pages.parts.lessons.sources import show_formula
from pages.parts.lessons.words import R_AT_1

_TRADEOFF = live("tradeoff")
KEPT, BUDGET = 0.98, 0.65
_NOTHING = 0.2  # of the best accuracy: who is that far behind it scores nothing
_DRAWN = (0.7, 0.85)  # of R@1, where all settings are drawn together
_LENGTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
_LINES = (
    "The lines: what dense vectors reach, compared one by one without terms, and BM25, which "
    "matches words of captions (lesson 2)."
)
_SHARES = (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


class _Told(NamedTuple):
    """A knob as the lesson tells it: `before` and `after` surround its value in the prose."""

    label: str
    before: str
    after: str
    values: tuple[float, ...]


_KNOBS: Mapping[str, _Told] = {
    "top-k": _Told("strongest terms", "A query keeps its ", " strongest terms.", _LENGTHS),
    "threshold": _Told(
        "least weight",
        "A query keeps terms of weight ",
        " or more.",
        (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.2),
    ),
    "max-ratio": _Told(
        "share of the strongest",
        "A query keeps terms of at least ",
        " times its strongest weight.",
        _SHARES,
    ),
    "caption": _Told(
        "chance to expand",
        "A query keeps its added terms with chance ",
        ", else only its own words.",
        (0, 0.25, 0.5, 0.75, 1),
    ),
}


class Setting(NamedTuple):
    """What a setting gives: postings that a query reads on average, and R@1."""

    cost: float
    accuracy: float


NEEDED = estimate(
    "5a",
    "A query has its own words and terms that were added. How many of them all, the strongest, are "
    f"enough to keep {KEPT:.0%} of the accuracy (R@1) that all of them have?",
    _LENGTHS[:-1],
)
BEST = Question(
    "5b",
    f"Find the best setting that reads at most {BUDGET:.0%} of the postings. You see what it "
    "costs, not how good it is.",
    {
        f"{knob}:{value:g}": f"“{told.label} {value:g}”"
        for knob, told in _KNOBS.items()
        for value in told.values
    },
)


def settings() -> dict[str, Setting]:
    """Every setting that the lesson offers, by its name in `BEST`; measured once, then kept."""
    lab, found = bundled.laboratory(), {}
    for name, told in _KNOBS.items():
        *_, report = lab.sweeping(parse_knob(name), told.values)
        for row in report.rows:
            measured = Setting(float(row.posting_cost), float(row.mean["R@1"] or 0.0))
            found[f"{name}:{row.value:g}"] = measured
    return found


def full(found: Mapping[str, Setting]) -> Setting:
    """Every query with all its terms."""
    return found["caption:1"]


def needed(found: Mapping[str, Setting]) -> int:
    """The fewest strongest terms, of those offered, that keep enough of the accuracy."""
    enough = KEPT * full(found).accuracy
    return min(k for k in _LENGTHS if found[f"top-k:{k}"].accuracy >= enough or k == _LENGTHS[-1])


def best_within(found: Mapping[str, Setting]) -> str:
    """The name of the most accurate setting within the budget; of equal ones the cheapest."""
    budget = BUDGET * full(found).cost
    within = [name for name, one in found.items() if one.cost <= budget]
    return max(within, key=lambda name: (found[name].accuracy, -found[name].cost))


def _show_part(key: str, names: tuple[str, ...], found: Mapping[str, Setting], **more: Any) -> None:
    shown = more.pop("shown")
    _TRADEOFF(
        key=key,
        data={
            "knobs": [
                {
                    "name": name,
                    "label": _KNOBS[name].label,
                    "before": _KNOBS[name].before,
                    "after": _KNOBS[name].after,
                    "points": [
                        {"value": value, "cost": one.cost}
                        | ({"accuracy": one.accuracy} if shown else {})
                        for value in _KNOBS[name].values
                        for one in [found[f"{name}:{value:g}"]]
                    ],
                }
                for name in names
            ],
            "full": full(found)._asdict() if shown else {"cost": full(found).cost},
            "revealed": shown,
            "range": (0, 1) if len(names) == 1 else _DRAWN,
            **more,
        },
        on_take_change=lambda: _take(key),
    )


def _take(key: str) -> None:
    name = st.session_state[key].get("take")
    if isinstance(name, str) and name in BEST.answers:
        predict(BEST, name)


def _baselines() -> dict[str, float]:
    lab = bundled.laboratory()
    return {"dense vectors": lab.teacher["R@1"], "BM25": (lab.lexical or {})["R@1"]}


def _measured() -> dict[str, Setting]:
    with st.spinner("Measuring settings on all captions…"):
        return settings()


def _show_knob() -> None:
    st.markdown(
        introducing(
            "Every term of a query costs: the postings of its list have to be read. Most terms "
            "matter little. **Pruning** leaves out the least of them, in a query or in the "
            f"pictures. What is lost is accuracy: **R@1**, {R_AT_1}; here a caption's own picture.",
            "posting",
            "pruning",
            "R@1",
        )
    )

    def scored() -> tuple[Scored, str]:
        k = needed(_measured())
        return off_by_factor(NEEDED, k), f"Of the numbers tried, **{k}** is the smallest that does."

    def reveal() -> None:
        _show_part("tradeoff-knob", ("top-k",), _measured(), shown=True, baselines=_baselines())
        st.caption(_LINES)

    ask(NEEDED, scored, reveal)
    show_formula(
        r"R@1 = \frac{1}{|Q|} \sum_{q \in Q} [\,\mathrm{rank}(q) = 1\,]",
        "R@k",
        says="The rank of a query's right answer, counted from 1; a tie counts against it.",
    )


def _show_budget() -> None:
    st.markdown(
        "Somebody has to pay for the postings. Four knobs prune a query in different ways. All "
        "begin where they leave out next to nothing, over the budget. Choose one and turn it: the "
        "cost follows at once."
    )
    names = tuple(_KNOBS)

    def offer() -> None:
        found = _measured()
        budget = BUDGET * full(found).cost
        _show_part("tradeoff-offer", names, found, shown=False, budget=budget, baselines={})

    def scored() -> tuple[Scored, str]:
        found = _measured()
        best, budget = best_within(found), BUDGET * full(found).cost

        def score(name: str) -> float:
            if found[name].cost > budget:
                return 0.0
            behind = 1 - found[name].accuracy / found[best].accuracy
            return max(0.0, 1 - behind / _NOTHING)

        mine = found[BEST.prediction or best]
        truth = (
            f"It reads {mine.cost:,.0f} postings and has an R@1 of **{mine.accuracy:.3f}**. The "
            f"best within the budget is {BEST.answers[best]} with **{found[best].accuracy:.3f}**."
        )
        rule = (
            "the best within the budget gets 100, one over the budget 0, and so does one with an "
            f"R@1 that is {_NOTHING:.0%} lower"
        )
        return Scored(score, rule), truth

    ask(BEST, scored, _show_all, offer)


def _show_all() -> None:
    found = _measured()
    best, said = best_within(found), BEST.prediction or ""
    knob, _, value = said.partition(":")
    _show_part(
        "tradeoff-all",
        tuple(_KNOBS),
        found,
        shown=True,
        budget=BUDGET * full(found).cost,
        baselines=_baselines(),
        best=found[best]._asdict(),
        own=found[said]._asdict(),
        chosen=[knob, float(value)],
    )
    st.caption(_LINES)
    own = found["caption:0"]
    st.markdown(
        f"Settings below an R@1 of {_DRAWN[0]:g} are not drawn. The own words alone, “chance to "
        f"expand 0”, read {own.cost:,.0f} postings and have an R@1 of {own.accuracy:.3f}. Prune "
        "pictures as well and a search becomes cheaper still: the Expansion page tries all "
        "combinations."
    )
    links.with_collection(
        links.EXPANSION, bundled.COLLECTION, "Find the cheapest setting", ":material/tune:"
    )
    show_formula(
        r"\begin{aligned} \mathrm{cost}(q) &= \sum_{t\,:\,q_t > 0} \mathrm{df}(t) \\ "
        r"\text{top-}k:\; q_t &\to 0 \text{ below place } k \end{aligned}",
        "prune",
        says="`df` is the document frequency: how many pictures activate a term.",
    )
    table = pd.DataFrame(
        [
            {
                "setting": BEST.answers[name].strip("“”"),
                "postings": round(one.cost),
                "R@1": one.accuracy,
            }
            for name, one in sorted(found.items(), key=lambda item: item[1].cost)
        ]
    )
    with st.expander("All settings as a table", icon=":material/table:"):
        st.dataframe(
            table,
            hide_index=True,
            column_config={"R@1": st.column_config.NumberColumn(format="%.3f")},
            alt="Cost and accuracy of every setting",
        )


LESSON = Lesson(
    "The trade-off",
    "Say what pruning costs in accuracy, and find a good setting within a budget.",
    8,
    (Step("One knob", _show_knob), Step("A budget", _show_budget)),
    (NEEDED, BEST),
)
