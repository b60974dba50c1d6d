"""An occlusion map finds the part of a picture that a term comes from."""

import numpy as np
import pytest
import scipy.sparse as sp
from PIL import Image

from lsr.exceptions import QueryError, UnknownNameError
from lsr.search.support import alt_text, said_by
from lsr.search.where import Occlusion, occlusion
from tests.conftest import D

GRID = 4


class Quarters:
    """Vectors of the redness of a picture's four quarters, and of its blueness as a whole."""

    name, dense_size, fingerprint = "quarters", D, "quarters-1"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def encode_images(self, images) -> np.ndarray:
        self.batches.append(len(images))
        rows = []
        for image in images:
            pixels = np.asarray(image, float) / 255
            height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
            halves = pixels[:height], pixels[height:]
            red = [
                part[..., 0].mean()
                for half in halves
                for part in (half[:, :width], half[:, width:])
            ]
            rows.append([*red, pixels[..., 2].mean(), 0, 0, 0])
        return np.array(rows, np.float32)


class Reader:
    """A model with a term for each number of the dense vector."""

    no_pictures = None

    def __init__(self, vocabulary) -> None:
        self.vocabulary = vocabulary
        self.numbers = [vocabulary.id_of(word) for word in ("dog", "cat", "horse", "bird", "blue")]

    def sparse(self, items):
        dense = items.dense
        found = np.zeros((len(dense), len(self.vocabulary)), np.float32)
        found[:, self.numbers] = dense[:, :5]
        return sp.csr_matrix(found)


def picture() -> Image.Image:
    """Red in the upper right quarter, black elsewhere."""
    made = Image.new("RGB", (40, 40), (0, 0, 0))
    made.paste((255, 0, 0), (20, 0, 40, 20))
    return made


@pytest.fixture
def found(vocabulary) -> Occlusion:
    encoder = Quarters()
    *_, last = occlusion(picture(), lambda: encoder, Reader(vocabulary), grid=GRID)
    return last


def test_the_weight_of_a_term_drops_where_it_comes_from(found):
    assert found.complete
    assert found.terms[0] == "cat"
    drops = found.of("cat")
    assert drops.argmax() in [2, 3, 6, 7]  # cells of the upper right quarter
    assert found.place("cat") in ("top right", "top", "right")
    assert (drops[3] == 0).all()  # nothing is lost by blanking the other end
    assert (drops[:, 0] == 0).all()
    assert drops.max() > 0.3 * found.weights[0]


def test_each_drop_is_that_of_a_picture_blanked_by_hand(found, vocabulary):
    whole = Quarters().encode_images([picture()])[0]
    blanked = picture()
    mean = tuple(round(value) for value in np.asarray(picture(), float).mean(axis=(0, 1)))
    blanked.paste(mean, (15, 0, 35, 15))  # row 0, column 2, with half a cell of 10 around it
    left = Quarters().encode_images([blanked])[0]
    assert found.of("cat")[0, 2] == pytest.approx(whole[1] - left[1], abs=1e-5)


def test_pictures_are_encoded_in_batches_and_stopping_needs_no_more(vocabulary):
    encoder = Quarters()
    reports = occlusion(picture(), lambda: encoder, Reader(vocabulary), grid=8)
    first = next(reports)
    assert (first.done, first.planned, first.complete) == (16, 64, False)
    reports.close()
    assert encoder.batches == [1, 16]


def test_a_term_that_is_asked_for_is_followed_though_it_is_weak(vocabulary):
    model = Reader(vocabulary)
    *_, last = occlusion(picture(), Quarters, model, ["dog", "cat"], top=1, grid=2)
    assert last.terms == ("cat", "dog")
    assert last.place("dog") == ""
    with pytest.raises(UnknownNameError):
        next(occlusion(picture(), Quarters, model, ["notaterm"]))
    with pytest.raises(QueryError, match="Use 2 to 32"):
        next(occlusion(picture(), Quarters, model, grid=1))


def test_who_says_a_term(vocabulary):
    spoken = np.zeros(len(vocabulary), bool)
    spoken[[vocabulary.id_of(word) for word in ("dog", "boat")]] = True
    captions = ["a dog running on the beach"]
    terms = ["dog", "beach", "boat", "tree"]
    assert said_by(terms, captions, vocabulary, spoken) == ["own", "own", "other", "none"]
    assert said_by(terms, [], vocabulary, spoken) == ["other", "none", "other", "none"]


def test_alt_text_has_each_word_in_one_form_and_no_pieces():
    terms = ["lions", "lion", "the", "##ing", "desert", "1799", "tents", "two", "a", "sun", "sky"]
    told = alt_text(terms).split(", ")
    assert told[:3] == ["lions", "desert", "tents"]
    assert not {"lion", "the", "##ing", "1799", "a"} & set(told)
    assert len(told) <= 6
    assert alt_text(["##ing"]) == ""
