"""The strongest terms of the bundled model, judged against the scenes that were drawn."""

import numpy as np
import pytest

from lsr.collection.collection import load_collection
from lsr.model.loading import load_model
from lsr.model.sparse import keep_strongest
from lsr.world.concepts import plural_of
from lsr.world.scenes import TEST, compose

# Closed classes of English; numbers are content here, where two dogs are not three.
FUNCTION_WORDS = frozenset(
    "a an the this that these those some all both each every no any other another "
    "of in on at by to from with without for as into onto over under above below beside besides "
    "between behind among near next off out up down through around along against inside outside "
    "and or but while where when which who whose that than then so if because "
    "is are was were be been being am has have had do does did can could will would may might "
    "it its he him his she her they them their there here i you we us our your my s t not".split()
)
SHOWN = 10


@pytest.fixture(scope="module")
def strongest():
    """For each test scene: the ten strongest terms of its picture, what its captions say, and
    the hypernyms of what was drawn."""
    collection = load_collection("demo")
    model = load_model("demo")
    terms, rows = model.vocabulary.terms, collection.image_rows("test")
    vectors = np.asarray(collection.image_vectors[rows], np.float32)
    top = keep_strongest(model.project(vectors), SHOWN)
    said = {int(row): set() for row in rows}
    kept = collection.caption_rows("test")
    ids = model.vocabulary.token_ids([collection.caption_texts[row] for row in kept])
    for row, tokens in zip(collection.caption_image_rows[kept], ids, strict=True):
        said[int(row)] |= {terms[i] for i in tokens}
    scenes = []
    for number, row in enumerate(rows):
        words = {
            form
            for placed in compose(TEST[number]).objects
            for word in placed.concept.hypernyms
            for form in (word, plural_of(word))
        }
        pieces = model.vocabulary.token_ids(sorted(words)) if words else []
        hypernyms = {terms[i] for one in pieces for i in one}
        own = top.indices[top.indptr[number] : top.indptr[number + 1]]
        scenes.append(([terms[i] for i in own], said[int(row)], hypernyms))
    return scenes


def test_the_strongest_terms_are_said_or_name_the_kind_of_an_object(strongest):
    right = [term in said or term in kinds for terms, said, kinds in strongest for term in terms]
    assert len(right) > 0.95 * SHOWN * len(strongest)
    assert np.mean(right) >= 0.65


def test_few_of_the_strongest_terms_are_function_words_or_punctuation(strongest):
    empty = [
        term in FUNCTION_WORDS or not any(c.isalnum() for c in term)
        for terms, _, _ in strongest
        for term in terms
    ]
    assert np.mean(empty) <= 0.05
