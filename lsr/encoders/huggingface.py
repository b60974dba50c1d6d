"""BLIP, CLIP and SigLIP on transformers: any retrieval checkpoint of these families.

Sources: BLIP arXiv 2201.12086, CLIP arXiv 2103.00020, SigLIP arXiv 2303.15343, SigLIP 2
arXiv 2502.14786, each as in transformers' own modelling code.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from lsr.encoders.folders import check_parts, folder_fingerprint, read_config, tensor_names
from lsr.encoders.picture_inputs import steps_like
from lsr.encoders.towers import Inputs, PictureSteps, Precision, TowerEncoder
from lsr.exceptions import EncoderError, ModelError, shorten
from lsr.storage.hub import Source
from lsr.storage.untrusted import DamagedError, parsed

# The picture processors without torchvision, imported by file: their packages offer the other kind.
_CLASSES = {
    "blip": ("BlipForImageTextRetrieval", "BlipImageProcessorPil"),
    "clip": ("CLIPModel", "CLIPImageProcessorPil"),
    "siglip": ("SiglipModel", "SiglipImageProcessorPil"),
    "siglip2": ("Siglip2Model", "Siglip2ImageProcessorPil"),
}
_PROBE = "warm up ☃"  # with a sign that few vocabularies have
_BLIP_PROJECTIONS = ("vision_proj.weight", "text_proj.weight")


def load(family: str, source: Source, spec: str, precision: Precision = "auto") -> TowerEncoder:
    """The encoder in a folder that transformers wrote.

    Args:
        family: `blip`, `clip` or `siglip`.
        spec: its name.

    Raises:
        ModelError: the folder is half-written, damaged, pickled, of another family, or holds a
            checkpoint that was not made for retrieval.
        EncoderError: a package that its tokenizer needs is not installed.
    """
    kind = read_config(source, family)["model_type"]
    check_parts(source)
    names = tensor_names(source)
    if kind == "blip" and not names.issuperset(_BLIP_PROJECTIONS):
        raise ModelError(
            f"`{source.name}` is a BLIP without {' and '.join(_BLIP_PROJECTIONS)}: it was made "
            "to caption or answer, not to retrieve. Use a retrieval checkpoint, such as "
            "`Salesforce/blip-itm-base-coco`."
        )
    with _quiet():
        network = _network(source, kind)
        tokenizer, processor = _tokenizer(source), _processor(source, kind)
        with _told(source, "settings"):
            _check_ids(source, network, tokenizer)
            steps = steps_like(processor)
            towers = {"blip": _Blip, "clip": _Clip}.get(kind, _Siglip)(
                network, tokenizer, processor
            )
            towers.steps = steps
            encoder = TowerEncoder(spec, towers, folder_fingerprint(source), precision)
            # What does not fit together shows now, and not at somebody's search.
            encoder.encode_texts([_PROBE])
            encoder.encode_images([Image.new("RGB", (64, 48))])
    return encoder


class _Towers:
    """What the three families share: processor and tokenizer of transformers."""

    padding: bool | str = True
    takes: tuple[str, ...] = ("input_ids", "attention_mask")
    steps: PictureSteps | None = None

    def __init__(self, network: Any, tokenizer: Any, processor: Any) -> None:
        self.network: nn.Module = network
        self._model = network
        self._tokenizer = tokenizer
        self._processor = processor
        self._longest: int = network.config.text_config.max_position_embeddings

    def picture_inputs(self, picture: Image.Image) -> Inputs:
        return dict(self._processor(images=picture, return_tensors="pt"))

    def word_counts(self, texts: Sequence[str]) -> list[int]:
        rows = self._tokenizer(
            self._written(texts),
            add_special_tokens=False,
            truncation=True,
            max_length=self._longest,
        )
        return [len(row) for row in rows["input_ids"]]

    def text_inputs(self, texts: Sequence[str]) -> Inputs:
        rows = self._tokenizer(
            self._written(texts),
            padding=self.padding,
            truncation=True,
            max_length=self._longest,
            return_tensors="pt",
        )
        return {name: rows[name] for name in self.takes}

    def image_features(self, inputs: Inputs) -> Tensor:
        features: Tensor = self._model.get_image_features(**inputs).pooler_output
        return features

    def text_features(self, inputs: Inputs) -> Tensor:
        features: Tensor = self._model.get_text_features(**inputs).pooler_output
        return features

    def _written(self, texts: Sequence[str]) -> list[str]:
        return list(texts)


class _Clip(_Towers):
    """CLIP: the vectors of `CLIPModel`'s own contrastive score."""


