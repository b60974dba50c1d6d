"""What a text says: content words, numbers, relations, and what contradicts another text."""

from __future__ import annotations

import pytest

from lsr.failures.wording import read, wording


def test_content_words_numbers_and_relations_are_read():
    found = read("Two small dogs to the left of a cup of coffee on 3 tables")
    assert found.content == {"small", "dog", "cup", "coffe", "tabl"}
    assert found.counted == {
        ("small", 2),
        ("dog", 2),
        ("cup", 1),
        ("coffe", 1),
        ("tabl", 3),
    }
    assert found.related == {("dog", "left", "cup")}
    assert str(found) == "small, dogs, cup, coffee, tables"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a cup left of a book", "a book to the right of a cup"),
        ("a cat in front of a tree", "a tree behind a cat"),
        ("a kite above a boat", "a boat under a kite"),
    ],
)
def test_a_relation_is_the_same_from_both_sides(one, other):
    assert read(one).related == read(other).related != frozenset()


@pytest.mark.parametrize(
    ("captions", "asked", "against"),
    [
        (["three dogs"], "two dogs", ("2 dogs",)),
        (["three dogs", "a pair of dogs"], "two dogs", ()),
        (["dogs"], "two dogs", ()),
        (["a book left of a cup"], "a cup left of a book", ("cup left book",)),
        (["a cup near a book"], "a cup left of a book", ()),
        (["several dogs"], "two dogs", ()),
    ],
)
def test_only_what_is_said_otherwise_contradicts(captions, asked, against):
    assert wording(captions).contradicts(read(asked)) == against


def test_what_a_text_lacks_is_said_in_no_form():
    assert wording(["two dogs", "walks on the beach"]).lacks(read("a dog walking in snow")) == {
        "snow"
    }
