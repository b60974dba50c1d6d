"""The kind `sparse-encoder`: a `SparseEncoder` of sentence-transformers.

It encodes texts by itself, and pictures where it was made for both. One of texts alone reads the
captions of an image in the image's place, and everything that rests on that says so.

In the model's folder: `encoder/` as the package saves it, and the vocabulary beside it.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from lsr.exceptions import ModelError, shorten
from lsr.model.card import CARD, SPARSE_ENCODER
from lsr.model.fit import VectorKind
from lsr.model.protocol import Items, Model
from lsr.model.sparse import stack
from lsr.model.stored import read_vocabulary
from lsr.storage.files import fingerprint
from lsr.storage.untrusted import DamagedError, parsed

ENCODER = "encoder"
PACKAGE = '"sentence-transformers>=6.2,<7"'
# Texts or pictures in memory at a time.
_TEXTS, _PICTURES = 512, 64
_LOADING = threading.RLock()


@dataclass(frozen=True)
class EncoderModel(Model):
    """An encoder with a query side and a document side, which may be one.

    Captions and queries are its queries, images its documents.
    """

    kind = SPARSE_ENCODER

    @property
    def reads_pictures(self) -> bool:
        return bool(self.card.get("reads_pictures"))

    @property
    def no_texts(self) -> str | None:
        return missing_package(f"Model `{self.name}`")

    @property
    def no_pictures(self) -> str | None:
        if self.reads_pictures:
            return missing_package(f"Model `{self.name}`")
        return (
            f"Model `{self.name}` reads texts alone, and a new picture has no caption that could "
            "stand for it. Search with words, or choose another model."
        )

    @property
    def no_captions_as_queries(self) -> str | None:
        if self.reads_pictures:
            return None
        return (
            f"Model `{self.name}` reads the captions of an image in its place, so a caption that "
            "searches would find itself. Measure with a query set (`--queries NAME`)."
        )

    def misfit(
        self,
        collection: str,  # noqa: ARG002 (it reads pictures or captions of any)
        holds: VectorKind,  # noqa: ARG002
        image_ids: Sequence[str],  # noqa: ARG002
    ) -> str | None:
        return None

    def sparse(self, items: Items) -> sp.csr_matrix:
        self.check_new(items)
        if why := missing_package(f"Model `{self.name}`"):
            raise ModelError(why)
        with _LOADING:
            encoder = _loaded(self.folder / ENCODER, self.fingerprint)
        if not items.are_pictures:
            return self._encoded(encoder.encode_query, items.texts, _TEXTS)
        if not self.reads_pictures:
            return self._encoded(encoder.encode_document, self._documents(items), _TEXTS)
        assert items.pictures is not None  # noqa: S101  # images have them
        pictures = (one.convert("RGB") for one in items.pictures())
        return self._encoded(encoder.encode_document, pictures, _PICTURES)

    def _documents(self, items: Items) -> list[str]:
        """The captions of each image, one after the other; "" where it has none."""
        documents = [" ".join(one) for one in items.captions()] if items.captions else []
        if not any(documents):
            raise ModelError(
                f"Model `{self.name}` reads texts alone, and none of these {len(items):,} images "
                "has a caption that could stand for it. Choose another model."
            )
        return documents

    def _encoded(self, encode: Any, contents: Any, at_once: int) -> sp.csr_matrix:
        n_terms, left, blocks = len(self.vocabulary), iter(contents), []
        while some := list(islice(left, at_once)):
            blocks.append(as_csr(encode(some, show_progress_bar=False, save_to_cpu=True), n_terms))
            # An empty text says nothing, though the marks around it may activate terms.
            if empty := [row for row, one in enumerate(some) if isinstance(one, str) and not one]:
                blocks[-1] = _without(blocks[-1], empty)
        matrix = stack(blocks, n_terms)
        matrix.has_sorted_indices = True
        return matrix

    def mark(self, items: Items) -> str | None:
        if not items.are_pictures:
            return fingerprint(self.fingerprint, "texts", *items.texts)
        if not self.reads_pictures:
            return fingerprint(self.fingerprint, "documents", *self._documents(items))
        if items.ids is None:
            return None
        # Pictures that changed have other dense vectors, which are quicker to read.
        return fingerprint(self.fingerprint, "pictures", *items.ids, np.asarray(items.dense))


def missing_package(what: str) -> str | None:
    """That sentence-transformers is not installed, in one sentence; None where it is."""
    if importlib.util.find_spec("sentence_transformers") is not None:
        return None
    return f"{what} needs the package sentence-transformers. Run `python -m pip install {PACKAGE}`."


def as_csr(found: Any, n_terms: int) -> sp.csr_matrix:
    """Vectors of the package, a torch COO tensor (n, V), as float32 csr.

    Raises:
        ModelError: another width, or weights that are negative or not finite.
    """
    tensor = found.coalesce()
    rows, terms = tensor.indices().numpy()
    weights = tensor.values().float().numpy()
    if tensor.shape[1] != n_terms:
        raise ModelError(
            f"The encoder gives vectors of {tensor.shape[1]:,} numbers, but its vocabulary has "
            f"{n_terms:,} terms. Import it again."
        )
    if len(weights) and not (np.isfinite(weights).all() and weights.min() >= 0):
        raise ModelError(
            "The encoder gives weights below 0, or none that are numbers, so it is no sparse "
            "encoder of terms. Train it with an activation that has none."
        )
    matrix = sp.csr_matrix((weights, (rows, terms)), tuple(tensor.shape), dtype=np.float32)
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix


def _without(matrix: sp.csr_matrix, rows: list[int]) -> sp.csr_matrix:
    """The matrix with some rows empty."""
    kept = np.ones(matrix.shape[0], np.float32)
    kept[rows] = 0
    found = sp.csr_matrix(sp.diags_array(kept) @ matrix, dtype=np.float32)
    found.eliminate_zeros()
    return found


@functools.lru_cache(maxsize=2)  # each can take a gigabyte
def _loaded(folder: Path, _mark: str) -> Any:
    return read_encoder(folder)


def read_encoder(folder: Path) -> Any:
    """The package's own encoder of a folder; nothing but safetensors and settings is read.

    Raises:
        ModelError: it cannot be loaded.
    """
    with quiet():
        from sentence_transformers import SparseEncoder

        try:
            with parsed():
                encoder = SparseEncoder(
                    str(folder),
                    local_files_only=True,
                    trust_remote_code=False,
                    model_kwargs={"use_safetensors": True},
                )
        except (DamagedError, OSError) as problem:
            raise ModelError(
                f"`{folder.name}` cannot be loaded as a sparse encoder "
                f"({shorten(str(problem), 160)}). Save or download the folder again."
            ) from None
    return encoder.eval()


def open_encoder(folder: Path, card: dict[str, Any]) -> EncoderModel:
    """The sparse encoder in a model's folder, with its card; its weights are read when needed.

    Raises:
        ModelError: a file is missing or damaged.
    """
    if not (folder / ENCODER).is_dir():
        raise ModelError(f"Model `{folder.name}` has no folder `{ENCODER}`. Import it again.")
    if not isinstance(mark := card.get("fingerprint"), str):
        raise ModelError(f"`{folder / CARD}` says no fingerprint. Import the model again.")
    return EncoderModel(folder, card, read_vocabulary(folder), mark)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the packages' own lines and progress bars; what is wrong is raised."""
    import warnings

    from transformers.utils import logging as theirs

    package = logging.getLogger("sentence_transformers")
    before, bars, level = theirs.get_verbosity(), theirs.is_progress_bar_enabled(), package.level
    theirs.set_verbosity_error()
    theirs.disable_progress_bar()
    package.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        theirs.set_verbosity(before)
        package.setLevel(level)
        if bars:
            theirs.enable_progress_bar()
