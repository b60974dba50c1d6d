"""Dense vectors to sparse ones: onto the terms that can be active, beside the whole vocabulary.

    python -m benchmarks.projection [--model demo] [--runs 5]

The captions of the bundled collection that Term reads, and one query in numpy. *Whole* multiplies
with every row of the head, also those of terms that are switched off, and keeps what is above 0;
both find the same weights.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import scipy.sparse as sp
import torch

from lsr.collection.collection import load_collection
from lsr.exceptions import ModelError
from lsr.model.checkpoint import ProjectionModel
from lsr.model.few_vectors import stages
from lsr.model.loading import load_model
from lsr.model.projection import Projection, project
from lsr.model.sparse import from_dense, from_dense_blocks

_BLOCK = 256
_QUERIES = 200


def main() -> None:
    """Measure both in turn, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="demo")
    parser.add_argument("--runs", type=int, default=5, help="of which a median is taken (5)")
    options = parser.parse_args()
    model = load_model(options.model)
    if not isinstance(model, ProjectionModel):
        raise ModelError(f"Model `{model.name}` is no projection.")
    collection = load_collection("demo")
    shown = np.isin(
        collection.caption_image_rows[collection.captions_with_vectors], collection.searchable_rows
    )
    dense = np.asarray(collection.caption_vectors[np.flatnonzero(shown)], np.float32)
    on = int(model.head.switched_on.sum())
    print(f"{torch.get_num_threads()} threads, {on:,} of {len(model.vocabulary):,} terms are on\n")
    print("| | ours | whole | ratio |\n|---|---|---|---|")

    def row(name: str, ours: Callable[[], object], whole: Callable[[], object], n: int) -> None:
        taken: tuple[list[float], list[float]] = [], []
        for _ in range(options.runs):
            for one, seconds in zip((ours, whole), taken, strict=True):
                began = time.perf_counter()
                for _ in range(n):
                    one()
                seconds.append((time.perf_counter() - began) / n)
        first, other = (statistics.median(seconds) for seconds in taken)
        print(f"| {name} | {1e3 * first:.2f} ms | {1e3 * other:.2f} ms | {other / first:.0f} × |")

    difference = abs(project(model.head, dense) - _whole(model.head, dense)).max()
    query = dense[:1]
    row(
        f"{len(dense):,} captions",
        lambda: project(model.head, dense),
        lambda: _whole(model.head, dense),
        1,
    )
    row("one query", lambda: model.project(query), lambda: _whole_few(model, query), _QUERIES)
    print(f"\nWeights differ by {difference:.1e} at most.")


def _whole(head: Projection, dense: np.ndarray) -> sp.csr_matrix:
    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, len(dense), _BLOCK):
            with torch.inference_mode():
                yield head(torch.from_numpy(dense[start : start + _BLOCK])).numpy()

    return from_dense_blocks(blocks(), head.vocabulary_size)


def _whole_few(model: ProjectionModel, dense: np.ndarray) -> sp.csr_matrix:
    return from_dense(np.log1p(np.maximum(stages(model.weights, dense).logits, 0)))


if __name__ == "__main__":
    main()
