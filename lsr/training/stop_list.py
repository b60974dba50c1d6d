"""Terms that say nothing about a picture, found in the training captions themselves.

A caption's "the" tells nothing about its image: the images of all captions that say it are
spread like all images. "Penguin" tells much: its images lie together. How far together is
measured in the frozen encoder's own space, so the list fits the language, the captions and
what the encoder can see, and nobody has to write it down. Only where captions are too few to tell,
a list of English function words stands in, if the captions are English.
"""

from __future__ import annotations

import re

import numpy as np

from lsr.evaluation.pairs import Pairs
from lsr.model.function_words import FUNCTION_WORDS, NUMBER_WORDS
from lsr.model.vocabulary import Vocabulary
from lsr.training.said import said_terms

# A term is judged once that many captions say it; rarer ones are not function words.
_LEAST_CAPTIONS = 20
# Below this specificity a term is stopped. On drawn scenes and on Flickr8k alike it parts
# articles, prepositions and punctuation from nouns, colours and most verbs.
_LEAST_SPECIFICITY = 0.15
# A word that counts is said of things of every kind, so its images are spread wider. Without such
# words a head tells two from one by plurals that have nothing to do with the picture.
_LEAST_OF_NUMBERS = 0.03
_WORD = re.compile(r"[a-z0-9]{2,}")
# Captions are taken for English when that share of them holds one of FUNCTION_WORDS.
_ENGLISH = 0.3


def specificity(pairs: Pairs, vocabulary: Vocabulary) -> np.ndarray:
    """(V,) float32: how much a term said in a caption tells about its image; NaN if rarely said.

    The length of the mean image vector of the captions that say the term, measured from the
    mean of all and corrected for chance, in units of the vectors' standard deviation. 0: their
    images are spread like all images. 1: as far out as a single image.
    """
    said = said_terms(pairs, vocabulary).astype(np.float32)
    images = pairs.image_vectors[pairs.relevant]
    images = images - images.mean(axis=0)
    variance = float((images**2).sum(axis=1).mean())
    captions = np.asarray(said.sum(axis=0)).ravel()
    values = np.full(len(vocabulary), np.nan, np.float32)
    judged = np.flatnonzero(captions >= _LEAST_CAPTIONS)
    means = (said[:, judged].T @ images) / captions[judged, None]
    # The mean of n images of no common kind has a squared length of variance / n.
    squares = (means**2).sum(axis=1) - variance / captions[judged]
    values[judged] = np.sqrt(np.maximum(squares, 0.0) / max(variance, 1e-12))
    return values


def stop_list(pairs: Pairs, vocabulary: Vocabulary) -> np.ndarray:
    """Ids of the terms to switch off, ascending.

    Four kinds: special tokens and terms without two letters or digits in a row; pieces of words
    that no caption says; terms said often whose specificity is low; of the terms that too few
    captions say to tell, English function words, where the captions are English.
    """
    literal = said_terms(pairs, vocabulary)
    said = np.zeros(len(vocabulary), bool)
    said[np.unique(literal.indices)] = True
    specific = specificity(pairs, vocabulary)
    counts = np.array([term in NUMBER_WORDS for term in vocabulary.terms])
    vague = specific < np.where(counts, _LEAST_OF_NUMBERS, _LEAST_SPECIFICITY)
    function = np.array([term in FUNCTION_WORDS for term in vocabulary.terms])
    if np.diff(literal[:, function].indptr).astype(bool).mean() >= _ENGLISH:
        vague |= function & np.isnan(specific)
    pieces = np.array([term.startswith("##") for term in vocabulary.terms]) & ~said
    bare = np.array([not _WORD.search(term) for term in vocabulary.terms])
    return np.flatnonzero(vague | pieces | bare | vocabulary.special)
