"""A head in closed form: vocabulary weights from vectors and captions, without a training step.

1. The direction between the mean image and the mean caption vector (the modality gap) is taken out
   of the space, which is then centred. That is the first layer; the layer norm makes unit vectors.
2. The row of a term is a linear discriminant: the mean of the captions that say it and of their
   images, shrunk when few say it, times the inverse of the regularised common covariance.
3. Its bias is a threshold on the training images: a term fires more often than captions say it, all
   by the same factor, which is chosen so that an image activates as many terms as asked for.

It has the published form of the projection, with a hidden size equal to the dense size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lsr.collection.collection import Collection
from lsr.evaluation.evaluate import evaluate_split, term_vectors_for
from lsr.evaluation.pairs import Pairs, load_pairs
from lsr.evaluation.projected import project_split_with
from lsr.exceptions import CollectionError, QueryError
from lsr.model.checkpoint import Model, save_model
from lsr.model.vocabulary import Vocabulary
from lsr.storage.places import BUNDLED_ENCODER
from lsr.training.run_folder import run_folder, run_to_itself
from lsr.training.stop_list import stop_list

if TYPE_CHECKING:
    from lsr.model.projection import Projection

# Rows read at once, and terms whose scores of all images are held at once.
_ROWS, _TERMS = 16_384, 512
# No term fires for a larger share of the images, nor for fewer of them.
_MOST_SHARE, _FEWEST_IMAGES = 0.35, 2
# Captions that count against a term's mean vector being chance.
_PRIOR_CAPTIONS = 2.0


@dataclass(frozen=True)
class ClosedFormSettings:
    """target_active_terms: mean of a training image. least_captions: that must say a term.

    shrinkage: of the covariance towards a multiple of the identity, in units of its mean variance.
    sharpness: how fast a weight rises above its threshold, in log1p(sharpness · cosine above it).
    """

    target_active_terms: int = 64
    least_captions: int = 2
    shrinkage: float = 1.0
    sharpness: float = 8.0

    def check(self) -> None:
        """Refuse what no head can have.

        Raises:
            QueryError: naming the number and what it may be.
        """
        if not 1 <= self.target_active_terms <= 100_000:
            raise QueryError(
                f"{self.target_active_terms} active terms an image are not possible. Use 1 to "
                "100,000, such as 64."
            )


@dataclass(frozen=True)
class ClosedForm:
    """A head, the terms that it uses, and how many a training image activates."""

    head: Projection
    terms: np.ndarray
    active_terms: float


def closed_form(
    pairs: Pairs, vocabulary: Vocabulary, stopped: np.ndarray, settings: ClosedFormSettings
) -> ClosedForm:
    """The head of some pairs.

    Args:
        stopped: ids of terms that are never used.

    Raises:
        CollectionError: too few captions say the same words.
    """
    said = vocabulary.literal_matrix(pairs.texts).tocsc()
    captions = np.diff(said.indptr)
    usable = captions >= settings.least_captions
    usable[stopped] = False
    terms = np.flatnonzero(usable)
    if not len(terms):
        raise CollectionError(
            f"No word is said by {settings.least_captions} of the {len(pairs.texts):,} training "
            "captions, so no term can be learnt. Add captions, or train with other settings."
        )
    space = _Space.of(pairs)
    rows = _discriminants(pairs, space, said[:, terms].tocsr(), captions[terms], settings)
    fires = _firing(captions[terms], len(pairs.texts), len(pairs.image_vectors), settings)
    images = space.units(pairs.image_vectors)
    thresholds = _thresholds(images, rows, fires)
    head = _folded(space, rows, thresholds, terms, len(vocabulary), settings.sharpness)
    return ClosedForm(head, terms, float(fires.sum() / len(images)))


@dataclass(frozen=True)
class _Space:
    """Dense vectors z to unit vectors of `weight` z + `bias`, whose numbers have mean 0.

    The layer norm subtracts the mean of a vector's numbers: taking it out here changes nothing
    there, so that both give the same unit vectors.
    """

    weight: np.ndarray  # (d, d)
    bias: np.ndarray  # (d,)

    @classmethod
    def of(cls, pairs: Pairs) -> _Space:
        images, captions = (
            one.mean(axis=0, dtype=np.float64)
            for one in (pairs.image_vectors, pairs.caption_vectors)
        )
        size = len(images)
        weight = np.eye(size) - 1 / size
        gap = weight @ (images - captions)
        if (length := float(np.linalg.norm(gap))) > 1e-9:
            gap /= length
            weight = weight - np.outer(gap, gap)  # the gap lies in what is left, so this is exact
        return cls(weight, -weight @ (images + captions) / 2)

    def units(self, vectors: np.ndarray) -> np.ndarray:
        """(n, d) float32 of unit length."""
        moved = vectors.astype(np.float32) @ self.weight.T.astype(np.float32)
        moved += self.bias.astype(np.float32)
        norms = np.linalg.norm(moved, axis=1, keepdims=True)
        moved /= np.maximum(norms, np.float32(1e-12))
        return moved


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, min(start + _ROWS, n)) for start in range(0, n, _ROWS))


def _discriminants(
    pairs: Pairs, space: _Space, said: Any, captions: np.ndarray, settings: ClosedFormSettings
) -> np.ndarray:
    """(terms, d) float64 unit rows, read block by block of the captions."""
    size = pairs.caption_vectors.shape[1]
    sums, covariance = np.zeros((said.shape[1], size)), np.zeros((size, size))
    for block in _blocks(len(pairs.texts)):
        texts = space.units(pairs.caption_vectors[block])
        images = space.units(pairs.image_vectors[pairs.relevant[block]])
        sums += said[block].astype(np.float32).T @ ((texts + images) / 2)
        covariance += texts.T @ texts + images.T @ images
    covariance /= 2 * len(pairs.texts)
    means = sums / (captions + _PRIOR_CAPTIONS)[:, None]
    common = settings.shrinkage * np.trace(covariance) / size
    rows = np.linalg.solve(covariance + common * np.eye(size), means.T).T
    unit: np.ndarray = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit


def _firing(
    captions: np.ndarray, n_captions: int, n_images: int, settings: ClosedFormSettings
) -> np.ndarray:
    """(terms,) int64: for how many training images each term fires, as many in all as asked for."""
    shares = captions / n_captions

    def of(factor: float) -> np.ndarray:
        wanted = np.rint(np.minimum(factor * shares, _MOST_SHARE) * n_images)
        least, most = min(_FEWEST_IMAGES, n_images - 1), n_images - 1
        return np.clip(wanted, max(least, 1), max(most, 1)).astype(np.int64)

    low, high = 1e-3, 1e6
    for _ in range(80):
        middle = (low * high) ** 0.5
        if of(middle).sum() < settings.target_active_terms * n_images:
            low = middle
        else:
            high = middle
    return of(low)


def _thresholds(images: np.ndarray, rows: np.ndarray, fires: np.ndarray) -> np.ndarray:
    """(terms,) between the last image that a term fires for and the first that it does not."""
    thresholds = np.empty(len(rows))
    for start in range(0, len(rows), _TERMS):
        block = slice(start, min(start + _TERMS, len(rows)))
        scores = np.sort(images @ rows[block].T.astype(np.float32), axis=0)[::-1]
        columns, last = np.arange(scores.shape[1]), np.minimum(fires[block], len(images) - 1)
        thresholds[block] = (scores[last - 1, columns] + scores[last, columns]) / 2
    return thresholds


def _folded(
    space: _Space,
    rows: np.ndarray,
    thresholds: np.ndarray,
    terms: np.ndarray,
    n_terms: int,
    sharpness: float,
) -> Projection:
    """All of it as a projection; the layer norm gives unit vectors times √d."""
    import torch

    from lsr.model.projection import Projection

    size = rows.shape[1]
    head = Projection(size, size, n_terms).eval()
    off = np.ones(n_terms, bool)
    off[terms] = False
    with torch.no_grad():
        head.proj.weight.copy_(torch.from_numpy(space.weight))
        head.proj.bias.copy_(torch.from_numpy(space.bias))
        head.vocab_layer_norm.weight.fill_(1)
        head.vocab_layer_norm.bias.zero_()
        head.vocab_projector.weight[terms] = torch.from_numpy(
            (rows * sharpness / size**0.5).astype(np.float32)
        )
        head.vocab_projector.bias[terms] = torch.from_numpy(
            (-sharpness * thresholds).astype(np.float32)
        )
    head.switch_off(torch.from_numpy(np.flatnonzero(off)))
    return head


def make_closed_form(
    collection: Collection,
    folder: Path,
    settings: ClosedFormSettings | None = None,
    *,
    title: str = "",
    bundled_encoder: Path = BUNDLED_ENCODER,
) -> Model:
    """A closed-form model of split `train`, measured on `test` (else `val`), written to `folder`.

    Raises:
        CollectionError, UnknownNameError: a split or its captions are missing or broken, or no word
            is said often enough.
        ModelError: a training run of that name is going on.
        QueryError: a setting that no head can have.
        DiskFullError: there is no room for the model.
    """
    import torch

    settings = settings or ClosedFormSettings()
    settings.check()
    with run_to_itself(run_folder(folder)):
        vocabulary = Vocabulary.load(bundled_encoder / "tokenizer.json")
        pairs = load_pairs(collection, "train")
        stopped = stop_list(pairs, vocabulary)
        made = closed_form(pairs, vocabulary, stopped, settings)
        # The metrics are measured on the rounded weights that are stored.
        for parameter in made.head.parameters():
            parameter.data = parameter.data.half().float()
        split = next(one for one in ("test", "val", "train") if one in collection.splits)
        projected = project_split_with(collection, made.head, vocabulary, split)
        metrics = evaluate_split(projected, term_vectors=term_vectors_for(vocabulary))
        return save_model(
            folder,
            made.head,
            vocabulary,
            card={"title": title or folder.name, "encoder": collection.encoder},
            training={
                "method": "closed-form",
                "settings": asdict(settings),
                "collection": {"name": collection.name, "fingerprint": collection.fingerprint},
                "n_pairs": len(pairs.texts),
                "n_terms": len(made.terms),
                "active_terms_train": made.active_terms,
            },
            metrics={"split": split, **metrics},
            precision=torch.float16,
        )
