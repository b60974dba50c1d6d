"""How hard the bundled query sets are: for BM25 over captions, and for the dense vectors.

    python -m benchmarks.queries

Images are those of the test split. BM25 (k1 1.2, b .75, every word, no stemming) searches an image
by its captions joined; for a query that was made from a caption, each image goes without the
caption of that turn, so that all have four.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

import numpy as np
import pyarrow.parquet as pq
import scipy.sparse as sp

from lsr.collection.collection import Collection, load_collection
from lsr.encoders.loading import load_encoder
from lsr.world.queries import Paraphraser, paraphrased
from lsr.world.scene_tables import SPLITS
from lsr.world.scenes import compose

K1, B = 1.2, 0.75


def term_counts(texts: Sequence[str], columns: dict[str, int]) -> sp.csr_matrix:
    """(texts, words) counts; words without a column are left out."""
    rows, found = [], []
    for row, text in enumerate(texts):
        for word in re.findall(r"\w+", text.lower()):
            if word in columns:
                rows.append(row)
                found.append(columns[word])
    shape = (len(texts), len(columns))
    return sp.csr_matrix((np.ones(len(rows)), (rows, found)), shape)


def bm25_scores(queries: Sequence[str], documents: Sequence[str]) -> np.ndarray:
    """(queries, documents) BM25, idf log(1 + (n - df + .5) / (df + .5)); Robertson et al., 1994."""
    words = sorted(set(re.findall(r"\w+", " ".join(documents).lower())))
    columns = {word: column for column, word in enumerate(words)}
    counts = term_counts(documents, columns).tocoo()
    lengths = np.bincount(counts.row, counts.data, len(documents))
    df = np.bincount(counts.col, minlength=len(words))
    idf = np.log(1 + (len(documents) - df + 0.5) / (df + 0.5))
    norm = K1 * (1 - B + B * lengths / lengths.mean())
    weights = idf[counts.col] * counts.data * (K1 + 1) / (counts.data + norm[counts.row])
    weighted = sp.csr_matrix((weights, (counts.row, counts.col)), counts.shape)
    return (term_counts(queries, columns) @ weighted.T).toarray()


def ranks(scores: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """1 + the number of documents above the one that answers, (queries,)."""
    own = scores[np.arange(len(scores)), owners][:, None]
    return 1 + (scores > own).sum(1)


def bm25_ranks(queries: Sequence[Sequence[str]], captions: Sequence[Sequence[str]]) -> np.ndarray:
    """Ranks of BM25 where query t of an image was made from its caption t, (turns × images,)."""
    found = []
    for turn in range(len(captions[0])):
        documents = [" ".join((*own[:turn], *own[turn + 1 :])) for own in captions]
        scores = bm25_scores([own[turn] for own in queries], documents)
        found.append(ranks(scores, np.arange(len(documents))))
    return np.concatenate(found)


def dense_measures(collection: Collection, name: str) -> dict[str, float]:
    """R@1, R@10 (any answering image) and precision@10 of the dense vectors on a query set."""
    table = pq.ParquetFile(collection.folder / "queries" / f"{name}.parquet").read()
    rows = collection.image_rows("test")
    place = {collection.image_ids[row]: position for position, row in enumerate(rows)}
    ids = list(dict.fromkeys(table["id"].to_pylist()))
    number = {one: position for position, one in enumerate(ids)}
    text = dict(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))
    answers = np.zeros((len(ids), len(rows)), bool)
    for one, image in zip(table["id"].to_pylist(), table["image_id"].to_pylist(), strict=True):
        answers[number[one], place[image]] = True
    vectors = np.asarray(collection.image_vectors[rows], np.float32)
    queries = load_encoder(collection.encoder).encode_texts([text[one] for one in ids])
    best = np.argsort(-(queries @ vectors.T), axis=1, kind="stable")[:, :10]
    right = np.take_along_axis(answers, best, axis=1)
    return {
        "queries": len(ids),
        "R@1": float(right[:, 0].mean()),
        "R@10": float(right.any(1).mean()),
        "P@10": float(right.mean()),
    }


def main() -> None:
    """Print one line a measurement."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    collection = load_collection("demo")
    rows = collection.image_rows("test")
    captions = [collection.captions_of(row) for row in rows]
    scenes = [compose(seed) for seed in SPLITS["test"]]
    writers = [Paraphraser(scene) for scene in scenes]
    queries = [paraphrased(*pair) for pair in zip(scenes, writers, strict=True)]
    replaced = sum(writer.replaced for writer in writers)
    replaceable = sum(writer.replaceable for writer in writers)
    print(f"{replaced:,} of {replaceable:,} parts replaced ({replaced / replaceable:.3f})")
    for name, texts in (("captions", captions), ("paraphrased", queries)):
        found = bm25_ranks(texts, captions)
        print(f"BM25, {name}: R@1 {(found <= 1).mean():.3f}, R@10 {(found <= 10).mean():.3f}")
    for name in ("paraphrased", "words"):
        measures = dense_measures(collection, name)
        print(f"dense, {name}:", ", ".join(f"{key} {value:.4g}" for key, value in measures.items()))


if __name__ == "__main__":
    main()
