"""How much of what a model says stays when it is made again with another seed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lsr.evaluation.measures import overlap_and_tau
from lsr.evaluation.projected import ProjectedSplit
from lsr.exceptions import InputError, ModelError
from lsr.index.memory.index import MemoryIndex
from lsr.model.loading import load_model
from lsr.model.protocol import Model
from lsr.model.sparse import keep_strongest
from lsr.model.term_list import TermList
from lsr.storage.files import read_json
from lsr.storage.places import folders

_TOP = 10
_TRAINING = "training.json"


class Stability(NamedTuple):
    """Of a model and its twin, which has another seed and is alike in all else.

    hits: the share of the first ten hits of a query that both have. terms: the share of an image's
    ten strongest terms that both have, by the words that say them; None where terms are no words.
    """

    twin: str
    hits: float
    terms: float | None


def twin_of(model: Model) -> Model | None:
    """An installed model made with another seed, of the same collection and with equal settings.

    None where there is none, or where the method has no seed.
    """
    wanted = _made(model.folder / _TRAINING)
    if wanted is None:
        return None
    for folder in folders("models"):
        try:
            other = _made(folder / _TRAINING)
            if other and other[0] == wanted[0] and other[1] != wanted[1]:
                return load_model(folder)
        except InputError:  # a damaged model is nobody's twin
            continue
    return None


def _made(path: Any) -> tuple[dict[str, Any], int] | None:
    """How a model was made without the seed, and the seed; None where there is none."""
    if not path.exists():
        return None
    told = read_json(path, ModelError)
    settings = told.get("settings")
    if not isinstance(settings, dict) or not isinstance(seed := settings.get("seed"), int):
        return None
    rest = {name: value for name, value in settings.items() if name != "seed"}
    return {"method": told.get("method"), "of": told.get("collection"), "settings": rest}, seed


def stability(model: Model, twin: Model, ours: ProjectedSplit, theirs: ProjectedSplit) -> Stability:
    """Of a model and its twin on the same split.

    Args:
        ours, theirs: the split as each of them gives it.
    """
    hits = overlap_and_tau(_best_hits(ours), _best_hits(theirs))[0]
    terms = None
    if ours.says and theirs.says:
        pairs = zip(_strongest(model, ours), _strongest(twin, theirs), strict=True)
        terms = float(np.mean([len(a & b) / max(len(a), len(b), 1) for a, b in pairs]))
    return Stability(twin.name, hits, terms)


def _best_hits(split: ProjectedSplit) -> np.ndarray:
    """(q, 10) int32: images by ascending id, the first ten of each caption; −1 after the last."""
    return MemoryIndex(split.images).search_rows(split.captions.matrix, _TOP)[0]


def _strongest(model: Model, split: ProjectedSplit) -> list[set[str]]:
    """The names of the ten strongest terms of each image."""
    vocabulary = model.vocabulary
    names = vocabulary.words if isinstance(vocabulary, TermList) else vocabulary.terms
    # A latent without a word is no other's, whatever its number.
    own = [name or f"{model.name} #{number}" for number, name in enumerate(names)]
    kept = keep_strongest(split.images.matrix, _TOP)
    return [
        {own[term] for term in kept.indices[start:stop]}
        for start, stop in zip(kept.indptr[:-1], kept.indptr[1:], strict=True)
    ]
