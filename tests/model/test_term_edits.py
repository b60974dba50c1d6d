"""Terms merged, renamed and deleted, against the same done to dictionaries of weights."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lsr.collection.items import new_texts
from lsr.exceptions import InputError, ModelError, QueryError
from lsr.model.edited import EditedVocabulary, edit_terms, save_edited
from lsr.model.installed import model_overview
from lsr.model.loading import load_model
from lsr.model.sparse import from_dense
from lsr.model.term_edits import TermEdit, columns_after, edits_text, parse_edits
from lsr.search.searcher import Searcher

CASES = 60


def random_edits(rng: np.random.Generator, terms: list[str]) -> list[TermEdit]:
    left, edits = [term for term in terms if not term.startswith("[")], []
    for number in range(int(rng.integers(1, 12))):
        term, other = rng.choice(left, 2, replace=False)
        change = rng.choice(["merge", "rename", "delete"])
        left.remove(term)
        if change == "merge":
            edits.append(TermEdit("merge", str(term), str(other)))
        elif change == "rename":
            edits.append(TermEdit("rename", str(term), f"new {number}"))
            left.append(f"new {number}")
        else:
            edits.append(TermEdit("delete", str(term)))
    return edits


def edited_by_hand(weights: dict[str, float], edits: list[TermEdit]) -> dict[str, float]:
    found = dict(weights)
    for edit in edits:
        weight = found.pop(edit.term, None)
        if weight is not None and edit.to:
            found[edit.to] = max(weight, found.get(edit.to, 0))
    return found


def test_vectors_are_those_of_dictionaries_edited_one_after_the_other(vocabulary):
    gone = 0
    for seed in range(CASES):
        rng = np.random.default_rng(seed)
        edits = random_edits(rng, vocabulary.terms)
        columns = columns_after(edits, vocabulary)
        block = rng.exponential(size=(5, len(vocabulary))) * (
            rng.random((5, len(vocabulary))) < 0.4
        )
        block[:, vocabulary.special] = 0
        matrix = from_dense(block.astype(np.float32))
        found = columns.of_vectors(matrix)
        assert found.has_sorted_indices
        assert found.shape == matrix.shape
        for before, after in zip(matrix, found, strict=True):
            told = {
                vocabulary.terms[i]: w
                for i, w in zip(before.indices.tolist(), before.data.tolist(), strict=True)
            }
            now = {
                columns.names[i]: w
                for i, w in zip(after.indices.tolist(), after.data.tolist(), strict=True)
            }
            assert now == edited_by_hand(told, edits), seed
        gone += int(columns.gone.sum())
        assert len(set(columns.names)) == len(vocabulary)
        assert parse_edits(edits_text(edits)) == tuple(edits)
    assert gone > CASES


def test_what_a_text_says_is_edited_as_its_vectors_are(vocabulary):
    edits = parse_edits("merge:cat:dog,rename:beach:sea shore,delete:the")
    edited = EditedVocabulary(vocabulary, edits)
    text = "the cat and a dog on the beach"
    said = {edited.terms[i] for i in edited.literal_ids(text)}
    assert said == {"and", "a", "dog", "on", "sea shore"}
    assert edited.literal_matrix([text]).sum() == len(said)
    words = dict(edited.read_words("the cat"))
    assert words["the"] == []
    assert words["cat"] == [edited.id_of("dog")]
    with pytest.raises(InputError, match="`cat` is not a term"):
        edited.id_of("cat")
    assert edited.fingerprint != vocabulary.fingerprint
    assert edited.tokenizer_fingerprint != vocabulary.tokenizer_fingerprint


def test_edits_follow_each_other(vocabulary):
    edits = parse_edits("merge:cat:dog,rename:dog:pet,merge:horse:pet,delete:pet")
    assert columns_after(edits, vocabulary).gone.sum() == 3
    undone = columns_after(edits[:-1], vocabulary)
    assert undone.goes_to[vocabulary.id_of("cat")] == vocabulary.id_of("dog")
    assert undone.names[vocabulary.id_of("dog")] == "pet"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("merge:dog", "is no edit of a term"),
        ("delete:dog:cat", "is no edit of a term"),
        ("swap:dog:cat", "is no edit of a term"),
        ("merge:unicorn:dog", "`unicorn` is no term"),
        ("merge:dog:unicorn", "`unicorn` is no term"),
        ("merge:dog:dog", "`dog` is no term"),
        ("delete:dog,delete:dog", "an edit before took it away"),
        ("rename:dog:cat", "There is a term `cat` already"),
        ("rename:dog:%20", "is no name of a term"),
        ("delete:%5BCLS%5D", "is no term"),
    ],
)
def test_an_edit_that_makes_no_sense_is_one_sentence(vocabulary, text, words):
    with pytest.raises(QueryError, match=words.replace("[", r"\[")):
        columns_after(parse_edits(text), vocabulary)


def test_an_edited_model_searches_and_is_the_same_after_saving(
    collection, model, home, fake_encoder
):
    edits = parse_edits("merge:cat:dog,delete:the,rename:beach:shore")
    edited = edit_terms(model, edits)
    save_edited(home / "models" / "pets", edited)
    loaded = load_model("pets")
    assert (loaded.kind, loaded.edits, loaded.fingerprint) == (
        "edited", edits, edited.fingerprint,
    )  # fmt: skip
    texts = new_texts(["a cat on the beach"], lambda: fake_encoder)
    assert (loaded.sparse(texts) != edited.sparse(texts)).nnz == 0
    assert loaded.vocabulary.terms == edited.vocabulary.terms
    images = Searcher(collection, loaded).images.matrix
    plain = Searcher(collection, model).images.matrix
    dog, cat = model.vocabulary.id_of("dog"), model.vocabulary.id_of("cat")
    both = plain[:, [dog, cat]].toarray().max(axis=1)
    assert images[:, dog].toarray()[:, 0] == pytest.approx(both)
    assert images[:, cat].nnz == 0
    overview = model_overview(home / "models" / "pets")
    assert overview.origin == f"terms of model {model.name}, edited"
    assert overview.made_from == model_overview(model.folder).made_from


def test_edits_of_an_edited_model_come_after_its_own_and_undoing_all_gives_the_model_back(model):
    once = edit_terms(model, parse_edits("rename:dog:hound"))
    twice = edit_terms(once, parse_edits("delete:hound"))
    assert twice.inner is model
    assert edits_text(twice.edits) == "rename:dog:hound,delete:hound"
    none = edit_terms(model, ())
    assert none.vocabulary.terms == model.vocabulary.terms
    assert not none.columns.gone.any()


def test_logits_of_merged_terms_are_the_larger_ones(model):
    dense = np.random.default_rng(3).normal(size=(4, model.reads.dense_size)).astype(np.float32)
    dog, cat, horse = (model.vocabulary.id_of(word) for word in ("dog", "cat", "horse"))
    edited = edit_terms(model, parse_edits("merge:cat:dog,delete:horse"))
    before, after = model.before_threshold(dense), edited.before_threshold(dense)
    assert after[:, dog] == pytest.approx(np.maximum(before[:, dog], before[:, cat]))
    assert np.isnan(after[:, [cat, horse]]).all()


def test_nothing_edited_is_not_saved_and_a_damaged_card_is_refused(model, home):
    with pytest.raises(QueryError, match="No term was edited"):
        save_edited(home / "models" / "none", edit_terms(model, ()))
    assert not (home / "models" / "none").exists()
    folder = home / "models" / "pets"
    save_edited(folder, edit_terms(model, parse_edits("delete:dog")))
    card = json.loads((folder / "config.json").read_text())
    for damage in (
        {"base": "../tiny"},
        {"base": 3},
        {"edits": "delete:dog"},
        {"edits": [{"edit": "delete", "term": "unicorn"}]},
    ):
        (folder / "config.json").write_text(json.dumps({**card, **damage}))
        with pytest.raises(ModelError, match="is damaged"):
            load_model("pets")
