"""Agreement with the published model and loss, computed from its own code on random numbers."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from lsr.model.checkpoint import load_head
from lsr.model.projection import project
from lsr.model.sparse import SparseVectors, flops, from_dense
from lsr.training.batches import said_matrix
from lsr.training.losses import distillation_loss, l1_penalty, warmed_up

TOLERANCE = 1e-5


@pytest.fixture
def golden(reference: Path) -> dict[str, np.ndarray]:
    with np.load(reference / "golden.npz") as arrays:
        return dict(arrays)


def test_published_checkpoint_projects_to_the_published_weights(reference, golden):
    head = load_head(reference / "checkpoint")
    for kind in ("image", "caption"):
        ours = project(head, golden[f"{kind}_vectors"]).toarray()
        np.testing.assert_allclose(ours, golden[f"sparse_{kind}s"], atol=TOLERANCE)
        assert ours.max() > 0.1


def test_literal_mask_keeps_what_the_published_mask_keeps(reference, golden):
    head = load_head(reference / "checkpoint")
    ids = torch.from_numpy(np.where(golden["attention_mask"] > 0, golden["input_ids"], -1))
    said = said_matrix(ids, torch.arange(97), 97)
    captions = torch.from_numpy(golden["caption_vectors"])
    with torch.no_grad():
        literal = head(captions) * said
    np.testing.assert_allclose(literal, golden["sparse_captions_masked"], atol=TOLERANCE)


def test_both_loss_parts_follow_the_published_trace(reference, golden):
    settings = json.loads((reference / "golden.json").read_text())
    images, captions = (torch.from_numpy(golden[f"{k}_vectors"]) for k in ("image", "caption"))
    sparse_images = torch.from_numpy(golden["sparse_images"])
    sparse_captions = torch.from_numpy(golden["sparse_captions"])
    scores, teacher = sparse_images @ sparse_captions.T, images @ captions.T
    steps = settings["regularizer_warmup_steps"]
    for step, (relevance, penalty) in enumerate(golden["loss_trace"]):
        ours = distillation_loss(scores, teacher, settings["temperature"]).item()
        weights = [settings[f"{kind}_regularizer_weight"] for kind in ("query", "document")]
        query, document = (warmed_up(weight, step, steps) for weight in weights)
        both = query * l1_penalty(sparse_captions) + document * l1_penalty(sparse_images)
        assert ours == pytest.approx(relevance, abs=TOLERANCE)
        assert both.item() / 2 == pytest.approx(penalty, abs=TOLERANCE)


def test_flops_equal_the_published_count(golden):
    names = tuple("abcdefg")
    captions, images = (
        SparseVectors(from_dense(golden[f"sparse_{kind}"]), names, "v")
        for kind in ("captions", "images")
    )
    assert flops(captions, images) == pytest.approx(float(golden["flops"]), abs=TOLERANCE)
