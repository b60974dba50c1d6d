"""ALBEF and LAVIS's BLIP without LAVIS: an independent reading of the same tensors, and LAVIS."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from lsr.encoders import albef
from lsr.encoders.inputs import lavis_caption
from lsr.encoders.lavis_checkpoint import Converted, convert
from lsr.encoders.loading import load_encoder
from lsr.encoders.towers import TowerEncoder
from lsr.exceptions import ModelError, QueryError, UnknownNameError
from lsr.storage.hub import Source
from tests.conftest import make_tokenizer
from tests.encoders import tiny

FAMILIES = ["albef", "blip-lavis"]
TEXTS = ["A dog, on the (beach).", "two", "red car in the city * a cat!"]
PICTURES = [tiny.picture(seed, (50, 40)) for seed in range(3)]
HEADS = 2


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    path = tmp_path / "words.json"
    make_tokenizer().save(str(path))
    return path


def converted(tmp_path: Path, family: str, tokenizer: Path, picture_size: int = 32) -> Converted:
    tiny.save_lavis(tmp_path / "tiny.pth", family)
    target = tmp_path / f"converted-{picture_size}"
    return convert(
        tmp_path / "tiny.pth", target, family, picture_size=picture_size, tokenizer=tokenizer
    )


def loaded(made: Converted) -> TowerEncoder:
    """In single precision, whatever the hardware can."""
    family = made.spec.partition(":")[0]
    return albef.load(family, Source(made.folder, made.folder.name), made.spec, "float32")


class Reading:
    """Both towers written down once more, from LAVIS's names and nothing else."""

    def __init__(self, tensors: dict[str, torch.Tensor]) -> None:
        self.tensors = {name: tensor.double() for name, tensor in tensors.items()}

    def linear(self, name: str, states: torch.Tensor) -> torch.Tensor:
        return states @ self.tensors[f"{name}.weight"].T + self.tensors[f"{name}.bias"]

    def norm(self, name: str, states: torch.Tensor, epsilon: float) -> torch.Tensor:
        centred = states - states.mean(-1, keepdim=True)
        scaled = centred / (centred.pow(2).mean(-1, keepdim=True) + epsilon).sqrt()
        return scaled * self.tensors[f"{name}.weight"] + self.tensors[f"{name}.bias"]

    def attention(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
    ) -> torch.Tensor:
        outputs = []
        for q, k, v in zip(*(x.chunk(HEADS, -1) for x in (query, key, value)), strict=True):
            outputs.append(torch.softmax(q @ k.T / q.shape[-1] ** 0.5, -1) @ v)
        return torch.cat(outputs, -1)

    def image(self, pixels: torch.Tensor) -> np.ndarray:
        """(3, side, side) pixels to a unit vector."""
        name = "visual_encoder"
        weight = self.tensors[f"{name}.patch_embed.proj.weight"]
        cells = functional.conv2d(pixels[None].double(), weight, stride=weight.shape[-1])
        states = cells[0].flatten(1).T + self.tensors[f"{name}.patch_embed.proj.bias"]
        states = torch.cat([self.tensors[f"{name}.cls_token"][0], states])
        states = states + self.tensors[f"{name}.pos_embed"][0]
        for i in range(2):
            block = f"{name}.blocks.{i}"
            fused = self.linear(f"{block}.attn.qkv", self.norm(f"{block}.norm1", states, 1e-6))
            read = self.attention(*fused.chunk(3, -1))
            states = states + self.linear(f"{block}.attn.proj", read)
            inner = self.linear(f"{block}.mlp.fc1", self.norm(f"{block}.norm2", states, 1e-6))
            states = states + self.linear(f"{block}.mlp.fc2", functional.gelu(inner))
        return self.unit("vision_proj", self.norm(f"{name}.norm", states, 1e-6))

    def text(self, ids: list[int], layers: int) -> np.ndarray:
        """Token ids to a unit vector."""
        name = "text_encoder.embeddings"
        states = self.tensors[f"{name}.word_embeddings.weight"][ids]
        states = states + self.tensors[f"{name}.position_embeddings.weight"][: len(ids)]
        states = self.norm(f"{name}.LayerNorm", states, 1e-12)
        for i in range(layers):
            layer = f"text_encoder.encoder.layer.{i}"
            parts = (f"{layer}.attention.self.{part}" for part in ("query", "key", "value"))
            read = self.attention(*(self.linear(part, states) for part in parts))
            read = self.linear(f"{layer}.attention.output.dense", read)
            states = self.norm(f"{layer}.attention.output.LayerNorm", states + read, 1e-12)
            inner = functional.gelu(self.linear(f"{layer}.intermediate.dense", states))
            inner = self.linear(f"{layer}.output.dense", inner)
            states = self.norm(f"{layer}.output.LayerNorm", states + inner, 1e-12)
        return self.unit("text_proj", states)

    def unit(self, name: str, states: torch.Tensor) -> np.ndarray:
        vector = self.linear(name, states[0])
        return (vector / vector.norm()).numpy()


