"""A list of failures as one page to send to others: no network, pictures inside."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from lsr.collection.collection import Collection
from lsr.exceptions import PictureError
from lsr.failures.cases import Cases, Gap, gaps
from lsr.failures.causes import CAUSES
from lsr.storage.pictures import read_picture
from lsr.sweep.laboratory import Laboratory

MOST_CASES = 100
"""Queries of a page; with photos of 160 pixels it has some 2 MB."""
PIXELS = 160
_QUALITY = 80
_TERMS = 10
_STYLE = """
:root { color-scheme: light dark; --ink: #20262e; --paper: #fdfcf8; --line: #d8d5cc;
  --soft: #555b63; --here: #0072b2; --there: #d55e00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e6df; --paper: #17191c; --line: #3a3d42;
  --soft: #a9adb3; --here: #56b4e9; --there: #e69f00; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 0 auto; max-width: 60rem; padding: 2rem 1rem 4rem; }
h1, h2 { font-family: Georgia, serif; line-height: 1.2; }
article { border-top: 1px solid var(--line); padding: 1rem 0; display: grid; gap: 0 1rem;
  grid-template-columns: 160px 160px 1fr; }
article h2, article p { grid-column: 1 / -1; margin: .3rem 0; overflow-wrap: anywhere; }
figure { margin: 0; font-size: .85rem; overflow-wrap: anywhere; }
img { max-width: 100%; display: block; }
table { border-collapse: collapse; font-size: .82rem; width: 100%; align-self: start;
  font-variant-numeric: tabular-nums; }
th { font-weight: normal; text-align: center; }
td { width: 42%; padding: .1rem .3rem; white-space: nowrap; }
td:first-child { text-align: right; }
td i { display: inline-block; height: .6rem; background: var(--here); }
td:last-child i { background: var(--there); }
.note { color: var(--soft); }
@media (max-width: 40rem) { article { grid-template-columns: 1fr 1fr; }
  article table { grid-column: 1 / -1; } }
"""


def failures_page(
    lab: Laboratory, cases: Cases, rows: Sequence[int], records: Sequence[dict[str, Any]], k: int
) -> str:
    """The page of a list; of more than 100 queries the first, which it says.

    Args:
        rows, records: of the same queries.
    """
    shown = list(zip(rows, records, strict=True))[:MOST_CASES]
    terms = lab.model.vocabulary.terms
    body = "".join(_case(lab.collection, cases, row, record, terms) for row, record in shown)
    more = f"the first {len(shown):,} of " if len(shown) < len(records) else ""
    texts = f"query set {lab.queries}" if lab.queries else "captions"
    fixed = ", ".join(f"{knob}={value:g}" for knob, value in lab.fixed)
    place = "in the first place" if k == 1 else f"among the first {k:,}"
    about = (
        f"Model {lab.model.name}{f' under {fixed}' if fixed else ''}, collection "
        f"{lab.collection.name}, split {lab.split}, {lab.direction}, {texts}. An answer {place} "
        f"counts as found. Shown: {more}{len(records):,} queries of {len(cases):,}."
    )
    rules = "".join(
        f"<li><b>{escape(name)}</b>: {escape(rule)}</li>" for name, rule in CAUSES.items()
    )
    licence = str(lab.collection.card.get("licence", ""))
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>Failures of {escape(lab.model.name)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>Failures of {escape(lab.model.name)}</h1><p>{escape(about)}</p>"
        f"<p class='note'>Licence of the pictures: {escape(licence) or 'unknown'}. Bars are the "
        "products of terms; those of a document add up to its score. A guess tells its share of "
        f"the gap.</p><details class='note'><summary>What the guesses mean</summary><ul>{rules}"
        f"</ul></details>{body}</body></html>"
    )


def _case(
    collection: Collection, cases: Cases, row: int, record: dict[str, Any], terms: list[str]
) -> str:
    documents = cases.task.documents_are
    asked = ""
    if cases.task.queries_are == "images":
        asked = f"<p>{_picture(collection, cases.ids[row])}</p>"
    sides = [("The answer, " + _rank(record["sparse_rank"]), record["answer"])]
    if record["rival"] is not None:
        sides.append(("The best other one", record["rival"]))
    figures = "".join(_figure(collection, documents, label, name) for label, name in sides)
    told = [
        f"dense vectors: {_rank(record['dense_rank'])}",
        f"margin {record['margin']:.2f}",
        "guess: "
        + ", ".join(
            f"{one['name']} {one['share']:.0%}" for one in record["causes"] if one["share"] >= 0.01
        ),
    ]
    told += [f"said: {record['said_cause']}"] if record["said_cause"] else []
    told += [f"tags: {', '.join(record['tags'])}"] if record["tags"] else []
    note = f"<p>{escape(record['note'])}</p>" if record["note"] else ""
    return (
        f"<article><h2>{escape(record['text'])}</h2>{asked}"
        f"<p class='note'>{escape(record['query_id'])} · {escape(' · '.join(told))}</p>{note}"
        f"{figures}{_bars(gaps(cases, row, terms))}</article>"
    )


def _rank(rank: int | None) -> str:
    return f"rank {rank:,}" if rank else "not found"


def _figure(collection: Collection, documents: str, label: str, name: str) -> str:
    """A document: an image, or a caption with the image that it is of."""
    text, image = name, name
    if documents == "captions":
        place = collection.caption_ids.index(name)
        text = collection.caption_texts[place]
        image = collection.image_ids[collection.caption_image_rows[place]]
    return (
        f"<figure>{_picture(collection, image)}<figcaption><b>{escape(label)}</b><br>"
        f"{escape(text)}</figcaption></figure>"
    )


def _picture(collection: Collection, image_id: str) -> str:
    """A picture inside the page; what is not on this machine is named."""
    place = collection.picture(collection.image_row(image_id), PIXELS)
    if not isinstance(place, Path):
        return f"<small>{escape(place or 'no picture')}</small>"
    try:
        picture = read_picture(place)
    except PictureError:
        return "<small>no picture</small>"
    picture.thumbnail((PIXELS, PIXELS))
    buffer = BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=_QUALITY)
    content = base64.b64encode(buffer.getvalue()).decode()
    return f"<img alt='{escape(image_id)}' src='data:image/jpeg;base64,{content}'>"


def _bars(each: list[Gap]) -> str:
    """The terms that decide, bars to the left and to the right."""
    first = sorted(each, key=lambda one: (-abs(one.difference), one.term))[:_TERMS]
    most = max((max(one.answer, one.rival) for one in first), default=0.0) or 1.0

    def bar(product: float) -> str:
        return f"<i style='width:{70 * product / most:.0f}%'></i>"

    rows = "".join(
        f"<tr><td>{one.answer:.2f} {bar(one.answer)}</td><th scope='row'>{escape(one.term)}</th>"
        f"<td>{bar(one.rival)} {one.rival:.2f}</td></tr>"
        for one in first
    )
    return f"<table>{rows}</table>"
