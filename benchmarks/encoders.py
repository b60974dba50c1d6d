"""What a picture and a text cost, in float32 and bfloat16, at the size of BLIP-base.

    python -m benchmarks.encoders

Random weights cost what trained ones cost; nothing is downloaded. Medians of CPU-seconds, because
other processes share the cores.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers.models.blip.configuration_blip import BlipConfig
from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil
from transformers.models.blip.modeling_blip import BlipForImageTextRetrieval
from transformers.tokenization_utils_tokenizers import TokenizersBackend

from lsr.encoders import huggingface
from lsr.encoders.towers import Precision, TowerEncoder
from lsr.storage.hub import Source
from lsr.storage.places import BUNDLED_ENCODER

PICTURES, TEXTS, REPEATS = 8, 64, 5
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")


def write_blip(folder: Path) -> None:
    """A BLIP-base with random weights, as transformers saves one."""
    marks = {"bos_token_id": 101, "eos_token_id": 102, "sep_token_id": 102, "pad_token_id": 0}
    config = BlipConfig(text_config=marks, vision_config={"image_size": 224})
    torch.manual_seed(0)
    BlipForImageTextRetrieval(config).save_pretrained(folder)
    words = {"pad_token": "[PAD]", "unk_token": "[UNK]"}
    tokenizer = TokenizersBackend(tokenizer_file=str(BUNDLED_ENCODER / "tokenizer.json"), **words)
    tokenizer.save_pretrained(folder)
    BlipImageProcessorPil(size={"height": 224, "width": 224}).save_pretrained(folder)


def cost(encode: Callable[[Sequence[Any]], np.ndarray], given: Sequence[Any]) -> float:
    """CPU-seconds an item, the median of REPEATS."""
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        encode(given)
        times.append((time.process_time() - started) / len(given))
    return statistics.median(times)


def main() -> None:
    """Print one line for each precision, and how far the two are apart."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    pictures = [
        Image.fromarray(rng.integers(0, 256, (375, 500, 3), np.uint8)) for _ in range(PICTURES)
    ]
    texts = ["two dogs on the beach play with a red ball"] * TEXTS
    encoders: list[TowerEncoder] = []
    with tempfile.TemporaryDirectory() as work:
        write_blip(Path(work))
        for precision in PRECISIONS:
            source = Source(Path(work), "BLIP-base")
            encoders.append(huggingface.load("blip", source, "blip:base", precision))
    for encoder in encoders:
        print(
            f"{encoder.precision}: {cost(encoder.encode_images, pictures):.3f} CPU-seconds a "
            f"picture, {cost(encoder.encode_texts, texts):.4f} a text, on {encoder.device}"
        )
    one, other = (encoder.encode_images(pictures) for encoder in encoders)
    print(f"least cosine between them: {(one * other).sum(axis=1).min():.6f}")


if __name__ == "__main__":
    main()
