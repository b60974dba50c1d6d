"""What a term stands in for, counted by hand."""

import numpy as np
import pytest
import scipy.sparse as sp

from lsr.model.loading import load_model
from lsr.model.protocol import Items
from lsr.search.stand_ins import KnownCaptions, StandIn, known_captions, stands_for
from lsr.storage.places import find
from tests.conftest import few_scenes

NAMES = ["dog", "puppy", "canine", "sky", "the", "##s", "rare"]


def known(rows: list[tuple[set[str], bool]]) -> KnownCaptions:
    """Captions by the words that they say, and whether they activate *dog*."""
    said = np.array([[name in words for name in NAMES] for words, _ in rows])
    fires = np.zeros(said.shape, np.float32)
    fires[:, 0] = [fired for _, fired in rows]
    return KnownCaptions(sp.csr_matrix(fires), sp.csr_matrix(said), len(rows))


def test_words_are_counted_in_captions_that_do_not_say_the_term():
    found = stands_for(
        known(
            [
                *[({"puppy", "the", "##s"}, True)] * 6,
                *[({"puppy"}, False)] * 1,
                *[({"canine", "the"}, True)] * 3,
                *[({"rare"}, True)] * 2,
                *[({"sky", "the"}, False)] * 20,
                *[({"sky"}, True)] * 3,
                *[({"dog", "sky"}, True)] * 9,
            ]
        ),
        0,
        NAMES,
    )
    assert (found.fired, found.captions) == (14, 35)
    # *sky* fires in 3 of 23, less than captions do at large; *rare* in two captions only.
    assert found.words == [StandIn("puppy", 6, 7), StandIn("canine", 3, 3)]


def test_a_term_that_nothing_stands_for_has_no_words():
    found = stands_for(known([({"dog"}, True), ({"sky"}, False)]), 0, NAMES)
    assert (found.fired, found.captions, found.words) == (0, 1, [])


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return few_scenes(tmp_path_factory.mktemp("home") / "scenes")


def test_captions_of_images_that_are_searched_are_known_with_their_own_vectors(scenes):
    model = load_model(find("models", "demo"))
    found = known_captions(scenes, model)
    assert len(found) == found.among == len(scenes.caption_texts)
    assert (found.said[7] != model.vocabulary.literal_matrix([scenes.caption_texts[7]])).nnz == 0
    dense = np.asarray(scenes.caption_vectors[7:8], np.float32)
    own = model.sparse(Items("captions", None, lambda: dense, [scenes.caption_texts[7]]))
    np.testing.assert_allclose(found.sparse[7].toarray(), own.toarray(), atol=1e-4)
