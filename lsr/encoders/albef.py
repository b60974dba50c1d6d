"""ALBEF and LAVIS's BLIP without LAVIS: their towers rebuilt on transformers' ViT and BERT.

A folder that `python -m lsr convert` wrote holds LAVIS's own tensors under LAVIS's own names,
those of the two towers only; here they get the names of transformers.
Sources: ALBEF arXiv 2107.07651, BLIP arXiv 2201.12086, LAVIS 1.0.2 (github.com/salesforce/LAVIS).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from lsr.encoders.folders import WEIGHTS_FILE, folder_fingerprint, read_config, weight_files
from lsr.encoders.inputs import lavis_caption
from lsr.encoders.picture_inputs import Levels, WholePicture, checked
from lsr.encoders.towers import Inputs, Precision, TowerEncoder
from lsr.exceptions import ModelError, shorten
from lsr.storage.hub import Source

TOKENIZER_FILE = "tokenizer.json"
_MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
_DEVIATION = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
_HEAD = 64  # numbers an attention head, in every size that LAVIS publishes
_REMEDY = "Run `python -m lsr convert` again."
# LAVIS's names of the image tower, and transformers'; `qkv` is one matrix there and three here.
_PICTURE_NAMES = (
    ("cls_token", "embeddings.cls_token"),
    ("pos_embed", "embeddings.position_embeddings"),
    ("patch_embed.proj.", "embeddings.patch_embeddings.projection."),
    ("blocks.", "layers."),
    (".norm1.", ".layernorm_before."),
    (".norm2.", ".layernorm_after."),
    (".attn.proj.", ".attention.o_proj."),
)


class Sizes(NamedTuple):
    """The sizes of both towers, as their tensors say."""

    picture_size: int
    patch_size: int
    picture_width: int
    picture_inner: int
    picture_layers: int
    text_width: int
    text_inner: int
    text_layers: int
    vocabulary_size: int
    positions: int
    dense_size: int


def sizes_of(tensors: Mapping[str, Tensor]) -> Sizes:
    """The sizes that a converted checkpoint's tensors imply.

    Raises:
        KeyError: a tensor that says one of them is missing; StopIteration is never raised.
    """
    patches = tensors["visual_encoder.patch_embed.proj.weight"].shape
    cells = tensors["visual_encoder.pos_embed"].shape[1] - 1
    words = tensors["text_encoder.embeddings.word_embeddings.weight"].shape
    text_layer = "text_encoder.encoder.layer.0.intermediate.dense.weight"
    return Sizes(
        picture_size=round(cells**0.5) * patches[-1],
        patch_size=patches[-1],
        picture_width=patches[0],
        picture_inner=tensors["visual_encoder.blocks.0.mlp.fc1.weight"].shape[0],
        picture_layers=_layers(tensors, r"visual_encoder\.blocks\.(\d+)\."),
        text_width=words[1],
        text_inner=tensors[text_layer].shape[0],
        text_layers=_layers(tensors, r"text_encoder\.encoder\.layer\.(\d+)\."),
        vocabulary_size=words[0],
        positions=tensors["text_encoder.embeddings.position_embeddings.weight"].shape[0],
        dense_size=tensors["vision_proj.weight"].shape[0],
    )


def _layers(tensors: Mapping[str, Tensor], pattern: str) -> int:
    found = (re.match(pattern, name) for name in tensors)
    return 1 + max(int(match[1]) for match in found if match)


def load(family: str, source: Source, spec: str, precision: Precision = "auto") -> TowerEncoder:
    """The encoder in a folder that `python -m lsr convert` wrote.

    Raises:
        ModelError: the folder is half-written, damaged or of another family, or an unconverted
            checkpoint.
    """
    read_config(source, family)
    path = weight_files(source)[0]
    try:
        tensors = load_file(path)
        network = LavisNetwork(sizes_of(tensors))
        network.take(tensors)
    except (SafetensorError, OSError, KeyError, RuntimeError, ValueError) as problem:
        raise ModelError(
            f"`{WEIGHTS_FILE}` of `{source.name}` is damaged or holds other tensors than two "
            f"towers of LAVIS ({shorten(str(problem), 160)}). {_REMEDY}"
        ) from problem
    tokenizer = _tokenizer(source, network.sizes)
    towers = _LavisTowers(network, tokenizer)
    return TowerEncoder(spec, towers, folder_fingerprint(source), precision)


class LavisNetwork(nn.Module):
    """A ViT and a BERT, each with the projection of its first position.

    ALBEF's text side is the part of its BERT before the layers that look at the picture.
    """

    def __init__(self, sizes: Sizes) -> None:
        from transformers.models.bert.configuration_bert import BertConfig
        from transformers.models.bert.modeling_bert import BertModel
        from transformers.models.vit.configuration_vit import ViTConfig
        from transformers.models.vit.modeling_vit import ViTModel

        super().__init__()
        self.sizes = sizes
        picture = ViTConfig(
            hidden_size=sizes.picture_width,
            intermediate_size=sizes.picture_inner,
            num_hidden_layers=sizes.picture_layers,
            num_attention_heads=sizes.picture_width // _HEAD,
            image_size=sizes.picture_size,
            patch_size=sizes.patch_size,
            layer_norm_eps=1e-6,
        )
        text = BertConfig(
            vocab_size=sizes.vocabulary_size,
            hidden_size=sizes.text_width,
            intermediate_size=sizes.text_inner,
            num_hidden_layers=sizes.text_layers,
            num_attention_heads=sizes.text_width // _HEAD,
            max_position_embeddings=sizes.positions,
        )
        self.picture = ViTModel(picture, add_pooling_layer=False)
        self.text = BertModel(text, add_pooling_layer=False)
        self.vision_proj = nn.Linear(sizes.picture_width, sizes.dense_size)
        self.text_proj = nn.Linear(sizes.text_width, sizes.dense_size)

    def take(self, tensors: Mapping[str, Tensor]) -> None:
        """Fill all weights from LAVIS's tensors.

        Raises:
            RuntimeError: one is missing, left over, or of another shape.
        """
        own: dict[str, Tensor] = {}
        for name, tensor in tensors.items():
            tower, _, rest = name.partition(".")
            if tower == "visual_encoder":
                own |= _picture_tensors(rest, tensor)
            else:
                own[f"text.{rest}" if tower == "text_encoder" else name] = tensor
        # LAVIS adds no token types.
        types = "text.embeddings.token_type_embeddings.weight"
        own[types] = torch.zeros_like(self.state_dict()[types])
        self.load_state_dict({name: tensor.float() for name, tensor in own.items()})


def _picture_tensors(name: str, tensor: Tensor) -> dict[str, Tensor]:
    """One tensor of LAVIS's image tower under transformers' name, or the three of a `qkv`."""
    if name.startswith("norm."):
        return {f"picture.layernorm.{name.removeprefix('norm.')}": tensor}
    for theirs, ours in _PICTURE_NAMES:
        name = name.replace(theirs, ours)
    start, fused, kind = name.partition(".attn.qkv.")
    if not fused:
        return {f"picture.{name}": tensor}
    parts = zip("qkv", tensor.chunk(3), strict=True)
    return {f"picture.{start}.attention.{letter}_proj.{kind}": part for letter, part in parts}


class _LavisTowers:
    """LAVIS's own preparation of pictures (`blip_image_eval`) and captions (`blip_caption`)."""

    def __init__(self, network: LavisNetwork, tokenizer: Tokenizer) -> None:
        self.network: nn.Module = network
        self._towers = network
        self._tokenizer = tokenizer
        self._marks = tuple(tokenizer.token_to_id(mark) for mark in ("[CLS]", "[SEP]", "[PAD]"))
        side = network.sizes.picture_size
        levels = Levels(1 / 255, tuple(_MEAN.tolist()), tuple(_DEVIATION.tolist()))
        steps = WholePicture((side, side), None, Image.Resampling.BICUBIC, levels)
        self.steps = checked(steps, self.picture_inputs)

    def picture_inputs(self, picture: Image.Image) -> Inputs:
        side = self._towers.sizes.picture_size
        resized = picture.resize((side, side), Image.Resampling.BICUBIC)
        pixels = (np.asarray(resized, np.float32) / 255 - _MEAN) / _DEVIATION
        return {"pixel_values": torch.from_numpy(pixels.transpose(2, 0, 1)[None].copy())}

    def word_counts(self, texts: Sequence[str]) -> list[int]:
        return [len(row) for row in self._rows(texts)]

    def text_inputs(self, texts: Sequence[str]) -> Inputs:
        start, end, pad = self._marks
        rows = [[start, *row, end] for row in self._rows(texts)]
        longest = max(map(len, rows))
        ids = torch.tensor([row + [pad] * (longest - len(row)) for row in rows])
        lengths = torch.tensor([len(row) for row in rows])
        present = torch.arange(longest) < lengths[:, None]
        return {"input_ids": ids, "attention_mask": present.long()}

    def image_features(self, inputs: Inputs) -> Tensor:
        states = self._towers.picture(**inputs).last_hidden_state
        features: Tensor = self._towers.vision_proj(states[:, 0])
        return features

    def text_features(self, inputs: Inputs) -> Tensor:
        states = self._towers.text(**inputs).last_hidden_state
        features: Tensor = self._towers.text_proj(states[:, 0])
        return features

    def _rows(self, texts: Sequence[str]) -> list[list[int]]:
        most = self._towers.sizes.positions - 2
        written = [lavis_caption(text) for text in texts]
        found = self._tokenizer.encode_batch(written, add_special_tokens=False)
        return [encoding.ids[:most] for encoding in found]


def _tokenizer(source: Source, sizes: Sizes) -> Tokenizer:
    path = source.folder / TOKENIZER_FILE
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as problem:  # the tokenizers package raises nothing more precise
        raise ModelError(
            f"`{source.name}` holds no readable {TOKENIZER_FILE}. {_REMEDY}"
        ) from problem
    if tokenizer.get_vocab_size() > sizes.vocabulary_size:
        raise ModelError(
            f"The tokenizer of `{source.name}` has {tokenizer.get_vocab_size():,} entries, its "
            f"weights {sizes.vocabulary_size:,}. {_REMEDY}"
        )
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
