"""Runs and judgements: read by ir_measures, equal to what `evaluate` measures."""

from __future__ import annotations

import ir_measures
import pytest

from lsr.evaluation.evaluate import evaluate_split
from lsr.evaluation.projected import project_split
from tests.conftest import make_collection

THEIRS = {"R@1": "Success@1", "R@5": "Success@5", "R@10": "Success@10", "MRR@10": "RR@10"}


def mid_collection(home, fake_encoder, n):
    splits = ("train",) * 9 + ("test",) * n
    return make_collection(home / "collections" / "mid", fake_encoder, splits=splits)


@pytest.mark.parametrize("direction", ["text-to-image", "image-to-text"])
def test_ir_measures_finds_what_evaluate_measures(home, fake_encoder, model, exported, direction):
    collection = mid_collection(home, fake_encoder, 30)
    done = exported("trec", collection="mid")
    qrels = list(ir_measures.read_trec_qrels(str(done.folder / f"{direction}.qrels")))
    run = list(ir_measures.read_trec_run(str(done.folder / f"{direction}.run")))
    measures = [ir_measures.parse_measure(name) for name in THEIRS.values()]
    theirs = ir_measures.calc_aggregate(measures, qrels, run)
    ours = evaluate_split(project_split(collection, model, "test"), direction)["sparse"]
    assert 0 < ours["R@1"] < 1
    assert not [note for note in done.notes if direction in note and "level" in note]
    for name, measure in zip(THEIRS, measures, strict=True):
        assert theirs[measure] == pytest.approx(ours[name], abs=1e-9)


def test_ties_that_decide_a_measure_are_told(home, fake_encoder, exported):
    mid_collection(home, fake_encoder, 40)
    done = exported("trec", collection="mid", side="captions")
    qrels = set()
    for line in (done.folder / "image-to-text.qrels").read_text().splitlines():
        qrels.add((line.split()[0], line.split()[2]))
    by_score: dict[tuple[str, str], set[bool]] = {}
    for line in (done.folder / "image-to-text.run").read_text().splitlines():
        query, _, document, _, score, _ = line.split()
        by_score.setdefault((query, score), set()).add((query, document) in qrels)
    queries = {query for (query, _), kinds in by_score.items() if len(kinds) == 2}
    assert len(queries) >= 1
    assert done.notes[-1].startswith(f"{len(queries)} queries image-to-text score a judged")


def test_a_run_lists_hits_best_first_up_to_k(exported, collection, weights):
    folder = exported("trec", k=4).folder
    scores = weights["captions"] @ weights["images"].T
    by_query: dict[str, list[list[str]]] = {}
    for line in (folder / "text-to-image.run").read_text().splitlines():
        by_query.setdefault(line.split()[0], []).append(line.split())
    for row, caption in enumerate(collection.caption_ids):
        best = sorted(zip(-scores[row], collection.image_ids, strict=True))[:4]
        hits = by_query.get(caption, [])
        assert [hit[2] for hit in hits] == [image for score, image in best if score < 0]
        assert [float(hit[4]) for hit in hits] == pytest.approx([-s for s, _ in best if s < 0])
        assert [hit[3] for hit in hits] == ["1", "2", "3", "4"][: len(hits)]
        assert {hit[5] for hit in hits} <= {"lexiscope-tiny"}


def test_only_images_with_captions_are_queries(exported, collection):
    folder = exported("trec", side="captions").folder
    judged = {line.split()[0] for line in (folder / "image-to-text.qrels").read_text().splitlines()}
    assert judged == set(collection.image_ids)
    assert sorted(path.name for path in folder.iterdir()) == [
        "export.json", "image-to-text.qrels", "image-to-text.run"
    ]  # fmt: skip
