from dataclasses import replace

import numpy as np
import pytest
import torch

from lsr.exceptions import CollectionError
from lsr.training.batches import TrainingPairs


def test_an_epoch_shows_every_pair_once_in_an_order_of_its_own(pairs, vocabulary):
    training = TrainingPairs.of(pairs[0], vocabulary)
    steps = list(training.batches(4, epochs=2, seed=3, first=0))
    per_epoch = len(training) // 4
    assert [step for step, _ in steps] == list(range(2 * per_epoch))
    for epoch in range(2):
        shown = torch.cat([b.captions for s, b in steps if s // per_epoch == epoch])
        order = np.lexsort(shown.numpy().T)
        expected = training.captions.numpy()
        np.testing.assert_array_equal(shown[order], expected[np.lexsort(expected.T)])
    first, second = steps[0][1].captions, steps[per_epoch][1].captions
    assert not torch.equal(first, second)


def test_batches_from_the_middle_are_those_of_the_whole_run(pairs, vocabulary):
    training = TrainingPairs.of(pairs[0], vocabulary)
    whole = list(training.batches(4, epochs=3, seed=3, first=0))
    rest = list(training.batches(4, epochs=3, seed=3, first=7))
    assert [s for s, _ in rest] == [s for s, _ in whole[7:]]
    for (_, ours), (_, theirs) in zip(rest, whole[7:], strict=True):
        assert torch.equal(ours.captions, theirs.captions)


def test_a_batch_pairs_captions_with_their_images(pairs, vocabulary):
    batch = TrainingPairs.of(pairs[0], vocabulary).rows(torch.tensor([3, 0]))
    np.testing.assert_array_equal(batch.images, pairs[0].image_vectors[pairs[0].relevant[[3, 0]]])
    said = [sorted(set(vocabulary.literal_ids(pairs[0].texts[row]).tolist())) for row in (3, 0)]
    assert [sorted(t for t in row if t >= 0) for row in batch.term_ids.tolist()] == said


def test_pairs_that_cannot_be_trained_on_are_refused(pairs, vocabulary):
    training = pairs[0]
    images = training.image_vectors.copy()
    images[2] = np.nan
    images[5] *= 3
    with pytest.raises(CollectionError, match="2 of 16 image vectors are not finite"):
        TrainingPairs.of(replace(training, image_vectors=images), vocabulary)
    silent = replace(training, texts=[""] * len(training.texts))
    with pytest.raises(CollectionError, match="says a term of the vocabulary"):
        TrainingPairs.of(silent, vocabulary)
    single = replace(training, image_vectors=training.image_vectors[:1])
    with pytest.raises(CollectionError, match="There are 1 images"):
        TrainingPairs.of(single, vocabulary)
