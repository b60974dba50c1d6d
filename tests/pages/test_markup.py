"""Plain text stays plain on its way through Markdown."""

import pytest

from pages.parts.markup import escape, sentence

WORD_JOINER = "\u2060"


def shown(markdown: str) -> str:
    """The text of Markdown whose marks are all escaped."""
    letters = iter(markdown.replace(WORD_JOINER, ""))
    return "".join(next(letters) if letter == "\\" else letter for letter in letters)


@pytest.mark.parametrize(
    "text",
    ["##ing", "*a*", "_b_", "$x$", "`c`", ":smile:", ":red[x]", "[a](b)", "<b>", "a -> b", "\\"],
)
def test_escaped_text_reads_the_same(text):
    assert shown(escape(text)) == text


@pytest.mark.parametrize("mark", list("\\`*_{}[]()#+-.!|~><$:&^=@/"))
def test_every_live_mark_is_escaped(mark):
    assert escape(f"a{mark}b").startswith(f"a\\{mark}")


def test_text_becomes_one_line():
    assert escape("  two\n\n# dogs ") == "two \\# dogs"


@pytest.mark.parametrize("text", ["--", "->", ":streamlit:", "www.a", "a@b"])
def test_pairs_that_streamlit_rewrites_are_kept_apart(text):
    assert WORD_JOINER in escape(text)


def test_plain_words_are_left_alone():
    assert escape("T-shirt, ça va 狗") == "T\\-shirt, ça va 狗"


def test_quoted_parts_of_a_message_become_code():
    assert sentence("There is no image `a*b`. Try `c`.") == "There is no image `a*b`\\. Try `c`\\."


def test_a_quoted_backtick_cannot_open_code():
    assert "\\`" in sentence("There is no image `a`b`.")


def test_an_empty_quote_stays_visible():
    assert sentence("`` is not a term.") == "“” is not a term\\."
