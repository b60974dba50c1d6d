"""Captions are searched with where the encoder that made their vectors is not here."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lsr.collection.caption_encoder import CaptionEncoder
from lsr.exceptions import QueryError, UnknownNameError
from lsr.search.searcher import Searcher

WHY = UnknownNameError("There is no encoder `fake` here.")


def test_a_caption_finds_what_the_encoder_finds_with_it(collection, model, fake_encoder):
    """The collection stores its vectors in half precision."""
    with_encoder = Searcher(collection, model, encoder=fake_encoder)
    without = Searcher(collection, model)
    text = collection.caption_texts[5]
    expected, found = (one.search_text(text) for one in (with_encoder, without))
    assert [hit.image_id for hit in found.hits] == [hit.image_id for hit in expected.hits]
    assert [hit.score for hit in found.hits] == pytest.approx(
        [hit.score for hit in expected.hits], rel=5e-3
    )
    assert found.hits == without.search_text(f" {text.upper()}. ").hits


def test_another_text_is_refused_with_what_stands_in_the_way(collection, model):
    with pytest.raises(QueryError, match="There is no encoder `fake` here.*captions of the coll"):
        Searcher(collection, model).search_text("nobody says this")
    with pytest.raises(UnknownNameError, match="There is no encoder `fake` here"):
        Searcher(collection, model).search_picture(Image.new("RGB", (8, 8)))


def test_vectors_are_those_of_the_captions(collection):
    encoder = CaptionEncoder(collection, WHY)
    rows = [3, 0, 7]
    found = encoder.encode_texts([collection.caption_texts[row] for row in rows])
    assert found.dtype == np.float32
    texts = list(map(str.lower, collection.caption_texts))
    for vector, row in zip(found, rows, strict=True):
        same = [n for n, text in enumerate(texts) if text == texts[row]]
        assert any((vector == collection.caption_vectors[n]).all() for n in same)
    assert encoder.knows(collection.caption_texts[0])
    assert not encoder.knows("")
