"""Checkpoints of transformers: their vectors against transformers' own scores, and the doors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from lsr.encoders import huggingface, towers
from lsr.encoders.loading import load_encoder
from lsr.encoders.towers import TowerEncoder
from lsr.exceptions import EncoderError, ModelError
from lsr.storage.hub import Source
from tests.encoders import tiny

TEXTS = ["a dog on the beach", "two", "red car in the city, a cat", "cat"]
PICTURES = [tiny.picture(seed, (32, 32)) for seed in range(3)]


def loaded(family: str, folder: Path, precision: towers.Precision = "float32") -> TowerEncoder:
    return huggingface.load(family, Source(folder, folder.name), f"{family}:{folder}", precision)


def inputs(encoder: TowerEncoder) -> dict[str, torch.Tensor]:
    """Texts and pictures for transformers' own forward pass."""
    read = encoder._towers
    pixels = [read.picture_inputs(picture) for picture in PICTURES]
    joined = {name: torch.cat([one[name] for one in pixels]) for name in pixels[0]}
    return {**read.text_inputs(TEXTS), **joined}


def products(encoder: TowerEncoder) -> np.ndarray:
    return encoder.encode_images(PICTURES) @ encoder.encode_texts(TEXTS).T


def test_blip_products_are_its_own_matching_score(tmp_path):
    network = tiny.make_blip(tmp_path)
    encoder = loaded("blip", tmp_path)
    with torch.no_grad():
        score = network(**inputs(encoder), use_itm_head=False).itm_score
    np.testing.assert_allclose(products(encoder), score, atol=1e-5)


def test_clip_products_are_its_own_logits_without_the_temperature(tmp_path):
    network = tiny.make_clip(tmp_path)
    encoder = loaded("clip", tmp_path)
    with torch.no_grad():
        logits = network(**inputs(encoder)).logits_per_image / network.logit_scale.exp()
    np.testing.assert_allclose(products(encoder), logits, atol=1e-5)


@pytest.mark.parametrize("make", [tiny.make_siglip, tiny.make_siglip2])
def test_siglip_products_are_its_own_logits_without_temperature_and_bias(tmp_path, make):
    network = make(tmp_path)
    encoder = loaded("siglip", tmp_path)
    with torch.no_grad():
        logits = network(**inputs(encoder)).logits_per_image
        cosines = (logits - network.logit_bias) / network.logit_scale.exp()
    np.testing.assert_allclose(products(encoder), cosines, atol=1e-5)


def test_siglip_texts_are_lower_case_and_padded_to_the_full_length(tmp_path):
    tiny.make_siglip(tmp_path)
    encoder = loaded("siglip", tmp_path)
    assert encoder._towers.text_inputs(["cat"])["input_ids"].tolist() == [[3, 11, 4, *[0] * 9]]
    np.testing.assert_array_equal(encoder.encode_texts(["A CAT"]), encoder.encode_texts(["a cat"]))


def test_a_text_is_cut_at_the_longest_length_with_its_end_mark(tmp_path):
    tiny.make_blip(tmp_path)
    encoder = loaded("blip", tmp_path)
    ids = encoder._towers.text_inputs(["a " * 300])["input_ids"]
    assert ids.shape == (1, 12)
    assert ids[0, -1] == 4


def test_weights_are_rounded_only_where_the_hardware_multiplies_them(tmp_path, monkeypatch):
    tiny.make_clip(tmp_path)
    exact = loaded("clip", tmp_path)
    for native, precision in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(towers, "_has_bfloat16", lambda device, native=native: native)
        encoder = loaded("clip", tmp_path, "auto")
        assert encoder.precision == precision
        for encode in ("encode_texts", "encode_images"):
            given = TEXTS if encode == "encode_texts" else PICTURES
            vectors = getattr(encoder, encode)(given)
            cosines = (vectors * getattr(exact, encode)(given)).sum(axis=1)
            assert cosines.min() > 0.999
            np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert encoder.least_cosine is None


def test_rounding_that_costs_too_much_is_taken_back_exactly(tmp_path, monkeypatch):
    tiny.make_clip(tmp_path)
    exact = loaded("clip", tmp_path)
    monkeypatch.setattr(towers, "_has_bfloat16", lambda device: True)
    monkeypatch.setattr(towers, "LEAST_COSINE", 0.99999)
    encoder = loaded("clip", tmp_path, "auto")
    assert (encoder.precision, encoder.least_cosine < 0.99999) == ("float32", True)
    np.testing.assert_array_equal(encoder.encode_texts(TEXTS), exact.encode_texts(TEXTS))
    np.testing.assert_array_equal(encoder.encode_images(PICTURES), exact.encode_images(PICTURES))


