"""How much of the dense ranking a head keeps on the vectors of real photos, over seeds.

    python -m benchmarks.real_vectors FOLDER --study local       FOLDER holds vectors_local/
    python -m benchmarks.real_vectors FOLDER --study tinyclip    FOLDER holds vectors_tinyclip_dev/
    python -m benchmarks.real_vectors FOLDER --method tuned      what `train` makes by default

local: 6,000 photos with five captions each to learn from, 1,000 with 5,000 captions to measure.
tinyclip: 1,000 photos with one caption each, in five folds: learn from 800, measure on 200.
few: the same, learning from 160 of the 800.
Every training option of `python -m lsr train` may be given; the last weights count, nothing is
selected on the photos measured. Tuned heads add terms to captions from the weight on that folds of
the training photos choose, as `train` does without a `val`; the seconds are those of the tuning.
Prints one line a seed, then mean and spread.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch

from lsr.evaluation.evaluate import dense_ranks
from lsr.evaluation.measures import summarize
from lsr.evaluation.pairs import Pairs, some_images
from lsr.model.expansion import without_weak
from lsr.model.projection import Projection, project
from lsr.model.vocabulary import Vocabulary
from lsr.storage.places import BUNDLED_ENCODER
from lsr.training.device import training_device
from lsr.training.lexical.added_terms import frequent_terms
from lsr.training.lexical.closed_form import ClosedFormSettings, closed_form_by_parts
from lsr.training.lexical.head import LexicalHead
from lsr.training.lexical.held_out import cross_validated
from lsr.training.lexical.settings import LexicalSettings
from lsr.training.lexical.tuning import Tuning
from lsr.training.loop import train
from lsr.training.options import add_training_options, training_settings
from lsr.training.parts import returned
from lsr.training.recipes import COMPACT_RECIPE
from lsr.training.settings import TrainingSettings
from lsr.training.stop_list import stop_list
from lsr.training.train_model import new_head
from lsr.training.vocabulary_start import LEXICAL

FOLDS = 5
RECIPES = {
    # Few real photos are soon known by heart: noise on their vectors, softer targets.
    "local": replace(
        COMPACT_RECIPE,
        temperature=0.03,
        noise=0.3,
        query_regularizer_weight=2.5e-3,
        document_regularizer_weight=2.5e-3,
    ),
    # 800 pairs: slow steps keep what the dense space knows of everything else.
    "tinyclip": replace(
        COMPACT_RECIPE,
        epochs=80,
        batch_size=256,
        hidden_size=768,
        temperature=0.01,
        noise=0.6,
        projection_learning_rate=5e-4,
        learning_rate=3e-4,
        unsupported_charge=1.0,
        support_weight=0.0,
        query_regularizer_weight=1e-3,
        document_regularizer_weight=1e-3,
    ),
}
RECIPES["few"] = RECIPES["tinyclip"]


@dataclass(frozen=True)
class Kept:
    """Measures of one trained head beside those of the dense vectors, on the same photos."""

    sparse: dict[str, float]
    dense: dict[str, float]
    active_terms_image: float
    active_terms_caption: float
    seconds: float


def local(folder: Path) -> list[tuple[Pairs, Pairs]]:
    """The train and the test pairs of vectors_local."""
    source = folder / "vectors_local"
    images = pd.read_csv(source / "images.csv")
    captions = pd.read_csv(source / "captions.csv", keep_default_na=False)
    image_vectors = np.load(source / "image.npy").astype(np.float32)
    caption_vectors = np.load(source / "text.npy").astype(np.float32)

    def split(name: str) -> Pairs:
        rows = images["row"][images["split"] == name].to_numpy()
        own = captions[captions["image_row"].isin(rows)]
        position = {row: i for i, row in enumerate(rows)}
        kept = own["row"].to_numpy()
        return Pairs(
            rows,
            kept,
            _unit(image_vectors[rows]),
            _unit(caption_vectors[kept]),
            np.array([position[row] for row in own["image_row"]], np.int32),
            own["caption"].tolist(),
        )

    return [(split("train"), split("test"))]


def tinyclip(folder: Path) -> list[tuple[Pairs, Pairs]]:
    """Train and test pairs of each fold; photo n is measured in fold n mod 5."""
    source = folder / "vectors_tinyclip_dev"
    texts = pd.read_csv(source / "rows.csv", keep_default_na=False)["caption"].tolist()
    images, captions = (np.load(source / f"{one}.npy") for one in ("image", "text"))

    def some(rows: np.ndarray) -> Pairs:
        own = np.arange(len(rows), dtype=np.int32)
        return Pairs(rows, rows, images[rows], captions[rows], own, [texts[row] for row in rows])

    rows = np.arange(len(texts))
    return [
        (some(rows[rows % FOLDS != fold]), some(rows[rows % FOLDS == fold]))
        for fold in range(FOLDS)
    ]


def few(folder: Path) -> list[tuple[Pairs, Pairs]]:
    """Of the folds of `tinyclip`, 160 photos to learn from."""
    chosen = np.random.default_rng(0).permutation(800)[:160]
    kept_rows = np.zeros(800, bool)
    kept_rows[chosen] = True
    return [(some_images(training, kept_rows), test) for training, test in tinyclip(folder)]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def kept(training: Pairs, test: Pairs, settings: TrainingSettings) -> Kept:
    """Train a head and measure it."""
    vocabulary = Vocabulary.load(BUNDLED_ENCODER / "tokenizer.json")
    if settings.vocabulary_start == LEXICAL:
        settings = replace(settings, hidden_size=training.image_vectors.shape[1])
    stopped = stop_list(training, vocabulary) if settings.terms == "content" else np.zeros(0, int)
    head, _ = new_head(training, vocabulary, settings, stopped)
    with tempfile.TemporaryDirectory() as work:
        *_, last = train(head, training, test, vocabulary, settings, Path(work), training_device())
    dense, own = summarize(dense_ranks(test)), _own_words(head.cpu(), test, vocabulary)
    measures = {**last.measures, "own words R@1": own}
    terms = last.active_terms_image, last.active_terms_query
    return Kept(measures, dense, *terms, last.seconds)


def kept_tuned(training: Pairs, test: Pairs, settings: LexicalSettings) -> Kept:
    """Tune a lexical head and measure it."""
    vocabulary = Vocabulary.load(BUNDLED_ENCODER / "tokenizer.json")
    began, chosen = time.perf_counter(), settings.tuning(len(training.texts))
    own, stopped = ClosedFormSettings(settings.target_active_terms), stop_list(training, vocabulary)

    def fit(some: Pairs) -> Generator[tuple[int, int], None, LexicalHead]:
        return closed_form_by_parts(some, vocabulary, stopped, own)

    start = returned(fit(training))
    tuning = Tuning(start, training, vocabulary, chosen, training_device())
    for _ in tuning.run():
        pass
    head = tuning.head.projection(len(vocabulary))
    seconds = time.perf_counter() - began
    checked = returned(cross_validated(training, fit, vocabulary, chosen, training_device()))
    frequent = frequent_terms(head, training.image_vectors)
    least = checked.added.thresholds(frequent, vocabulary).by_term(vocabulary)
    images, every = project(head, test.image_vectors), project(head, test.caption_vectors)
    captions = without_weak(every, vocabulary.literal_matrix(test.texts), least)
    measures = {
        **summarize(_ranks(captions, images, test)),
        "all terms R@1": float((_ranks(every, images, test) == 1).mean()),
        "own words R@1": _own_words(head, test, vocabulary),
    }
    n_images, n_captions = images.shape[0], captions.shape[0]
    terms = images.nnz / n_images, captions.nnz / n_captions
    return Kept(measures, summarize(dense_ranks(test)), *terms, seconds)


def _ranks(captions: sp.csr_matrix, images: sp.csr_matrix, pairs: Pairs) -> np.ndarray:
    """(m,) rank of each caption's image, 0 where it is not found; ties count against it."""
    scores = (captions @ images.T).toarray()
    right = scores[np.arange(len(scores)), pairs.relevant][:, None]
    return np.asarray((scores >= right).sum(axis=1) * (right[:, 0] > 0))


