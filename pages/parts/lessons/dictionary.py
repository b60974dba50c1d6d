"""The last step of lesson 3: a dictionary from one head to the other, and what it brings back."""

from __future__ import annotations

import numpy as np
import streamlit as st

from lsr.sweep.term_matching import Matching, match_terms
from pages.parts import cards, pictures
from pages.parts.lessons import bundled
from pages.parts.lessons.live import live
from pages.parts.lessons.questions import Scored, ask, estimate, off_by
from pages.parts.lessons.sources import show_formula

CIPHER = live("cipher")
HEADS = {bundled.CONTROLLED: "with control", bundled.FREE: "without control"}
SHARES = (0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)
NOTHING = 0.4
"""How far off an estimated share scores nothing."""
_WORDS, _EXAMPLES = 12, 3

BACK = estimate(
    "3d",
    "Queries of the head with control are translated by such a dictionary, term by term, and "
    "search the pictures of the other head. What share of that head's own R@1 comes back?",
    SHARES,
)


def matching() -> Matching:
    """The dictionary from the controlled head to the other one."""
    images, heads = bundled.collection(), [bundled.head(name) for name in HEADS]
    return _matching(images.fingerprint, *(head.fingerprint for head in heads))


@st.cache_resource(
    max_entries=2, show_spinner="Matching the terms of both heads. The first time takes a while…"
)
def _matching(*_marks: str) -> Matching:
    controlled, free = (bundled.head(name) for name in HEADS)
    return match_terms(bundled.collection(), controlled, free, bundled.SPLIT)


def show_dictionary() -> None:
    """Draw pairs of terms with their pictures, and ask what translation brings back."""
    st.markdown(
        "A cipher can be cracked. Over the same pictures, look which term of one head is active "
        "where a term of the other is, and pair them so that the pairs fit best. The first pairs "
        "are sure, the last are not."
    )
    found = matching()
    _show_words(found)

    def scored() -> tuple[Scored, str]:
        told = found.found
        truth = f"**{told.share:.0%}**: R@1 {told.translated:.3f} of {told.own:.3f}."
        return off_by(BACK, told.share, NOTHING), truth

    def reveal() -> None:
        told = found.found
        words = "–" if told.translated_words is None else f"{told.translated_words:.3f}"
        plain = "–" if told.plain is None else f"{told.plain:.3f}"
        st.markdown(
            f"Untranslated, the same queries have {plain}; own words alone, translated, {words}. "
            f"The dictionary was learned on split `{found.learned_on}` and measured on "
            f"`{found.measured_on}`. Most of the cipher cannot be translated word by word: a term "
            "stands for a bit of this and a bit of that, so a dictionary loses it."
        )
        show_formula(
            r"\max_{\text{one to one } \pi} \; \sum_t \cos\left(d_{\cdot t},\, "
            r"d'_{\cdot \pi(t)}\right)",
            "match",
            says="`d` and `d'` hold the weights of all pictures in the two heads, a column a term.",
        )

    ask(BACK, scored, reveal)


def _show_words(found: Matching) -> None:
    """Pairs spread over how sure they are, with the pictures in which both sides are strongest."""
    terms = bundled.head().vocabulary.terms
    named = [pair for pair in found.pairs if terms[pair.term].isalpha()]
    shown = named[:: max(len(named) // _WORDS, 1)][:_WORDS]
    spots = [
        [_strongest(name, term) for name, term in zip(HEADS, (one.term, one.other), strict=True)]
        for one in shown
    ]
    images = bundled.collection()
    ids = list(dict.fromkeys(i for one in spots for side in one for i in side))
    places = pictures.addresses(images, ids, key="lesson-dictionary")

    def told(image_ids: list[str]) -> list[dict[str, str]]:
        return [
            {"picture": places.get(i, pictures.NOTHING), "alt": cards.description(images, i)}
            for i in image_ids
        ]

    CIPHER(
        key="cipher-dictionary",
        data={
            "part": "dictionary",
            "words": [
                {
                    "term": terms[one.term],
                    "other": terms[one.other],
                    "cosine": one.cosine,
                    "sureness": one.sureness,
                    "runner": terms[one.runner_up] if one.runner_up >= 0 else "",
                    "here": told(here),
                    "there": told(there),
                }
                for one, (here, there) in zip(shown, spots, strict=True)
            ],
        },
    )


def _strongest(name: str, term: int) -> list[str]:
    """Ids of the pictures in which a term is strongest."""
    memory = bundled.searcher(name).memory
    rows, weights = memory.postings(term)
    best = np.argsort(-weights, kind="stable")[:_EXAMPLES]
    return [memory.ids[row] for row in rows[best]]
