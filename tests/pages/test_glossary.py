"""The words of the glossary: linked from every explanation of the pages, and from nowhere else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from pages.parts.glossary import entries, glossed, introducing
from tests.pages.test_pages import opened

ROOT = Path(__file__).resolve().parents[2]
# What names a thing or says what a click does has no words to explain.
SHORT = 40


def helps() -> list[tuple[str, ast.expr]]:
    """Every `help` that a page gives to Streamlit, with its place."""
    found = []
    for path in sorted((ROOT / "pages").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) != "address.choose":
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                found += [(place, one.value) for one in node.keywords if one.arg == "help"]
    return found


def test_every_help_leads_to_the_glossary():
    assert len(helps()) > 80
    for place, value in helps():
        text = ast.unparse(value)
        assert "glossed(" in text or len(text) < SHORT, place


def test_each_word_is_explained_once_and_in_one_paragraph():
    forms = [form.lower() for one in entries().values() for form in (one.word, *one.forms)]
    assert len(set(forms)) == len(forms)
    for one in entries().values():
        assert one.meaning.endswith(".")
        assert len(one.meaning) < 300


def test_words_are_linked_once_and_code_and_links_stay():
    link = "lessons?view=glossary&word="
    assert glossed("A posting, two Postings.") == f"A [posting]({link}posting), two Postings."
    assert glossed("active terms") == f"[active terms]({link}active+term)"  # not “terms” within
    for kept in (
        "`posting`",
        "[posting](elsewhere)",
        "$posting$",
        "subterms",
        "exact@20",
        "terms-of",
    ):
        assert glossed(kept) == kept
    assert glossed("term, weight, score, lift, null").count("](") == 4
    assert glossed("term, weight, score, lift, null", 1).count("](") == 1


def test_a_word_that_is_introduced_is_linked_where_it_comes_first():
    told = introducing("Terms and `ReLU`; a term, its weight.", "term", "weight")
    link = "](lessons?view=glossary&word="
    assert told == f"[Terms{link}term) and `ReLU`; a term, its [weight{link}weight)."
    with pytest.raises(ValueError, match="no ReLU to explain"):
        introducing("`ReLU` is code.", "ReLU")
    with pytest.raises(ValueError, match="no nothing to explain"):
        introducing("nothing", "nothing")


def test_a_page_links_its_help_and_the_link_opens_the_word():
    app = opened("image", id="test-00003")
    told = next(one for one in app.metric if one.label == "Active terms")
    assert "[vocabulary](lessons?view=glossary&word=vocabulary)" in told.help
    app = opened("lessons", view="glossary", word="vocabulary")
    assert not app.exception
    words = [one.value for one in app.markdown]
    assert words[0].startswith("**vocabulary** — The list of all terms")
    assert len(words) == len(entries()) + 1


@pytest.mark.parametrize("word", ["", "nothing", "<b>", "x" * 3_000])
def test_a_word_that_is_not_there_is_told(word):
    app = opened("lessons", view="glossary", word=word)
    assert not app.exception
    assert "The glossary has no word" in app.error[0].value
    assert len(app.markdown) == len(entries())
