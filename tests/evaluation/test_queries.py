"""Query sets measured: brute force, ir_measures, and what each measure is about."""

from __future__ import annotations

import json

import ir_measures
import numpy as np
import pyarrow.parquet as pq
import pytest

from lsr.collection.collection import load_collection
from lsr.collection.queries import QueryRow, write_query_set
from lsr.evaluation import evaluate as module
from lsr.evaluation.evaluate import dense_ranks, evaluate, evaluate_split
from lsr.evaluation.measures import summarize
from lsr.evaluation.pairs import load_pairs
from lsr.evaluation.projected import project_split
from lsr.exceptions import CollectionError, UnknownNameError
from tests.conftest import make_collection

DIRECTIONS = ("text-to-image", "image-to-text")
THEIRS = {"R@1": "Success@1", "R@5": "Success@5", "R@10": "Success@10", "MRR@10": "RR@10"}


def answers_in(collection, split):
    """Image ids by query id, straight from the file."""
    found = collection.query_set("some")
    inside = {collection.image_ids[row] for row in collection.image_rows(split)}
    wanted = {}
    for query, row in zip(found.owners, found.image_rows, strict=True):
        if collection.image_ids[row] in inside:
            wanted.setdefault(found.ids[query], set()).add(collection.image_ids[row])
    return wanted


def found_by(scores, wanted, k):
    """Success@k by sorting: what scores as much as the best right document stands before it."""
    hits = []
    for row, right in zip(scores, wanted, strict=True):
        best = max(row[document] for document in right)
        before = [d for d in np.argsort(-row) if row[d] >= best and d not in right]
        hits.append(best > 0 and len(before) < k)
    return np.mean(hits)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("split", ["test", "val"])
def test_several_answers_count_as_brute_force_counts_them(queried, model, direction, split):
    projected = project_split(queried, model, split, queries="some")
    wanted = answers_in(queried, split)
    assert projected.captions.ids == tuple(q for q in queried.query_set("some").ids if q in wanted)
    images = [queried.image_ids[row] for row in queried.image_rows(split)]
    right = np.array([[image in wanted[q] for image in images] for q in projected.captions.ids])
    assert (right.sum(axis=1) > 1).any()
    sparse = projected.captions.matrix.toarray() @ projected.images.matrix.toarray().T
    dense = projected.pairs.caption_vectors @ projected.pairs.image_vectors.T + 2
    if direction == "image-to-text":
        has = right.any(axis=0)
        right, sparse, dense = right.T[has], sparse.T[has], dense.T[has]
    places = [set(np.flatnonzero(row)) for row in right]
    answer = evaluate_split(projected, direction)
    assert (answer["n_queries"], answer["n_images"]) == (len(right), len(images))
    for k in (1, 5, 10):
        assert answer["sparse"][f"R@{k}"] == pytest.approx(found_by(sparse, places, k))
        assert answer["dense"][f"R@{k}"] == pytest.approx(found_by(dense, places, k))


def test_ir_measures_finds_the_same(queried, model):
    projected = project_split(queried, model, "test", queries="some")
    scores = projected.captions.matrix.toarray() @ projected.images.matrix.toarray().T
    qrels = [
        ir_measures.Qrel(query, image, 1)
        for query, images in answers_in(queried, "test").items()
        for image in images
    ]
    run = [
        ir_measures.ScoredDoc(query, image, float(score))
        for query, row in zip(projected.captions.ids, scores, strict=True)
        for image, score in zip(projected.images.ids, row, strict=True)
        if score > 0
    ]
    measures = {name: ir_measures.parse_measure(theirs) for name, theirs in THEIRS.items()}
    theirs = ir_measures.calc_aggregate(list(measures.values()), qrels, run)
    ours = evaluate_split(projected)["sparse"]
    assert 0 < ours["R@1"] < 1
    assert ours == pytest.approx({name: theirs[measure] for name, measure in measures.items()})


def test_dense_ranks_take_the_best_answer(queried, model):
    pairs = load_pairs(queried, "test", queries="some")
    ranks = dense_ranks(pairs)
    measured = evaluate_split(project_split(queried, model, "test", queries="some"))["dense"]
    assert summarize(ranks) == pytest.approx(measured)


def test_queries_are_encoded_once_for_all_splits(queried, fake_encoder):
    before = fake_encoder.calls
    for split in ("test", "val", "test"):
        load_pairs(queried, split, queries="some")
    assert fake_encoder.calls == before + 1
    pairs = load_pairs(queried, "val", queries="some")
    expected = fake_encoder.encode_texts(pairs.texts)
    np.testing.assert_allclose(pairs.caption_vectors, expected, atol=1e-3)


def test_what_is_about_captions_stays_about_captions(queried, model):
    plain = evaluate_split(project_split(queried, model, "test"))
    queries = evaluate_split(project_split(queried, model, "test", queries="some"))
    assert queries["image_exact@10"] == plain["image_exact@10"] > 0
    assert queries["active_terms"]["image"] == plain["active_terms"]["image"]
    assert queries["exact@20"] != plain["exact@20"]


def test_images_without_captions_leave_out_what_captions_say(queried, model, monkeypatch):
    projected = project_split(queried, model, "test", queries="some")
    projected.said_of_images.data[:] = False
    projected.said_of_images.eliminate_zeros()
    assert evaluate_split(projected)["image_exact@10"] is None


def test_evaluate_says_which_queries_it_took_and_leaves_the_probes_to_the_captions(
    queried, model, fake_encoder, monkeypatch
):
    (queried.folder / "probes.json").write_text('{"dog": ["image-00"]}')
    monkeypatch.setattr(module, "can_encode", lambda name: True)
    monkeypatch.setattr(module, "load_encoder", lambda name: fake_encoder)
    plain = evaluate(queried, model)
    queries = evaluate(queried, model, queries="some")
    assert (plain["queries"], queries["queries"]) == (None, "some")
    assert plain.keys() - queries.keys() == {"unseen_words"}
    assert queries["n_queries"] == len(answers_in(queried, "test"))


def test_a_set_that_no_image_of_the_split_answers_is_refused_with_its_splits(queried, model):
    inside = queried.image_ids[int(queried.image_rows("val")[0])]
    write_query_set(queried, "few", [QueryRow("q", "a dog", inside)])
    with pytest.raises(CollectionError, match="`few` of collection `queried` has 1 queries, and no "
                       "image of split `test` answers one of them.* `val`"):  # fmt: skip
        evaluate(queried, model, queries="few")
    with pytest.raises(UnknownNameError, match="Its query sets are: `few`, `some`"):
        evaluate(queried, model, queries="words")


def test_a_collection_without_captions_is_measured_on_its_queries(
    home, fake_encoder, model, monkeypatch
):
    monkeypatch.setattr("lsr.evaluation.pairs.load_encoder", lambda name: fake_encoder)
    mute = make_collection(home / "collections" / "mute", fake_encoder)
    path = mute.folder / "captions.parquet"
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    np.save(mute.folder / "caption_vectors.npy", np.zeros((0, 8), np.float16))
    card = json.loads((mute.folder / "collection.json").read_text())
    card["counts"]["captions"] = 0
    (mute.folder / "collection.json").write_text(json.dumps(card))
    write_query_set(mute, "some", [QueryRow("q", "a dog", "image-00")])
    answer = evaluate(load_collection(mute.folder), model, queries="some")
    assert (answer["n_queries"], answer["n_images"]) == (1, 12)
    assert answer["image_exact@10"] is None
