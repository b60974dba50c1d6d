"""Why this hit: the panel beside the tiles."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape as html_escape
from urllib.parse import urlencode

import streamlit as st

from lsr.collection.collection import Collection
from lsr.search.ranking import Ranking
from lsr.search.results import SearchResult, SearchSettings
from lsr.search.searcher import Searcher
from lsr.search.why import Reason, Rival, Why, why
from pages.parts import address, cards, links
from pages.parts.markup import escape

_REASONS, _LACKING, _DIFFERENCES, _MIRRORED, _NAMED = 14, 10, 6, 20, 4


def show_why(
    ready: Searcher,
    result: SearchResult,
    image_id: str,
    settings: SearchSettings,
    ranked: Ranking,
    gold: Mapping[str, str],
    *,
    comparable: bool,
    name: str = "",
    side: str = "",
) -> None:
    """Explain a hit, or any other image of the collection, for the query.

    Args:
        comparable: whether the query is a text, which other models can be asked as well.
        name: of the search, where two stand side by side. side: `beside` for the second of them,
            which leaves out what the first has shown.

    Raises:
        UnknownNameError, QueryError: there is no such image, or it is not searched.
    """
    told = why(ready, result, image_id, settings, ranked)
    if side:
        st.header(f"In {name}", anchor=False)
        st.markdown(_headline(told))
    else:
        show_head(ready.collection, image_id, f"In {name}" if name else "", _headline(told), gold)
        if comparable:
            links.to_against(result.query, image_id, "Against another model")
    if told.reasons:
        st.caption(
            f"{len(told.reasons)} shared terms add up to {told.score:.2f}: "
            f"{told.score - told.expanded:.2f} literal, {told.expanded:.2f} by expansion. "
            f"{told.supported / told.score:.0%} of it on terms that its captions say (✓)."
            if told.captions
            else f"{len(told.reasons)} shared terms add up to {told.score:.2f}."
        )
        show_reasons(told.reasons[:_REASONS], checked=bool(told.captions))
        if len(told.reasons) > _REASONS:
            rest = sum(one.product for one in told.reasons[_REASONS:])
            st.caption(f"… and {len(told.reasons) - _REASONS} more terms, together {rest:.2f}.")
    if told.lacking:
        st.markdown("**Asked for, and not in the image**")
        links.to_terms(
            [one.term for one in told.lacking[:_LACKING]],
            [f"{one.weight:.2f}" for one in told.lacking[:_LACKING]],
            key=f"lacking{side}",
        )
    if told.above is not None:
        _show_above(ready.collection, told, told.above, side)
    if told.captions and not side:
        st.markdown("**Its captions**")
        links.to_searches(told.captions, key="captions")


def show_head(
    images: Collection, image_id: str, name: str, headline: str, gold: Mapping[str, str]
) -> None:
    """The image that is explained, with its place; `name` and `headline` are Markdown."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="why-head"):
        st.header("Why this image", anchor=False, width="stretch")
        st.button(
            "Close",
            key="close-why",
            icon=":material/close:",
            on_click=address.write,
            args=("hit", None),
        )
    left, right = st.columns([1, 2], vertical_alignment="center")
    with left:
        cards.show_picture(images, image_id)
    with right:
        if name:
            st.markdown(name)
        st.markdown(headline)
        if mark := gold.get(image_id):
            st.caption(f"★ {escape(mark)}")
        links.to_image(image_id, "Open the image")


def _headline(told: Why) -> str:
    if told.rank is not None:
        return f"**Rank {told.rank:,} of {told.n_hits:,}** · score {told.score:.2f}"
    if told.score > 0:
        return f"**Kept out by a filter** · score {told.score:.2f}"
    return "**Not found**: it shares no term with the query."


def _show_above(images: Collection, told: Why, above: Rival, side: str) -> None:
    gap = above.score - told.score
    st.markdown(f"**The image above it**, rank {above.rank:,}, leads by {gap:.2f}")
    left, right = st.columns([1, 2], vertical_alignment="center")
    with left, st.container(key=f"tile-above{side}", gap=None):
        cards.show_picture(images, above.image_id)
        links.to_hit(above.image_id, "Why that one")
    with right:
        show_differences(above)
    if not side:
        _show_decisive(above)