@pytest.mark.parametrize(("family", "layers"), [("albef", 2), ("blip-lavis", 4)])
def test_both_towers_agree_with_an_independent_reading(tmp_path, tokenizer, family, layers):
    encoder = loaded(converted(tmp_path, family, tokenizer))
    reading = Reading(tiny.lavis_tensors(family))
    images = encoder.encode_images(PICTURES)
    for picture, vector in zip(PICTURES, images, strict=True):
        pixels = torch.tensor(np.asarray(picture.resize((32, 32), 3)) / 255.0)
        mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])
        deviation = torch.tensor([0.26862954, 0.26130258, 0.27577711])
        expected = reading.image(((pixels - mean) / deviation).permute(2, 0, 1))
        np.testing.assert_allclose(vector, expected, atol=1e-5)
    words = ["a dog , on the beach", "two", "red car in the city a cat"]
    for text, vector in zip(words, encoder.encode_texts(TEXTS), strict=True):
        ids = [3, *make_tokenizer().encode(text, add_special_tokens=False).ids, 4]
        np.testing.assert_allclose(vector, reading.text(ids, layers), atol=1e-5)


def test_threads_and_device_give_the_pixels_that_lavis_gives(tmp_path, tokenizer):
    read = loaded(converted(tmp_path, "albef", tokenizer))._towers
    assert read.steps is not None
    for seed, shape in enumerate([(500, 375), (9, 80), (1, 1), (32, 32)]):
        picture = tiny.picture(seed, shape)
        found = read.steps.finish(read.steps.prepare(picture))["pixel_values"]
        expected = read.picture_inputs(picture)["pixel_values"]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_captions_are_read_as_lavis_reads_them():
    """By hand from BlipCaptionProcessor.pre_caption of LAVIS 1.0.2."""
    assert lavis_caption('A "Dog" (black).') == "a dog black"
    assert lavis_caption("one:two;three~four#five*") == "one two three four five"
    assert lavis_caption("a dog, a cat\n") == "a dog, a cat"
    assert lavis_caption(" ".join(map(str, range(80)))).split() == [str(n) for n in range(50)]
    assert lavis_caption("...!") == ""


def test_a_text_of_marks_alone_is_refused(tmp_path, tokenizer):
    encoder = loaded(converted(tmp_path, "albef", tokenizer))
    with pytest.raises(QueryError, match=r"'\.\.\.!' holds no word"):
        encoder.encode_texts(["...!"])


def test_positions_are_resized_to_the_picture_size_and_otherwise_left_alone(tmp_path, tokenizer):
    table = tiny.lavis_tensors("albef")["visual_encoder.pos_embed"]
    made = converted(tmp_path, "albef", tokenizer, picture_size=48)
    resized = load_file(made.folder / "model.safetensors")["visual_encoder.pos_embed"]
    assert resized.shape == (1, 6 * 6 + 1, 128)
    torch.testing.assert_close(resized[:, 0], table[:, 0])
    grid = table[0, 1:].reshape(4, 4, 128).permute(2, 0, 1)[None]
    expected = functional.interpolate(grid, (6, 6), mode="bicubic", align_corners=False)
    torch.testing.assert_close(resized[0, 1:], expected[0].flatten(1).T)
    assert loaded(made).encode_images(PICTURES).shape == (3, 12)
    same = converted(tmp_path, "albef", tokenizer)
    torch.testing.assert_close(
        load_file(same.folder / "model.safetensors")["visual_encoder.pos_embed"], table
    )


def test_the_command_converts_and_names_the_encoder(tmp_path, answer, monkeypatch):
    monkeypatch.setattr("tests.encoders.tiny._VOCABULARY", 30_522)
    tiny.save_lavis(tmp_path / "ALBEF.pth", "albef")
    target = tmp_path / "albef"
    given = ["convert", str(tmp_path / "ALBEF.pth"), "--to", str(target), "--family", "albef"]
    said = answer(*given, "--picture-size", "32")
    assert said["encoder"] == f"albef:{target}"
    assert (said["dense_size"], said["text_layers"], said["picture_layers"]) == (12, 2, 2)
    assert sorted(path.name for path in target.iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    checked = answer("encoder", said["encoder"])
    assert (checked["encoder"], checked["dense_size"]) == (said["encoder"], 12)
    assert checked["fingerprint"] == load_encoder(said["encoder"]).fingerprint


class Careless:
    """What a malicious checkpoint can hold."""

    def __reduce__(self):
        return (Path("ran").touch, ())


def test_a_checkpoint_that_could_run_code_is_refused_and_nothing_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"model": tiny.lavis_tensors("albef"), "extra": Careless()}, "bad.pth")
    Path("old.pth").write_bytes(pickle.dumps({"model": Careless()}))
    for name in ("bad.pth", "old.pth"):
        with pytest.raises(ModelError, match=rf"`{name}` is truncated, no checkpoint of torch, or"):
            convert(Path(name), tmp_path / "out", "albef")
    assert not Path("ran").exists()
    assert not (tmp_path / "out").exists()


