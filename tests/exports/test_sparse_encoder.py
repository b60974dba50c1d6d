"""The folder for sentence-transformers: loaded, searched and decoded by it, and read plainly."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file


def embeddings(folder, kind):
    read = load_file(folder / f"{kind}_embeddings.safetensors")
    size = read["size"].tolist()
    return torch.sparse_coo_tensor(read["indices"], read["values"], size, check_invariants=True)


def test_the_tensors_are_the_weights(exported, collection, weights):
    folder = exported("sentence-transformers").folder
    for kind, ids in (("images", collection.image_ids), ("captions", collection.caption_ids)):
        read = embeddings(folder, kind)
        assert read.to_dense().numpy() == pytest.approx(weights[kind], abs=1e-5)
        assert json.loads((folder / f"{kind}_ids.json").read_text()) == ids
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_word_of_a_query_weighs_its_inverse_document_frequency(exported, vocabulary, weights):
    folder = exported("sentence-transformers").folder
    read = load_file(folder / "query_encoder" / "model.safetensors")["weight"].numpy()
    frequency = (weights["images"] > 0).sum(axis=0)
    expected = np.log(1 + (12 - frequency + 0.5) / (frequency + 0.5))
    assert read[~vocabulary.special] == pytest.approx(expected[~vocabulary.special])
    assert not read[vocabulary.special].any()


@pytest.mark.filterwarnings("ignore")  # theirs
def test_sentence_transformers_loads_searches_and_decodes(exported, vocabulary, weights):
    package = pytest.importorskip("sentence_transformers")
    folder = exported("sentence-transformers").folder
    encoder = package.SparseEncoder(str(folder), device="cpu", local_files_only=True)
    images, captions = embeddings(folder, "images"), embeddings(folder, "captions")
    scores = weights["captions"] @ weights["images"].T
    assert encoder.similarity_fn_name == "dot"
    assert encoder.similarity(captions, images).numpy() == pytest.approx(scores, abs=1e-3)
    assert encoder.sparsity(images)["active_dims"] == pytest.approx(
        (weights["images"] > 0).sum(axis=1).mean()
    )
    strongest = encoder.decode(images, top_k=3)
    for read, row in zip(strongest, weights["images"], strict=True):
        best = np.argsort(-row, kind="stable")[:3]
        assert read == [
            (vocabulary.terms[term], pytest.approx(row[term], abs=1e-5))
            for term in best
            if row[term]
        ]
    text = "two dogs on the beach"
    query = encoder.encode_query([text])
    said = {vocabulary.terms[term] for term in vocabulary.literal_ids(text)}
    assert {term for term, _ in encoder.decode(query)[0]} == said
    hits = package.util.semantic_search(
        query, images, score_function=package.util.dot_score, top_k=12
    )[0]
    expected = weights["images"] @ query.to_dense()[0].numpy()
    assert [hit["score"] for hit in hits] == pytest.approx(sorted(expected)[::-1], abs=1e-3)
    assert hits[0]["corpus_id"] == expected.argmax()
