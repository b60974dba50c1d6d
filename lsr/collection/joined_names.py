"""Names that several collections share, set apart by the name of the collection they come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lsr.collection.collection import Collection
from lsr.collection.queries import QueryRow
from lsr.exceptions import QueryError, shorten
from lsr.storage.places import check_name


@dataclass(frozen=True)
class Renamed:
    """The names of several parts, all different between the parts.

    names: of each part, in its order. changes: of each part, the new name for each old one that
    has changed. n: how many names changed.
    """

    names: list[list[str]]
    changes: list[dict[str, str]]

    @property
    def n(self) -> int:
        return sum(map(len, self.changes))

    def of(self, part: int, names: Sequence[str]) -> list[str]:
        """Some names of a part as they are now."""
        return [self.changes[part].get(name, name) for name in names]


def part_labels(names: Sequence[str]) -> list[str]:
    """What stands before a clashing name: the part's own name where it is plain and the only one.

    A card may hold any name, and labels of pictures become folders.
    """
    counts = Counter(name.lower() for name in names)
    return [
        name if _is_plain(name) and counts[name.lower()] == 1 else f"part-{number}"
        for number, name in enumerate(names, 1)
    ]


def _is_plain(name: str) -> bool:
    try:
        check_name(name)
    except QueryError:
        return False
    return True


def set_apart(parts: Sequence[Sequence[str]], labels: Sequence[str], between: str = "-") -> Renamed:
    """A name that more than one part has gets the part's label before it, in each of them.

    Args:
        between: what stands between label and name.
    """
    counts = Counter(name for names in parts for name in set(names))
    taken, changes = set(counts), []
    for names, label in zip(parts, labels, strict=True):
        changed: dict[str, str] = {}
        for name in dict.fromkeys(names):
            if counts[name] > 1:
                new = f"{label}{between}{name}"
                while new in taken:
                    new = f"{label}{between}{new}"
                taken.add(new)
                changed[name] = new
        changes.append(changed)
    made = [
        [changed.get(name, name) for name in names]
        for names, changed in zip(parts, changes, strict=True)
    ]
    return Renamed(made, changes)


def joined_queries(
    parts: Sequence[Collection], labels: Sequence[str], images: Renamed
) -> tuple[dict[str, list[QueryRow]], int, list[str]]:
    """The query sets of all parts by name.

    A query that several parts have under one id with one text is one query, which images of each
    may answer; with two texts its ids are set apart.

    Returns:
        The rows of each set, how many query ids were renamed, and notes in sentences.
    """
    made: dict[str, list[QueryRow]] = {}
    n_renamed, notes = 0, []
    for name in dict.fromkeys(one for part in parts for one in part.query_sets):
        rows, there = [], [number for number, part in enumerate(parts) if name in part.query_sets]
        sets = {number: parts[number].query_set(name) for number in there}
        texts: dict[str, set[str]] = {}
        for found in sets.values():
            for query_id, text in zip(found.ids, found.texts, strict=True):
                texts.setdefault(query_id, set()).add(text)
        apart = set_apart(
            [[i for i in found.ids if len(texts[i]) > 1] for found in sets.values()],
            [labels[number] for number in there],
        )
        n_renamed += apart.n
        for place, (number, found) in enumerate(sets.items()):
            ids = apart.of(place, found.ids)
            for owner, row in zip(found.owners, found.image_rows, strict=True):
                image = images.names[number][row]
                rows.append(QueryRow(ids[owner], found.texts[owner], image))
        made[name] = rows
        if lacking := [part.name for part in parts if name not in part.query_sets]:
            notes.append(
                f"Query set `{name}` is not in `{shorten(lacking[0])}`, so no image of it counts "
                "as an answer to its queries."
            )
    return made, n_renamed, notes
