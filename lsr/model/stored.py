"""The kind `vectors`: sparse vectors that were made elsewhere, of one collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import scipy.sparse as sp

from lsr.exceptions import ModelError
from lsr.model.card import CARD, VECTORS
from lsr.model.fit import VectorKind
from lsr.model.protocol import Items, Model
from lsr.model.stored_files import StoredSide, open_side, side_fingerprint
from lsr.model.term_list import TermList, numbered
from lsr.model.vocabulary import Vocabulary
from lsr.storage.files import fingerprint, read_json, write_json
from lsr.storage.records import fits

SIDES = ("images", "captions")
TERMS_FILE = "terms.json"


@dataclass(frozen=True)
class StoredVectors(Model):
    """Vectors of a collection's images, and of its captions where `captions` is given."""

    kind = VECTORS

    images: StoredSide
    captions: StoredSide | None

    @property
    def no_texts(self) -> str | None:
        return (
            f"Model `{self.name}` holds vectors that were made elsewhere, so there are none of new "
            "texts. Open an image of the collection, or choose another model."
        )

    @property
    def no_pictures(self) -> str | None:
        return (
            f"Model `{self.name}` holds vectors that were made elsewhere, so there are none of new "
            "pictures. Open an image of the collection, or choose another model."
        )

    @property
    def no_captions_as_queries(self) -> str | None:
        if self.captions is not None:
            return None
        return (
            f"Model `{self.name}` holds no vectors of the captions of its collection, so nothing "
            "can be measured with them. Import it again with `--captions FILE`."
        )

    def misfit(self, collection: str, holds: VectorKind, image_ids: Sequence[str]) -> str | None:  # noqa: ARG002
        if self.images.has_any(image_ids):
            return None
        return (
            f"Model `{self.name}` has vectors of {len(self.images.ids):,} images, none of them "
            f"among the {len(image_ids):,} of collection `{collection}`. Choose another model, or "
            f"collection `{self.card.get('collection', 'unknown')}`."
        )

    def sparse(self, items: Items) -> sp.csr_matrix:
        self.check_new(items)
        if items.side == "images":
            return self.images.of(items.ids or ())
        if self.captions is None:
            raise ModelError(str(self.no_captions_as_queries))
        if items.side == "queries":
            raise ModelError(
                f"Model `{self.name}` holds no vectors of the queries of its collection, so "
                "nothing can be measured with them. Measure it on captions."
            )
        return self.captions.of(items.ids or ())

    def mark(self, items: Items) -> str | None:  # noqa: ARG002 (they are on disk already)
        return None


def open_stored(folder: Path, card: dict[str, Any]) -> StoredVectors:
    """The stored vectors in a model's folder, with its card.

    Raises:
        ModelError: a file is missing or damaged.
    """
    vocabulary = read_vocabulary(folder)
    images, captions = (open_side(folder, side, len(vocabulary)) for side in SIDES)
    if images is None:
        raise ModelError(f"Model `{folder.name}` has no vectors of images. Import it again.")
    if not isinstance(mark := card.get("fingerprint"), str):
        raise ModelError(f"`{folder / CARD}` says no fingerprint. Import the model again.")
    return StoredVectors(folder, card, vocabulary, mark, images, captions)


def finish_stored(folder: Path, vocabulary: Vocabulary, card: Mapping[str, Any]) -> None:
    """Write vocabulary and card beside the sides, which are written already."""
    write_vocabulary(folder, vocabulary)
    sides = [side_fingerprint(folder, side) for side in SIDES]
    mark = fingerprint(vocabulary.tokenizer_fingerprint, *sides)
    sizes = {"kind": VECTORS, "vocabulary_size": len(vocabulary), "fingerprint": mark}
    write_json(folder / CARD, {**card, **sizes})


def write_vocabulary(folder: Path, vocabulary: Vocabulary) -> None:
    """`terms.json` of a list of terms, `tokenizer.json` of a tokenizer."""
    if not isinstance(vocabulary, TermList):
        vocabulary.save(folder / "tokenizer.json")
    elif vocabulary.says or vocabulary.terms != numbered(len(vocabulary)).terms:
        content = {"terms": vocabulary.terms, "words": vocabulary.words}
        write_json(folder / TERMS_FILE, content)
    else:
        write_json(folder / TERMS_FILE, {"numbers": len(vocabulary)})


def read_vocabulary(folder: Path) -> Vocabulary:
    """The vocabulary of a model's folder, with or without a tokenizer.

    Raises:
        ModelError: a file is missing or damaged.
    """
    path = folder / TERMS_FILE
    if not path.exists():
        return Vocabulary.load(folder / "tokenizer.json")
    content = read_json(path, ModelError)
    n: Any = content.get("numbers")
    if fits(n, int) and 0 < n <= MOST_TERMS:
        return numbered(n)
    terms: Any = content.get("terms")
    words: Any = content.get("words")
    whole = fits(terms, list[str]) and fits(words, list[str]) and len(terms) == len(words) > 0
    if not whole or len(set(terms)) < len(terms):
        raise ModelError(f"`{path}` is damaged: it lists no different terms. Restore it.")
    return TermList(terms, words)


MOST_TERMS = 2**24
"""Of a vocabulary: more than any encoder or dictionary has, and few enough to hold."""
