"""Kinds that are made here without a head: SpLiCE and sparse autoencoders."""

import numpy as np
import pytest
import torch

from lsr.evaluation.evaluate import evaluate
from lsr.exceptions import ModelError, QueryError
from lsr.model.loading import load_model
from lsr.search.searcher import Searcher
from lsr.training import autoencoder_run
from lsr.training.autoencoder import make_autoencoder
from lsr.training.autoencoder_settings import AutoencoderSettings
from lsr.training.latent_names import named_latents
from lsr.training.latents import strongest, summed
from lsr.training.run_folder import run_folder
from lsr.training.splice import SpliceSettings, make_splice
from tests.conftest import make_collection

SETTINGS = AutoencoderSettings(latents=24, k=3, steps=40, batch_size=8)


@pytest.fixture
def images(home, fake_encoder, monkeypatch):
    for module in ("splice", "other_kinds"):
        monkeypatch.setattr(f"lsr.training.{module}.load_encoder", lambda _: fake_encoder)
    monkeypatch.setattr("lsr.training.other_kinds.can_encode", lambda _: True)
    splits = ("train",) * 20 + ("test",) * 12
    return make_collection(home / "collections" / "split", fake_encoder, splits=splits)


def test_splice_meets_its_budget_and_everything_works_with_it(images, home, fake_encoder):
    folder = home / "models" / "splice"
    for _ in make_splice(images, folder, SpliceSettings(4, terms=300)):
        pass
    model = load_model(folder)
    assert model.kind == "splice"
    found = evaluate(images, model)
    assert 2 < found["active_terms"]["image"] < 7
    assert found["literal"] is not None
    searcher = Searcher(images, model, encoder=fake_encoder)
    result = searcher.search_text("a dog")
    for hit in result.hits:
        assert sum(c.product for c in hit.contributions) == pytest.approx(hit.score, rel=1e-5)


def test_images_and_texts_are_centred_each_by_their_own_mean(images, home):
    folder = home / "models" / "splice"
    for _ in make_splice(images, folder, SpliceSettings(4, terms=300)):
        pass
    tensors = load_model(folder).tensors
    rows = images.image_rows("train")
    assert np.allclose(tensors["image_mean"], images.image_vectors[rows].mean(axis=0), atol=1e-3)
    assert not np.allclose(tensors["image_mean"], tensors["text_mean"], atol=1e-3)


def made(images, folder, settings=SETTINGS, **more):
    return list(make_autoencoder(images, folder, settings, **more))


def test_an_autoencoder_keeps_k_latents_and_rebuilds_better_as_it_learns(images, home):
    folder = home / "models" / "sae"
    reports = made(images, folder)
    model = load_model(folder)
    searcher = Searcher(images, model)
    counts = np.diff(searcher.images.matrix.indptr)
    assert counts.max() <= 3
    assert counts.mean() > 2
    assert reports[-1].explained > reports[0].explained > 0
    found = evaluate(images, model)
    assert found["active_terms"]["query"] <= 3
    assert not run_folder(folder).exists()


def test_a_stopped_autoencoder_goes_on_to_the_same_weights(images, home, monkeypatch):
    monkeypatch.setattr(autoencoder_run, "_SAVE_EVERY", 20)
    made(images, home / "models" / "whole")
    folder = home / "models" / "parts"
    run = make_autoencoder(images, folder, SETTINGS)
    next(run)
    run.close()
    with pytest.raises(ModelError, match="Add --resume to go on"):
        made(images, folder)
    with pytest.raises(ModelError, match="other settings"):
        made(images, folder, AutoencoderSettings(latents=24, k=2, steps=40), resume=True)
    reports = made(images, folder, resume=True)
    assert reports[0].step == 40
    whole, parts = (load_model(home / "models" / name).tensors for name in ("whole", "parts"))
    for name, one in whole.items():
        assert np.allclose(one, parts[name], atol=1e-3), name


def test_only_dead_latents_learn_what_the_others_missed(images, home):
    sides = tuple(
        np.asarray(one, np.float32) for one in (images.image_vectors, images.caption_vectors)
    )
    run = autoencoder_run.Run(SETTINGS, sides, images.caption_image_rows, home)
    run.begin(images, resume=False)
    run.silent[5:9] = 10**6
    assert run.n_dead == 4
    found = run.images - run.parts["input_bias"]
    missed = torch.ones_like(found)
    run._auxiliary(found, missed, run.silent > 0).backward()
    learnt = run.parts["encoder"].grad.abs().sum(dim=1) > 0
    assert learnt[5:9].any()
    assert not learnt[:5].any()
    assert not learnt[9:].any()


def test_sums_of_few_latents_are_those_of_a_dense_product():
    source = torch.Generator().manual_seed(3)
    rows = torch.randn(200, 8, generator=source)
    for k in (5, 100):  # one by one, and as one product
        raw = torch.randn(7, 200, generator=source)
        found = strongest(raw, k)
        kept = np.where(raw >= raw.topk(k, dim=1).values[:, -1:], raw.clamp_min(0), 0)
        assert torch.allclose(summed(found, rows), torch.tensor(kept) @ rows, atol=1e-4)


def test_the_number_of_steps_follows_from_the_images():
    settings = AutoencoderSettings(batch_size=256)
    assert settings.for_images(12_000).steps == 937
    assert settings.for_images(100).steps == 200
    assert settings.for_images(10**6).steps == 4_000
    assert AutoencoderSettings(steps=7).for_images(12_000).steps == 7


def test_settings_that_no_autoencoder_can_have_are_refused(images, home):
    with pytest.raises(QueryError, match=r"24 latents, 30 of them active"):
        made(images, home / "models" / "sae", AutoencoderSettings(latents=24, k=30))


def test_latents_are_named_after_the_captions_that_fire_them():
    """Two latents that fire for dogs and for cats, one for no word in particular, one for none."""
    texts = ["a dog runs", "a cat sleeps"] * 6
    captions = np.tile(np.eye(2, 3, dtype=np.float32), (6, 1))
    captions[:, 2] = 0.1
    encoder = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, -1, 0]], np.float32)
    tensors = {"encoder": encoder, "encoder_bias": np.zeros(4), "k": np.array([2])}
    names = named_latents(tensors, captions, texts)
    assert names.terms[0].split("#")[0] in ("dog", "runs")
    assert not any(" " in term for term in names.terms)
    assert names.words[1] in ("cat", "sleeps")
    assert names.terms[3] == "#3"
    assert names.literal_ids(texts[0]).tolist()[0] == 0
