"""Rows a second and peak memory from picture files to an index, beside the straightforward way.

    python -m benchmarks.import                     100,000 images with 500,000 captions
    python -m benchmarks.import --images 20000      fewer
    python -m benchmarks.import --compare 4000      ours and the straightforward way at this size

The first table is ours alone: `plan_import` and `run_import` of a folder with a CSV of captions,
with an encoder that does almost nothing, then projecting every vector and building the index.
Memory is what the kernel counts for the process, pages of mapped files included; its peak is set
back before every stage.

The second table goes from picture files to an index at a size where everything fits into memory at
once. The straightforward way opens all pictures, encodes them in one call, projects all vectors in
one call, and makes one matrix of the result. Both run in processes of their own. Memory there is
above what the process took before the first stage.

The pictures are 64 noisy ones of 160 × 120 pixels, written as JPEG under as many names as asked
for, each with a few bytes of its own behind the end, so that none is a copy of another. The head is
random, with biases that leave some 110 terms of a vector active. So the seconds of a real encoder
are not in here, and nothing says how good the results are.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from PIL import Image

from lsr.ablation.run_process import peak_memory
from lsr.collection.collection import Collection, load_collection
from lsr.encoders.loading import load_encoder
from lsr.encoding.encoded import read_encoded
from lsr.encoding.encoding import encode_captions, encode_pictures
from lsr.imports.imported import ImportRequest
from lsr.imports.planning import plan_import
from lsr.imports.running import run_import
from lsr.index.memory.index import MemoryIndex
from lsr.model.projection import Projection, project
from lsr.model.sparse import SparseVectors

SIZE, HIDDEN, N_TERMS, ACTIVE, CAPTIONS_EACH, SEED = 512, 128, 30_522, 110, 5, 0
NAME, ENCODER = "made", "trivial"
LIMIT = 4e9
# The user's own encoder, as a file: the import loads it by name.
_ENCODER_FILE = """
import zlib
import numpy as np

SIZE = 512
TABLE = np.random.default_rng(0).standard_normal((4096, SIZE), dtype=np.float32)


class Trivial:
    def encode_images(self, pictures):
        small = np.array([np.asarray(one.resize((8, 8)), np.float32).ravel() for one in pictures])
        return unit((small - 128) @ TABLE[: small.shape[1]])

    def encode_texts(self, texts):
        rows = [[zlib.crc32(word.encode()) % len(TABLE) for word in text.split()] for text in texts]
        return unit(np.array([TABLE[row].sum(axis=0) for row in rows]))


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def load():
    return Trivial()