def _own_words(head: Projection, test: Pairs, vocabulary: Vocabulary) -> float:
    """R@1 of captions that keep the terms they say."""
    images, captions = (project(head, one) for one in (test.image_vectors, test.caption_vectors))
    own = captions.multiply(vocabulary.literal_matrix(test.texts)).tocsr()
    return float((_ranks(own, images, test) == 1).mean())


def over_folds(
    folds: list[tuple[Pairs, Pairs]], settings: TrainingSettings | LexicalSettings, seeds: int
) -> Iterator[dict[str, float]]:
    """For each seed the means over the folds."""
    for seed in range(seeds):
        seeded = replace(settings, seed=settings.seed + seed)
        run = kept_tuned if isinstance(settings, LexicalSettings) else kept
        runs = [run(*fold, seeded) for fold in folds]  # type: ignore[arg-type]
        means = {
            f"{kind} {name}": float(np.mean([getattr(run, kind)[name] for run in runs]))
            for name in ("R@1", "R@10")
            for kind in ("dense", "sparse")
        }
        own = float(np.mean([run.sparse["own words R@1"] for run in runs]))
        means["own words, of dense R@1"] = own / means["dense R@1"]
        if all("all terms R@1" in run.sparse for run in runs):
            every = float(np.mean([run.sparse["all terms R@1"] for run in runs]))
            means["all terms, of dense R@1"] = every / means["dense R@1"]
        yield {
            **means,
            "of dense R@1": means["sparse R@1"] / means["dense R@1"],
            "of dense R@10": means["sparse R@10"] / means["dense R@10"],
            "active terms": float(np.mean([run.active_terms_image for run in runs])),
            "of a caption": float(np.mean([run.active_terms_caption for run in runs])),
            "seconds": sum(run.seconds for run in runs),
        }


def main() -> None:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--study", choices=["local", "tinyclip", "few"], default="local")
    parser.add_argument("--method", choices=["trained", "tuned"], default="trained")
    parser.add_argument("--seeds", type=int, default=3)
    add_training_options(parser)
    options = parser.parse_args()
    settings: TrainingSettings | LexicalSettings
    if options.method == "tuned":
        settings = LexicalSettings(target_active_terms=options.target_active_terms or 64)
    else:
        given = training_settings(options, RECIPES[options.study])
        settings = replace(given, validate_every=1_000_000, select_by="last", select_below=None)
    folds = {"local": local, "tinyclip": tinyclip, "few": few}[options.study](options.folder)
    print(f"{len(folds)} folds, {options.seeds} seeds, {torch.get_num_threads()} threads")
    rows = []
    for row in over_folds(folds, settings, options.seeds):
        rows.append(row)
        print("  ".join(f"{name} {value:.3f}" for name, value in row.items()), flush=True)
    table = pd.DataFrame(rows)
    print(pd.DataFrame({"mean": table.mean(), "spread": table.std(ddof=1)}).round(4).to_string())


if __name__ == "__main__":
    main()
