"""The images that answer a query for sure: it is a caption of theirs, or of a query set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pyarrow.compute as pc

from lsr.collection.collection import Collection

CAPTION = "caption"


class KnownAnswer(NamedTuple):
    """An image with what says that it answers: `CAPTION`, or the name of a query set."""

    image_id: str
    source: str


def known_answers(collection: Collection, text: str) -> list[KnownAnswer]:
    """The images that a text is known to ask for, each once, captions before query sets.

    Capitals, blanks at the ends and a full stop make no difference.

    Raises:
        CollectionError: a query set is damaged.
    """
    wanted = _plain(text)
    if not wanted:
        return []
    rows = [collection.caption_image_rows[row] for row in _captions_that_say(collection, wanted)]
    found = dict.fromkeys(collection.image_ids.at(rows), CAPTION)
    for name in collection.query_sets:
        queries = collection.query_set(name)
        for number, one in enumerate(queries.texts):
            if len(one) >= len(wanted) and _plain(one) == wanted:
                start, stop = queries.starts[number : number + 2]
                for row in queries.image_rows[start:stop]:
                    found.setdefault(collection.image_ids[row], name)
    return [KnownAnswer(image_id, source) for image_id, source in found.items()]


def _captions_that_say(collection: Collection, wanted: str) -> Iterator[int]:
    """Rows of the captions of a text, part by part, so that few of them are in memory at once."""
    first = 0
    for part in collection.captions["text"].iterchunks():
        texts = pc.utf8_lower(pc.utf8_trim(part, " \t\n."))
        yield from (first + row for row in pc.indices_nonzero(pc.equal(texts, wanted)).to_pylist())
        first += len(part)


def _plain(text: str) -> str:
    return text.strip(" \t\n.").lower()
