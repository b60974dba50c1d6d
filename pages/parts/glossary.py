"""The words of the field: one list, shown on the Lessons page and linked from every `help`."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

_SOURCE = Path(__file__).with_suffix(".md")
VIEW, WORD = "glossary", "word"
# What is code, a link or a formula already stays as it is.
_KEPT = re.compile(r"(`[^`]*`|\[[^\]]*\]\([^)]*\)|\$[^$]*\$)")


class Entry(NamedTuple):
    """A word with what it means, in Markdown. forms: other forms of the word."""

    word: str
    forms: tuple[str, ...]
    meaning: str


@cache
def entries() -> dict[str, Entry]:
    """All words in their order, by name."""
    found = {}
    for part in re.split(r"^## ", _SOURCE.read_text("utf-8"), flags=re.M)[1:]:
        heading, _, meaning = part.partition("\n")
        word, *forms = heading.split(", ")
        found[word] = Entry(word, tuple(forms), " ".join(meaning.split()))
    return found


def glossed(text: str, most: int = 4) -> str:
    """Markdown in which words of the glossary lead to it, each where it comes first.

    Args:
        most: links; more would be in the way of reading.
    """
    done: set[str] = set()
    parts = _KEPT.split(text)
    return "".join(
        part if place % 2 else _linked(part, done, most) for place, part in enumerate(parts)
    )


def introducing(text: str, *words: str) -> str:
    """Markdown in which these words, or forms of them, lead to the glossary where each comes first.

    Raises:
        ValueError: the text has none of the forms of a word, or the glossary lacks it.
    """
    parts, done = _KEPT.split(text), set(entries()) - set(words)
    told = "".join(
        part if place % 2 else _linked(part, done, len(entries()))
        for place, part in enumerate(parts)
    )
    if missing := set(words) - done:
        raise ValueError(f"no {', '.join(sorted(missing))} to explain in: {text}")
    return told


def _linked(text: str, done: set[str], most: int) -> str:
    def link(match: re.Match[str]) -> str:
        word = _words()[match[0].lower()]
        if word in done or len(done) >= most:
            return match[0]
        done.add(word)
        return f"[{match[0]}](lessons?{urlencode({'view': VIEW, WORD: word})})"

    return _pattern().sub(link, text)


@cache
def _words() -> dict[str, str]:
    """The word that each form belongs to, in small letters."""
    return {form.lower(): one.word for one in entries().values() for form in (one.word, *one.forms)}


@cache
def _pattern() -> re.Pattern[str]:
    longest_first = sorted(_words(), key=len, reverse=True)
    return re.compile(rf"(?<![\w@#-])({'|'.join(map(re.escape, longest_first))})(?![\w@-])", re.I)