"""


def make_source(folder: Path, n_images: int) -> None:
    """A folder of JPEG files and a CSV with five captions each."""
    rng = np.random.default_rng(SEED)
    drawn = []
    for _ in range(64):
        coarse = Image.fromarray(rng.integers(0, 255, (12, 16, 3), np.uint8))
        drawn.append(BytesIO())
        coarse.resize((160, 120), Image.Resampling.BICUBIC).save(drawn[-1], "JPEG", quality=85)
    words = [f"word{number}" for number in range(4000)]
    folder.mkdir()
    with (folder.parent / "captions.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "caption"])
        for number in range(n_images):
            place = folder / f"{number // 1000:03d}" / f"{number:06d}.jpg"
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(drawn[number % 64].getvalue() + number.to_bytes(8, "big"))
            for chosen in rng.integers(0, len(words), (CAPTIONS_EACH, 9)):
                writer.writerow([place.relative_to(folder), " ".join(words[row] for row in chosen)])


class Stages:
    """Seconds, rows and peak memory of one stage after the other, printed as JSON lines."""

    @contextmanager
    def stage(self, name: str, rows: int) -> Iterator[None]:
        self.begin()
        yield
        self.end(name, rows)

    def begin(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is used now
        self._before, self._started = peak_memory(), time.perf_counter()

    def end(self, name: str, rows: int) -> None:
        seconds = time.perf_counter() - self._started
        line = {"stage": name, "rows": rows, "seconds": seconds, "peak": peak_memory()}
        sys.stdout.write(json.dumps(line | {"before": self._before}) + "\n")
        sys.stdout.flush()


def import_stages(work: Path, n_images: int, stages: Stages) -> Collection:
    """The stages of an import as its own reports tell them apart."""
    n_captions = CAPTIONS_EACH * n_images
    with stages.stage("plan", n_images):
        request = ImportRequest(
            str(work / "pictures"), NAME, captions=str(work / "captions.csv"), encoder=ENCODER
        )
        plan = plan_import(request)
    running = ""
    for report in run_import(plan):
        if report.stage != running:
            if running:
                stages.end(running, n_captions if "captions" in running else n_images)
            stages.begin()
            running = report.stage
    stages.end(running, n_images + n_captions)
    del plan, report
    with stages.stage("read", n_images + n_captions):
        return load_collection(NAME)


def made_head(vectors: np.ndarray) -> Projection:
    """A random head whose biases leave some ACTIVE terms of each vector active."""
    torch.manual_seed(SEED)
    head = Projection(SIZE, HIDDEN, N_TERMS).eval()
    sample = torch.from_numpy(np.asarray(vectors[:: max(len(vectors) // 256, 1)], np.float32))
    with torch.inference_mode():
        logits = head.logits(head.hidden(sample))
        cut = float(np.quantile(logits.numpy(), 1 - ACTIVE / N_TERMS))
        head.vocab_projector.bias -= cut
    return head


def ours(work: Path, n_images: int) -> None:
    """Every stage at full size, in this process."""
    stages = Stages()
    collection = import_stages(work, n_images, stages)
    n_captions = len(collection.captions)
    head = made_head(collection.image_vectors)
    with stages.stage("project images", n_images):
        images = project(head, collection.image_vectors)
    with stages.stage("index", n_images):
        index = MemoryIndex(SparseVectors(images, tuple(collection.image_ids), "made"))
    with stages.stage("project captions", n_captions):
        captions = project(head, collection.caption_vectors)
    with stages.stage("search", 1000):
        for row in captions[:: n_captions // 1000][:1000]:
            index.search(row.indices, row.data, 10)
    terms = images.nnz / n_images, captions.nnz / n_captions
    sys.stdout.write(json.dumps({"terms": terms}) + "\n")


def streaming(work: Path, n_images: int) -> None:
    """From picture files to an index as the library does it."""
    files, texts, encoder, stages = *_listed(work, n_images), load_encoder(ENCODER), Stages()
    with stages.stage("encode", n_images + len(texts)):
        for _ in encode_pictures(encoder, files, work / "vectors"):
            pass
        for _ in encode_captions(encoder, texts, work / "vectors"):
            pass
        encoded = read_encoded(work / "vectors")
    images, captions = encoded.image_vectors, encoded.caption_vectors
    assert images is not None  # noqa: S101
    assert captions is not None  # noqa: S101
    head = made_head(images)
    with stages.stage("project", n_images + len(texts)):
        sparse, _ = project(head, images), project(head, captions)
    with stages.stage("index", n_images):
        MemoryIndex(SparseVectors(sparse, tuple(str(file) for file in files), "made"))


def at_once(work: Path, n_images: int) -> None:
    """The same with everything in memory: what one writes in a notebook first."""
    files, texts, encoder, stages = *_listed(work, n_images), load_encoder(ENCODER), Stages()
    with stages.stage("encode", n_images + len(texts)):
        pictures = [Image.open(file).convert("RGB") for file in files]
        images, captions = encoder.encode_images(pictures), encoder.encode_texts(texts)
    head = made_head(images)
    with stages.stage("project", n_images + len(texts)), torch.inference_mode():
        sparse = [sp.csr_matrix(head(torch.from_numpy(one)).numpy()) for one in (images, captions)]
    with stages.stage("index", n_images):
        MemoryIndex(SparseVectors(sparse[0], tuple(str(file) for file in files), "made"))


def _listed(work: Path, n_images: int) -> tuple[list[Path], list[str]]:
    files = sorted((work / "pictures").rglob("*.jpg"))[:n_images]
    with (work / "captions.csv").open(newline="") as file:
        texts = [line[1] for line in csv.reader(file)][1 : 1 + n_images * CAPTIONS_EACH]
    return files, texts


WAYS = {"ours": ours, "streaming": streaming, "at-once": at_once}


def run(way: str, work: Path, n_images: int) -> list[dict[str, Any]]:
    """The lines that a way prints in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.import", "--way", way, "--work", str(work)]
    done = subprocess.run(
        [*command, "--images", str(n_images)],
        env={**os.environ, "LEXISCOPE_HOME": str(work / "home")},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{way} failed with code {done.returncode}.")
    return [json.loads(line) for line in done.stdout.splitlines()]


def print_ours(lines: list[dict[str, Any]], n_images: int) -> bool:
    """The table of all stages; whether they stay below LIMIT."""
    *stages, last = lines
    print(f"{n_images:,} images, {CAPTIONS_EACH * n_images:,} captions, {SIZE} numbers a vector")
    print(f"terms an image {last['terms'][0]:.0f}, a caption {last['terms'][1]:.0f}\n")
    print(f"{'':20}{'rows':>10}{'seconds':>9}{'a second':>10}{'peak GB':>9}")
    for one in stages:
        speed = one["rows"] / one["seconds"]
        print(
            f"{one['stage']:20}{one['rows']:10,}{one['seconds']:9.1f}{speed:10,.0f}"
            f"{one['peak'] / 1e9:9.2f}"
        )
    seconds, peak = sum(one["seconds"] for one in stages), max(one["peak"] for one in stages)
    met = peak < LIMIT
    said = f"under {LIMIT / 1e9:g} GB: {'met' if met else 'MISSED'}"
    print(f"{'total':20}{'':10}{seconds:9.1f}{'':10}{peak / 1e9:9.2f}  {said}")
    return met


def print_compared(streamed: list[dict[str, Any]], whole: list[dict[str, Any]], n: int) -> None:
    """The table of both ways, stage by stage."""
    print(f"\n{n:,} images, {CAPTIONS_EACH * n:,} captions; peak memory above start")
    print(f"{'':10}{'ours s':>9}{'GB':>7}{'at once s':>12}{'GB':>7}{'time':>9}{'memory':>9}")
    starts = streamed[0]["before"], whole[0]["before"]
    for one, other in zip(streamed, whole, strict=True):
        memory = [
            (line["peak"] - start) / 1e9 for line, start in zip((one, other), starts, strict=True)
        ]
        print(
            f"{one['stage']:10}{one['seconds']:9.1f}{memory[0]:7.2f}{other['seconds']:12.1f}"
            f"{memory[1]:7.2f}{other['seconds'] / one['seconds']:7.1f} ×"
            f"{memory[1] / memory[0]:7.1f} ×"
        )


def main() -> None:
    """Make the pictures, run the ways, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=100_000, help="of ours (100000); 0: none")
    parser.add_argument("--compare", type=int, default=4_000, help="of both ways (4000); 0: none")
    parser.add_argument("--work", type=Path, help="folder for 1 GB of unfinished work (temporary)")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        WAYS[options.way](options.work, options.images)
        return
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        work = Path(folder)
        own = work / "home" / "encoders" / f"{ENCODER}.py"
        own.parent.mkdir(parents=True)
        own.write_text(_ENCODER_FILE)
        make_source(work / "pictures", max(options.images, options.compare))
        met = True
        if options.images:
            met = print_ours(run("ours", work, options.images), options.images)
        if n := options.compare:
            print_compared(run("streaming", work, n), run("at-once", work, n), n)
    if not met:
        raise SystemExit("A stage took more memory than it may.")


if __name__ == "__main__":
    main()