def test_weights_in_half_precision_are_computed_with_in_single(tmp_path):
    network = tiny.make_clip(tmp_path)
    network.half().save_pretrained(tmp_path)
    encoder = loaded("clip", tmp_path)
    assert next(encoder._network.parameters()).dtype == torch.float32
    assert encoder.encode_texts(TEXTS).dtype == np.float32


def test_weights_in_parts_are_read_whole_or_not_at_all(tmp_path):
    network = tiny.make_clip(tmp_path)
    whole = loaded("clip", tmp_path).encode_texts(TEXTS)
    (tmp_path / "model.safetensors").unlink()
    network.save_pretrained(tmp_path, max_shard_size="20KB")
    parts = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(parts) > 2
    np.testing.assert_allclose(loaded("clip", tmp_path).encode_texts(TEXTS), whole, atol=1e-6)
    parts[1].unlink()
    with pytest.raises(ModelError, match=rf"lacks 1 of the {len(parts)} parts.*{parts[1].name}"):
        loaded("clip", tmp_path)


def test_a_checkpoint_of_another_family_is_refused(tmp_path):
    tiny.make_clip(tmp_path)
    with pytest.raises(ModelError, match="is a checkpoint of `clip`, but `blip:` reads `blip`"):
        loaded("blip", tmp_path)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("config.json", "holds no config.json, so it is half-written"),
        ("model.safetensors", "holds no model.safetensors. Save or download"),
        ("tokenizer.json", r"holds no tokenizer \(tokenizer.json or vocab.txt"),
        ("preprocessor_config.json", r"holds no picture settings \(preprocessor_config.json"),
    ],
)
def test_a_half_written_folder_is_refused_by_the_name_of_what_it_lacks(tmp_path, file, message):
    tiny.make_blip(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(ModelError, match=message):
        loaded("blip", tmp_path)


def test_pickled_weights_are_refused_with_the_command_that_converts_them(tmp_path):
    network = tiny.make_clip(tmp_path)
    weights = tmp_path / "model.safetensors"
    expected = loaded("clip", tmp_path).encode_texts(TEXTS)
    weights.unlink()
    torch.save(network.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="can run code.*weights_only=True") as refused:
        loaded("clip", tmp_path)
    code = str(refused.value).split('python -c "')[1].rsplit('"`', 1)[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        exec(code)
    np.testing.assert_array_equal(loaded("clip", tmp_path).encode_texts(TEXTS), expected)


def test_truncated_weights_are_refused(tmp_path):
    tiny.make_clip(tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="`model.safetensors` of .* is truncated or damaged"):
        loaded("clip", tmp_path)


def test_random_numbers_never_stand_in_for_missing_tensors(tmp_path):
    tiny.make_clip(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["text_projection.weight"]
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="lacks 1 tensors, such as text_projection.weight"):
        loaded("clip", tmp_path)


def test_tensors_of_other_sizes_than_the_configuration_are_refused(tmp_path):
    tiny.make_clip(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["projection_dim"] = 10
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="weights of .* cannot be read"):
        loaded("clip", tmp_path)


def test_a_blip_that_was_not_made_for_retrieval_is_refused(tmp_path):
    tiny.make_blip(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if "_proj" not in name}
    save_file(kept, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="without vision_proj.weight and text_proj.weight"):
        loaded("blip", tmp_path)


def test_a_tokenizer_that_needs_another_package_names_it(tmp_path, monkeypatch):
    tiny.make_siglip(tmp_path)

    def needs(*_, **__):
        raise ImportError("SiglipTokenizer requires the SentencePiece library but it was not found")

    from transformers.models.auto.tokenization_auto import AutoTokenizer

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", needs)
    with pytest.raises(EncoderError, match="needs the package sentencepiece. Run `python -m pip"):
        loaded("siglip", tmp_path)


def test_an_encoder_is_loaded_again_when_its_weights_change(tmp_path):
    tiny.make_clip(tmp_path)
    first = load_encoder(f"clip:{tmp_path}")
    assert load_encoder(f"clip:{tmp_path}") is first
    tiny.make_clip(tmp_path, seed=1)
    assert load_encoder(f"clip:{tmp_path}").fingerprint != first.fingerprint


def test_loading_is_silent(tmp_path, capfd):
    tiny.make_clip(tmp_path)
    capfd.readouterr()
    loaded("clip", tmp_path)
    assert "Loading weights" not in "".join(capfd.readouterr())
