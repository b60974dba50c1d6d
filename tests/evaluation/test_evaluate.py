import json
import shutil

import numpy as np
import pytest

from lsr.collection.collection import load_collection
from lsr.encoders.loading import load_encoder
from lsr.evaluation.evaluate import evaluate_probes, evaluate_split, term_vectors_for
from lsr.evaluation.projected import project_split
from lsr.exceptions import QueryError
from lsr.model.vocabulary import Vocabulary
from lsr.storage.places import ASSETS, BUNDLED_ENCODER


@pytest.fixture
def projected(collection, model):
    return project_split(collection, model, "test")


def dense_arrays(projected):
    images, captions = projected.images.matrix.toarray(), projected.captions.matrix.toarray()
    return images, captions, captions * projected.literal.toarray()


def recall(scores: np.ndarray, relevant: list[set[int]], k: int) -> float:
    """The plainest possible Success@k: sort, look, ties against the system."""
    found = []
    for row, wanted in zip(scores, relevant, strict=True):
        best = max(row[list(wanted)])
        rivals = sum(s >= best for d, s in enumerate(row) if d not in wanted)
        found.append(best > 0 and rivals < k)
    return float(np.mean(found))


def test_text_to_image_equals_brute_force(projected):
    images, captions, literal = dense_arrays(projected)
    wanted = [{int(row)} for row in projected.pairs.relevant]
    answer = evaluate_split(projected)
    for k in (1, 5, 10):
        assert answer["sparse"][f"R@{k}"] == pytest.approx(recall(captions @ images.T, wanted, k))
        assert answer["literal"][f"R@{k}"] == pytest.approx(recall(literal @ images.T, wanted, k))
        dense = projected.pairs.caption_vectors @ projected.pairs.image_vectors.T + 2
        assert answer["dense"][f"R@{k}"] == pytest.approx(recall(dense, wanted, k))
    assert answer["n_queries"] == 24
    assert answer["n_images"] == 12


def test_image_to_text_equals_brute_force(projected):
    images, captions, literal = dense_arrays(projected)
    wanted = [set(np.flatnonzero(projected.pairs.relevant == row).tolist()) for row in range(12)]
    answer = evaluate_split(projected, "image-to-text")
    for k in (1, 5, 10):
        assert answer["sparse"][f"R@{k}"] == pytest.approx(recall(images @ captions.T, wanted, k))
        assert answer["literal"][f"R@{k}"] == pytest.approx(recall(images @ literal.T, wanted, k))
    assert answer["n_queries"] == 12


def test_exactness_of_images_counts_words_of_their_captions(projected, collection, vocabulary):
    images, *_ = dense_arrays(projected)
    shares = []
    for row, weights in enumerate(images):
        said = {
            i for text in collection.captions_of(row) for i in vocabulary.literal_ids(text).tolist()
        }
        order = sorted(np.flatnonzero(weights), key=lambda j: (-weights[j], j))[:10]
        shares.append(np.mean([int(j) in said for j in order]))
    assert evaluate_split(projected)["image_exact@10"] == pytest.approx(np.mean(shares))


def test_a_ranking_agrees_fully_with_itself(projected):
    images, captions = projected.images.matrix.toarray(), projected.captions.matrix.toarray()
    object.__setattr__(projected.pairs, "image_vectors", images)
    object.__setattr__(projected.pairs, "caption_vectors", captions)
    answer = evaluate_split(projected)
    assert answer["overlap@10"] == pytest.approx(1.0)
    assert answer["kendall_tau"] == pytest.approx(1.0)
    assert answer["dense"] == answer["sparse"]


def test_semantic_is_null_without_word_vectors_and_1_for_equal_ones(projected, vocabulary):
    assert evaluate_split(projected)["semantic@20"] is None
    same = np.ones((len(vocabulary), 3), np.float32)
    assert evaluate_split(projected, term_vectors=same)["semantic@20"] == pytest.approx(1.0)


def test_co_activation_is_that_of_captions_and_images(projected):
    images, captions, _ = dense_arrays(projected)
    p_image, p_caption = (images > 0).mean(axis=0), (captions > 0).mean(axis=0)
    answer = evaluate_split(projected)["co_activation"]
    evenly = p_image.sum() * p_caption.sum() / images.shape[1]
    assert answer["flops_ratio"] == pytest.approx(p_image @ p_caption / evenly)
    assert answer["hubs"] == (p_image > 0.5).sum()


def test_an_unknown_direction_is_refused(projected):
    with pytest.raises(QueryError, match="`sideways` is no direction"):
        evaluate_split(projected, "sideways")


def test_probes_count_words_that_find_an_image(collection, model, fake_encoder):
    assert evaluate_probes(collection, model, fake_encoder) == {}
    everything = list(collection.image_ids)
    (collection.folder / "probes.json").write_text(
        json.dumps({"dog": everything, "cat": everything[:1]})
    )
    answer = evaluate_probes(load_collection(collection.folder), model, fake_encoder)
    assert answer["n"] == 2
    scores = collection.image_vectors.astype(np.float32) @ fake_encoder.encode_texts(["cat"])[0]
    found = (scores >= scores[0]).sum() <= 10
    assert answer["dense"] == pytest.approx((1 + found) / 2)


def test_term_vectors_belong_to_the_bundled_vocabulary_and_to_no_other(vocabulary):
    bundled = Vocabulary.load(BUNDLED_ENCODER / "tokenizer.json")
    vectors = term_vectors_for(bundled)
    assert vectors.shape[0] == len(bundled) == 30_522
    np.testing.assert_array_equal(vectors, load_encoder("bundled").token_vectors)
    assert term_vectors_for(vocabulary) is None


def test_semantic_at_20_does_not_ask_what_encoded_the_collection(answer, tmp_path):
    """The bundled collection under another encoder's name, with its model likewise."""
    for kind, card in (("collections", "collection.json"), ("models", "config.json")):
        shutil.copytree(ASSETS / kind / "demo", tmp_path / kind, symlinks=True)
        content = json.loads((tmp_path / kind / card).read_text())
        (tmp_path / kind / card).write_text(json.dumps({**content, "encoder": "elsewhere"}))
    names = ["--collection", str(tmp_path / "collections"), "--model", str(tmp_path / "models")]
    measured = answer("evaluate", "--split", "val", *names)
    assert measured["semantic@20"] > measured["exact@20"] > 0
    assert "unseen_words" not in measured
