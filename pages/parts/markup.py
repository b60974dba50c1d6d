"""One door from plain text to Markdown, so that nothing in a caption or a term is live."""

from __future__ import annotations

import re

_LIVE = re.compile(r"([\\`*_{}\[\]()#+\-.!|~><$:&^=@/])")
# Pairs that Streamlit turns into arrows, dashes, links or pictures even after a backslash.
_PAIRS = re.compile(r"(?<=[-<>=~])(?=[-<>=~])|(?<=:)(?=[\w/])|(?<=www)(?=\.)|(?<=@)(?=\w)")
_WORD_JOINER = "\u2060"  # invisible, keeps such a pair apart


def escape(text: str) -> str:
    """Markdown that shows `text` letter by letter, on one line.

    Use it for every caption, term, file name and query that goes into a Streamlit label.
    """
    line = " ".join(text.split())
    return _LIVE.sub(r"\\\1", _PAIRS.sub(_WORD_JOINER, line))


def sentence(message: str) -> str:
    """Markdown of a message of the library: `quoted` parts as code, the rest letter by letter."""
    parts = message.split("`")
    if len(parts) % 2 == 0:  # a quoted part holds a backtick itself
        return escape(message)
    return "".join(
        (f"`{' '.join(part.split())}`" if part.strip() else "“”") if place % 2 else _escaped(part)
        for place, part in enumerate(parts)
    )


def bytes_in_words(n_bytes: int) -> str:
    """A size as people say it."""
    if n_bytes >= 1e9:
        return f"{n_bytes / 1e9:,.1f} GB"
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:,.0f} kB"


def _escaped(part: str) -> str:
    """`part` escaped with the blanks at its ends kept."""
    before = " " if part[:1].isspace() else ""
    after = " " if part[-1:].isspace() else ""
    return f"{before}{escape(part)}{after}" if part.strip() else before
