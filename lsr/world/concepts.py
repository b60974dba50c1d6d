"""The concepts that the bundled world is drawn from: one emoji glyph each, with its words.

The table itself is `concepts.tsv`, one concept a line; lists inside a field are separated by `;`.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("concepts.tsv")

IRREGULAR_PLURALS = {
    "aircraft": "aircraft",
    "bison": "bison",
    "child": "children",
    "elf": "elves",
    "elk": "elk",
    "fish": "fish",
    "fungus": "fungi",
    "human": "humans",
    "knife": "knives",
    "goose": "geese",
    "leaf": "leaves",
    "mouse": "mice",
    "person": "people",
    "salmon": "salmon",
    "scarf": "scarves",
    "sheep": "sheep",
    "spacecraft": "spacecraft",
    "trout": "trout",
    "tuna": "tuna",
}


@dataclass(frozen=True)
class Concept:
    """One thing that can be drawn and named.

    `synonyms` occur in captions; `held_out` never does, in no inflection, so that it can test
    whether a reader knows a word that no caption has taught it.

    Attributes:
        name: The usual word, if possible one whole term of the BERT uncased vocabulary.
        plural: What several of it are called.
        glyph: The emoji, one or more code points.
        category: What kind of thing it is; decides its verbs.
        synonyms: Other words for it that captions use.
        held_out: Words for it that captions must not use; empty for most concepts.
        hypernyms: More general words ("animal").
        size: Longer side of the glyph in the front row, as a share of the picture's width.
        placement: `ground`, `water` (floats on it, else stands), `swim` or `sky`.
        settings: Names of the settings it occurs in.
    """

    name: str
    plural: str
    glyph: str
    category: str
    synonyms: tuple[str, ...]
    held_out: tuple[str, ...]
    hypernyms: tuple[str, ...]
    size: float
    placement: str
    settings: tuple[str, ...]


def plural_of(phrase: str) -> str:
    """The plural of an English noun phrase, by the common rules and a short table.

    "bird of prey" becomes "birds of prey", "police officer" becomes "police officers".
    """
    head, of, rest = phrase.partition(" of ")
    if of:
        return f"{plural_of(head)} of {rest}"
    before, _, noun = phrase.rpartition(" ")
    if noun in IRREGULAR_PLURALS:
        plural = IRREGULAR_PLURALS[noun]
    elif noun.endswith("man"):
        plural = noun[:-3] + "men"
    elif noun.endswith(("s", "x", "ch", "sh")):
        plural = noun + "es"
    elif noun.endswith("y") and noun[-2] not in "aeiou":
        plural = noun[:-1] + "ies"
    else:
        plural = noun + "s"
    return f"{before} {plural}".strip()


def _several(field: str) -> tuple[str, ...]:
    return tuple(part for part in field.split(";") if part)


def _read(table: Path) -> tuple[Concept, ...]:
    with table.open(encoding="utf-8", newline="") as lines:
        return tuple(
            Concept(
                name=row["name"],
                plural=row["plural"] or plural_of(row["name"]),
                glyph=row["glyph"],
                category=row["category"],
                synonyms=_several(row["synonyms"]),
                held_out=_several(row["held_out"]),
                hypernyms=_several(row["hypernyms"]),
                size=float(row["size"]),
                placement=row["placement"],
                settings=_several(row["settings"]),
            )
            for row in csv.DictReader(lines, delimiter="\t")
        )


CONCEPTS: tuple[Concept, ...] = _read(TABLE)
