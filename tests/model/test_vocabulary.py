import pytest

from lsr.exceptions import ModelError, UnknownNameError
from lsr.model.vocabulary import Vocabulary


def test_terms_are_numbered_without_gaps(vocabulary):
    assert [vocabulary.id_of(term) for term in vocabulary.terms] == list(range(len(vocabulary)))


def test_special_tokens_are_never_literal(vocabulary):
    text = "[CLS] a dog [SEP] [PAD] [UNK] zebra [unused0]"
    said = [vocabulary.terms[i] for i in vocabulary.literal_ids(text)]
    assert said == ["a", "dog"]
    assert vocabulary.special.sum() == 6


def test_a_plural_says_its_pieces(vocabulary):
    assert [vocabulary.terms[i] for i in vocabulary.token_ids(["Dogs dog"])[0]] == [
        "dog",
        "##s",
        "dog",
    ]


def test_literal_matrix_says_each_term_once(vocabulary):
    matrix = vocabulary.literal_matrix(["dog dog cat", "", "the beach"])
    assert matrix.shape == (3, len(vocabulary))
    assert matrix.getnnz(axis=1).tolist() == [2, 0, 2]
    assert matrix[0, vocabulary.id_of("cat")]


def test_a_word_in_pieces_is_refused_with_its_pieces(vocabulary):
    with pytest.raises(UnknownNameError, match="splits into `dog`, `##s`"):
        vocabulary.id_of("dogs")
    assert vocabulary.id_of(" DOG ") == vocabulary.id_of("dog")


def test_a_word_that_is_unknown_gets_near_terms(vocabulary):
    with pytest.raises(UnknownNameError, match=r"not a term.*Near terms: `beach`"):
        vocabulary.id_of("beech")


def test_save_and_load_is_identity(vocabulary, tmp_path):
    vocabulary.save(tmp_path / "tokenizer.json")
    again = Vocabulary.load(tmp_path / "tokenizer.json")
    assert again.terms == vocabulary.terms
    assert again.fingerprint == vocabulary.fingerprint


def test_a_damaged_tokenizer_is_refused(tmp_path):
    with pytest.raises(ModelError, match="is missing"):
        Vocabulary.load(tmp_path / "tokenizer.json")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="is not a tokenizer"):
        Vocabulary.load(tmp_path / "tokenizer.json")
