"""A model around another one, whose sparse vectors it changes and whose other answers it gives."""

from __future__ import annotations

from collections.abc import Sequence

import scipy.sparse as sp

from lsr.model.fit import VectorKind
from lsr.model.projection_cache import sparse_once
from lsr.model.protocol import Items, Model


class WrappedModel(Model):
    """What it does not change, it asks of `inner`, the model before."""

    inner: Model

    @property
    def reads(self) -> VectorKind | None:
        return self.inner.reads

    @property
    def hidden_size(self) -> int | None:
        return self.inner.hidden_size

    @property
    def no_texts(self) -> str | None:
        return self.inner.no_texts

    @property
    def no_pictures(self) -> str | None:
        return self.inner.no_pictures

    @property
    def no_captions_as_queries(self) -> str | None:
        return self.inner.no_captions_as_queries

    def misfit(self, collection: str, holds: VectorKind, image_ids: Sequence[str]) -> str | None:
        return self.inner.misfit(collection, holds, image_ids)

    def mark(self, items: Items) -> str | None:  # noqa: ARG002 (the vectors before are kept)
        return None

    def sparse_before(self, items: Items) -> sp.csr_matrix:
        """The vectors of the model before, kept where the items are a collection's."""
        return self.inner.sparse(items) if items.ids is None else sparse_once(self.inner, items)
