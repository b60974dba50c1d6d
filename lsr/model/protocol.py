"""What a model is: whatever gives sparse vectors over a vocabulary.

    Model
    ├── DenseReader        a function of a frozen encoder's dense vectors
    │   └── ProjectionModel, …
    ├── StoredVectors      vectors that were made elsewhere
    └── EncoderModel       an encoder of its own

Search, inspection, terms, evaluation, sweeps, reports and exports ask this protocol, and no kind by
its name. `lsr.model.loading` opens a folder as the kind that its card names.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import scipy.sparse as sp

from lsr.exceptions import QueryError
from lsr.model.fit import VectorKind, misfit
from lsr.model.vocabulary import Vocabulary
from lsr.storage.files import fingerprint

if TYPE_CHECKING:
    from PIL import Image

Side = Literal["images", "captions", "queries"]


@dataclass(frozen=True)
class Items:
    """What sparse vectors are wanted of; every kind of model reads the part that it needs.

    side: queries are of a query set, or new. ids: n names in their collection; None for new texts
    and pictures, which have none. vectors: gives the (n, d) dense vectors of the collection's
    encoder. texts: n captions or queries. pictures: gives the n pictures, one by one. captions:
    gives those of each of the n images.
    """

    side: Side
    ids: Sequence[str] | None
    vectors: Callable[[], np.ndarray]
    texts: Sequence[str] = ()
    pictures: Callable[[], Iterator[Image.Image]] | None = None
    captions: Callable[[], list[list[str]]] | None = None

    def __len__(self) -> int:
        return len(self.dense if self.ids is None else self.ids)

    @cached_property
    def dense(self) -> np.ndarray:
        """(n, d) dense vectors, made or read when they are first asked for."""
        return self.vectors()

    @property
    def are_pictures(self) -> bool:
        return self.side == "images"


@dataclass(frozen=True)
class Model(ABC):
    """Whatever gives sparse vectors over a vocabulary.

    folder: where it lies. card: its `config.json`. vocabulary: the terms that columns number.
    fingerprint: changes when the vectors it gives may change.
    """

    kind: ClassVar[str]

    folder: Path
    card: dict[str, Any]
    vocabulary: Vocabulary
    fingerprint: str

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def title(self) -> str:
        return str(self.card.get("title", self.name))

    @property
    def reads(self) -> VectorKind | None:
        """The dense vectors that the sparse ones are a function of; None where they are not."""
        return None

    @property
    def hidden_size(self) -> int | None:
        """Of its head; None where it has none."""
        return None

    @property
    def no_texts(self) -> str | None:
        """Why new texts, and query sets, get no vector, in one sentence; None where they do."""
        return None

    @property
    def no_pictures(self) -> str | None:
        """Why new pictures get no vector, in one sentence; None where they do."""
        return None

    @property
    def no_captions_as_queries(self) -> str | None:
        """Why captions cannot search for their image, in one sentence; None where they can."""
        return None

    @abstractmethod
    def misfit(self, collection: str, holds: VectorKind, image_ids: Sequence[str]) -> str | None:
        """Why it gives no vectors of a collection's images, in one sentence; None where it does.

        Args:
            collection: its name, for the sentence. holds: its dense vectors.
        """

    @abstractmethod
    def sparse(self, items: Items) -> sp.csr_matrix:
        """Sparse vectors (n, V) float32 csr, sorted indices, no explicit zeros.

        Raises:
            InputError: some of the items get no vector, as `misfit` and `no_texts` say.
        """

    @abstractmethod
    def mark(self, items: Items) -> str | None:
        """What tells apart the vectors of these items from all others that are kept on disk.

        None where keeping them saves nothing.
        """

    def before_threshold(self, dense: np.ndarray) -> np.ndarray | None:  # noqa: ARG002
        """What weights are made of, (n, V) float32 of dense vectors (n, d): above 0 where active.

        NaN at terms that are switched off for good. None where a model tells nothing of the kind.
        """
        return None

    def check_new(self, items: Items) -> None:
        """Refuse new texts or pictures where the model gives them no vector.

        Raises:
            QueryError: it does not.
        """
        why = self.no_pictures if items.are_pictures else self.no_texts
        if items.ids is None and why:
            raise QueryError(why)


@dataclass(frozen=True)
class DenseReader(Model):
    """A model whose sparse vectors are a function of an encoder's dense ones."""

    @property
    @abstractmethod
    def reads(self) -> VectorKind: ...

    @abstractmethod
    def project(self, dense: np.ndarray) -> sp.csr_matrix:
        """Sparse vectors (n, V) float32 csr of dense vectors (n, d)."""

    def misfit(
        self,
        collection: str,
        holds: VectorKind,
        image_ids: Sequence[str],  # noqa: ARG002 (what it reads has no names)
    ) -> str | None:
        return misfit(self.name, self.reads, collection, holds)

    def sparse(self, items: Items) -> sp.csr_matrix:
        self.check_new(items)
        return self.project(items.dense)

    def mark(self, items: Items) -> str | None:
        return dense_mark(self.fingerprint, items.dense)


def dense_mark(fingerprint_of_model: str, dense: np.ndarray) -> str:
    """What tells apart sparse vectors that are a function of a model and of dense vectors."""
    return fingerprint(fingerprint_of_model, str(dense.shape), str(dense.dtype), dense)
