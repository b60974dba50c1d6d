"""The folder of an encoder's checkpoint: whole, of the right kind, and nothing that runs code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from lsr.exceptions import ModelError, shorten
from lsr.storage.files import fingerprint, read_json
from lsr.storage.hub import Source, pickled

MODEL_TYPES = {
    "blip": ("blip",),
    "clip": ("clip",),
    "siglip": ("siglip", "siglip2"),
    "albef": ("albef",),
    "blip-lavis": ("blip-lavis",),
}
"""Families that are read from folders, and the `model_type` of the configurations of each."""

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
_PARTS_FILE = "model.safetensors.index.json"
_PICTURE_FILES = ("preprocessor_config.json", "processor_config.json")
_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model")
# All that is ever downloaded: no pickles and no code.
FILES = (
    CONFIG_FILE,
    "*.safetensors",
    _PARTS_FILE,
    *_PICTURE_FILES,
    *_TOKENIZER_FILES,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "merges.txt",
)
_REMEDY = "Save or download the folder again."


def read_config(source: Source, family: str) -> dict[str, Any]:
    """The `config.json` of a checkpoint of a family in MODEL_TYPES.

    Raises:
        ModelError: it is missing or damaged, or of another family.
    """
    path = source.folder / CONFIG_FILE
    if not path.is_file():
        raise ModelError(
            f"`{source.name}` holds no {CONFIG_FILE}, so it is half-written or no checkpoint. "
            f"{_REMEDY}"
        )
    config = read_json(path, ModelError)
    kind, expected = config.get("model_type"), MODEL_TYPES[family]
    if kind not in expected:
        raise ModelError(
            f"`{source.name}` is a checkpoint of `{shorten(str(kind))}`, but `{family}:` reads "
            f"{' and '.join(f'`{one}`' for one in expected)}. Name the encoder by its own family, "
            "or give another folder."
        )
    return config


def check_parts(source: Source) -> None:
    """Refuse a folder without all of its weights, tokenizer and picture settings.

    Raises:
        ModelError: the message names what is missing; pickled weights get the command that
            converts them.
    """
    weight_files(source)
    for noun, names in (("tokenizer", _TOKENIZER_FILES), ("picture settings", _PICTURE_FILES)):
        if not any((source.folder / name).is_file() for name in names):
            raise ModelError(
                f"`{source.name}` holds no {noun} ({' or '.join(names)}), so it is half-written. "
                f"{_REMEDY}"
            )


def weight_files(source: Source) -> list[Path]:
    """The safetensors files of a checkpoint, one or the parts that its index lists.

    Raises:
        ModelError: a file is missing.
    """
    whole, listed = source.folder / WEIGHTS_FILE, source.folder / _PARTS_FILE
    if whole.is_file():
        return [whole]
    if not listed.is_file():
        remedy = pickled(source.folder) or _REMEDY
        raise ModelError(f"`{source.name}` holds no {WEIGHTS_FILE}. {remedy}")
    parts = read_json(listed, ModelError).get("weight_map", {})
    names = sorted({Path(str(name)).name for name in parts.values()})
    absent = [name for name in names if not (source.folder / name).is_file()]
    if absent or not names:
        raise ModelError(
            f"`{source.name}` lacks {len(absent):,} of the {len(names):,} parts of its weights, "
            f"such as {absent[0] if absent else _PARTS_FILE}. {_REMEDY}"
        )
    return [source.folder / name for name in names]


def tensor_names(source: Source) -> set[str]:
    """The names of all tensors; their headers are read, their numbers are not.

    Raises:
        ModelError: a file is missing or damaged.
    """
    names: set[str] = set()
    for path in weight_files(source):
        try:
            with safe_open(path, framework="pt") as file:
                names.update(file.keys())
        except (SafetensorError, OSError) as problem:
            raise ModelError(
                f"`{path.name}` of `{source.name}` is truncated or damaged ({problem}). {_REMEDY}"
            ) from None
    return names


def folder_fingerprint(source: Source) -> str:
    """Changes when the weights, the sizes, the tokenizer or the picture settings do."""
    names = (CONFIG_FILE, *_PICTURE_FILES, *_TOKENIZER_FILES, "tokenizer_config.json", "merges.txt")
    small = [source.folder / name for name in names if (source.folder / name).is_file()]
    return fingerprint(*small, *weight_files(source))
