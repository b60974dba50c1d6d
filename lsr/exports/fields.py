"""Ids and terms in formats that are lines of fields, where white space parts them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

from lsr.exceptions import ModelError
from lsr.exports.selection import Selection, VectorSet

# What ends a field or a line in the formats that are lines of fields, and with the escape itself.
_ENDS_FIELDS = re.compile(r"[\s\x00-\x20\x7f]")
_ENCODED = re.compile(r"[\s\x00-\x20\x7f%]")


def field_ids(ids: Sequence[str]) -> list[str]:
    """Ids for formats that are lines of fields.

    Where one of them holds white space, all of them are percent-encoded in white space and `%`,
    so that `urllib.parse.unquote` gives them back; else they stay as they are.
    """
    if not _need_encoding(ids):
        return list(ids)
    return [_ENCODED.sub(lambda found: quote(found[0]), one) for one in ids]


def _need_encoding(ids: Sequence[str]) -> bool:
    return any(_ENDS_FIELDS.search(one) for one in ids)


def id_notes(*sets: VectorSet) -> list[str]:
    """Sentences on the sets whose ids `field_ids` changes."""
    return [
        f"Ids of {vectors.kind} hold white space, so they are percent-encoded."
        for vectors in sets
        if _need_encoding(vectors.ids)
    ]


def check_terms(selection: Selection) -> None:
    """Refuse a vocabulary whose terms a tool that parts them by white space would cut up.

    Raises:
        ModelError: a term holds white space.
    """
    broken = [term for term in selection.terms if term.split() != [term]]
    if broken:
        name = selection.fitted_model.name
        raise ModelError(
            f"{len(broken):,} terms of model `{name}` hold white space, which parts the terms of "
            f"this format, such as {broken[0][:40]!r}. Export as csv or parquet."
        )
