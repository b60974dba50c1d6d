"""Captions where there are some, labels for other images: the rule, the pairs, and the check."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from lsr.collection.collection import Collection
from lsr.collection.writing import write_collection
from lsr.evaluation.pairs import load_pairs
from lsr.training.lexical.closed_form import ClosedFormSettings, closed_form_by_parts
from lsr.training.lexical.held_out import cross_validated
from lsr.training.lexical.labels import texts_of
from lsr.training.lexical.material import Material, gather
from lsr.training.lexical.settings import LexicalSettings, TuningSettings
from lsr.training.parts import returned
from tests.pages.test_other_encoders import OWN


@pytest.fixture
def partly(tiny: Collection, home, tmp_path) -> Callable[[int], Collection]:
    """The tiny collection with captions for the first so many of its 40 training images."""

    def made(told: int) -> Collection:
        training = np.flatnonzero(tiny.image_splits == "train")
        silent = np.isin(tiny.caption_image_rows, training[told:])
        return write_collection(
            home / "collections" / f"partly-{told}",
            card={**tiny.card, "name": f"partly-{told}"},
            images=tiny.images,
            captions=tiny.captions.filter(~silent),
            image_vectors=np.asarray(tiny.image_vectors),
            caption_vectors=np.asarray(tiny.caption_vectors)[~silent],
            pictures=tiny.folder / "images",
        )

    return made


@pytest.fixture
def encoder_here(home) -> None:
    (home / "encoders").mkdir(parents=True, exist_ok=True)
    (home / "encoders" / "fake.py").write_text(OWN)


def gathered(collection: Collection, vocabulary) -> Material:
    return returned(gather(collection, vocabulary, LexicalSettings("tuned", 4)))


@pytest.mark.parametrize(
    ("told", "labels"),
    [(40, 0), (37, 0), (36, 40), (20, 40), (5, 10), (1, 2)],  # two captions an image
)
def test_labels_are_made_for_a_tenth_of_silent_images_and_never_outnumber_captions(
    partly, encoder_here, told, labels
):
    texts = texts_of(partly(told), "tuned")
    assert (texts.captions, texts.labels, texts.silent) == (2 * told, labels, 40 - told)
    assert texts.labels <= texts.captions


def test_other_methods_learn_from_one_kind_of_text(partly, encoder_here):
    collection = partly(8)
    assert texts_of(collection, "closed-form").labels == 0
    assert texts_of(collection, "encoder-terms").labels == 400
    assert texts_of(collection, "encoder-terms").captions == 0


def test_captions_come_first_and_labels_belong_to_images_without_one(
    partly, encoder_here, vocabulary
):
    collection = partly(8)
    captions, mixed = load_pairs(collection, "train"), gathered(collection, vocabulary).pairs
    n, told = len(captions.texts), set(captions.relevant.tolist())
    assert mixed.texts[:n] == captions.texts
    np.testing.assert_array_equal(mixed.caption_rows[:n], captions.caption_rows)
    assert (mixed.caption_rows[n:] == -1).all()
    owners = mixed.relevant[n:].tolist()
    assert not told & set(owners)
    assert len(owners) == texts_of(collection, "tuned").labels == 16
    # A label lies nearer to its own image than to most others.
    vectors = mixed.image_vectors - mixed.image_vectors.mean(axis=0)
    scores = (mixed.caption_vectors[n:] - mixed.caption_vectors[n:].mean(axis=0)) @ vectors.T
    own = scores[np.arange(len(owners)), owners]
    assert (scores < own[:, None]).mean() > 0.7


def test_without_the_encoder_captions_are_learnt_from_alone_and_it_is_said(
    partly, vocabulary, answer, capsys
):
    collection = partly(8)
    pairs = gathered(collection, vocabulary).pairs
    assert pairs.texts == load_pairs(collection, "train").texts
    assert texts_of(collection, "tuned").says.startswith(
        "32 training images have no caption and are not learnt from: There is no encoder `fake`"
    )


def test_the_command_says_what_it_mixes_and_keeps_the_numbers(partly, encoder_here, answer, home):
    """The real vocabulary, an encoder of the user's own, five folds."""
    collection = partly(8)
    line = ("--collection", collection.name, "--target-active-terms", "4")
    made = answer("train", "--out", "mixed", *line)
    assert made["method"] == "tuned"
    training = json.loads((home / "models" / "mixed" / "training.json").read_text())
    assert training["n_labels"] == 16
    assert training["n_pairs"] == 32
    assert made["held_out"]["captions"] == 16  # labels are never held against a head


def test_a_fold_without_any_caption_is_left_out(partly, encoder_here, vocabulary):
    collection = partly(2)
    material = gathered(collection, vocabulary)
    settings = TuningSettings(target_active_terms=4, steps=1, batch_size=8)

    def fit(some):
        return closed_form_by_parts(some, vocabulary, material.stopped, ClosedFormSettings(4))

    found = returned(cross_validated(material.pairs, fit, vocabulary, settings))
    assert found.comparison.captions == found.added.captions == 4
