"""A model under an inference setting finds what an experiment with that setting finds."""

import numpy as np
import pytest

from lsr.exceptions import QueryError
from lsr.index.memory.index import MemoryIndex
from lsr.model.loading import load_model
from lsr.model.sparse import SparseVectors
from lsr.search.results import SearchSettings
from lsr.search.searcher import Searcher
from lsr.storage.places import find
from lsr.sweep.inference import parse_inference, under_setting
from lsr.sweep.knobs import set_to
from lsr.sweep.laboratory import open_laboratory
from lsr.sweep.one_query import outcomes
from tests.conftest import few_scenes

QUERY = "two lions in the desert"


@pytest.fixture(scope="module")
def ready(tmp_path_factory) -> Searcher:
    images = few_scenes(tmp_path_factory.mktemp("home") / "scenes")
    return Searcher(images, load_model(find("models", "demo")))


@pytest.fixture(scope="module")
def experiment(ready):
    return open_laboratory(ready.collection, ready.model, "test")


@pytest.mark.parametrize(
    "text",
    [
        "top-k=3",
        "mean=0.4",
        "word=0.3",
        "threshold=0.6",
        "max-ratio=0.4",
        "top-k/expansion=2",
        "top-k@images=5 top-k=4",
        "max-ratio@images/expansion=0.7",
        "threshold@both=0.9",
    ],
)
def test_a_search_under_a_setting_is_the_experiments(ready, experiment, text):
    setting = parse_inference(text)
    task, query = experiment.plain, experiment.query(QUERY)
    terms, weights = query.terms, query.matrix.data
    for knob, value in setting.steps:
        if "captions" in knob.sides:
            state = outcomes(task, query, knob, value)[0]
            terms, weights = state.terms, state.weights
        if "images" in knob.sides:
            task = set_to(task, knob, value)
    index = MemoryIndex(SparseVectors(task.images.matrix, task.images.ids, "v"))
    expected = [(hit.image_id, hit.score) for hit in index.search(terms, weights, 200)]
    found = under_setting(ready, setting).search_text(QUERY, SearchSettings(k=200, split="test"))
    assert [(hit.image_id, hit.score) for hit in found.hits] == expected
    plain = ready.search_text(QUERY, SearchSettings(k=200, split="test"))
    assert [(hit.image_id, hit.score) for hit in plain.hits] != expected


def test_rounded_weights_lie_on_the_steps(ready):
    under = under_setting(ready, parse_inference("bits@both=2"))
    top = ready.images.matrix.data.max()
    steps = under.images.matrix.data / top * 3
    assert np.abs(steps - steps.round()).max() < 1e-5
    assert set(steps.round().astype(int)) <= {1, 2, 3}
    assert under.images.matrix.nnz < ready.images.matrix.nnz


def test_a_setting_of_queries_alone_shares_the_postings(ready):
    assert under_setting(ready, parse_inference("top-k=3")).memory is ready.memory
    assert under_setting(ready, parse_inference("top-k@images=3")).memory is not ready.memory


def test_a_setting_says_what_it_does():
    setting = parse_inference(" top-k@images=40  max-ratio=0.4 ")
    assert str(setting) == "top-k@images=40 max-ratio=0.4"
    assert setting.in_words() == (
        "Images keep their 40 strongest terms; captions keep terms of 40% of their strongest "
        "weight or more"
    )
    assert parse_inference("").in_words() == "Every term takes part"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("caption=0.5", "flips a coin"),
        ("top-k", "sets nothing"),
        ("top-k=x", "sets nothing"),
        ("top-k=1.5", "whole numbers"),
        ("mean=2", "from 0 to 1"),
        ("nonsense=1", "is no control"),
    ],
)
def test_another_setting_is_one_sentence(text, words):
    with pytest.raises(QueryError, match=words):
        parse_inference(text)