def test_a_truncated_checkpoint_is_refused(tmp_path):
    tiny.save_lavis(tmp_path / "cut.pth", "albef")
    content = (tmp_path / "cut.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.pth").write_bytes(b"abc" * 100)
    for name in ("cut.pth", "text.pth"):
        with pytest.raises(ModelError, match=f"`{name}` is truncated"):
            convert(tmp_path / name, tmp_path / "out", "albef")


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    torch.save({"state_dict": {"layer.weight": torch.ones(2)}}, tmp_path / "other.pth")
    torch.save({"layer.weight": torch.ones(2)}, tmp_path / "flat.pth")
    for name, n in (("other.pth", 0), ("flat.pth", 1)):
        with pytest.raises(ModelError, match=f"holds {n} tensors but none of the towers"):
            convert(tmp_path / name, tmp_path / "out", "albef")


def test_a_checkpoint_that_lacks_a_tensor_is_refused_by_its_name(tmp_path, tokenizer):
    for lost in ("visual_encoder.pos_embed", "visual_encoder.blocks.1.norm1.bias"):
        tensors = tiny.lavis_tensors("blip-lavis")
        del tensors[lost]
        torch.save({"model": tensors}, tmp_path / "part.pth")
        with pytest.raises(ModelError, match="`part.pth`"):
            convert(
                tmp_path / "part.pth",
                tmp_path / "out",
                "blip-lavis",
                picture_size=32,
                tokenizer=tokenizer,
            )
    assert not (tmp_path / "out").exists()


def test_another_vocabulary_is_refused_with_both_counts(tmp_path):
    tiny.save_lavis(tmp_path / "tiny.pth", "albef")
    with pytest.raises(ModelError, match="has 42 token vectors, the BERT vocabulary 30,522"):
        convert(tmp_path / "tiny.pth", tmp_path / "out", "albef", picture_size=32)


def test_conversion_refuses_what_it_would_overwrite_or_cannot_cut(tmp_path, tokenizer):
    tiny.save_lavis(tmp_path / "tiny.pth", "albef")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "photo.jpg").touch()
    for folder, size, message in (
        (tmp_path / "full", 32, "is there already and not empty"),
        (tmp_path / "out", 30, "Pictures of 30 pixels cannot be cut into patches of 8"),
    ):
        with pytest.raises(QueryError, match=message):
            convert(tmp_path / "tiny.pth", folder, "albef", picture_size=size, tokenizer=tokenizer)
    assert (tmp_path / "full" / "photo.jpg").exists()
    with pytest.raises(UnknownNameError, match="no family `vilt` to convert"):
        convert(tmp_path / "tiny.pth", tmp_path / "out", "vilt")
    with pytest.raises(UnknownNameError, match="There is no file"):
        convert(tmp_path / "none.pth", tmp_path / "out", "albef")


def test_a_converted_folder_that_was_damaged_is_refused(tmp_path, tokenizer):
    made = converted(tmp_path, "albef", tokenizer)
    weights = made.folder / "model.safetensors"
    tensors = load_file(weights)
    del tensors["text_proj.bias"]
    save_file(tensors, weights)
    with pytest.raises(ModelError, match="text_proj.bias.*Run `python -m lsr convert` again"):
        loaded(made)
    (made.folder / "tokenizer.json").write_text("{}")
    save_file(tiny.lavis_tensors("albef"), weights)
    card = json.loads((made.folder / "config.json").read_text())
    (made.folder / "config.json").write_text(json.dumps({**card, "model_type": "blip-lavis"}))
    with pytest.raises(ModelError, match="is a checkpoint of `blip-lavis`, but `albef:` reads"):
        loaded(made)


def test_a_converted_folder_without_its_tokenizer_is_refused(tmp_path, tokenizer):
    made = converted(tmp_path, "albef", tokenizer)
    (made.folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match="holds no readable tokenizer.json"):
        loaded(made)
