"""Pictures and captions turned into rows of vectors on disk."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from lsr.encoders.protocol import Encoder
from lsr.encoders.unit_vectors import unit_vectors
from lsr.encoding.encoded import CAPTION_VECTORS, IMAGE_VECTORS, UNREADABLE
from lsr.encoding.on_ray import OnRay, refuse_unshared
from lsr.encoding.reading_ahead import read_ahead
from lsr.encoding.row_file import RowFile
from lsr.exceptions import CollectionError, InputError, ModelError, PictureError, shorten
from lsr.storage.files import fingerprint_of
from lsr.storage.locks import exclusive
from lsr.storage.spreading import this_machine

Kind = Literal["images", "captions"]
# Pictures handed to an encoder at once, and the most threads that open them. A GPU takes batches of
# its own from them and computes one while threads prepare the next, which too few leave it no time
# for. At half a million pixels each, what is open takes 2.3 GB at most.
_BATCHES = {"cpu": (64, 8), "cuda": (512, 16)}
# Batches of a task elsewhere: while one is encoded, the next one's pictures are opened.
_A_TASK = 4
# Vectors of the next rows, and which of these rows are zeros, with why.
Batch = tuple[np.ndarray, dict[int, str]]
Batches = Generator[Batch]


@dataclass(frozen=True)
class EncodingReport:
    """How far an encoding is; what it reports is on disk.

    done: rows of `total`, those of an earlier call included.
    per_second: images or captions a second of this call; 0 where nothing was left to do.
    """

    kind: Kind
    done: int
    total: int
    per_second: float
    seconds_left: float


def encode_pictures(
    encoder: Encoder,
    files: Sequence[Path],
    work: Path,
    *,
    batch_size: int | None = None,
    workers: int | None = None,
    spread: OnRay | None = None,
) -> Iterator[EncodingReport]:
    """Encode picture files into `work/image_vectors.npy`, a report for every batch.

    A row is written once, however often the process is killed: call again with the same files
    and encoder, and it goes on. A file that is no picture gets a row of zeros and an entry in
    `work/unreadable.json`. `read_encoded` reads both.

    Args:
        files: in the order of the rows. Another list, or another size of a file, starts anew.
        work: a folder for this list alone; an earlier call's rows in it are gone on with.
        batch_size: pictures of a report; by default 64, and more where the encoder is on a GPU.
        workers: threads that open pictures; by default one for each processor, at most 8, or 16
            where the encoder is on a GPU.
        spread: encodes batches elsewhere, where the same files have the same paths.

    Raises:
        InputError: another process encodes into `work` now.
        ModelError: the encoder gave something other than one finite vector for each picture.
    """
    at_once, most_threads = _BATCHES["cuda" if getattr(encoder, "device", "") == "cuda" else "cpu"]
    size = batch_size or at_once
    threads = workers or min(os.cpu_count() or 1, most_threads)

    def spread_batches(first: int) -> Batches:
        assert spread is not None  # noqa: S101  else it is not called
        many = _A_TASK * size
        starts = range(first, len(files), many)
        blocks = (list(files[start : start + many]) for start in starts)
        made = spread(partial(_encode_files, size), blocks, f"{many:,} pictures")
        with closing(made):
            for start, ((vectors, problems), unopened, machine) in zip(starts, made, strict=True):
                for row in unopened:
                    refuse_unshared(files[start + row], machine)
                yield vectors, {start + row: why for row, why in problems.items()}

    def batches(first: int) -> Batches:
        with closing(read_ahead(files[first:], threads, 2 * size)) as pictures:
            for start in range(first, len(files), size):
                opened = [next(pictures) for _ in files[start : start + size]]
                vectors, problems = _encode_opened(encoder, opened)
                yield vectors, {start + row: why for row, why in problems.items()}

    key = fingerprint_of(itertools.chain([encoder.fingerprint], _marks(files)))
    making = batches if spread is None else spread_batches
    yield from _encode("images", work, key, (len(files), encoder.dense_size), making)


def encode_captions(
    encoder: Encoder,
    texts: Sequence[str],
    work: Path,
    *,
    batch_size: int = 256,
    spread: OnRay | None = None,
) -> Iterator[EncodingReport]:
    """Encode texts into `work/caption_vectors.npy`, a report for every batch.

    Goes on after a kill as `encode_pictures` does.

    Raises:
        CollectionError: the encoder refuses a text, such as an empty one; the message has its row.
        InputError: another process encodes into `work` now.
        ModelError: the encoder gave something other than one finite vector for each text.
    """

    def batches(first: int) -> Batches:
        blocks = (
            (start, list(texts[start : start + batch_size]))
            for start in range(first, len(texts), batch_size)
        )
        if spread is None:
            made = (_encode_texts(encoder, block) for block in blocks)
        else:
            made = spread(_encode_texts, blocks, f"{batch_size:,} captions")
        with closing(made):
            for vectors in made:
                yield vectors, {}

    key = fingerprint_of(itertools.chain([encoder.fingerprint], texts))
    yield from _encode("captions", work, key, (len(texts), encoder.dense_size), batches)


def _encode(
    kind: Kind,
    work: Path,
    key: str,
    shape: tuple[int, int],
    batches: Callable[[int], Batches],
) -> Iterator[EncodingReport]:
    """Append the batches that are not there yet; `batches` gets the first row it must make."""
    images = kind == "images"
    target = work / (IMAGE_VECTORS if images else CAPTION_VECTORS)
    taken = InputError(
        f"The {kind} of `{work.name}` are being encoded by another process. Wait for it or stop it."
    )
    with exclusive(work / f"{kind}.lock", taken):
        rows = RowFile(target, key, shape, work / UNREADABLE if images else None)
        if rows.done == rows.total:
            rows.finish()
            yield EncodingReport(kind, rows.done, rows.total, 0.0, 0.0)
            return
        before, started = rows.done, time.perf_counter()
        with closing(batches(rows.done)) as made:
            for vectors, problems in made:
                rows.append(vectors, problems)
                if rows.done == rows.total:
                    rows.finish()
                speed = (rows.done - before) / (time.perf_counter() - started)
                left = (rows.total - rows.done) / speed
                yield EncodingReport(kind, rows.done, rows.total, speed, left)


def _marks(files: Sequence[Path]) -> Iterator[str]:
    """What tells a list of files from another: places below their common folder, and sizes."""
    common = os.path.commonpath({file.parent for file in files}) if files else ""
    for file in files:
        try:
            size = file.stat().st_size
        except OSError:
            size = -1
        yield f"{os.path.relpath(file, common)}\0{size}"


def _encode_opened(encoder: Encoder, opened: Sequence[Image.Image | PictureError]) -> Batch:
    vectors = np.zeros((len(opened), encoder.dense_size), np.float32)
    problems = {row: str(one) for row, one in enumerate(opened) if isinstance(one, PictureError)}
    pictures = {row: one for row, one in enumerate(opened) if isinstance(one, Image.Image)}
    if not pictures:
        return vectors, problems
    try:
        found = encoder.encode_images(list(pictures.values()))
        vectors[list(pictures)] = _checked(encoder, found, len(pictures), "pictures")
    except PictureError:  # of one of them: which one?
        for row, picture in pictures.items():
            try:
                vectors[row] = _checked(encoder, encoder.encode_images([picture]), 1, "pictures")
            except PictureError as problem:
                problems[row] = str(problem)
    return vectors, problems


def _encode_files(
    size: int, encoder: Encoder, files: Sequence[Path]
) -> tuple[Batch, list[int], str]:
    """Some batches of files, opened and encoded in one process.

    Args:
        size: of a batch.

    Returns:
        The batches as one, which of the files could not be opened, and on which machine.
    """
    import torch

    vectors = np.zeros((len(files), encoder.dense_size), np.float32)
    problems: dict[int, str] = {}
    unopened: list[int] = []
    with closing(read_ahead(files, torch.get_num_threads(), 2 * size)) as pictures:
        for start in range(0, len(files), size):
            opened = list(itertools.islice(pictures, size))
            unopened += [
                row for row, one in enumerate(opened, start) if isinstance(one, PictureError)
            ]
            vectors[start : start + size], found = _encode_opened(encoder, opened)
            problems |= {start + row: why for row, why in found.items()}
    return (vectors, problems), unopened, this_machine()


def _encode_texts(encoder: Encoder, block: tuple[int, Sequence[str]]) -> np.ndarray:
    """block: the number of its first text, and its texts."""
    first, texts = block
    try:
        return _checked(encoder, encoder.encode_texts(texts), len(texts), "texts")
    except InputError:
        for row, text in enumerate(texts, first):
            try:
                encoder.encode_texts([text])
            except InputError as problem:
                raise CollectionError(
                    f"Caption {row:,}, `{shorten(text)}`, cannot be encoded, counted from 0: "
                    f"{problem}"
                ) from None
        raise


def _checked(encoder: Encoder, vectors: np.ndarray, n: int, noun: str) -> np.ndarray:
    if vectors.shape != (n, encoder.dense_size):
        raise ModelError(
            f"Encoder `{encoder.name}` gave an array of shape {vectors.shape} for {n:,} {noun}; "
            f"expected is {(n, encoder.dense_size)}. Mend the encoder."
        )
    unit, norms = unit_vectors(vectors)
    if (wrong := ~np.isfinite(norms) | (norms == 0)).any():
        raise ModelError(
            f"Encoder `{encoder.name}` gave {int(wrong.sum()):,} vectors that hold NaN or infinite "
            f"numbers, or only zeros, for {n:,} {noun}. Mend the encoder."
        )
    return unit
