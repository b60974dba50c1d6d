"""Where a click leads: addresses of pages, with the choice of the sidebar carried along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NoReturn
from urllib.parse import urlencode

import streamlit as st

from pages.parts.address import LAST_ADDRESS, hold_if_outdated, settle, whole, write
from pages.parts.markup import escape

SEARCH = "pages/search.py"
IMAGE = "pages/image.py"
TERM = "pages/term.py"
AGAINST = "pages/against.py"
VOCABULARY = "pages/vocabulary.py"
FAILURES = "pages/failures.py"
EXPANSION = "pages/expansion.py"
COLLECTIONS = "pages/collections.py"
MODELS = "pages/models.py"
TRAIN = "pages/train.py"
LESSONS = "pages/lessons.py"
_HERE = Path(__file__).parent
_LINKS = st.components.v2.component(
    "lexiscope_links",
    html="<div class='links'></div>",
    css=(_HERE / "links.css").read_text("utf-8"),
    js=(_HERE / "links.js").read_text("utf-8"),
)
_LEAVING = st.components.v2.component(
    "lexiscope_leaving",
    html="<span hidden></span>",
    js="""export default function ({ data }) {
  const there = new URL(data.address, location.href).href;
  if (there === location.href) return;
  history.pushState({}, "", there);
  window.dispatchEvent(new PopStateEvent("popstate"));
}""",
)
# A plain link to a page, wherever it is drawn, leads there as the browser's back and forward do,
# and the page is not loaded anew. Streamlit has heard clicks on its own links before.
_WITHIN = st.components.v2.component(
    "lexiscope_within",
    html="<span hidden></span>",
    js="""export default function ({ data }) {
  const heard = (event) => {
    if (event.defaultPrevented || event.button) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.composedPath().find((one) => one instanceof HTMLAnchorElement);
    if (!link || !["", "_self"].includes(link.target) || link.origin !== location.origin) return;
    if (!data.pages.includes(link.pathname.split("/").pop())) return;
    event.preventDefault();
    if (link.href === location.href) return;
    history.pushState({}, "", link.href);
    window.dispatchEvent(new PopStateEvent("popstate"));
  };
  document.addEventListener("click", heard);
  return () => document.removeEventListener("click", heard);
}""",
)
CARRIED = ("collection", "model", "engine", "web")


def parameters(address: Mapping[str, str], **own: str | None) -> dict[str, str]:
    """Parameters of a link: those of the sidebar in `address`, and the page's `own`."""
    carried = {name: address[name] for name in CARRIED if name in address}
    return carried | {name: value for name, value in own.items() if value is not None}


def to_search(text: str, label: str | None = None, icon: str | None = None) -> None:
    """A link that searches for a text."""
    st.page_link(SEARCH, label=label or escape(text), icon=icon or "", query_params=_here(q=text))


def to_edited_search(text: str, edit: Mapping[str, str], image_id: str, label: str) -> None:
    """A link that searches for a text with edited terms, and explains an image for it."""
    here = _here(q=text, hit=image_id) | dict(edit)
    st.page_link(SEARCH, label=label, icon=":material/search:", query_params=here)


def to_image(image_id: str, label: str) -> None:
    """A link to the page of an image; `label` is Markdown."""
    st.page_link(IMAGE, label=label, icon="", query_params=_here(id=image_id))


def to_hit(image_id: str, label: str) -> None:
    """A link that explains an image for the query of the page; `label` is Markdown."""
    here = st.query_params.to_dict() | {"hit": image_id}
    st.page_link(SEARCH, label=label, icon="", query_params=here)


def to_search_without(terms: Sequence[str], label: str) -> None:
    """A link to the search of the page with terms muted as well; `label` is Markdown."""
    here = st.query_params.to_dict()
    muted = dict.fromkeys([*here.get("mute", "").split(), *terms])
    st.page_link(SEARCH, label=label, icon="", query_params=here | {"mute": " ".join(muted)})


def to_failure(collection: str, query_id: str, label: str) -> None:
    """A link to a query on the Failures page, with the preferred model; `label` is Markdown."""
    there = {"collection": collection, "which": "all", "case": query_id}
    st.page_link(FAILURES, label=label, icon=":material/troubleshoot:", query_params=there)


def to_against(text: str, image_id: str, label: str) -> None:
    """A link that sets a query against an image; `label` is Markdown."""
    st.page_link(AGAINST, label=label, icon="", query_params=_here(q=text, id=image_id))


def to_expansion(text: str, label: str) -> None:
    """A link that pins a text on the Expansion page; `label` is Markdown."""
    st.page_link(EXPANSION, label=label, icon=":material/tune:", query_params=_here(q=text))


