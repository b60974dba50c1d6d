"""The pinned query looked at from two more sides: where draws rank images, and what terms cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from lsr.evaluation.task import Side
from lsr.figures.query import price_figure, rank_cloud_figure
from lsr.index.memory.index import MemoryIndex
from lsr.sweep.one_query import ImageRanks, PriceTag, price_tags, rank_clouds, within_budget
from lsr.sweep.shapley import worth
from pages.parts import address, caches, cards, charts
from pages.parts.expansion.curve import DRAWS
from pages.parts.expansion.knobs import Turned
from pages.parts.expansion.query import HITS, Pinned, show_hits, side_by_side
from pages.parts.expansion.setting import Setting
from pages.parts.glossary import glossed
from pages.parts.markup import escape

_CLOUD_DRAWS, _CLOUD_IMAGES = 200, 10
_SHARES = tuple(range(5, 101, 5))


def show_cloud(setting: Setting, turned: Turned, text: str) -> None:
    """Where word-level draws rank each image; the knob above sets their rate if it is one."""
    rate = turned.value if turned.knob.control == "word" else choose_rate()
    side_by_side(setting, text, lambda pinned: _show_clouds(setting, turned, pinned, rate))


def choose_rate() -> float:
    """Draw the slider of the rate where the knob above has none, and return it."""
    rate = address.number("cloud", 0.0, 1.0, 0.5)
    st.slider(
        "Word-level rate of the draws",
        0.0,
        1.0,
        step=0.05,
        help=glossed(
            "Every expansion term of the query takes part with this chance. A narrow cloud means "
            "that the rank does not hang on single terms."
        ),
        **address.bound("cloud", rate, 0.5, address.number_text),
    )
    return rate


def _show_clouds(setting: Setting, turned: Turned, pinned: Pinned, rate: float) -> None:
    """Clouds of the images that some draw finds."""
    query, index, name = pinned.left(turned), pinned.index(turned), pinned.name
    last = len(index)
    found = rank_clouds(
        index,
        query.terms,
        query.matrix.data,
        query.said,
        rate=rate,
        draws=_CLOUD_DRAWS,
        seed=DRAWS.seed,
        most=_CLOUD_IMAGES,
    )
    clouds = [cloud for cloud in found if cloud.ranks.min() < last]
    st.caption(
        f"In {escape(name)}: rank of each image over {_CLOUD_DRAWS} draws at rate {rate:.2f}"
    )
    if not clouds:
        st.caption("No draw finds an image: they share no active term with the query.")
        return
    images = caches.collection(setting.collection)
    names = [f"{place}" for place in range(1, len(clouds) + 1)]
    st.plotly_chart(
        rank_cloud_figure(clouds, charts.colours(), names),
        key=f"cloud-{name}",
        config=charts.CONFIG,
        alt=f"Ranks over draws in {name}; medians: "
        + ", ".join(f"{cloud.image_id} {_median(cloud, last)}" for cloud in clouds),
    )
    tiles = [
        cards.Tile(cloud.image_id, f"median {_median(cloud, last)}", f"{place}")
        for place, cloud in enumerate(clouds, 1)
    ]
    cards.show_tiles(images, tiles, key=f"cloud-{name}", width=80)
    table = pd.DataFrame(
        [
            {"image": cloud.image_id, **pd.Series(cloud.ranks).describe().round(2).to_dict()}
            for cloud in clouds
        ]
    )
    charts.table_twin(table, name="rank-cloud", key=f"cloud-{name}")


def _median(cloud: ImageRanks, last: int) -> str:
    median = float(np.median(cloud.ranks))
    return f"{median:g}" if median < last else "no hit"


def show_prices(setting: Setting, turned: Turned, text: str) -> None:
    """What every term costs and brings, and what a budget of postings still finds."""
    share = int(address.number("budget", _SHARES[0], _SHARES[-1], 100))
    st.slider(
        "Budget, percent of the postings of the whole query",
        _SHARES[0],
        _SHARES[-1],
        step=5,
        help=glossed(
            "Terms are bought by share of the score for a posting, the best first, as long as "
            "they fit."
        ),
        **address.bound("budget", share, 100, address.number_text),
    )
    side_by_side(
        setting, text, lambda pinned: _show_price(setting, turned, pinned, text, share / 100)
    )


def _show_price(setting: Setting, turned: Turned, pinned: Pinned, text: str, share: float) -> None:
    query, index, name = pinned.left(turned), pinned.index(turned), pinned.name
    vocabulary = pinned.ready.model.vocabulary
    tags = price_tags(index, query.terms, query.matrix.data, query.said, vocabulary)
    total = sum(tag.postings for tag in tags)
    kept = within_budget(tags, share * total)
    names = {tag.term for tag in kept}
    brought = sum(tag.share for tag in kept)
    st.caption(
        f"In {escape(name)}: {len(kept)} of {len(tags)} terms for "
        f"{sum(tag.postings for tag in kept):,} of {total:,} postings bring {brought:.0%} of the "
        "score; hollow marks are not bought, nor are terms that bring nothing"
    )
    st.plotly_chart(
        price_figure(tags, names, charts.colours()),
        key=f"price-{name}",
        config=charts.CONFIG,
        alt="Postings and share of the score of each term: "
        + ", ".join(f"{tag.term} {tag.postings} for {tag.share:.0%}" for tag in tags[:6]),
    )
    charts.table_twin(_price_table(tags, names), name="prices", key=f"price-{name}")
    _show_worth(setting, text, pinned, query, index)
    places = [place for place, i in enumerate(query.terms) if vocabulary.terms[i] in names]
    hits = index.search(query.terms[places], query.matrix.data[places], HITS)
    show_hits(caches.collection(setting.collection), hits, key=f"price-{name}")


def _show_worth(
    setting: Setting, text: str, pinned: Pinned, query: Side, index: MemoryIndex
) -> None:
    """What each term is worth for the image that the query is known to ask for."""
    here = {image_id: row for row, image_id in enumerate(index.ids)}
    known = [
        one.image_id
        for one in caches.known_answers(caches.collection(setting.collection), text)
        if one.image_id in here
    ]
    if not known or not len(query.terms):
        return
    found = worth(index, query.terms, query.matrix.data, here[known[0]])
    names = pinned.ready.model.vocabulary.terms
    total = sum(one.value for one in found)
    st.caption(
        f"Worth of each term for {escape(known[0])}, which the query is known to ask for: Shapley "
        f"values of its reciprocal rank, exact over {2 ** len(found):,} sets of terms. They add up "
        f"to {total:.2f}; a term below 0 lets other images pass."
    )
    table = pd.DataFrame(
        [
            {
                "term": names[one.terms[0]]
                if len(one.terms) == 1
                else f"{len(one.terms)} weaker terms together",
                "worth": one.value,
            }
            for one in sorted(found, key=lambda one: -one.value)
        ]
    )
    st.dataframe(
        table,
        hide_index=True,
        alt=f"Shapley values of the terms of the pinned query in {pinned.name}",
        column_config={"worth": st.column_config.NumberColumn(format="%.3f")},
    )


def _price_table(tags: list[PriceTag], kept: set[str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "term": tag.term,
                "origin": tag.origin,
                "weight": tag.weight,
                "postings": tag.postings,
                "share of score": tag.share,
                "bought": tag.term in kept,
            }
            for tag in tags
        ]
    )
