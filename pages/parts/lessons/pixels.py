"""Lesson 1: one picture through encoder, W1, LayerNorm, W2, ReLU and log, term by term."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from lsr.exceptions import UnknownNameError
from lsr.model.few_vectors import Stages, stages
from pages.parts import address, cards, pictures
from pages.parts.glossary import introducing
from pages.parts.lessons import bundled
from pages.parts.lessons.frame import Lesson, Step
from pages.parts.lessons.live import live
from pages.parts.lessons.questions import (
    Question,
    Scored,
    ask,
    estimate,
    off_by,
    off_by_factor,
    one_of,
)
from pages.parts.lessons.sources import show_formula
from pages.parts.markup import escape
from pages.parts.messages import or_default

_PIXELS = live("pixels")
_PICTURES, _TERMS, _SHOWN_LOGITS = 6, 14, 1_500
_FACTORS = (0.5, 1.0, 2.0, 4.0)
_BY_HAND = 2  # the place of the term whose weight is asked for: strong, and not the strongest
_LOGARITHMS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)

ACTIVE = estimate(
    "1a",
    "The vocabulary has tens of thousands of terms. How many of them get a weight above 0 for this "
    "picture?",
    (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000),
)
BY_HAND = estimate(
    "1b",
    "What weight does this term get? Add the bias to the sum of the products, cut at 0, and take "
    "the logarithm. "
    + ", ".join(f"log(1 + {one:g}) = {np.log1p(one):.2f}" for one in _LOGARITHMS)
    + ".",
    (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 3, 5),
)
DOUBLED = Question(
    "1c",
    "All numbers of the picture's dense vector are doubled. What happens to the weight of its "
    "strongest term?",
    {
        "half": "it halves",
        "same": "it stays about the same",
        "more": "it grows by up to half",
        "double": "it doubles, or more",
    },
)


def active_terms(found: Stages) -> int:
    """Terms with a weight above 0."""
    return int((found.logits[0] > 0).sum())


def change_of_strongest(dense: np.ndarray, factor: float) -> float:
    """By what the weight of the strongest term of a dense vector (1, d) is multiplied, if all
    numbers of the vector are."""
    weights = bundled.head().weights
    before, after = (
        np.log1p(np.maximum(stages(weights, dense * one).logits[0], 0)) for one in (1, factor)
    )
    strongest = int(before.argmax())
    return float(after[strongest] / before[strongest])


def change_called(ratio: float) -> str:
    """The answer to `DOUBLED` that a change is."""
    limits = {"half": 0.75, "same": 1.1, "more": 1.6}
    return next((name for name, limit in limits.items() if ratio <= limit), "double")


def _chosen() -> str:
    """The id of the picture that is looked at."""
    choices = [one.image_id for one in cards.gallery(bundled.collection(), _PICTURES)]
    return or_default(lambda: _read(choices), choices[0])


def _read(choices: list[str]) -> str:
    raw = address.read_text("picture")
    if raw is None:
        return choices[0]
    images = bundled.collection()
    row = images.image_row(raw)
    if row not in images.searchable_rows:
        raise UnknownNameError(f"Image `{raw}` has no vector to look at. Choose one of the tiles.")
    return raw


def _dense(image_id: str) -> np.ndarray:
    """(1, d) float32."""
    images = bundled.collection()
    return np.asarray(images.image_vectors[[images.image_row(image_id)]], np.float32)


def _show_part(part: str, image_id: str, found: Stages, asked: int | None = None) -> None:
    """Draw a part. asked: a term whose weight stays hidden, at the end of the list."""
    images, head = bundled.collection(), bundled.head()
    choices = [one.image_id for one in cards.gallery(images, _PICTURES)]
    places = pictures.addresses(images, [*choices, image_id], key="lesson-pixels")
    logits = found.logits[0]
    order = np.argsort(-logits, kind="stable")
    listed = [int(term) for term in order[:_TERMS] if term != asked]
    _PIXELS(
        key=f"pixels-{part}",
        data={
            "part": part,
            "choices": [_told(one, places) for one in choices],
            "picture": _told(image_id, places),
            "dense": _short(_dense(image_id)[0], 4),
            "hidden": _short(found.hidden[0], 3) if part == "arithmetic" else [],
            "terms": [
                _term(term, logits, part, hidden=term == asked)
                for term in (*listed, *([] if asked is None else [asked]))
            ],
            "logits": _short(logits[order[:_SHOWN_LOGITS]], 3) if part == "cut" else [],
            "vocabulary": len(head.vocabulary),
        },
        on_picture_change=lambda: _choose(f"pixels-{part}"),
    )


def _term(term: int, logits: np.ndarray, part: str, *, hidden: bool) -> dict[str, Any]:
    weights = bundled.head().weights
    logit = float(logits[term])
    told: dict[str, Any] = {"term": bundled.head().vocabulary.terms[term]}
    if not hidden:
        told |= {"logit": logit, "weight": float(np.log1p(max(logit, 0)))}
    if part != "arithmetic":
        return told
    row, bias = weights["vocab_projector.weight"][term], weights["vocab_projector.bias"][term]
    return told | {"row": _short(row, 4), "bias": float(bias)}


def _told(image_id: str, places: dict[str, str]) -> dict[str, str]:
    return {
        "id": image_id,
        "picture": places.get(image_id, pictures.NOTHING),
        "alt": cards.description(bundled.collection(), image_id),
    }


def _short(values: np.ndarray, digits: int) -> list[float]:
    return [round(float(value), digits) for value in values]


def _choose(key: str) -> None:
    picture = st.session_state[key].get("picture")
    if isinstance(picture, str):
        address.write("picture", picture)


def _looked_at() -> tuple[str, Stages]:
    image_id = _chosen()
    return image_id, stages(bundled.head().weights, _dense(image_id))


def _show_picture() -> None:
    st.markdown(
        introducing(
            "An **encoder**, a network that was trained elsewhere and is kept as it is, has looked "
            "at each picture once and turned it into a **dense vector**: a list of numbers that "
            "together say what is in it, and of which none says anything alone. Choose a picture "
            "and look at its list.",
            "encoder",
            "dense vector",
        )
    )
    image_id, found = _looked_at()
    _show_part("picture", image_id, found)
    st.markdown(
        introducing(
            "A small trained layer, the **head**, turns this list into one **weight** for each "
            "**term** of a **vocabulary**. A term is a word, such as *lake*, or a piece of one: a "
            "word that is not in the vocabulary is cut into pieces that are, and those after the "
            "first begin with ##. So *flamingos* is *flaming* and *##os*. Terms with a weight "
            "above 0 are **active**.",
            "projection head",
            "weight",
            "term",
            "vocabulary",
        )
    )

    def scored() -> tuple[Scored, str]:
        active = active_terms(found)
        return off_by_factor(
            ACTIVE, active
        ), f"**{active:,}** of {found.logits.shape[1]:,} are active."

    def reveal() -> None:
        off = int((found.logits[0] < -1_000).sum())
        st.markdown(
            f"Sparse means just that: nearly all weights are 0. {off:,} terms are switched off for "
            "good, because no caption that the head learned from needs them. The others are "
            "decided picture by picture. The next step opens the decision for one term."
        )

    ask(ACTIVE, scored, reveal)


def _show_arithmetic() -> None:
    st.markdown(
        introducing(
            "How does a term get its weight? The same way for every term: mix the picture's "
            "numbers (**W1**), bring them to one scale (**LayerNorm**), multiply them with the row "
            "of numbers that belongs to the term and add up (**W2**), add the term's own number "
            "(its **bias**), cut what is below 0 (**ReLU**), and take the natural logarithm, so "
            "that large numbers do not drown all others. Point at a term, then at a cell.",
            "LayerNorm",
            "bias",
            "ReLU",
        )
    )
    image_id, found = _looked_at()
    logits = found.logits[0]
    asked = int(np.argsort(-logits, kind="stable")[_BY_HAND])
    name = bundled.head().vocabulary.terms[asked]
    told = BY_HAND.answered
    _show_part("arithmetic", image_id, found, None if told else asked)
    st.markdown(
        f"Now you do the last steps, for **{escape(name)}**"
        + ("." if told else ", the last of the list. What its products add up to is said there.")
    )

    def scored() -> tuple[Scored, str]:
        bias = float(bundled.head().weights["vocab_projector.bias"][asked])
        before = float(logits[asked])
        weight = float(np.log1p(max(before, 0)))
        truth = (
            f"The sum {before - bias:.2f} and the bias {bias:.2f} make {before:.2f}. That is above "
            f"0 and stays, and log(1 + {before:.2f}) = **{weight:.2f}**."
        )
        return off_by(BY_HAND, weight, 1), truth

    ask(BY_HAND, scored, lambda: None)
    show_formula(
        r"\begin{aligned} h &= \mathrm{LayerNorm}(W_1 z + b_1) \\ x &= W_2\, h + b_2 \\ "
        r"s(z) &= \log(1 + \mathrm{ReLU}(x)) \end{aligned}",
        "stages",
        "weights",
        says="`z` is the dense vector, `s(z)` the sparse one. `W1`, `b1`, `W2` and `b2` were "
        "learned; texts go through the same head.",
    )


def _show_cut() -> None:
    st.markdown(
        introducing(
            "ReLU is what makes the vector sparse: whatever is not above 0 is gone. Move the "
            "numbers before the cut up and down and watch terms come and go. Training moves them "
            "too: a **regularizer** presses them down.",
            "ReLU",
            "regularizer",
        )
    )
    image_id, found = _looked_at()
    _show_part("cut", image_id, found)

    def scored() -> tuple[Scored, str]:
        ratio = change_of_strongest(_dense(image_id), 2.0)
        return one_of(change_called(ratio)), f"Its weight is multiplied by **{ratio:.2f}**."

    ask(DOUBLED, scored, lambda: _show_factors(image_id))


def _show_factors(image_id: str) -> None:
    st.markdown(
        "LayerNorm takes the scale out: it subtracts the mean of its numbers and divides by their "
        "spread, and both double as well. Only the bias `b1`, which is small, does not. So a "
        "weight says *which* directions the vector has, not how long it is."
    )
    dense = _dense(image_id)
    table = pd.DataFrame(
        {
            "dense vector": [f"× {one:g}" for one in _FACTORS],
            "weight": [f"× {change_of_strongest(dense, one):.3f}" for one in _FACTORS],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        width="content",
        alt="How the weight of the strongest term changes when the dense vector is scaled",
    )


LESSON = Lesson(
    "From pixels to words",
    "Say how a picture becomes a few weighted words, and compute the weight of one by hand.",
    9,
    (
        Step("The picture", _show_picture),
        Step("One term", _show_arithmetic),
        Step("The cut", _show_cut),
    ),
    (ACTIVE, BY_HAND, DOUBLED),
)
