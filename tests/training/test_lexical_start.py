"""Free training that starts from the closed form of its own pairs."""

import json
from dataclasses import replace

import numpy as np
import pytest

from lsr.cli.main import main
from lsr.evaluation.pairs import load_pairs
from lsr.exceptions import ModelError
from lsr.model.loading import load_model
from lsr.model.projection import project
from lsr.training.lexical.closed_form import ClosedFormSettings, closed_form
from lsr.training.settings import TrainingSettings
from lsr.training.train_model import new_head
from tests.conftest import D, make_collection

SPLITS = ("train",) * 40 + ("val",) * 4 + ("test",) * 8
LEXICAL = TrainingSettings(vocabulary_start="lexical", hidden_size=D, target_active_terms=4)


@pytest.fixture
def tiny(home, fake_encoder):
    return make_collection(home / "collections" / "tiny", fake_encoder, splits=SPLITS)


def test_the_head_begins_as_the_closed_form_with_its_terms_and_its_budget(tiny, vocabulary):
    pairs, dog = load_pairs(tiny, "train"), vocabulary.id_of("dog")
    head, name = new_head(pairs, vocabulary, LEXICAL, np.array([dog]))
    own = closed_form(pairs, vocabulary, np.array([dog]), ClosedFormSettings(4))
    assert name == "lexical"
    found = project(head, pairs.image_vectors)
    expected = project(own.projection(len(vocabulary)), pairs.image_vectors)
    np.testing.assert_array_equal(found.toarray(), expected.toarray())
    assert found.nnz / len(pairs.image_vectors) == pytest.approx(4, rel=0.1)
    assert not head.switched_on[dog]


def test_another_hidden_size_is_refused_with_the_one_that_fits(tiny, vocabulary):
    wrong = replace(LEXICAL, hidden_size=D + 1)
    with pytest.raises(ModelError, match=f"not {D + 1}. Use --hidden-size {D}, or leave it out"):
        new_head(load_pairs(tiny, "train"), vocabulary, wrong, np.zeros(0, np.int64))


def test_the_command_takes_the_hidden_size_from_the_vectors(tiny, answer, home, capsys):
    line = ["train", "--collection", "tiny", "--out", "words", "--vocabulary-start", "lexical"]
    made = answer(*line, "--epochs", "1", "--target-active-terms", "4")
    assert made["method"] == "trained"
    training = json.loads((home / "models" / "words" / "training.json").read_text())
    assert training["vocabulary_start"] == "lexical"
    assert training["settings"]["hidden_size"] == D
    said = {one for text in load_pairs(tiny, "train").texts for one in text.lower().split()}
    terms = load_model("words").vocabulary.terms
    seen = load_model("words").project(np.asarray(tiny.image_vectors, np.float32))
    assert {terms[column] for column in np.unique(seen.indices)} <= said
    assert main([*line[:-3], "other", *line[-2:], "--hidden-size", "3"]) == 2
    assert f"Use --hidden-size {D}" in capsys.readouterr().err
