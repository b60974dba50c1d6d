"""The pictures and captions of a collection encoded with another encoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast, overload

import numpy as np

from lsr.collection.collection import Collection
from lsr.encoders.loading import load_encoder
from lsr.encoding.encoded import Encoded, read_encoded
from lsr.encoding.encoding import EncodingReport, encode_captions, encode_pictures
from lsr.encoding.on_ray import OnRay
from lsr.encoding.revision import refuse_loss, revision_folder, standing, write_revision
from lsr.exceptions import BusyError, CollectionError
from lsr.storage.copies import bring_all
from lsr.storage.files import fingerprint
from lsr.storage.folders import remove_folder, writing
from lsr.storage.places import home
from lsr.storage.room import told_when_full
from lsr.storage.spreading import check_engine, spreading


@dataclass(frozen=True)
class Reencoded:
    """A collection with vectors of another encoder.

    skipped: ids of images that were left out with their captions, and why.
    images_per_second, captions_per_second: of this call; 0 where an earlier one had done all.
    """

    collection: Collection
    skipped: dict[str, str]
    images_per_second: float
    captions_per_second: float


def encode_collection(
    collection: Collection, encoder: str, name: str | None = None, engine: str = "threads"
) -> Iterator[EncodingReport | Reencoded]:
    """Encode the pictures and captions of a collection; the last report is the result.

    A call that was stopped or killed goes on with the next one. An image whose picture cannot be
    read is left out, but in its own place a collection loses nothing: there it is refused.

    Args:
        encoder: what `lsr.encoders.loading.load_encoder` loads.
        name: of the new collection; by default the collection itself gets the vectors.
        engine: one of `lsr.storage.spreading.ENGINES`. With Ray every machine needs the encoder,
            and the collection at the same path.

    Raises:
        EngineError: Ray cannot be used.
        CollectionError: there are no pictures in files, or none can be read, or some would be
            lost in the collection's own place, or the encoder refuses a caption.
        QueryError: the name cannot be used, or there is no such engine.
        BusyError: another process is encoding it with this encoder.
        UnknownNameError: there is no such encoder.
    """
    check_engine(engine)
    folder = revision_folder(collection, name)
    before = standing(collection, folder)
    files = _picture_files(collection)
    pictured = _rows_of_captions(collection, files.rows)
    refuse_loss(collection, folder, len(files), len(pictured))
    loaded = load_encoder(encoder)
    mark = fingerprint(collection.fingerprint, loaded.fingerprint)
    work = home() / "cache" / "encoding" / mark
    taken = BusyError(
        f"Collection `{collection.name}` is being encoded with `{encoder}` by another process. "
        "Wait for it or stop it."
    )
    speeds = {"images": 0.0, "captions": 0.0}
    with told_when_full(folder), writing(work, taken), spreading(engine) as over:
        spread = OnRay(over, encoder, loaded) if over else None
        for report in encode_pictures(loaded, files, work, spread=spread):
            speeds["images"] = report.per_second
            yield report
        image_rows, image_vectors, skipped = _readable(collection, files.rows, read_encoded(work))
        caption_rows = _rows_of_captions(collection, image_rows)
        refuse_loss(collection, folder, len(image_rows), len(caption_rows))
        texts = collection.caption_texts.of(caption_rows)
        for report in encode_captions(loaded, texts, work, spread=spread):
            speeds["captions"] = report.per_second
            yield report
        made = write_revision(
            collection,
            folder,
            before,
            encoder=encoder,
            image_rows=image_rows,
            image_vectors=image_vectors,
            caption_rows=caption_rows,
            caption_vectors=read_encoded(work).caption_vectors,
            origin={"encoder_fingerprint": loaded.fingerprint},
        )
        remove_folder(work)
    missing = np.setdiff1d(np.arange(len(collection.images)), files.rows)
    left_out = collection.image_ids.at(missing)
    skipped |= dict.fromkeys(left_out, "It has no picture file.")
    yield Reencoded(made, skipped, speeds["images"], speeds["captions"])


class _PictureFiles(Sequence[Path]):
    """The picture files of some rows; a path is made when it is asked for.

    rows: (n,) int64, ascending.
    """

    def __init__(self, collection: Collection, rows: np.ndarray) -> None:
        self._collection, self.rows = collection, rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> Path: ...

    @overload
    def __getitem__(self, place: slice) -> _PictureFiles: ...

    def __getitem__(self, place: int | slice) -> Path | _PictureFiles:
        if isinstance(place, slice):
            return _PictureFiles(self._collection, self.rows[place])
        return cast(Path, self._collection.picture(int(self.rows[place])))


def _picture_files(collection: Collection) -> _PictureFiles:
    """The picture file of each image row that has one."""
    bring_all(collection.folder)
    files = _PictureFiles(collection, collection.rows_with_files)
    if not files:
        n, urls = len(collection.images), collection.images["url"]
        addresses = (
            f", only {len(urls) - urls.null_count:,} addresses" if urls.null_count < n else ""
        )
        raise CollectionError(
            f"Collection `{collection.name}` has no picture files of its {n:,} images{addresses}, "
            "so nothing can be encoded. Import it with its pictures, or attach vectors computed "
            "elsewhere with `python -m lsr attach`."
        )
    return files


def _readable(
    collection: Collection, rows: np.ndarray, encoded: Encoded
) -> tuple[np.ndarray, np.ndarray, dict[str, str]]:
    """(image rows with a vector, their vectors, ids of the others and why)."""
    vectors = encoded.image_vectors
    if vectors is None or len(encoded.unreadable) == len(rows):
        why = next(iter(encoded.unreadable.values()))
        raise CollectionError(
            f"None of the {len(rows):,} pictures of collection `{collection.name}` can be read. "
            f"The first: {why}"
        )
    skipped = {collection.image_ids[rows[row]]: why for row, why in encoded.unreadable.items()}
    kept = np.setdiff1d(np.arange(len(rows)), np.array([*encoded.unreadable], np.int64))
    if len(kept) < len(rows):
        vectors = vectors[kept]
    return rows[kept], vectors, skipped


def _rows_of_captions(collection: Collection, image_rows: np.ndarray) -> np.ndarray:
    """Rows of the captions of some images, ascending."""
    return np.flatnonzero(np.isin(collection.caption_image_rows, image_rows))
