"""Tiny encoders of every family with seeded random weights, saved to disk as their makers do.

transformers is imported where it is used: every worker that runs tests imports this module, and
few make an encoder.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from lsr.encoders.bundled_config import EncoderConfig
from lsr.encoders.bundled_networks import ImageNetwork, TextNetwork
from lsr.encoders.lavis import LavisEncoder
from lsr.encoders.worker import Patience, Worker
from tests.conftest import make_tokenizer

WORDS = ["[PAD]", "[UNK]", "a", "dog", "cat", "car", "on", "the", "beach", "two", "moon", ","]
BUNDLED = EncoderConfig(
    vocabulary_size=len(WORDS),
    dense_size=8,
    picture_size=32,
    channels=(4, 6, 8),
    pool_queries=2,
    attention_heads=2,
    max_tokens=6,
)
PATIENCE = Patience(600, 600)
STAND_IN = Path(__file__).with_name("stand_in_worker.py")
_VOCABULARY = make_tokenizer().get_vocab_size()
_TOWER = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
_TEXT = _TOWER | {"vocab_size": _VOCABULARY, "max_position_embeddings": 12}
_MARKS = {"bos_token_id": 3, "eos_token_id": 4, "sep_token_id": 4, "pad_token_id": 0}
_PICTURE = _TOWER | {"image_size": 32, "patch_size": 8}
_SQUARE = {"height": 32, "width": 32}


def picture(seed: int = 0, size: tuple[int, int] = (40, 30)) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def make_bundled(target: Path, seed: int = 5) -> None:
    """A random encoder's folder, every weight and statistic far from its initial value."""
    torch.manual_seed(seed)
    tensors: dict[str, torch.Tensor] = {}
    for prefix, network in (("image.", ImageNetwork(BUNDLED)), ("text.", TextNetwork(BUNDLED))):
        for name, tensor in network.state_dict().items():
            changed = (
                tensor + 0.2 * torch.rand_like(tensor) if tensor.is_floating_point() else tensor
            )
            tensors[prefix + name] = changed.half() if tensor.is_floating_point() else tensor
    tensors["token_codes"] = torch.randint(-127, 128, (len(WORDS), 8), dtype=torch.int8)
    tensors["token_scales"] = torch.full((len(WORDS),), 0.01)
    save_file(tensors, target / "model.safetensors")
    (target / "config.json").write_text(json.dumps(asdict(BUNDLED)))
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.save(str(target / "tokenizer.json"))


def make_blip(folder: Path, seed: int = 0) -> Any:
    from transformers.models.blip.configuration_blip import BlipConfig
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil
    from transformers.models.blip.modeling_blip import BlipForImageTextRetrieval

    config = BlipConfig(
        text_config=_TEXT | _MARKS, vision_config=_PICTURE, image_text_hidden_size=12
    )
    network = _random(BlipForImageTextRetrieval, config, seed)
    return _saved(folder, network, _words(), BlipImageProcessorPil(size=_SQUARE))


def make_clip(folder: Path, seed: int = 0) -> Any:
    from transformers.models.clip.configuration_clip import CLIPConfig
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    from transformers.models.clip.modeling_clip import CLIPModel

    config = CLIPConfig(text_config=_TEXT | _MARKS, vision_config=_PICTURE, projection_dim=12)
    processor = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=_SQUARE)
    return _saved(folder, _random(CLIPModel, config, seed), _words(), processor)


def make_siglip(folder: Path, seed: int = 0) -> Any:
    from transformers.models.siglip.configuration_siglip import SiglipConfig
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
    from transformers.models.siglip.modeling_siglip import SiglipModel

    config = SiglipConfig(text_config=_TEXT | _MARKS, vision_config=_PICTURE)
    processor = SiglipImageProcessorPil(size=_SQUARE)
    return _saved(folder, _random(SiglipModel, config, seed), _words(), processor)


def make_siglip2(folder: Path, seed: int = 0) -> Any:
    """The kind that keeps the shape of a picture, with a tokenizer of letters."""
    from transformers.models.siglip2.configuration_siglip2 import Siglip2Config
    from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil
    from transformers.models.siglip2.modeling_siglip2 import Siglip2Model
    from transformers.models.siglip2.tokenization_siglip2 import Siglip2Tokenizer

    patches = {"patch_size": 8, "num_patches": 16}
    config = Siglip2Config(text_config=_TEXT | _MARKS, vision_config=_TOWER | patches)
    letters = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *"abcdefghijklmnopqrstuvwxyz"]
    tokenizer = Siglip2Tokenizer(vocab={one: row for row, one in enumerate(letters)}, merges=[])
    processor = Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16)
    return _saved(folder, _random(Siglip2Model, config, seed), tokenizer, processor)


def _random(network: Any, config: Any, seed: int) -> Any:
    torch.manual_seed(seed)
    made = network(config).eval()
    for parameter in made.parameters():
        parameter.data += 0.15 * torch.randn_like(parameter)
    return made


def _words() -> Any:
    from transformers.tokenization_utils_tokenizers import TokenizersBackend

    tokenizer = make_tokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 3), ("[SEP]", 4)]
    )
    marks = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return TokenizersBackend(tokenizer_object=tokenizer, **marks)


