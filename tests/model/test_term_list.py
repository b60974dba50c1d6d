"""Vocabularies without a tokenizer: which terms a text says, and that nobody knows."""

import numpy as np
import pytest

from lsr.exceptions import ModelError, UnknownNameError
from lsr.model.term_list import TermList, numbered


def test_a_text_says_a_term_whose_words_follow_each_other():
    terms = TermList(["dog", "hot dog", "Kölner Dom", "cat"])
    said = terms.literal_matrix(["A hot dog, not a CAT.", "Der Kölner  Dom", "dogs"])
    assert said.toarray().tolist() == [[1, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert terms.says


def test_terms_may_be_said_by_other_words_than_their_name():
    terms = TermList(["#0 dog", "#1 dog", "#2"], ["dog", "dog", ""])
    assert terms.literal_ids("a dog").tolist() == [0, 1]
    assert terms.id_of("#1 dog") == 1


def test_numbers_are_said_by_no_text():
    terms = numbered(3)
    assert not terms.says
    assert terms.terms == ["0", "1", "2"]
    assert terms.literal_matrix(["1 dog and 2 cats"]).nnz == 0
    assert not terms.special.any()


def test_a_term_that_is_not_there_is_told_with_near_ones():
    with pytest.raises(UnknownNameError, match=r"3 terms.*Near terms: `dog`"):
        TermList(["dog", "cat", "sun"]).id_of("dogg")


def test_a_list_is_no_tokenizer(tmp_path):
    with pytest.raises(ModelError, match="2 terms of this model are a list without a tokenizer"):
        TermList(["dog", "cat"]).save(tmp_path / "tokenizer.json")


def test_vocabularies_are_told_apart_by_terms_and_by_words():
    one, other = TermList(["a", "b"]), TermList(["a", "b"], ["a", ""])
    assert one.fingerprint == other.fingerprint
    assert one.tokenizer_fingerprint != other.tokenizer_fingerprint
    assert np.array_equal(one.literal_ids("a b"), [0, 1])
