"""What the laboratory measures, and what its chart is drawn of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lsr.collection.collection import Collection
from lsr.evaluation.passes import COSTS, MEASURES
from lsr.evaluation.task import DIRECTIONS
from lsr.exceptions import CollectionError
from lsr.figures.frontier import LABELS
from lsr.model.protocol import Model
from lsr.sweep.laboratory import Laboratory
from lsr.sweep.nulls import NULLS
from pages.parts import address, caches
from pages.parts.choice import Choice, fitting, read_name, second_model
from pages.parts.glossary import glossed
from pages.parts.messages import or_default

NONE = "none"
CAPTIONS = "captions"
# What a cost is called when captions are searched in place of searching, and the reverse.
_TURNED = {
    "active_terms_query": "active_terms_document",
    "active_terms_document": "active_terms_query",
}
DIRECTION_LABELS = {"text-to-image": "Text → image", "image-to-text": "Image → text"}
_NULLS = {NONE: "None", **NULLS}


@dataclass(frozen=True)
class Setting:
    """The choices above the chart.

    models: the sidebar's, and the one beside it where there is one. null: one of
        `lsr.sweep.nulls.NULLS`, or empty. queries: a query set, or empty for the captions.
    """

    collection: str
    models: tuple[str, ...]
    split: str
    direction: str
    null: str
    x: str
    y: str
    log: bool
    queries: str = ""

    def laboratory(self, model: str, null: str = "", direction: str = "") -> Laboratory:
        """A model on what is measured, in the direction chosen unless another is given."""
        direction = direction or self.direction
        return caches.laboratory(self.collection, model, self.split, direction, null, self.queries)

    def of_one_query(self, model: str, null: str) -> Laboratory:
        """A model on the images of the split, whose captions have stored vectors.

        What one query finds does not depend on the others that are measured.
        """
        return caches.laboratory(self.collection, model, self.split, DIRECTIONS[0], null)

    @property
    def searched(self) -> tuple[tuple[str, str, str], ...]:
        """(model, null, name) of what stands side by side: the models, then the null."""
        plain = tuple((model, "", model) for model in self.models)
        if not self.null:
            return plain
        model = self.models[0]
        return (*plain, (model, self.null, f"{model}, {NULLS[self.null].lower()}"))

    @property
    def other_direction(self) -> str:
        """The direction that stands beside the one chosen."""
        return next(one for one in DIRECTIONS if one != self.direction)

    def cost(self, direction: str) -> str:
        """The cost to draw in a direction: captions stay captions when they are searched."""
        return self.x if direction == self.direction else _TURNED.get(self.x, self.x)

    @property
    def latency(self) -> bool:
        """Whether the search has to be timed."""
        return self.x == "latency_us"


def choose_setting(choice: Choice, images: Collection, kind: str) -> Setting:
    """Draw the two boxes of choices and return what they say.

    Args:
        kind: of the knob, one of KINDS.

    Raises:
        CollectionError: nothing can be measured.
    """
    told = st.container()  # what the address says wrong: a closed box would hide it
    names, split, direction, queries = choose_measured(choice, images, told)
    with st.popover("Axes and null", icon=":material/monitoring:"):
        y, x, log = _choose_chart(direction, told, kind)
        null = choose_null(told)
    return Setting(choice.collection, names, split, direction, null, x, y, log, queries)


def choose_measured(
    choice: Choice, images: Collection, told: DeltaGenerator
) -> tuple[tuple[str, ...], str, str, str]:
    """Draw the box that says what is measured: (models, split, direction, query set or empty).

    Args:
        told: where to show what the address says wrong; a closed box would hide it.

    Raises:
        CollectionError: nothing can be measured.
    """
    with st.popover("Measured on", icon=":material/compare:"):
        split, direction, against = _choose_task(choice, images, told)
        names = (choice.model,) if against == NONE else (choice.model, against)
        queries = _choose_queries(images, split, [caches.model(name) for name in names], told)
    return names, split, direction, queries


def _choose_task(choice: Choice, images: Collection, told: DeltaGenerator) -> tuple[str, str, str]:
    splits = measurable_splits(images)
    default_split = "test" if "test" in splits else splits[0]
    split = _option("split", splits, default_split, told)
    direction = _option("direction", DIRECTIONS, DIRECTIONS[0], told)
    others = [name for name in fitting(choice.collection) if name != choice.model]
    default_other = preferred_other(others)
    raw = address.read_text("against")
    against = default_other
    if raw is not None:
        with told:
            known = [*others, NONE]
            against = or_default(lambda: read_name("model", raw, known), default_other)
    st.selectbox(
        "Split",
        splits,
        help=glossed("A split of the collection whose captions have stored vectors."),
        **address.bound("split", split, default_split),
    )
    st.segmented_control(
        "Direction",
        DIRECTIONS,
        format_func=DIRECTION_LABELS.__getitem__,
        required=True,
        help=glossed(
            "Text → image: every caption searches its image. Image → text: every image searches "
            "its captions, and the best of them counts. Both are drawn; this one stands first, and "
            "everything below the charts is about it."
        ),
        **address.bound("direction", direction, DIRECTIONS[0]),
    )
    st.selectbox(
        "Beside the model of the sidebar",
        [*others, NONE],
        help=glossed("A second model, measured on the same captions."),
        **address.bound("against", against, default_other),
    )
    return split, direction, against


def _choose_queries(
    images: Collection, split: str, models: Sequence[Model], told: DeltaGenerator
) -> str:
    """The query set that takes the place of the captions; empty for the captions.

    Some models have vectors of captions alone, and some would find the captions themselves.
    """
    if not images.query_sets:
        return ""
    offered = [] if any(one.no_texts for one in models) else list(images.query_sets)
    if not offered or not any(one.no_captions_as_queries for one in models):
        offered.insert(0, CAPTIONS)
    usual = usual_queries(images, split)
    default = usual if usual in offered else offered[0]
    queries = _option("queries", offered, default, told)
    st.selectbox(
        "Queries",
        offered,
        format_func=lambda name: "The captions" if name == CAPTIONS else name,
        help=glossed(
            "What is searched with. Captions of an image say the same words again and again, so "
            "their own words nearly suffice. Where queries use other words, expansion pays."
        ),
        **address.bound("queries", queries, default),
    )
    return "" if queries == CAPTIONS else queries


def _option(name: str, options: Sequence[str], default: str, told: DeltaGenerator) -> str:
    """What the address says, else the default; `told` shows what is wrong with it."""
    with told:
        return address.option(name, options, default)


def _choose_chart(direction: str, told: DeltaGenerator, kind: str) -> tuple[str, str, bool]:
    y = _option("y", MEASURES, MEASURES[0], told)
    # Most knobs act on captions: what they save is a term of the query, or else a posting. Rules of
    # engines save postings, whatever they do to the query.
    of_captions = direction == DIRECTIONS[0] and kind != "engine"
    default_x = COSTS[0] if of_captions else "posting_cost"
    x = _option("x", COSTS, default_x, told)
    with told:
        log = address.flag("log", False)
    st.selectbox(
        "Accuracy (upwards)",
        MEASURES,
        format_func=LABELS.__getitem__,
        help=glossed(
            "Exact@20: the share of a caption's 20 strongest terms that it says. Semantic@20: how "
            "near they are to a word that it says. overlap@10: how many of the teacher's first ten "
            "are among the first ten."
        ),
        **address.bound("y", y, MEASURES[0]),
    )
    st.selectbox(
        "Cost (to the right)",
        COSTS,
        format_func=LABELS.__getitem__,
        help=glossed(
            "FLOPs: active terms that a random query and a random document share. Microseconds "
            "are measured on this machine, one thread, and are noisy."
        ),
        **address.bound("x", x, default_x),
    )
    st.toggle(
        "Logarithmic cost", **address.bound("log", log, default=False, as_text=address.flag_text)
    )
    return y, x, log


def choose_null(told: DeltaGenerator) -> str:
    """Draw the null switch; one of `lsr.sweep.nulls.NULLS`, or empty."""
    null = _option("null", list(_NULLS), NONE, told)
    st.segmented_control(
        "Null",
        list(_NULLS),
        format_func=_NULLS.__getitem__,
        required=True,
        help=glossed(
            "The first model with its work undone: expansion terms dealt out to other captions, "
            "a head of random weights cut to as many terms, or captions as bare lists of words."
        ),
        **address.bound("null", null, NONE),
    )
    return "" if null == NONE else null


def measurable_splits(images: Collection) -> list[str]:
    """Splits with captions whose vectors are stored.

    Raises:
        CollectionError: there is none.
    """
    images.check_captions()
    splits = [split for split in images.vector_splits if len(images.caption_rows(split))]
    if not splits:
        raise CollectionError(
            f"Collection `{images.name}` holds no caption vectors, so nothing can be measured. "
            "Choose another collection in the sidebar."
        )
    return splits


def preferred_other(others: list[str]) -> str:
    """The second model where the address names none."""
    return second_model(others) or NONE


def usual_queries(images: Collection, split: str) -> str:
    """What is measured first: the set with most queries that the split answers, if there is one.

    Empty for the captions.
    """
    rows = images.image_rows(split)
    answered = {name: len(images.query_set(name).among(rows)[0]) for name in images.query_sets}
    best = max(answered, key=answered.__getitem__, default="")
    return best if answered.get(best) else ""
