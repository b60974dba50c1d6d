"""What added terms are worth to held-out captions, counted again one caption at a time."""

import numpy as np
import pytest

from lsr.model.projection import project
from lsr.training.lexical.added_terms import (
    FACTOR,
    THRESHOLDS,
    AddedTerms,
    frequent_terms,
    measure_added,
)
from tests.conftest import make_head


@pytest.fixture
def head(vocabulary):
    return make_head(vocabulary)


def test_each_threshold_is_worth_what_captions_find_with_it(head, pairs, vocabulary):
    images, texts = (
        project(head, one).toarray().astype(float)
        for one in (pairs.image_vectors, pairs.caption_vectors)
    )
    found = measure_added(head, pairs.image_vectors, pairs, vocabulary, seed=4)
    share = (images > 0).mean(axis=0)
    assert np.array_equal(frequent_terms(head, pairs.image_vectors), share > 0.1)
    least = np.where(share > 0.1, FACTOR, 1.0)
    said = vocabulary.literal_matrix(pairs.texts).toarray()
    # The coins that take words away, one for every active term of the captions in turn.
    lost = np.zeros(texts.shape, bool)
    lost[texts > 0] = np.random.default_rng(4).random((texts > 0).sum()) < 0.5
    for place in (0, 3, 8, 20, 40):
        stays = said | (texts >= THRESHOLDS[place] * least)
        assert found.active[place] == (texts * stays > 0).sum()
        for kept, ranks in ((stays, found.whole), (stays & ~(lost & said), found.halved)):
            expected = 0.0
            for caption, image in zip(texts * kept, pairs.relevant, strict=True):
                scores = images @ caption
                rank = 1 + sum(
                    one > scores[image] or (n != image and np.isclose(one, scores[image]))
                    for n, one in enumerate(scores)
                )
                expected += 1 / rank if rank <= 10 and scores[image] > 0 else 0
            assert ranks[place] == pytest.approx(expected)
    assert found.captions == len(pairs.texts)
    assert found.halved[40] < found.whole[40]


def test_many_captions_are_sampled(head, pairs, vocabulary, monkeypatch):
    monkeypatch.setattr("lsr.training.lexical.added_terms._CAPTIONS", 7)
    found = measure_added(head, pairs.image_vectors, pairs, vocabulary, seed=0)
    assert found.captions == 7
    assert found.whole[0] <= 7


def worth(whole, halved) -> AddedTerms:
    n = len(THRESHOLDS)
    ranks = [np.array([*some, *[0.0] * (n - len(some))]) for some in (whole, halved)]
    return AddedTerms(*ranks, np.arange(n, 0, -1.0), 10)


@pytest.mark.parametrize(
    ("whole", "halved", "chosen"),
    [
        ([9, 9, 9, 8.9, 9], [8] * 5, 2),  # what comes back after a fall does not count
        ([9] * 5, [8, 8, 7.97, 7.95, 8], 2),
        ([9, 9.5, 9.5], [8, 8.5, 8.5, 8.5], 2),
        ([9], [8], 0),
        ([9] * len(THRESHOLDS), [8] * len(THRESHOLDS), len(THRESHOLDS) - 1),
    ],
)
def test_the_last_threshold_before_a_fall_is_chosen(whole, halved, chosen, vocabulary):
    found = worth(whole, halved)
    assert found.chosen == chosen
    frequent = np.zeros(len(vocabulary), bool)
    frequent[[vocabulary.id_of("dog"), vocabulary.id_of("beach")]] = True
    thresholds = found.thresholds(frequent, vocabulary)
    assert thresholds.weight == pytest.approx(chosen / 20)
    assert thresholds.frequent_weight == pytest.approx(chosen * 3 / 40)
    assert set(thresholds.frequent_terms) == {"dog", "beach"}


def test_folds_are_added_up():
    one, other = worth([9], [8]), worth([3], [1])
    both = one + other
    assert (both.whole[0], both.halved[0], both.captions) == (12, 9, 20)
    assert both.as_json()["all"]["MRR@10"] == 0.6
