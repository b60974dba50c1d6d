"""LAVIS's checkpoint files made safetensors, once and explicitly.

A `.pth` file is a pickle, which can run code when it is opened carelessly. This is the only
place that opens one, and only with `weights_only=True`: torch then reads tensors and plain
containers and refuses everything else.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from lsr.encoders.albef import TOKENIZER_FILE, LavisNetwork, Sizes, sizes_of
from lsr.encoders.folders import CONFIG_FILE, WEIGHTS_FILE
from lsr.exceptions import ModelError, QueryError, UnknownNameError, shorten
from lsr.storage.files import write_json
from lsr.storage.folders import replacing_folder
from lsr.storage.places import BUNDLED_ENCODER

FAMILIES = ("albef", "blip-lavis")
PICTURE_SIZE = 224
"""What LAVIS's feature extractors read; fine-tuned retrieval checkpoints read 384."""


class Converted(NamedTuple):
    """A folder that `albef:` and `blip-lavis:` read."""

    folder: Path
    spec: str
    sizes: Sizes
    n_tensors: int


def convert(
    checkpoint: Path,
    folder: Path,
    family: str,
    *,
    picture_size: int = PICTURE_SIZE,
    tokenizer: Path = BUNDLED_ENCODER / "tokenizer.json",
) -> Converted:
    """Write the two towers of a LAVIS checkpoint as safetensors, with config and tokenizer.

    The table of positions is resized to `picture_size` as LAVIS does when it loads.

    Args:
        checkpoint: a `.pth` of ALBEF or BLIP, such as ALBEF.pth.
        folder: a new or empty folder.
        family: one of FAMILIES.
        tokenizer: the BERT vocabulary that both were trained with; the bundled one.

    Raises:
        UnknownNameError: no such file or family.
        QueryError: the folder holds something, or the picture size is no multiple of the
            patches' size.
        ModelError: the file is no such checkpoint, is damaged, or holds more than numbers.
    """
    if family not in FAMILIES:
        raise UnknownNameError(
            f"There is no family `{shorten(family)}` to convert. The families are: "
            f"{', '.join(f'`{one}`' for one in FAMILIES)}."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise QueryError(f"`{folder}` is there already and not empty. Name a new folder.")
    towers = _towers(_opened(checkpoint), checkpoint.name, family)
    _resize_positions(towers, picture_size, checkpoint.name)
    sizes = _checked(towers, checkpoint.name)
    vocabulary = Tokenizer.from_file(str(tokenizer))
    if not 0 <= sizes.vocabulary_size - vocabulary.get_vocab_size() <= 2:
        raise ModelError(
            f"`{checkpoint.name}` has {sizes.vocabulary_size:,} token vectors, the BERT vocabulary "
            f"{vocabulary.get_vocab_size():,} entries, to which BLIP adds 2. It was trained with "
            "another vocabulary, so it cannot be converted."
        )
    folder = folder.expanduser().resolve()
    with replacing_folder(folder) as temporary:
        save_file(towers, temporary / WEIGHTS_FILE)
        vocabulary.save(str(temporary / TOKENIZER_FILE))
        card = {"model_type": family, "source": checkpoint.name, "sizes": sizes._asdict()}
        write_json(temporary / CONFIG_FILE, card)
    return Converted(folder, f"{family}:{folder}", sizes, len(towers))


def _opened(checkpoint: Path) -> dict[str, Tensor]:
    """The named tensors of a checkpoint, read without running anything."""
    if not checkpoint.is_file():
        raise UnknownNameError(f"There is no file `{shorten(str(checkpoint))}`. Check the path.")
    mapped = zipfile.is_zipfile(checkpoint)  # older files cannot be read in parts
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about forms of pickle; what matters is raised
            content = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as why:  # a broken pickle makes torch raise almost anything
        # Torch goes on to recommend less safe ways of opening it.
        reason = str(why).rpartition("WeightsUnpickler error: ")[2].partition(". ")[0]
        raise ModelError(
            f"`{checkpoint.name}` is truncated, no checkpoint of torch, or holds more than "
            f"numbers, so it is not opened ({shorten(reason, 120)}). Download it again."
        ) from why
    nested = content.get("model", content) if isinstance(content, dict) else {}
    named = nested if isinstance(nested, dict) else {}
    return {str(k): v for k, v in named.items() if isinstance(v, Tensor)}


def _towers(tensors: dict[str, Tensor], name: str, family: str) -> dict[str, Tensor]:
    """Only what the two towers need, under LAVIS's names without `bert.`."""
    kept: dict[str, Tensor] = {}
    fusing: set[int] = set()
    for key, tensor in tensors.items():
        plain = re.sub(r"^text_encoder\.bert\.", "text_encoder.", key)
        layer = re.match(r"text_encoder\.encoder\.layer\.(\d+)\.(crossattention\.)?", plain)
        if layer and layer[2]:
            fusing.add(int(layer[1]))
        elif _needed(plain):
            kept[plain] = tensor.detach().float().contiguous().clone()
    if family == "albef":
        # Its BERT looks at the picture from the middle on; the text side is what comes before.
        kept = {key: tensor for key, tensor in kept.items() if _layer(key) not in fusing}
    if not kept:
        raise ModelError(
            f"`{name}` holds {len(tensors):,} tensors but none of the towers of ALBEF or BLIP as "
            "LAVIS names them. Give a checkpoint of LAVIS, such as ALBEF.pth."
        )
    return kept


def _needed(key: str) -> bool:
    return bool(
        re.match(
            r"visual_encoder\.(cls_token|pos_embed|patch_embed\.|blocks\.|norm\.)"
            r"|text_encoder\.(embeddings\.(?!position_ids|token_type)|encoder\.layer\.)"
            r"|(vision|text)_proj\.",
            key,
        )
    )


def _layer(key: str) -> int:
    found = re.match(r"text_encoder\.encoder\.layer\.(\d+)\.", key)
    return int(found[1]) if found else -1


def _resize_positions(towers: dict[str, Tensor], picture_size: int, name: str) -> None:
    try:
        table = towers["visual_encoder.pos_embed"]
        patch = towers["visual_encoder.patch_embed.proj.weight"].shape[-1]
    except KeyError as missing:
        raise ModelError(
            f"`{name}` lacks {missing.args[0]}. Give a checkpoint of LAVIS, such as ALBEF.pth."
        ) from None
    if picture_size < patch or picture_size % patch:
        raise QueryError(
            f"Pictures of {picture_size} pixels cannot be cut into patches of {patch}. Use a "
            f"multiple of {patch}."
        )
    old, new = round((table.shape[1] - 1) ** 0.5), picture_size // patch
    if old == new:
        return
    grid = table[:, 1:].reshape(1, old, old, -1).permute(0, 3, 1, 2)
    grid = functional.interpolate(grid, size=(new, new), mode="bicubic", align_corners=False)
    cells = grid.permute(0, 2, 3, 1).flatten(1, 2)
    towers["visual_encoder.pos_embed"] = torch.cat([table[:, :1], cells], dim=1).contiguous()


def _checked(towers: dict[str, Tensor], name: str) -> Sizes:
    """The sizes, once the tensors have filled the networks that will read them."""
    try:
        sizes = sizes_of(towers)
        LavisNetwork(sizes).take(towers)
    except (KeyError, RuntimeError, ValueError) as problem:
        raise ModelError(
            f"The tensors of `{name}` are not those of two whole towers "
            f"({shorten(str(problem), 160)}). Give a checkpoint of LAVIS, such as ALBEF.pth."
        ) from problem
    return sizes