def to_term(term: str, label: str | None = None) -> None:
    """A link to the page of a term; `label` is Markdown."""
    st.page_link(TERM, label=label or escape(term), icon="", query_params=_here(term=term))


def to_terms(terms: Sequence[str], notes: Sequence[str] = (), *, key: str) -> None:
    """Links to the pages of terms, side by side.

    Args:
        notes: what stands behind each; nothing where empty.
        key: a name that no other links of the page have.
    """
    notes = notes or [""] * len(terms)
    chips = [
        {"href": address_of(TERM, term=term), "label": term, "note": note}
        for term, note in zip(terms, notes, strict=True)
    ]
    show_links(chips, "chips", key=f"chips-{key}")


def to_searches(texts: Sequence[str], *, key: str) -> None:
    """Links that search for texts, one below the other.

    Args:
        key: a name that no other links of the page have.
    """
    lines = [{"href": address_of(SEARCH, q=text), "label": text} for text in texts]
    show_links(lines, "lines", key=f"lines-{key}")


def show_links(
    drawn: Sequence[Mapping[str, Any]],
    kind: Literal["chips", "lines", "tiles", "bars"],
    *,
    key: str,
    width: int = 0,
    changes: str | None = None,
) -> None:
    """Many links as one element: each page link of Streamlit costs the browser milliseconds.

    Args:
        drawn: `href`, `label`, and where wanted `lead`, `note`, `picture` and `alt` of each, all
            plain text; the `share` of the longest bar, from 0 to 1.
        key: a name that no other element of the page has.
        width: least pixels of a tile.
        changes: the part of the address of this page that the label of a link is written to; the
            part of the page that draws the links is then drawn anew, and no more.
    """
    data: dict[str, Any] = {"kind": kind, "links": [dict(one) for one in drawn], "width": width}
    if changes is None:
        _LINKS(data=data, key=key)
        return
    data["changes"] = True
    _LINKS(data=data, key=key, on_opened_change=partial(_open, key, changes))


@whole
def _open(key: str, name: str) -> None:
    if opened := st.session_state[key]["opened"]:
        write(name, str(opened))


def address_of(page: str, **own: str | None) -> str:
    """The address of a page for the browser, with the choice of the sidebar carried along."""
    return f"{_path(page)}?{urlencode(_here(**own))}"


def _path(page: str) -> str:
    """Where a page stands beside the others; Search stands at the root."""
    return "./" if page == SEARCH else Path(page).stem


def with_model(page: str, model: str, collection: str, label: str) -> None:
    """A link to a page with another model and collection in the sidebar; `label` is Markdown."""
    chosen = _here(model=model, collection=collection or None)
    st.page_link(page, label=label, icon="", query_params=chosen)


def with_collection(page: str, collection: str, label: str, icon: str = "") -> None:
    """A link to a page with another collection in the sidebar; `label` is Markdown."""
    st.page_link(page, label=label, icon=icon, query_params={"collection": collection})


def leave_for(page: str, parameters: Mapping[str, str]) -> NoReturn:
    """Lead to another page now, as a link would; the run ends here.

    `st.switch_page` leaves an entry of its own in the browser's history, so *Back* would lead to
    the new page without its parameters.
    """
    address = f"{_path(page)}?{urlencode(parameters)}"
    _LEAVING(data={"address": address}, key="leaving")
    st.stop()


def open_term(term: str) -> NoReturn:
    """Go to the page of a term now."""
    leave_for(TERM, _here(term=term))


def navigation(pages: Sequence[tuple[str, str, str]], current: str) -> None:
    """Links to all pages; each leads back to where it was left, the current one to its start.

    Args:
        pages: (file, title, icon) each.
        current: the file of the page that is shown.
    """
    hold_if_outdated(same_page=st.session_state.get("last-page") == current)
    address = st.query_params.to_dict()
    choice = parameters(address)
    if st.session_state.get("visited-with") != choice:
        st.session_state["visited-with"] = choice
        st.session_state["visited"] = {}
    elif st.session_state["last-page"] != current:
        st.session_state["visited"][st.session_state["last-page"]] = st.session_state[LAST_ADDRESS]
    if st.session_state.get("last-page") == current and st.session_state[LAST_ADDRESS] != address:
        settle()
    st.session_state["last-page"] = current
    st.session_state[LAST_ADDRESS] = address
    for file, title, icon in pages:
        leads_to = choice if file == current else st.session_state["visited"].get(file, choice)
        st.page_link(file, label=title, icon=icon, query_params=leads_to)
    _WITHIN(data={"pages": [_path(file).strip("./") for file, _, _ in pages]}, key="within")


def _here(**own: str | None) -> dict[str, str]:
    return parameters(st.query_params.to_dict(), **own)
