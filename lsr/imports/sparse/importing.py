"""Sparse vectors of a collection that were made elsewhere, as a model of the kind `vectors`."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lsr.collection.collection import Collection
from lsr.evaluation.model_metrics import metrics_of
from lsr.exceptions import CollectionError, shorten
from lsr.imports.imported import import_folder
from lsr.imports.sparse.blocks import Checker
from lsr.imports.sparse.sources import SideFiles, SparseSource, find_sparse
from lsr.imports.sparse.term_numbers import TermNumbers, read_vocabulary_file
from lsr.imports.vectors.matching import Matches, match_captions, match_images
from lsr.imports.vectors.vector_file import VectorFile, read_labels
from lsr.model.loading import load_model
from lsr.model.protocol import Model
from lsr.model.stored import finish_stored
from lsr.model.stored_files import write_ids, writing_side
from lsr.storage.files import write_json
from lsr.storage.folders import replacing_folder

# Of the vocabulary: above it, sparse vectors have no advantage over dense ones.
DENSE = 0.05


@dataclass(frozen=True)
class SparseFiles:
    """Where sparse vectors are, and whose they are.

    source, captions: as `find_sparse` takes them. vocabulary: as `read_vocabulary_file` does.
    image_ids, caption_ids: CSV or TSV files that say whose the rows are, as for dense vectors.
    """

    source: str
    captions: str | None = None
    vocabulary: str | None = None
    image_ids: str | None = None
    caption_ids: str | None = None


@dataclass(frozen=True)
class SparseReport:
    """How far an import is: rows of a side read so far; at the end the model and the notes."""

    side: str
    rows: int
    model: Model | None = None
    notes: list[str] = field(default_factory=list)


@dataclass
class _Read:
    """What reading a side found out. labels: whose its rows are, None where only order counts."""

    checker: Checker
    labels: dict[str, list[str]] | None
    columns: int | None


def import_vectors(
    collection: Collection, name: str, files: SparseFiles, title: str = ""
) -> Iterator[SparseReport]:
    """Store the vectors as a model; it is there, measured, when the last report comes.

    Images go by id or file name, captions by id, or by their image and text. Files that say nothing
    go by order and need exactly as many rows. What has no vector activates no term.

    Raises:
        CollectionError: a file is damaged, a weight or a term is none, or nothing matches.
        ModelError: the vocabulary cannot be read. InputError: there is no such file.
        QueryError: the name cannot be used. DiskFullError: there is no room.
    """
    folder = import_folder("models", name)
    source = find_sparse(files.source, files.captions)
    place = files.vocabulary or (str(source.vocabulary) if source.vocabulary else None)
    numbers = TermNumbers(read_vocabulary_file(place) if place else None)
    with replacing_folder(folder) as temporary:
        read: dict[str, _Read] = {}
        for side, found in source.sides.items():
            table = files.image_ids if side == "images" else files.caption_ids
            read[side] = yield from _stored(temporary, side, found, numbers, table)
        notes = _matched(collection, source, read, temporary)
        vocabulary = numbers.vocabulary(_width(source, read))
        for side, one in read.items():
            notes += _notes(one.checker, side, len(vocabulary))
        card = {
            "title": title or source.name,
            "collection": collection.name,
            "imported": {
                "format": source.sides["images"].form,
                "source": source.name,
                "notes": notes,
            },
        }
        finish_stored(temporary, vocabulary, card)
        yield SparseReport("measuring", 0)
        write_json(temporary / "metrics.json", metrics_of(collection, load_model(temporary)))
    yield SparseReport("", 0, load_model(folder), notes)


def _stored(
    folder: Path, side: str, files: SideFiles, numbers: TermNumbers, table: str | None
) -> Generator[SparseReport, None, _Read]:
    """Write the vectors of a side as they come."""
    blocks, columns = files.read(numbers)
    if numbers.n_terms is not None and columns not in (None, numbers.n_terms):
        raise CollectionError(
            f"`{files.name}` has {columns:,} columns, but the vocabulary has {numbers.n_terms:,} "
            "terms. Give the vocabulary that the vectors were made with."
        )
    checker = Checker(files.name, columns or numbers.n_terms)
    ids: list[str] | None = None
    with writing_side(folder, side) as writer:
        for block in blocks:
            writer.add(checker.csr(block))
            if block.ids is not None:
                ids = [*ids, *block.ids] if ids is not None else block.ids
            yield SparseReport(side, checker.n_rows)
    if not checker.n_active:
        raise CollectionError(
            f"`{files.name}` holds {checker.n_rows:,} rows and no weight above 0. Restore the file."
        )
    labels = {"id": ids} if ids is not None else files.labels()
    if table is not None:
        labels = read_labels(Path(table).expanduser(), files.name, checker.n_rows)
    if labels and len(told := next(iter(labels.values()))) != checker.n_rows:
        raise CollectionError(
            f"`{files.name}` has {checker.n_rows:,} rows but {len(told):,} ids. Restore the files."
        )
    return _Read(checker, labels, columns)


def _width(source: SparseSource, read: dict[str, _Read]) -> int:
    """Columns of both sides, where no vocabulary is given."""
    told = {one.columns for one in read.values() if one.columns is not None}
    if len(told) > 1:
        names = " and ".join(f"`{files.name}`" for files in source.sides.values())
        raise CollectionError(
            f"{names} have {' and '.join(f'{n:,}' for n in sorted(told))} columns. Both must be "
            "over one vocabulary."
        )
    return max([*told, *(one.checker.largest + 1 for one in read.values())])


def _matched(
    collection: Collection, source: SparseSource, read: dict[str, _Read], folder: Path
) -> list[str]:
    """Write whose the rows are; what is left without a vector, in sentences."""
    files = {
        # Rows that all differ, so that two of one image are refused.
        side: VectorFile(one.checker.file, np.arange(one.checker.n_rows)[:, None], one.labels, None)
        for side, one in read.items()
    }
    notes: list[str] = []
    for side in source.sides:
        if side == "images":
            matches, ids = match_images(collection, files[side]), collection.image_ids
        else:
            matches = match_captions(collection, files[side], files["images"])
            ids = collection.caption_ids
        write_ids(folder, side, _owners(matches, ids, read[side].checker.n_rows))
        notes += _left_out(matches, files[side], side)
    return notes


def _owners(matches: Matches, ids: Sequence[str], n_rows: int) -> list[str]:
    owners = [""] * n_rows
    for place, row in enumerate(matches.rows.tolist()):
        if row >= 0:
            owners[row] = ids[place]
    return owners


def _left_out(matches: Matches, file: VectorFile, side: str) -> Iterator[str]:
    n, without = len(matches.rows), int((matches.rows < 0).sum())
    if file.labels is None:
        yield f"The {n:,} rows of {file.file} are taken in the order of the collection."
    if without:
        yield (
            f"{n - without:,} of the {n:,} {side} have vectors in {file.file}; the others activate "
            "no term and cannot be found."
        )
    if matches.strangers:
        yield (
            f"{len(matches.strangers):,} rows of {file.file} belong to no {side} of the "
            f"collection, such as row {matches.strangers[0]:,}."
        )


def _notes(checker: Checker, side: str, n_terms: int) -> Iterator[str]:
    active = checker.n_active / max(checker.n_rows, 1)
    if active > DENSE * n_terms:
        yield (
            f"The {side} of {shorten(checker.file)} activate {active:,.0f} of the {n_terms:,} "
            f"terms on average, {active / n_terms:.0%}. That is hardly sparse: an "
            "inverted index has no advantage over dense vectors there."
        )
    if checker.n_zeros:
        yield f"{checker.n_zeros:,} weights of 0 in {checker.file} are left out."
