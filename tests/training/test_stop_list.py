from dataclasses import replace

import numpy as np

from lsr.evaluation.pairs import Pairs
from lsr.training.stop_list import specificity, stop_list
from tests.conftest import unit


def drawn_pairs(n: int = 400) -> Pairs:
    """Images of four kinds; captions say the kind, and an article and a number at random."""
    random = np.random.default_rng(0)
    kinds, articles, numbers = ["dog", "boat", "tree", "city"], ["a", "the"], ["two", "three"]
    directions = random.normal(size=(4, 8))
    kind = random.integers(4, size=n)
    images = unit(directions[kind] + 0.3 * random.normal(size=(n, 8)))
    texts = [f"{random.choice(articles)} {random.choice(numbers)} {kinds[k]}s" for k in kind]
    rows = np.arange(n)
    return Pairs(rows, rows, images, images, rows.astype(np.int32), texts)


def test_specificity_tells_kinds_from_articles(vocabulary):
    values = specificity(drawn_pairs(), vocabulary)
    of = {word: values[vocabulary.id_of(word)] for word in ("dog", "city", "a", "two", "##s")}
    assert min(of["dog"], of["city"]) > 0.5
    assert max(of["a"], of["two"], of["##s"]) < 0.15
    assert np.isnan(values[vocabulary.id_of("horse")])


def test_specificity_is_the_plain_formula(vocabulary):
    pairs = drawn_pairs(200)
    images = pairs.image_vectors - pairs.image_vectors.mean(axis=0)
    rows = [row for row, text in enumerate(pairs.texts) if "dog" in text.split()[2]]
    variance = np.mean(np.sum(images**2, axis=1))
    square = np.sum(images[rows].mean(axis=0) ** 2) - variance / len(rows)
    expected = np.sqrt(square / variance)
    ours = specificity(pairs, vocabulary)[vocabulary.id_of("dog")]
    np.testing.assert_allclose(ours, expected, rtol=1e-4)


def test_the_stop_list_holds_marks_empty_words_and_unsaid_pieces(vocabulary):
    stopped = {vocabulary.terms[i] for i in stop_list(drawn_pairs(), vocabulary)}
    assert {"[PAD]", "[CLS]", "[unused0]", "a", "the", "two", "three", "##s", "##ing"} <= stopped
    assert stopped.isdisjoint({"dog", "boat", "tree", "city", "horse", "beach"})


def test_words_that_count_stay_where_pictures_show_the_number(vocabulary):
    """Images that lie a little apart for one number and for another, and for nothing else."""
    pairs = drawn_pairs(2_000)
    counts = np.array([1.0 if " two " in text else -1.0 for text in pairs.texts])
    axis = np.zeros(pairs.image_vectors.shape[1])
    axis[0] = 0.07
    seen = unit(pairs.image_vectors + counts[:, None] * axis)
    apart = replace(pairs, image_vectors=seen, caption_vectors=seen)
    value = specificity(apart, vocabulary)[vocabulary.id_of("two")]
    assert 0.04 < value < 0.15
    stopped = {vocabulary.terms[i] for i in stop_list(apart, vocabulary)}
    assert stopped.isdisjoint({"two", "three"})
    # The articles of the same captions say nothing, and random numbers neither.
    assert {"a", "the"} <= stopped
    assert {"two", "three"} <= {vocabulary.terms[i] for i in stop_list(pairs, vocabulary)}
