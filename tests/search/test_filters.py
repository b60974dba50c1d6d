"""Filters let through the images that a reading of every caption, split and vector lets through."""

import itertools

import numpy as np
import pyarrow as pa
import pytest

from lsr.collection.columns import Texts
from lsr.exceptions import QueryError
from lsr.index.memory.index import MemoryIndex
from lsr.index.memory.rows import IdTable
from lsr.model.sparse import SparseVectors
from lsr.search.filters import saying
from lsr.search.ranking import ranking
from lsr.search.results import SearchSettings
from lsr.search.searcher import Searcher
from tests.conftest import make_collection

SPLITS = ("val", "test", "train") * 5
TEXTS = [
    "A dog, on  the\tbeach",
    " two DOGS",
    "dogs on the beach",
    "Größe der STRASSE",
    "GRÖSSE der Straße",
    "İstanbul at night",
    "300 \u212a today",  # the sign of kelvin, whose small letter is k
    "\u039f\u03b4\u03cc\u03c2 \u039f\u0394\u039f\u03a3",
    "the\u00a0beach",
    "line\x0bbreak\x1fhere",
    "a.b (c) [d] %_",
    "",
    "新しい 犬",
]
PHRASES = ["on the beach", "dog", "dogs", "straße", "größe", "i̇stanbul", "300 k", "οδός", "οδος"]
PHRASES += ["the beach", "break here", "a.b", "a b", "(c)", "%", "犬", "o", "no such words"]


@pytest.mark.parametrize("chunks", [1, 4])
def test_a_phrase_is_found_whatever_case_and_space(chunks):
    pieces = np.array_split(np.array([*TEXTS, "-"], object)[:-1], chunks)
    texts = Texts(pa.chunked_array([pa.array(one.tolist(), pa.string()) for one in pieces]))
    for phrase in PHRASES:
        expected = [phrase in " ".join(text.split()).lower() for text in TEXTS]
        assert saying(texts, phrase).tolist() == expected, phrase
    assert saying(Texts(pa.chunked_array([], pa.string())), "dog").tolist() == []


@pytest.fixture
def searcher(home, model, fake_encoder):
    """Ids do not ascend, and images of two splits only have a picture."""
    mixed = make_collection(home / "collections" / "mixed", fake_encoder, splits=SPLITS)
    images = mixed.images.to_pydict()
    images["file"] = [
        file if split != "train" else None
        for file, split in zip(images["file"], images["split"], strict=True)
    ]
    object.__setattr__(mixed, "images", pa.table(images, schema=mixed.images.schema))
    return Searcher(mixed, model, encoder=fake_encoder)


def test_filters_together_leave_what_each_of_them_leaves(searcher):
    images = searcher.collection
    counts = dict(zip(searcher.images.ids, np.diff(searcher.images.matrix.indptr), strict=True))
    assert set(counts) == {images.image_ids[row] for row in images.searchable_rows}
    middle = int(np.median(list(counts.values())))
    word = images.caption_texts[0].split()[1]
    said = {
        images.image_ids[row]
        for row, text in zip(images.caption_image_rows, images.caption_texts, strict=True)
        if word in text
    }
    split_of = dict(zip(images.image_ids, images.image_splits, strict=True))
    for split, caption, limits in itertools.product(
        (None, "val", "test"),
        ("", f" {word.upper()} "),
        ((None, None), (middle, None), (None, middle), (middle, middle), (0, 10**6)),
    ):
        low, high = limits[0] or 0, 10**9 if limits[1] is None else limits[1]
        expected = {
            one
            for one in counts
            if split in (None, split_of[one])
            and (not caption or one in said)
            and low <= counts[one] <= high
        }
        settings = SearchSettings(k=15, split=split, caption=caption, active_terms=limits)
        found = searcher.allowed(settings)
        if found is None:
            assert (split, caption, limits) == (None, "", (None, None))
            continue
        assert set(found) == expected
        assert len(found) == len(expected)
        assert {one for one in (*split_of, "none such") if one in found} == expected
        rows = searcher.memory.allowed(found)
        assert {searcher.memory.ids[row] for row in np.flatnonzero(rows)} == expected
        result = searcher.search_text("a dog on the beach", settings)
        every = searcher.search_text("a dog on the beach", SearchSettings(k=15)).hits
        assert [hit.image_id for hit in result.hits] == [
            hit.image_id for hit in every if hit.image_id in expected
        ]
        allowed = ranking(searcher, result.query_terms, settings).allowed
        assert {searcher.memory.ids[row] for row in np.flatnonzero(allowed)} == expected


def test_a_split_without_a_picture_is_refused(searcher):
    with pytest.raises(QueryError, match="No image of split `train` is searched"):
        searcher.allowed(SearchSettings(split="train"))


def test_no_filter_makes_all_vectors(searcher):
    settings = SearchSettings(split="val", caption="a", active_terms=(1, 1_000))
    assert searcher.search_text("a dog on the beach", settings).hits
    assert "images" not in searcher.memory.__dict__


def test_a_subset_of_another_index_is_told_by_its_ids(searcher):
    """Of as many images, of which one has another name; ids in a table are compared as well."""
    found = searcher.allowed(SearchSettings(split="val"))
    assert found is not None
    whole = searcher.images
    ids = ("another", *whole.ids[1:])
    for kept in (whole.ids, ids):
        index = MemoryIndex(SparseVectors(whole.matrix, kept, whole.vocabulary))
        expected = [one in set(found) for one in index.ids]
        assert index.allowed(found).tolist() == expected
        table = IdTable.of(index.ids)
        assert (found.ids == table) == (kept is whole.ids)