def _saved(folder: Path, network: Any, *parts: Any) -> Any:
    """The network with its tokenizer and picture settings, written by transformers itself."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    for part in (network, *parts):
        part.save_pretrained(folder)
    logging.enable_progress_bar()
    return network


def lavis_tensors(family: str, seed: int = 0) -> dict[str, torch.Tensor]:
    """The tensors of a tiny ALBEF or BLIP as LAVIS names them, and some that are not needed."""
    rng = torch.Generator().manual_seed(seed)
    width, inner, dense, patch, cells = 128, 96, 12, 8, 16

    def linear(name: str, outputs: int, inputs: int) -> dict[str, torch.Tensor]:
        return {
            f"{name}.weight": torch.randn(outputs, inputs, generator=rng) / inputs**0.5,
            f"{name}.bias": 0.2 * torch.randn(outputs, generator=rng),
        }

    def norm(name: str) -> dict[str, torch.Tensor]:
        return {
            f"{name}.weight": 1 + 0.2 * torch.randn(width, generator=rng),
            f"{name}.bias": 0.2 * torch.randn(width, generator=rng),
        }

    seen, read = "visual_encoder", "text_encoder"
    tensors = {
        f"{seen}.cls_token": torch.randn(1, 1, width, generator=rng),
        f"{seen}.pos_embed": torch.randn(1, cells + 1, width, generator=rng),
        f"{seen}.patch_embed.proj.weight": torch.randn(width, 3, patch, patch, generator=rng) / 10,
        f"{seen}.patch_embed.proj.bias": torch.randn(width, generator=rng),
        **norm(f"{seen}.norm"),
        f"{read}.embeddings.word_embeddings.weight": torch.randn(
            _VOCABULARY + 2 * (family == "blip-lavis"), width, generator=rng
        ),
        f"{read}.embeddings.position_embeddings.weight": torch.randn(20, width, generator=rng),
        f"{read}.embeddings.position_ids": torch.arange(20)[None],
        **norm(f"{read}.embeddings.LayerNorm"),
        **linear("vision_proj", dense, width),
        **linear("text_proj", dense, width),
        "visual_encoder_m.cls_token": torch.zeros(1, 1, width),
        "temp": torch.tensor(0.07),
    }
    for i in range(2):
        block = f"{seen}.blocks.{i}"
        tensors |= norm(f"{block}.norm1") | norm(f"{block}.norm2")
        tensors |= linear(f"{block}.attn.qkv", 3 * width, width)
        tensors |= linear(f"{block}.attn.proj", width, width)
        tensors |= linear(f"{block}.mlp.fc1", inner, width)
        tensors |= linear(f"{block}.mlp.fc2", width, inner)
    for i in range(4):
        layer = f"{read}.encoder.layer.{i}"
        for part in ("attention.self.query", "attention.self.key", "attention.self.value"):
            tensors |= linear(f"{layer}.{part}", width, width)
        tensors |= linear(f"{layer}.attention.output.dense", width, width)
        tensors |= norm(f"{layer}.attention.output.LayerNorm") | norm(f"{layer}.output.LayerNorm")
        tensors |= linear(f"{layer}.intermediate.dense", inner, width)
        tensors |= linear(f"{layer}.output.dense", width, inner)
        if family == "blip-lavis" or i >= 2:  # the layers of ALBEF that look at the picture
            tensors |= linear(f"{layer}.crossattention.self.query", width, width)
    return tensors


def save_lavis(path: Path, family: str, seed: int = 0) -> dict[str, torch.Tensor]:
    """A checkpoint as LAVIS publishes it: nested, and ALBEF's text side under `bert.`."""
    tensors = lavis_tensors(family, seed)
    if family == "albef":
        tensors = {k.replace("text_encoder.", "text_encoder.bert."): t for k, t in tensors.items()}
    torch.save({"model": tensors, "epoch": 3, "config": {"lr": 0.1}}, path)
    return lavis_tensors(family, seed)


def stand_in(
    seed: int = 0, *words: str, patience: Patience = PATIENCE, name: str = "stand-in"
) -> LavisEncoder:
    """The parent side of LAVIS over a real child process with a model that needs no LAVIS."""
    return LavisEncoder(name, stand_in_worker(seed, *words, patience=patience))


def stand_in_worker(seed: int = 0, *words: str, patience: Patience = PATIENCE) -> Worker:
    return Worker([sys.executable, str(STAND_IN), str(seed), *words], "The stand-in", patience)


class Callable:
    """What a user might bring: a linear map, without unit norm and with lists as answer."""

    def __init__(self, seed: int = 0, size: int = 6) -> None:
        self._weights = np.random.default_rng(seed).normal(size=(26, size))
        self._colours = np.random.default_rng(seed + 1).normal(size=(4, size))

    def encode_texts(self, texts: Sequence[str]) -> list[list[float]]:
        counts = [[text.lower().count(chr(97 + i)) for i in range(26)] for text in texts]
        return (np.array(counts) @ self._weights + 0.1).tolist()

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        means = [np.asarray(image).reshape(-1, 3).mean(axis=0) / 255 for image in images]
        return np.column_stack([np.array(means), np.ones(len(means))]) @ self._colours
