"""Vectors that any model computed elsewhere, attached to a collection that is already there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lsr.collection.collection import Collection
from lsr.encoding.revision import revision_folder, standing, write_revision
from lsr.exceptions import CollectionError, QueryError
from lsr.imports.imported import Skipped
from lsr.imports.vectors.matching import Matches, match_captions, match_images
from lsr.imports.vectors.vector_file import VectorFile, read_vector_file
from lsr.imports.vectors.vector_table import norm_note


@dataclass(frozen=True)
class VectorFiles:
    """Where the vectors of a collection's images and captions are, as `read_vector_file` takes it.

    encoder: what computed them.
    image_labels, caption_labels: CSV or TSV files that say whose they are.
    """

    images: str
    captions: str | None
    encoder: str
    image_labels: str | None = None
    caption_labels: str | None = None


@dataclass(frozen=True)
class Attached:
    """A collection with vectors that were computed elsewhere. notes: what was decided."""

    collection: Collection
    skipped: list[Skipped]
    notes: list[str]


def attach(collection: Collection, files: VectorFiles, name: str | None = None) -> Attached:
    """The collection with the vectors of `files`, each image and caption with its own.

    Images go by id or file name, captions by id, or by their image and text. Files that say
    nothing go by order and need exactly as many rows. What has no vector is left out, but in its
    own place a collection loses nothing: there it is refused.

    Args:
        name: of the new collection; by default the collection itself gets the vectors.

    Raises:
        CollectionError: a file is damaged, nothing matches, something would be lost, or another
            process has written the collection meanwhile.
        QueryError: the name cannot be used, or no encoder is named.
    """
    check_encoder(files)
    folder = revision_folder(collection, name)
    before = standing(collection, folder)
    found = match_files(collection, files)
    made = write_revision(
        collection,
        folder,
        before,
        encoder=files.encoder.strip(),
        image_rows=found.image_rows,
        image_vectors=found.image_vectors,
        caption_rows=found.caption_rows,
        caption_vectors=found.caption_vectors,
        origin={"attached": found.files},
    )
    return Attached(made, found.skipped, found.notes)


@dataclass(frozen=True)
class MatchedVectors:
    """The images and captions that have vectors, ascending rows, each set with its vectors.

    caption_vectors: (kept, d), or None where there are none and the captions stay without.
    files: names of what was read.
    """

    image_rows: np.ndarray
    image_vectors: np.ndarray
    caption_rows: np.ndarray
    caption_vectors: np.ndarray | None
    skipped: list[Skipped]
    notes: list[str]
    files: list[str]


def check_encoder(files: VectorFiles) -> None:
    """Refuse vectors of which nothing says what computed them.

    Raises:
        QueryError: nothing does.
    """
    if not files.encoder.strip():
        raise QueryError("Say what computed the vectors, such as `--encoder my-clip`.")


def match_files(collection: Collection, files: VectorFiles) -> MatchedVectors:
    """Each image and caption with its vector, as `attach` says.

    Raises:
        CollectionError: a file is damaged, or nothing matches.
        QueryError: no encoder is named.
    """
    check_encoder(files)
    encoder = files.encoder.strip()
    images = read_vector_file(files.images, files.image_labels)
    matched = match_images(collection, images)
    image_rows = np.flatnonzero(matched.rows >= 0)
    pictured = matched.rows[collection.caption_image_rows] >= 0
    skipped = _without(collection.image_ids, matched, images, "image")
    notes = list(_notes(images, collection.images.num_rows))
    caption_rows, caption_vectors, captions = np.flatnonzero(pictured), None, None
    if files.captions is not None:
        captions = read_vector_file(files.captions, files.caption_labels)
        _check_sizes(images, captions)
        found = match_captions(collection, captions, images)
        # The captions of an image that is left out go with it.
        caption_rows = np.flatnonzero(pictured & (found.rows >= 0))
        caption_vectors = captions.take(found.rows[caption_rows])
        skipped += _without(collection.caption_ids, found, captions, "caption", pictured)
        notes += _notes(captions, len(collection.captions))
    elif len(caption_rows):
        notes.append(
            f"The {len(caption_rows):,} captions have no vectors: accuracy and training need an "
            f"encoder `{encoder}` that can encode them here."
        )
    return MatchedVectors(
        image_rows,
        images.take(matched.rows[image_rows]),
        caption_rows,
        caption_vectors,
        skipped,
        notes,
        [images.file, *([captions.file] if captions else [])],
    )


def _without(
    ids: Sequence[str],
    matches: Matches,
    vectors: VectorFile,
    noun: str,
    among: np.ndarray | None = None,
) -> list[Skipped]:
    """What has no vector, and in one line the vectors that belong to nothing."""
    lacking = matches.rows < 0
    rows = np.flatnonzero(lacking if among is None else lacking & among).tolist()
    skipped = [Skipped(ids[row], f"{vectors.file} has no vector of this {noun}.") for row in rows]
    if matches.strangers:
        why = (
            f"{len(matches.strangers):,} of its {len(vectors.vectors):,} vectors belong to no "
            f"{noun} of the collection, such as row {matches.strangers[0]:,}."
        )
        skipped.append(Skipped(vectors.file, why))
    return skipped


def _notes(vectors: VectorFile, n: int) -> Iterator[str]:
    if vectors.labels is None:
        yield f"The {n:,} vectors of {vectors.file} are taken in the order of the collection."
    if vectors.norms:
        yield norm_note(vectors.file, vectors.norms)


def _check_sizes(images: VectorFile, captions: VectorFile) -> None:
    sizes = images.vectors.shape[1], captions.vectors.shape[1]
    if sizes[0] != sizes[1]:
        raise CollectionError(
            f"The vectors in `{images.file}` have {sizes[0]} numbers, those in "
            f"`{captions.file}` {sizes[1]}. Both must come from one encoder."
        )