class _Siglip(_Towers):
    """SigLIP and SigLIP 2: lower case, always padded to the full length, no mask, as trained."""

    padding = "max_length"
    takes = ("input_ids",)

    def __init__(self, network: Any, tokenizer: Any, processor: Any) -> None:
        super().__init__(network, tokenizer, processor)
        tokenizer.padding_side = "right"

    def _written(self, texts: Sequence[str]) -> list[str]:
        return [text.lower() for text in texts]


class _Blip(_Towers):
    """BLIP: the vectors whose dot product is `itm_score` with `use_itm_head=False`."""

    def image_features(self, inputs: Inputs) -> Tensor:
        states = self._model.vision_model(**inputs).last_hidden_state
        features: Tensor = self._model.vision_proj(states[:, 0])
        return features

    def text_features(self, inputs: Inputs) -> Tensor:
        states = self._model.text_encoder(**inputs).last_hidden_state
        features: Tensor = self._model.text_proj(states[:, 0])
        return features


def _network(source: Source, kind: str) -> Any:
    # From its own file: the package's lazy names would import every processor first.
    modelling = importlib.import_module(f"transformers.models.{kind}.modeling_{kind}")
    with _told(source, "weights"):
        network, loaded = getattr(modelling, _CLASSES[kind][0]).from_pretrained(
            source.folder,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
            dtype=torch.float32,
        )
    missing = sorted(loaded["missing_keys"])
    if missing:
        raise ModelError(
            f"`{source.name}` lacks {len(missing):,} tensors, such as {shorten(missing[0])}, and "
            "random numbers would stand in for them. Save or download the folder again."
        )
    return network


def _tokenizer(source: Source) -> Any:
    from transformers.models.auto.tokenization_auto import AutoTokenizer

    try:
        with _told(source, "tokenizer"):
            return AutoTokenizer.from_pretrained(
                source.folder, local_files_only=True, trust_remote_code=False
            )
    except ModelError as problem:
        if not isinstance(reason := problem.__cause__, ImportError):
            raise
        package = "sentencepiece" if "sentencepiece" in str(reason).lower() else "protobuf"
        raise EncoderError(
            f"The tokenizer of `{source.name}` needs the package {package}. Run `python -m pip "
            f"install {package}`."
        ) from reason


def _processor(source: Source, kind: str) -> Any:
    files = importlib.import_module(f"transformers.models.{kind}.image_processing_pil_{kind}")
    with _told(source, "picture settings"):
        return getattr(files, _CLASSES[kind][1]).from_pretrained(
            source.folder, local_files_only=True
        )


def _check_ids(source: Source, network: Any, tokenizer: Any) -> None:
    """Refuse a tokenizer with entries that the weights have no vector for."""
    largest, known = max(tokenizer.get_vocab().values()), network.config.text_config.vocab_size
    if largest >= known:
        raise ModelError(
            f"The tokenizer of `{source.name}` numbers its entries up to {largest:,}, its weights "
            f"know {known:,}. Save or download the folder again."
        )


@contextmanager
def _told(source: Source, noun: str) -> Iterator[None]:
    """The one boundary around transformers, which raises almost anything on damaged folders."""
    try:
        with parsed():
            yield
    except DamagedError as problem:
        raise _unreadable(source, noun, problem) from problem.__cause__
    except OSError as problem:
        raise _unreadable(source, noun, problem) from problem


def _unreadable(source: Source, noun: str, problem: Exception) -> ModelError:
    return ModelError(
        f"The {noun} of `{source.name}` cannot be read ({shorten(str(problem), 160)}). Save or "
        "download the folder again."
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' own lines and progress bars; what is wrong is raised."""
    from transformers.utils import logging

    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()
