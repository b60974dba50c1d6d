"""One failure up close: the answer, what is ahead of it, and the terms that decide."""

from __future__ import annotations

import streamlit as st

from lsr.evaluation.task import Task
from lsr.failures.cases import Cases, Gap, gaps
from lsr.failures.causes import Cause
from lsr.search.why import Reason
from pages.parts import caches, cards, links
from pages.parts.choice import Choice
from pages.parts.failures.causes import show_causes
from pages.parts.markup import escape
from pages.parts.search.why import show_mirrored

_CAPTIONS, _DECIDING = 5, 6


def show_case(choice: Choice, found: Cases, row: int, causes: list[Cause]) -> None:
    """One query: its answer beside the rival, which terms decide, and why that may be."""
    st.header(escape(found.texts[row]), anchor=False)
    answer = found.task.documents.ids[found.answers[row]]
    rival = found.task.documents.ids[found.rivals[row]] if found.rivals[row] >= 0 else ""
    terms = caches.model(choice.model).vocabulary.terms
    each = gaps(found, row, terms)
    left, right, told = st.columns([1, 1, 2], gap="medium")
    with left:
        st.markdown(f"**The answer** · {_place(int(found.ranks[row]))}")
        _show_document(choice, found, answer, "answer")
    with right:
        if rival:
            st.markdown("**The best other one**")
            _show_document(choice, found, rival, "rival")
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


def show_terms(found: Cases, row: int, terms: list[str]) -> None:
    """What each term gives the answer and the rival of a query."""
    if found.rivals[row] >= 0:
        each = gaps(found, row, terms)
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
        texts = images.captions_of(images.image_row(name))[:_CAPTIONS]
        st.caption("\n".join(f"- {escape(text)}" for text in texts) or "No captions.")
        return
    place = images.caption_ids.index(name)
    links.to_search(images.caption_texts[place])
    owner = images.image_ids[images.caption_image_rows[place]]
    cards.show_tiles(images, [cards.Tile(owner, "its image")], key=f"case-{key}", width=120)


def _say_what_decides(found: Cases, row: int, each: list[Gap]) -> None:
    margin = found.margins[row]
    scores = f", with {found.rival_scores[row]:.2f} against {found.scores[row]:.2f}"
    if margin > 0:
        scores = f", with {found.scores[row]:.2f} against {found.rival_scores[row]:.2f}"
    if not found.shared[row]:
        st.markdown("The answer shares **no term** with the query.")
    elif margin > 0:
        st.markdown(f"The answer is ahead by **{margin:.2f}**{scores}.")
    else:
        st.markdown(f"The other one is ahead by **{-margin:.2f}**{scores}.")
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
                [f"{abs(one.difference):.2f}" for one in shown],
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
