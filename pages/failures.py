"""Failures: every query with the rank of its answer, and what puts another document ahead of it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from lsr.evaluation.task import Task
from lsr.failures.cases import QUADRANTS, Cases, Gap, gaps
from lsr.failures.causes import Cause, Causes, cause_of, explain
from lsr.search.why import Reason
from lsr.storage.files import fingerprint
from pages.parts import address, caches, cards, links
from pages.parts.choice import Choice, current_choice
from pages.parts.entry import draw
from pages.parts.expansion.setting import choose_measured
from pages.parts.failures.causes import cause_names, choose_cause, choose_setting, show_causes
from pages.parts.failures.lists import choose_list, show_exports
from pages.parts.failures.teacher_gap import only_teacher_finds, show_teacher_gap
from pages.parts.failures.together import choose_apart, choose_group, choose_view
from pages.parts.failures.triage import choose_judged, show_triage, triage_of
from pages.parts.failures.why_not import show_why_not
from pages.parts.markup import escape
from pages.parts.messages import mistakes_shown
from pages.parts.search.why import show_mirrored

_KS = {"1": "First", "5": "First 5", "10": "First 10"}
_MISSED = "missed"
_DECIDING = 6


def show() -> None:
    """Draw the page."""
    choice = current_choice()
    images = caches.collection(choice.collection)
    st.title("Failures", anchor=False)
    st.caption(
        "Every query of a split whose answer is known, where that answer stands, and which terms "
        "put another document ahead of it. What the dense vectors find and the terms do not comes "
        "first."
    )
    with mistakes_shown():
        told = st.container()
        with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
            k = int(address.choose("k", "The answer is among the", _KS, "1"))
            models, split, direction, queries = choose_measured(choice, images, told)
            measured = split, direction, "", queries, choose_setting()
        labs = [caches.laboratory(choice.collection, one, *measured) for one in models]
        lab, terms = labs[0], labs[0].model.vocabulary.terms
        found, causes = caches.cases(labs), caches.causes(labs)
        view = choose_view(models)
        chosen = choose_cause(causes, _choose(found, k))
        if view == "models":
            chosen = choose_apart(labs, found, causes, chosen, k)
        chosen = choose_group(found, causes, chosen, k, terms, shown=view == "groups")
        chosen = choose_list(lab, found, chosen)
        triage = triage_of(lab)
        listed = chosen
        if triage is not None:
            chosen = choose_judged(triage, found, chosen)
        table = _table(found, causes, chosen, models)
        row = _show_table(table, chosen)
        show_exports(lab, found, causes, chosen, triage, k)
        if row is not None:
            if triage is not None:
                show_triage(lab, triage, found, (listed, chosen), row, partial(cause_of, causes))
            _show_case(choice, found, row, explain(causes, found, row, terms))
            if only_teacher_finds(found, row, k):
                show_teacher_gap(lab, caches.usual_query(lab), found, row)
            show_why_not(lab, found, row, chosen, k)


def _choose(found: Cases, k: int) -> np.ndarray:
    """Draw the filters; the rows that they leave, the largest contrast first."""
    quadrants = found.quadrants(k)
    counts = np.bincount(quadrants, minlength=len(QUADRANTS))
    missed = int((~found.found(k)).sum())
    names = {
        _MISSED: f"Missed · {missed:,}",
        "only-dense": f"Dense vectors find it · {counts[2]:,}",
        "neither": f"Neither finds it · {counts[3]:,}",
        "only-sparse": f"Only terms find it · {counts[1]:,}",
        "both": f"Both find it · {counts[0]:,}",
        "all": f"All · {len(found):,}",
    }
    which = address.choose("which", "Queries", names, _MISSED, hide_label=True)
    wanted = ~found.found(k) if which == _MISSED else np.ones(len(found), bool)
    if which.replace("-", " ") in QUADRANTS:
        wanted = quadrants == [one.replace(" ", "-") for one in QUADRANTS].index(which)
    text = address.read_text("find") or ""
    st.text_input(
        "The query says",
        placeholder="part of a query",
        **address.bound("find", text, ""),
    )
    order = found.by_contrast()
    chosen = order[wanted[order]]
    if part := text.strip().lower():
        chosen = np.array([row for row in chosen if part in found.texts[row].lower()], np.int64)
    return chosen


def _table(found: Cases, causes: Causes, rows: np.ndarray, models: tuple[str, ...]) -> pd.DataFrame:
    documents = found.task.documents.ids
    columns = {
        "query": [found.texts[row] for row in rows],
        "rank": _ranks(found.ranks[rows]),
        "dense": found.dense[rows],
    }
    if found.task.says:
        columns["own words"] = _ranks(found.own_words[rows])
    if found.second is not None:
        columns[models[1]] = _ranks(found.second[rows])
    columns |= {
        "cause": cause_names(causes, rows),
        "margin": found.margins[rows],
        "shared terms": found.shared[rows],
        "active terms": found.active[rows],
        "words": found.words[rows],
        "answer": [documents[found.answers[row]] for row in rows],
        "rival": [documents[found.rivals[row]] if found.rivals[row] >= 0 else "" for row in rows],
        "id": [found.ids[row] for row in rows],
    }
    return pd.DataFrame(columns)


def _ranks(ranks: np.ndarray) -> pd.Series[int]:
    """Ranks, missing where the answer is no hit."""
    return pd.Series(ranks).astype("Int64").where(ranks > 0)


def _show_table(table: pd.DataFrame, rows: np.ndarray) -> int | None:
    """The table of queries; the row of the one that is looked at."""
    st.caption(
        f"{len(table):,} queries. A row opens one. Rank: of the best right answer with all terms, "
        "by the dense vectors, with the query's own words alone; empty where it shares no term. "
        "Margin: its score less that of the best other document."
    )
    ids = [str(one) for one in table["id"]]
    # A row that was chosen in another list is another query in this one.
    key = f"failures-{fingerprint(*ids)}"
    st.dataframe(
        table,
        hide_index=True,
        height=320,
        key=key,
        on_select=partial(_open, key, ids),
        selection_mode="single-row",
        column_config={
            "query": st.column_config.TextColumn(width="medium"),
            "margin": st.column_config.NumberColumn(format="%.2f"),
        },
        alt="Queries with the ranks of their answers",
    )
    wanted = address.read_text("case")
    if wanted in ids:
        return int(rows[ids.index(wanted)])
    return int(rows[0]) if len(rows) else None


def _open(key: str, ids: list[str]) -> None:
    """Put the query of the row that was chosen into the address."""
    if picked := st.session_state[key]["selection"]["rows"]:
        address.write("case", ids[picked[0]])


def _show_case(choice: Choice, found: Cases, row: int, causes: list[Cause]) -> None:
    """One query: its answer beside the rival, why that is ahead, and what each term gives both."""
    st.header(escape(found.texts[row]), anchor=False)
    answer = found.task.documents.ids[found.answers[row]]
    rival = found.task.documents.ids[found.rivals[row]] if found.rivals[row] >= 0 else ""
    terms = caches.model(choice.model).vocabulary.terms
    each = gaps(found, row, terms)
    left, right, told = st.columns([1, 1, 2], gap="medium")
    with left:
        st.markdown(f"**The answer** · {_place(int(found.ranks[row]))}")
        _show_document(choice, found, answer, "answer")
        st.caption(f"Score {found.scores[row]:.2f}")
    with right:
        if rival:
            st.markdown("**The best other one**")
            _show_document(choice, found, rival, "rival")
            st.caption(f"Score {found.rival_scores[row]:.2f}")
        else:
            st.caption("No other document shares a term with the query.")
    with told:
        _say_what_decides(found, row, each)
        if found.task.direction == "text-to-image":
            text = found.texts[row]
            with st.container(horizontal=True, gap="xsmall"):
                links.to_search(text, "Search with it", ":material/search:")
                links.to_against(text, answer, "The answer in two models")
                links.to_against(text, rival, "The other one in two models") if rival else None
    show_causes(causes)
    if rival:
        show_mirrored(
            ("the answer", "the other one"),
            _reasons(found.task, each, rival=False),
            _reasons(found.task, each, rival=True),
        )


def _place(rank: int) -> str:
    return f"rank {rank:,}" if rank else "not found"


def _show_document(choice: Choice, found: Cases, name: str, key: str) -> None:
    """An image, or a caption with the image that it is of."""
    images = caches.collection(choice.collection)
    if found.task.documents_are == "images":
        cards.show_tiles(images, [cards.Tile(name, "")], key=f"case-{key}", width=120)
        return
    place = images.caption_ids.index(name)
    links.to_search(images.caption_texts[place])
    owner = images.image_ids[images.caption_image_rows[place]]
    cards.show_tiles(images, [cards.Tile(owner, "its image")], key=f"case-{key}", width=120)


def _say_what_decides(found: Cases, row: int, each: list[Gap]) -> None:
    margin = found.margins[row]
    if not found.shared[row]:
        st.markdown("The answer shares **no term** with the query.")
    elif margin > 0:
        st.markdown(f"The answer is ahead by **{margin:.2f}**.")
    else:
        st.markdown(f"The other one is ahead by **{-margin:.2f}**.")
    ahead = [one for one in each if one.difference > 0]
    behind = [one for one in reversed(each) if one.difference < 0]
    for sentence, group in (
        ("For the other one speak", ahead),
        ("For the answer speak", behind),
    ):
        if group:
            total = sum(abs(one.difference) for one in group)
            st.markdown(f"{sentence} {len(group)} terms, together {total:.2f}:")
            shown = group[:_DECIDING]
            links.to_terms(
                [one.term for one in shown],
                [f"{escape(one.term)} {abs(one.difference):.2f}" for one in shown],
                key=f"decides-{'rival' if group is ahead else 'answer'}",
            )


def _reasons(task: Task, each: list[Gap], *, rival: bool) -> list[Reason]:
    """What the terms give a document, as the bars take it."""
    return [
        Reason(
            one.term,
            one.weight,
            product / one.weight if one.weight else 0.0,
            product,
            ("literal" if one.literal else "expansion") if task.says else "unknown",
            False,
        )
        for one in each
        if (product := one.rival if rival else one.answer) > 0
    ]


draw(show)
