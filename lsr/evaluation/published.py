"""Figures that others published, with where each stands: never mixed with measured ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lsr.exceptions import ModelError
from lsr.storage import places
from lsr.storage.files import read_json
from lsr.storage.records import check_fields
from lsr.storage.untrusted import UnexpectedError

FILE = "published.json"
RECALLS = ("R@1", "R@5", "R@10")


@dataclass(frozen=True)
class Published:
    """What one source says of a system on a data set, in one direction.

    kind: dense vectors; dense hits that a cross-encoder re-ranks, which no vectors can reach; or
    sparse vectors. recalls: R@1, R@5 and R@10 in per cent, None where the source was not seen to
    say it. seen: whether the figure was read in the paper or repository that measured it, or
    elsewhere. note: how it differs from others, or empty.
    """

    system: str
    kind: str
    data_set: str
    direction: str
    recalls: tuple[float | None, float | None, float | None]
    source: str
    seen: Literal["read", "second-hand"]
    note: str

    @property
    def link(self) -> str:
        """The address of the source."""
        name = self.source.removeprefix("arXiv ")
        return self.source if name == self.source else f"https://arxiv.org/abs/{name}"

    def row(self) -> dict[str, Any]:
        """As tables show it."""
        return {
            "system": self.system,
            "vectors": self.kind,
            **dict(zip(RECALLS, self.recalls, strict=True)),
            "seen": self.seen,
            "source": self.link,
            "note": self.note,
        }


def read_published() -> list[Published]:
    """All of them, best first in each data set, direction and kind.

    Raises:
        ModelError: the shipped file is missing or damaged.
    """
    path = places.ASSETS / FILE
    found = read_json(path, ModelError).get("rows")
    if not isinstance(found, list):
        raise ModelError(f"`{path}` is damaged: it holds no rows. Restore the file.")
    return [_published(row, str(path)) for row in found]


def _published(row: Any, path: str) -> Published:
    names = ("system", "kind", "data_set", "direction", "source", "note")
    try:
        check_fields(
            row if isinstance(row, dict) else {},
            dict.fromkeys(names, str)
            | dict.fromkeys(RECALLS, float | None)
            | {"seen": Literal["read", "second-hand"]},
        )
    except UnexpectedError as problem:
        raise ModelError(f"`{path}` is damaged: a row {problem}. Restore the file.") from None
    texts = {name: row[name] for name in names}
    return Published(**texts, seen=row["seen"], recalls=tuple(row[name] for name in RECALLS))


def by_task(rows: Sequence[Published]) -> Iterator[tuple[str, list[Published]]]:
    """The rows of each data set and direction, under their heading."""
    titles = {row: f"{row.data_set}, {row.direction.replace('-', ' ')}" for row in rows}
    for title in dict.fromkeys(titles.values()):
        yield title, [row for row in rows if titles[row] == title]
