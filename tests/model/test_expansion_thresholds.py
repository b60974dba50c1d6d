"""A model that keeps thresholds for the terms that texts add: what stays, and what is refused."""

import json
import shutil

import numpy as np
import pytest

from lsr.collection.items import image_items, new_texts
from lsr.evaluation.projected import project_split, project_split_with
from lsr.exceptions import ModelError
from lsr.imports.sparse.kinds import import_head
from lsr.model.edited import edit_terms
from lsr.model.installed import model_overview
from lsr.model.loading import load_model
from lsr.model.projection_cache import sparse_name
from lsr.model.protocol import Items
from lsr.model.term_edits import parse_edits
from lsr.storage.files import read_json, write_json

TEXTS = ["a dog on the beach", "two cats", "a red car", "nothing known here: qqq"]
WEIGHTS = {"weight": 0.3, "frequent_weight": 0.6, "frequent_terms": ["dog", "beach", "red"]}


@pytest.fixture
def holding(model, home):
    """A copy of a model whose card holds some thresholds."""

    def make(thresholds=WEIGHTS, name="holding"):
        folder = home / "models" / name
        shutil.copytree(model.folder, folder)
        card = read_json(folder / "config.json", ModelError)
        write_json(folder / "config.json", {**card, "expansion_thresholds": thresholds})
        return load_model(name)

    return make


def test_texts_lose_weak_terms_that_they_do_not_say_and_images_none(
    model, holding, collection, fake_encoder
):
    kept = holding()
    texts = new_texts(TEXTS, lambda: fake_encoder)
    before, after = model.sparse(texts).toarray(), kept.sparse(texts)
    assert after.has_sorted_indices
    terms, lost = model.vocabulary.terms, 0
    for row, text in enumerate(TEXTS):
        said = {terms[i] for i in model.vocabulary.literal_ids(text)}
        active = {term for term, weight in zip(terms, before[row], strict=True) if weight > 0}
        for term, old, new in zip(terms, before[row], after.toarray()[row], strict=True):
            least = 0.6 if term in WEIGHTS["frequent_terms"] else 0.3
            stays = term in said or not said & active or old >= least
            assert new == (old if stays else 0), (text, term)
            lost += old > 0 and not stays
    assert lost > 5
    images = image_items(collection, range(12))
    assert (model.sparse(images) != kept.sparse(images)).nnz == 0


def test_a_text_that_activates_none_of_its_own_words_keeps_all_of_its_terms(
    model, holding, fake_encoder
):
    kept = holding({"weight": 100, "frequent_weight": 100, "frequent_terms": []})
    texts = new_texts([*TEXTS, "horse", "cat", "dog", "snow"], lambda: fake_encoder)
    before, after = model.sparse(texts), kept.sparse(texts)
    said = model.vocabulary.literal_matrix(texts.texts)
    bare = before.multiply(said).sum(axis=1).A1 == 0
    assert 0 < bare.sum() < len(bare)
    for row, alone in enumerate(bare):
        expected = before[row] if alone else before[row].multiply(said[row])
        assert np.array_equal(after[row].toarray(), expected.toarray())


def test_only_vectors_of_texts_are_kept_under_another_name(
    model, holding, collection, fake_encoder
):
    kept, images = holding(), image_items(collection, range(12))
    assert kept.fingerprint != model.fingerprint
    assert sparse_name(kept, images) == sparse_name(model, images)
    texts, others = (new_texts(some, lambda: fake_encoder) for some in (TEXTS, TEXTS[::-1]))
    names = {sparse_name(one, some) for one in (model, kept) for some in (texts, others)}
    assert len(names) == 4
    other = holding({**WEIGHTS, "weight": 0.31}, "other")
    assert sparse_name(other, texts) not in names


def test_a_split_is_projected_with_them_before_and_after_the_model_is_stored(
    model, holding, collection
):
    kept = holding()
    stored = project_split(collection, kept, "test")
    loose = project_split_with(
        collection, kept.head, kept.vocabulary, "test", thresholds=kept.thresholds
    )
    assert stored.captions.matrix.nnz < project_split(collection, model, "test").captions.matrix.nnz
    for one, other in ((stored.images, loose.images), (stored.captions, loose.captions)):
        assert (one.matrix != other.matrix).nnz == 0


def test_they_come_along_when_the_head_is_imported_again(holding, fake_encoder):
    kept, texts = holding(), new_texts(TEXTS, lambda: fake_encoder)
    again = import_head(str(kept.folder), "again")
    assert again.thresholds == kept.thresholds
    assert (again.sparse(texts) != kept.sparse(texts)).nnz == 0


def test_vectors_of_texts_without_their_texts_are_refused(holding):
    dense = np.ones((2, 8), np.float32)
    with pytest.raises(ValueError, match="2 vectors of texts, but 0 texts"):
        holding().sparse(Items("captions", None, lambda: dense))


def test_terms_are_edited_after_the_thresholds(holding, fake_encoder):
    kept, texts = holding(), new_texts(TEXTS, lambda: fake_encoder)
    dog, cat = (kept.vocabulary.id_of(word) for word in ("dog", "cat"))
    edited = edit_terms(kept, parse_edits("merge:cat:dog"))
    before, after = kept.sparse(texts).toarray(), edited.sparse(texts).toarray()
    assert np.array_equal(after[:, dog], before[:, [dog, cat]].max(axis=1))
    assert not after[:, cat].any()


def test_a_list_of_models_tells_them(holding):
    [note] = model_overview(holding().folder).notes
    assert note == "Texts add terms from a weight of 0.3 on (0.6 for 3 that many images activate)."


@pytest.mark.parametrize(
    ("thresholds", "why"),
    [
        (7, "holds a int, not an object"),
        ({"weight": 1}, "lacks `frequent_weight`"),
        ({**WEIGHTS, "weight": -1}, "a weight that is none"),
        ({**WEIGHTS, "weight": float("nan")}, "a weight that is none"),
        ({**WEIGHTS, "more": 1}, "`more`"),
        ({**WEIGHTS, "frequent_terms": "dog"}, "`frequent_terms`"),
        ({**WEIGHTS, "frequent_terms": ["no term"]}, "`no term`"),
    ],
)
def test_damaged_ones_are_refused(model, thresholds, why):
    path = model.folder / "config.json"
    card = json.loads(path.read_text())
    path.write_text(json.dumps({**card, "expansion_thresholds": thresholds}))
    with pytest.raises(ModelError, match=why):
        load_model(model.folder)
