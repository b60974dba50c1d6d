"""How long a run will take on this machine: timed on a few of its own steps, or known from others.

Nothing is written, and no text becomes a vector: image vectors stand for those of captions, which
cost as much.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from lsr.collection.collection import Collection
from lsr.evaluation.pairs import Pairs
from lsr.model.vocabulary import Vocabulary
from lsr.training.lexical.labels import texts_of, training_split
from lsr.training.lexical.settings import LexicalSettings
from lsr.training.settings import TrainingSettings

if TYPE_CHECKING:
    from lsr.training.jobs.job import Job

_SAMPLE = 1_000
# Steps timed, after one that prepares what the others find.
_STEPS = 3
# Different words that labels of some hundred or more images come to.
_LABEL_WORDS = 2_000


def lexical_seconds(
    collection: Collection, vocabulary: Vocabulary, settings: LexicalSettings
) -> float:
    """Seconds that closed form, tuning and the folds that check it will take on free cores.

    A closed form and a few steps of the real batch are timed on up to a thousand of the texts, and
    scaled to all texts, to the terms that these are likely to say, and to all steps.

    Raises:
        CollectionError: there is nothing to learn from.
    """
    from lsr.training.device import training_device
    from lsr.training.lexical.closed_form import ClosedFormSettings, closed_form
    from lsr.training.lexical.held_out import n_folds, validation_split
    from lsr.training.lexical.tuning import Tuning

    texts = texts_of(collection, settings.method)
    n_texts = texts.captions + texts.labels
    began = time.process_time()
    pairs = _sample(collection, vocabulary, settings.method)
    own = ClosedFormSettings(settings.target_active_terms)
    start = closed_form(pairs, vocabulary, np.zeros(0, np.int64), own)
    fitting = (time.process_time() - began) * n_texts / len(pairs.texts)
    if settings.method == "closed-form":
        return fitting
    chosen = settings.tuning(n_texts)
    run = Tuning(start, pairs, vocabulary, chosen, training_device())
    seconds = run.seconds_a_step(_STEPS)
    if texts.captions:
        seconds *= _more_terms(pairs.texts, n_texts, vocabulary)
    folds = 0
    if settings.method == "tuned" and validation_split(collection) is None:
        folds = n_folds(len(collection.image_rows("train")))
    return (1 + folds) * (fitting + chosen.steps * seconds)


def free_seconds(
    runs: Sequence[Job], settings: TrainingSettings, n_captions: int
) -> tuple[float, str] | None:
    """Seconds that free training will take by the pace of the last run like it, and its name.

    Args:
        runs: those of this machine, newest first. A run is like it when batch, hidden size and
            precision are the same.

    Returns:
        None where there was no such run.
    """

    def kind(one: TrainingSettings) -> tuple[int, int, str]:
        return one.batch_size, one.hidden_size, one.precision

    for job in runs:
        if job.settings and job.reports and kind(job.settings) == kind(settings):
            pace = median(report.pairs_per_second for report in job.reports)
            return free_steps(settings, n_captions) * settings.batch_size / pace, job.name
    return None


def free_steps(settings: TrainingSettings, n_captions: int) -> int:
    """How many steps free training takes."""
    return max(1, n_captions // settings.batch_size) * settings.epochs


def _sample(collection: Collection, vocabulary: Vocabulary, method: str) -> Pairs:
    """Up to a thousand texts with the images that they belong to."""
    rng, split = np.random.default_rng(0), training_split(collection)
    if method == "encoder-terms":
        chosen = rng.choice(collection.image_rows(split), _SAMPLE)
        words = [term for term in vocabulary.terms if term.isalpha()]
        some = rng.choice(words, min(_LABEL_WORDS, len(words)), replace=False)
        texts = [" ".join(rng.choice(some, 4)) for _ in chosen]
    else:
        rows = collection.caption_rows(split)
        rows = np.sort(rng.permutation(rows)[:_SAMPLE])
        chosen = collection.caption_image_rows[rows]
        texts = collection.caption_texts.at(rows)
    images, relevant = np.unique(chosen, return_inverse=True)
    vectors = np.asarray(collection.image_vectors[images], np.float32)
    # A gap between the two sides, as real captions have one.
    captions = np.roll(vectors[relevant], 1, axis=1)
    numbers = np.arange(len(texts))
    return Pairs(images, numbers, vectors, captions, relevant.astype(np.int32), texts)


def _more_terms(texts: Sequence[str], n_texts: int, vocabulary: Vocabulary) -> float:
    """How many times as many terms all texts are likely to say as these do, twice each.

    Terms grow with a power of the number of texts (Heaps' law), read off half of the sample.
    """
    said = vocabulary.literal_matrix(texts)
    whole, half = (
        int((np.asarray(part.sum(axis=0)).ravel() >= 2).sum())
        for part in (said, said[: len(texts) // 2])
    )
    if not half or n_texts <= len(texts):
        return 1.0
    return float((n_texts / len(texts)) ** np.log2(max(whole, half) / half))
