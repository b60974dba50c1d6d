"""The choices of the Search page: filters, how many tiles of which size, and the page of hits."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

import streamlit as st

from lsr.collection.collection import Collection
from lsr.exceptions import QueryError, shorten
from lsr.index.limits import MAX_K
from lsr.search.results import SearchSettings
from pages.parts import address
from pages.parts.glossary import glossed
from pages.parts.messages import or_default
from pages.parts.search.edit import Edit, read_edit

TILES = (12, 24, 48, 96)
USUAL_TILES = 24
SIZES = {"small": "Small", "medium": "Medium", "large": "Large"}
PIXELS = {"small": 92, "medium": 135, "large": 230}
ALL = "all"
_MOST_TERMS = 100_000
_OF_ANSWER = ("p", "boost", "mute", "add", "hit", "sheet")


@dataclass(frozen=True)
class Options:
    """What the page shows. most_terms: of the query, 0 for all."""

    expansion: bool
    edit: Edit
    filters: SearchSettings
    tiles: int
    size: str
    page: int
    most_terms: int = 0

    @property
    def settings(self) -> SearchSettings:
        """What the search is asked."""
        edit = self.edit
        return replace(
            self.filters,
            k=min(self.tiles, MAX_K - self.tiles * (self.page - 1)),
            skip=self.tiles * (self.page - 1),
            expansion=self.expansion,
            rate=edit.p,
            boost=edit.boost,
            mute=edit.mute,
            include=edit.include,
            exclude=edit.exclude,
            add=edit.add,
            max_query_terms=self.most_terms or None,
        )


def read_options(images: Collection) -> Options:
    """What the address says; a part that makes no sense is said and left out."""
    split = or_default(lambda: _split(images), None)
    least = or_default(lambda: _count("least", 0), 0)
    most = or_default(lambda: _count("most", 0), 0)
    filters = SearchSettings(
        split=split,
        caption=address.read_text("caption") or "",
        active_terms=(least or None, most or None),
    )
    tiles = int(address.option("tiles", [str(n) for n in TILES], str(USUAL_TILES)))
    return Options(
        address.flag("expansion", True),
        or_default(read_edit, Edit()),
        filters,
        tiles,
        address.option("size", list(SIZES), "medium"),
        or_default(lambda: _sheet(tiles), 1),
        or_default(lambda: _count("terms", 0), 0),
    )


def newest(options: Options) -> Options:
    """`options` with what changes in the answer alone: the edit of terms, and the page of hits.

    What is wrong in the address the page has said, and stays as it was.
    """
    with suppress(QueryError):
        return replace(options, edit=read_edit(), page=_sheet(options.tiles))
    return options


def rest_of_address() -> dict[str, str]:
    """The parameters that not only the answer follows."""
    here = st.query_params.to_dict().items()
    return {name: text for name, text in here if name not in _OF_ANSWER}


def _sheet(tiles: int) -> int:
    return _count("sheet", 1, -(-MAX_K // tiles))


def _split(images: Collection) -> str | None:
    raw = address.read_text("split")
    if raw is not None:
        images.check_split(raw)
    return raw


def _count(name: str, low: int, high: int = _MOST_TERMS) -> int:
    number = address.read_number(name, low, high, low)
    if number != int(number):
        raw = shorten(address.read_text(name) or "")
        raise QueryError(f"`{name}` in the address is `{raw}`. Use a whole number.")
    return int(number)


def show_filters(images: Collection, options: Options) -> None:
    """The box of filters, and the box of how hits are shown."""
    filters = options.filters
    active = sum(
        (
            filters.split is not None,
            bool(filters.caption),
            filters.active_terms != (None, None),
            bool(options.edit.include or options.edit.exclude),
            bool(options.most_terms),
        )
    )
    label = "Filters" + (f" · {active}" if active else "")
    with st.popover(label, icon=":material/filter_alt:"):
        _filter_boxes(images, options)
    with st.popover("View", icon=":material/grid_view:"):
        st.segmented_control(
            "Images a page",
            [str(number) for number in TILES],
            required=True,
            **address.bound("tiles", str(options.tiles), str(USUAL_TILES)),
        )
        st.segmented_control(
            "Size",
            list(SIZES),
            format_func=SIZES.__getitem__,
            required=True,
            **address.bound("size", options.size, "medium"),
        )


def _filter_boxes(images: Collection, options: Options) -> None:
    filters = options.filters
    st.selectbox(
        "Split",
        [ALL, *images.splits],
        help=glossed("Only images of this split."),
        **address.bound("split", filters.split or ALL, ALL),
    )
    for name, label in (
        ("include", "Every image activates"),
        ("exclude", "No image activates"),
    ):
        st.text_input(
            label,
            placeholder="terms, with blanks between",
            **address.bound(name, address.read_text(name) or "", ""),
        )
    st.text_input(
        "A caption says",
        placeholder="on the beach",
        help=glossed("Only images one of whose captions contains this."),
        **address.bound("caption", filters.caption, ""),
    )
    low, high = filters.active_terms
    left, right = st.columns(2)
    for column, name, label, number in (
        (left, "least", "Active terms from", low),
        (right, "most", "to", high),
    ):
        column.number_input(
            label,
            min_value=0,
            max_value=_MOST_TERMS,
            step=1,
            help=glossed("How many terms the image activates; 0 for no limit."),
            **address.bound(name, number or 0, 0),
        )
    st.number_input(
        "Strongest query terms",
        min_value=0,
        max_value=_MOST_TERMS,
        step=1,
        help=glossed("Search with so many of the query's terms alone; 0 for all."),
        **address.bound("terms", options.most_terms, 0),
    )
    if st.button("Clear filters"):
        clear_filters()
        st.rerun()


def clear_filters() -> None:
    """Take all filters out of the address."""
    for name in ("split", "include", "exclude", "caption", "least", "most", "terms", "sheet"):
        address.write(name, None)
