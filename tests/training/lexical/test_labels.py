"""Labels: words near a picture, in place of captions."""

import numpy as np
import pytest

from lsr.exceptions import CollectionError
from lsr.model.function_words import FUNCTION_WORDS
from lsr.training.lexical.labels import labelled


def test_a_label_is_made_of_the_words_nearest_to_the_picture(tiny, vocabulary, fake_encoder):
    """The same words from the plain product of centred vectors."""
    pairs = labelled(tiny.image_vectors, vocabulary, fake_encoder)
    assert len(pairs.texts) == 10 * len(tiny.image_ids)
    np.testing.assert_array_equal(pairs.relevant, np.repeat(np.arange(len(tiny.image_ids)), 10))
    words = [t for t in vocabulary.terms if t.isalpha() and len(t) > 1 and t not in FUNCTION_WORDS]
    vectors = fake_encoder.encode_texts(words).astype(np.float16).astype(np.float64)
    vectors -= vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    images = np.asarray(tiny.image_vectors, np.float64)
    images = images - images.mean(axis=0)
    for owner, text in zip(pairs.relevant, pairs.texts, strict=True):
        scores = vectors @ images[owner]
        least = np.sort(scores)[-16]
        said = text.split()
        assert len(said) == len(set(said)) == 4
        assert min(scores[words.index(word)] for word in said) >= least - 1e-3


def test_function_words_label_nothing(tiny, vocabulary, fake_encoder):
    pairs = labelled(tiny.image_vectors, vocabulary, fake_encoder)
    assert not FUNCTION_WORDS & {word for text in pairs.texts for word in text.split()}
    again = labelled(tiny.image_vectors, vocabulary, fake_encoder)
    assert pairs.texts == again.texts
    assert pairs.texts != labelled(tiny.image_vectors, vocabulary, fake_encoder, seed=1).texts


def test_one_image_is_too_few(tiny, vocabulary, fake_encoder):
    with pytest.raises(CollectionError, match="There are 1 images to learn from"):
        labelled(tiny.image_vectors[:1], vocabulary, fake_encoder)
