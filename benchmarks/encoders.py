"""What a picture and a text cost an encoder of the size of BLIP-base, and pictures a second.

    python -m benchmarks.encoders

Random weights cost what trained ones cost; nothing is downloaded. Costs are medians of
CPU-seconds, because other processes share the cores. Pictures a second are counted by the clock,
from JPEG files of 500 × 375 pixels in memory: the preparation alone by threads, then the whole.
`processor` is transformers' own preparation, `ours` the one of `lsr.encoders.picture_inputs`.
"""

from __future__ import annotations

import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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
from lsr.encoding.encoding import encode_pictures
from lsr.storage.hub import Source
from lsr.storage.places import BUNDLED_ENCODER

PICTURES, TEXTS, REPEATS = 8, 64, 5
PREPARED, PREPARED_REPEATS = 128, 3
WHOLE = {"cpu": 16, "cuda": 2048}
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


def encoders(*precisions: Precision) -> list[TowerEncoder]:
    """The same random BLIP-base in each precision."""
    with tempfile.TemporaryDirectory() as work:
        write_blip(Path(work))
        source = Source(Path(work), "BLIP-base")
        return [huggingface.load("blip", source, "blip:base", one) for one in precisions]


def photos(n: int) -> list[Image.Image]:
    """n JPEG files of 500 × 375 pixels in memory, opened but not yet decoded; 32 differ."""
    rng = np.random.default_rng(0)
    files = []
    for _ in range(min(n, 32)):
        coarse = Image.fromarray(rng.integers(0, 256, (47, 63, 3), np.uint8))
        written = io.BytesIO()
        coarse.resize((500, 375), Image.Resampling.BICUBIC).save(written, "JPEG", quality=90)
        files.append(written.getvalue())
    return [Image.open(io.BytesIO(files[row % len(files)])) for row in range(n)]


def encoded_per_second(encoder: TowerEncoder, n: int) -> float:
    """Pictures a second from JPEG files to vectors, after a first batch that is not counted."""
    encoder.encode_images(photos(min(n, 128)))
    opened = photos(n)
    started = time.perf_counter()
    encoder.encode_images(opened)
    return n / (time.perf_counter() - started)


def pictures_per_second(n: int) -> dict[str, float]:
    """Pictures a second, on the best device and in its precision.

    `encoder`: from n JPEG files in memory to vectors. `encode`: from as many on disk to rows on
    disk, as `python -m lsr encode` does it.
    """
    encoder = encoders("auto")[0]
    return {"encoder": encoded_per_second(encoder, n), "encode": stored_per_second(encoder, n)}


def stored_per_second(encoder: TowerEncoder, n: int) -> float:
    """Pictures a second from n JPEG files on disk to vectors on disk."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{row}.jpg" for row in range(n)]
        written = [_content(picture) for picture in photos(min(n, 32))]
        for row, file in enumerate(files):
            file.write_bytes(written[row % len(written)])
        started = time.perf_counter()
        for _ in encode_pictures(encoder, files, Path(folder) / "work"):
            pass
        return n / (time.perf_counter() - started)


def _content(picture: Image.Image) -> bytes:
    """The file that an opened picture is read from."""
    assert picture.fp is not None  # noqa: S101 - it is not decoded yet
    picture.fp.seek(0)
    return bytes(picture.fp.read())


def prepared_per_second(encoder: TowerEncoder, n: int, threads: int) -> float:
    """Pictures a second from JPEG files to what the device takes, the median of some runs."""
    rates = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(PREPARED_REPEATS):
            opened = photos(n)
            started = time.perf_counter()
            for _ in pool.map(encoder._prepare, opened):
                pass
            rates.append(n / (time.perf_counter() - started))
    return statistics.median(rates)


@contextmanager
def processor_only(encoder: TowerEncoder) -> Iterator[None]:
    """The encoder with transformers' own preparation."""
    towers = encoder._towers
    steps, towers.steps = towers.steps, None
    try:
        yield
    finally:
        towers.steps = steps


def print_rates(what: str, rate: Callable[[], float], encoder: TowerEncoder) -> None:
    """One line: pictures a second with the processor, with ours, and their ratio."""
    with processor_only(encoder):
        before = rate()
    ours = rate()
    print(
        f"{what}: processor {before:,.0f}, ours {ours:,.0f} pictures a second "
        f"({ours / before:.1f} ×)"
    )


def cost(encode: Callable[[Sequence[Any]], np.ndarray], given: Sequence[Any]) -> float:
    """CPU-seconds an item, the median of REPEATS."""
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        encode(given)
        times.append((time.process_time() - started) / len(given))
    return statistics.median(times)


def main() -> None:
    """Print the cost in each precision, how far the two are apart, and pictures a second."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    pictures = [
        Image.fromarray(rng.integers(0, 256, (375, 500, 3), np.uint8)) for _ in range(PICTURES)
    ]
    texts = ["two dogs on the beach play with a red ball"] * TEXTS
    both = encoders(*PRECISIONS)
    costs = [cost(encoder.encode_images, pictures) for encoder in both]
    for encoder, seconds in zip(both, costs, strict=True):
        print(
            f"{encoder.precision}: {seconds:.3f} CPU-seconds a picture, "
            f"{cost(encoder.encode_texts, texts):.4f} a text, on {encoder.device}"
        )
    one, other = (encoder.encode_images(pictures) for encoder in both)
    print(f"least cosine between them: {(one * other).sum(axis=1).min():.6f}")
    torch.set_num_threads(threads)
    faster = both[-1] if both[-1].device == "cuda" else both[costs.index(min(costs))]
    for count in sorted({1, 2, min(16, os.cpu_count() or 1)}):
        print_rates(
            f"preparation, {count} thread{'s' * (count > 1)}",
            lambda count=count: prepared_per_second(faster, PREPARED, count),  # type: ignore[misc]
            faster,
        )
    n = WHOLE[faster.device]
    print_rates(
        f"whole, {faster.precision} on {faster.device}",
        lambda: encoded_per_second(faster, n),
        faster,
    )


if __name__ == "__main__":
    main()
