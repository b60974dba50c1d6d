"""The kind `edited`: another model whose terms were merged, renamed or deleted.

In the model's folder: `base/NAME/`, the other model whole, and the edits in the card.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from lsr.exceptions import ModelError, QueryError
from lsr.model.card import CARD, EDITED, kind_of
from lsr.model.protocol import Items, Model
from lsr.model.term_edits import Columns, TermEdit, checked_edits, columns_after, edits_text
from lsr.model.vocabulary import Vocabulary
from lsr.model.wrapped import WrappedModel
from lsr.storage.files import fingerprint, write_json
from lsr.storage.folders import replacing_folder
from lsr.storage.places import own_folder

BASE = "base"
# What the card of the model before says, and lists of models read of a card alone.
_OF_BASE = ("encoder", "dense_size", "collection", "reads_pictures")


class EditedVocabulary(Vocabulary):
    """A vocabulary after some edits; texts are split as before, and what they say is edited."""

    def __init__(self, base: Vocabulary, edits: Sequence[TermEdit]) -> None:
        self._base = base
        self._edits = edits_text(edits)
        self.columns: Columns = columns_after(edits, base)
        self.terms = self.columns.names
        gone = self.columns.gone
        self._ids = {term: i for i, term in enumerate(self.terms) if not gone[i]}

    @property
    def says(self) -> bool:  # type: ignore[override]
        return self._base.says

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint(self._base.fingerprint, self._edits)

    @cached_property
    def tokenizer_fingerprint(self) -> str:
        return fingerprint(self._base.tokenizer_fingerprint, self._edits)

    @cached_property
    def special(self) -> np.ndarray:
        """Marks of the tokenizer, and terms that are gone."""
        return np.asarray(self._base.special | self.columns.gone)

    def token_ids(self, texts: Sequence[str]) -> list[np.ndarray]:
        return [self.columns.of_numbers(found) for found in self._base.token_ids(texts)]

    def read_words(self, text: str) -> list[tuple[str, list[int]]]:
        return [
            (word, self.columns.of_numbers(np.array(found, np.int64)).tolist())
            for word, found in self._base.read_words(text)
        ]

    def save(self, path: Path) -> None:  # noqa: ARG002 (as its parent's)
        """There is no tokenizer that splits texts like this.

        Raises:
            ModelError: always; the message says what can be done.
        """
        raise ModelError(
            "The terms of this model were edited, so no tokenizer splits texts into them. Choose "
            "another format, or export the model that it was made of."
        )


@dataclass(frozen=True, eq=False)
class EditedModel(WrappedModel):
    """A model after edits of its terms. inner: the model before."""

    kind = EDITED

    inner: Model
    edits: tuple[TermEdit, ...]
    columns: Columns

    def sparse(self, items: Items) -> sp.csr_matrix:
        return self.columns.of_vectors(self.sparse_before(items))

    def before_threshold(self, dense: np.ndarray) -> np.ndarray | None:
        logits = self.inner.before_threshold(dense)
        if logits is None:
            return None
        found = np.full_like(logits, np.nan)
        stays = ~self.columns.gone
        found[:, stays] = logits[:, stays]
        for number in np.flatnonzero((self.columns.goes_to >= 0) & self.columns.gone):
            into = self.columns.goes_to[number]
            found[:, into] = np.fmax(found[:, into], logits[:, number])
        return found


def edit_terms(model: Model, edits: Sequence[TermEdit]) -> EditedModel:
    """A model with its terms edited, in memory; edits of an edited model come after its own.

    Raises:
        QueryError: as `columns_after`.
    """
    if isinstance(model, EditedModel):
        return edit_terms(model.inner, (*model.edits, *edits))
    vocabulary = EditedVocabulary(model.vocabulary, edits)
    mark = fingerprint(model.fingerprint, edits_text(edits))
    return EditedModel(
        model.folder, model.card, vocabulary, mark, model, tuple(edits), vocabulary.columns
    )


def save_edited_as(name: str, edited: EditedModel) -> Path:
    """Keep an edited model under a new name, and return its folder.

    Raises:
        QueryError: the name cannot be used or is taken; or as `save_edited`.
    """
    folder = own_folder("models", name)
    if folder.exists():
        raise QueryError(f"There is a model `{name}` already. Choose another name.")
    save_edited(folder, edited)
    return folder


def save_edited(folder: Path, edited: EditedModel, title: str = "") -> None:
    """Write an edited model whole: the model that it was made of, and the edits.

    Raises:
        QueryError: there is no edit.
        DiskFullError: there is no room. BusyError: another process is writing the folder.
    """
    if not edited.edits:
        raise QueryError("No term was edited. Merge, rename or delete one first.")
    base = edited.inner
    kept = {name: base.card[name] for name in _OF_BASE if name in base.card}
    card: dict[str, Any] = {
        "kind": EDITED,
        "title": title or f"{base.title}, {len(edited.edits)} terms edited",
        **kept,
        "of": kind_of(base.card),
        "base": base.folder.name,
        "vocabulary_size": len(base.vocabulary),
        "edits": [
            {"edit": one.change, "term": one.term, **({"to": one.to} if one.to else {})}
            for one in edited.edits
        ],
    }
    with replacing_folder(folder) as temporary:
        shutil.copytree(base.folder, temporary / BASE / base.folder.name)
        write_json(temporary / CARD, card)


def open_edited(folder: Path, card: dict[str, Any], load: Callable[[Path], Model]) -> EditedModel:
    """The edited model in a folder, with its card.

    Args:
        load: opens the model that it was made of.

    Raises:
        ModelError: a file is missing or damaged, or the edits do not go with the model.
    """
    name = card.get("base")
    if not isinstance(name, str) or Path(name).name != name or name in ("", ".", ".."):
        raise ModelError(f"`{folder / CARD}` is damaged: `base` is no name. Restore the file.")
    base = load(folder / BASE / name)
    if isinstance(base, EditedModel):
        raise ModelError(f"`{folder}` holds an edited model of an edited one. Save it again.")
    try:
        edited = edit_terms(base, checked_edits(card.get("edits")))
    except QueryError as problem:
        raise ModelError(f"`{folder / CARD}` is damaged: {problem}") from None
    return EditedModel(
        folder, card, edited.vocabulary, edited.fingerprint, base, edited.edits, edited.columns
    )