def _show_decisive(above: Rival) -> None:
    """The fewest terms that put the image above ahead, and a search without them."""
    terms = above.decisive()
    if not terms:
        return
    named = ", ".join(f"*{escape(term)}*" for term in terms[:_NAMED])
    more = f" and {len(terms) - _NAMED} more" if len(terms) > _NAMED else ""
    st.markdown(f"Without {named}{more} it would not be ahead; no smaller set of terms does that.")
    links.to_search_without(terms, "Search without " + ("it" if len(terms) == 1 else "them"))


def show_reasons(reasons: list[Reason], *, checked: bool) -> None:
    """Shared terms as bars of their products, with both weights in numbers.

    Args:
        checked: whether there are captions that may say a term.
    """
    most = max((one.product for one in reasons), default=1.0)
    rows = "".join(_reason(one, most, checked=checked) for one in reasons)
    st.html(
        "<table class='why'><thead><tr><th scope='col'>term</th><th scope='col'>query × image</th>"
        "<th scope='col'>product</th></tr></thead><tbody>" + rows + "</tbody></table>"
    )


def _reason(one: Reason, most: float, *, checked: bool) -> str:
    kind = "first" if one.origin == "literal" else "second"
    mark = ""
    if checked:
        mark = (
            "<abbr title='A caption says it'>✓</abbr>"
            if one.said
            else "<abbr title='No caption says it'>·</abbr>"
        )
    return (
        f"<tr><th scope='row'>{term_link(one.term)} {mark}</th>"
        f"<td>{one.query_weight:.2f} × {one.image_weight:.2f}</td>"
        f"<td class='product'><i class='{kind}' title='{one.origin}' "
        f"style='width:{100 * one.product / most:.1f}%'></i><b>{one.product:.2f}</b></td></tr>"
    )


def show_differences(above: Rival) -> None:
    """The terms that set a rival apart, as a small table."""
    rows = "".join(
        f"<tr><th scope='row'>{term_link(one.term)}</th><td>{one.here:.2f}</td>"
        f"<td>{one.there:.2f}</td><td>{one.there - one.here:+.2f}</td></tr>"
        for one in above.differences[:_DIFFERENCES]
    )
    st.html(
        "<table class='why'><thead><tr><th scope='col'>term</th><th scope='col'>here</th>"
        f"<th scope='col'>there</th><th scope='col'>gap</th></tr></thead><tbody>{rows}</tbody>"
        "</table>"
    )


def term_link(term: str) -> str:
    """A term as HTML that leads to its page."""
    carried = links.parameters(st.query_params.to_dict())
    place = html_escape(f"term?{urlencode({**carried, 'term': term})}")
    return f"<a href=\"{place}\" target='_self'>{html_escape(term)}</a>"


def show_mirrored(names: tuple[str, str], here: list[Reason], there: list[Reason]) -> None:
    """What each term adds to the score in two models, bars to the left and to the right."""
    left, right = ({one.term: one for one in side} for side in (here, there))
    products = {
        term: max(side[term].product for side in (left, right) if term in side)
        for term in {**left, **right}
    }
    most = max(products.values(), default=1.0)
    terms = sorted(products, key=lambda term: (-products[term], term))[:_MIRRORED]
    rows = "".join(
        f"<tr><td class='left'>{_side(left.get(term), most, first=False)}</td>"
        f"<th scope='row'>{term_link(term)}</th>"
        f"<td class='product'>{_side(right.get(term), most, first=True)}</td></tr>"
        for term in terms
    )
    head = "".join(
        f"<th scope='col'>{html_escape(name)}</th>" for name in (names[0], "term", names[1])
    )
    st.html(
        f"<table class='why mirrored'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _side(one: Reason | None, most: float, *, first: bool) -> str:
    """A bar with its number; `first` says whether the bar stands before the number."""
    if one is None:
        return "<b>–</b>"
    kind = "first" if one.origin == "literal" else "second"
    bar = (
        f"<i class='{kind}' title='{one.origin}' style='width:{100 * one.product / most:.1f}%'></i>"
    )
    number = f"<b>{one.product:.2f}</b>"
    return bar + number if first else number + bar
