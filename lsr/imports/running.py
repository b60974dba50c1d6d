"""An import carried out: pictures, vectors, folder; killed at any moment it can be gone on with."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from lsr.collection.collection import CAPTION_COLUMNS, Collection
from lsr.collection.writing import write_collection
from lsr.encoders.loading import load_encoder
from lsr.encoding.encoded import CAPTION_VECTORS, IMAGE_VECTORS, read_encoded
from lsr.encoding.encoding import encode_captions, encode_pictures
from lsr.encoding.on_ray import OnRay
from lsr.exceptions import BusyError, CollectionError, DiskFullError, InputError, shorten
from lsr.imports.imported import Imported, ImportedCollection, ImportRequest, Skipped, import_folder
from lsr.imports.listing import ListedImage, Listing
from lsr.imports.planning import ImportPlan, plan_import
from lsr.imports.stages import ImportReport, encoding, thumbnails, unpacked
from lsr.imports.thumbnails import SMALL, StoredPicture
from lsr.imports.vectors.authors import import_checkpoint
from lsr.storage.files import read_array, read_json, write_json
from lsr.storage.folders import remove_folder
from lsr.storage.hub import Source
from lsr.storage.locks import exclusive
from lsr.storage.room import told_when_full
from lsr.storage.spreading import Spread, check_engine, spreading

_IMAGE_SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "file": pa.string(),
        "url": pa.string(),
        "width": pa.int32(),
        "height": pa.int32(),
        "split": pa.string(),
    }
)
_CAPTION_SCHEMA = pa.schema({name: pa.string() for name in CAPTION_COLUMNS})
_RUN_FILE = "import.json"

Stored = Sequence[StoredPicture | str | None]
Made = tuple[Collection, list[Skipped]]


def run_import(plan: ImportPlan, engine: str = "threads") -> Iterator[ImportReport]:
    """Carry a plan out, a report for every step.

    Unfinished work lies beside the target. Stopped or killed, the same plan goes on with it; an
    earlier import of the name is replaced when the new one is complete. After an error nothing is
    left behind, unless the disk was full.

    Args:
        engine: what decodes and encodes pictures, one of `lsr.storage.spreading.ENGINES`. With Ray
            every machine needs the source and the unfinished work at the same paths.

    Raises:
        EngineError: Ray cannot be used.
        QueryError: another engine.
        CollectionError: no picture can be read, or the name was taken since.
        InputError: another process is importing under that name.
        DiskFullError: there is no room.
    """
    check_engine(engine)
    import_folder(plan.kind, plan.request.name)  # somebody may have taken the name since
    if plan.listing is None:
        source = Source(plan.origin.path, plan.origin.name)
        model = import_checkpoint(source, plan.target, plan.encoder)
        yield ImportReport("writing", 1, 1, 0.0, model)
        return
    work = plan.target.with_name(f".{plan.target.name}-import")
    with told_when_full(plan.target), spreading(engine) as spread, _work_to_itself(work, plan):
        if plan.listing.vectors is None:
            collection, skipped = yield from _encoded(plan, plan.listing, work, spread)
        else:
            collection, skipped = yield from _with_vectors(plan, plan.listing, work, spread)
        remove_folder(work)
    absent = plan.listing.absent
    everything = [*plan.listing.skipped, *skipped, *absent]
    made = ImportedCollection(collection, everything, plan.notes, len(absent))
    yield ImportReport("writing", 1, 1, 0.0, made)


def import_source(source: str, name: str, encoder: str = "") -> Imported:
    """The whole import at once, for a notebook.

    Raises:
        InputError: as `plan_import` and `run_import`.
    """
    return import_planned(plan_import(ImportRequest(source, name, encoder=encoder)))


def import_planned(plan: ImportPlan) -> Imported:
    """A plan carried out at once.

    Raises:
        InputError: as `run_import`.
    """
    *_, last = run_import(plan)
    assert last.imported is not None  # noqa: S101  # the last report always has it
    return last.imported


@contextmanager
def _work_to_itself(work: Path, plan: ImportPlan) -> Iterator[None]:
    """Keep other imports of that name out; work of another plan is thrown away."""
    taken = InputError(
        f"Collection `{plan.request.name}` is being imported already. Wait for it, stop it, or "
        "choose another name."
    )
    with told_when_full(plan.target):
        work.mkdir(parents=True, exist_ok=True)
    with exclusive(work / "lock", taken):
        run = work / _RUN_FILE
        earlier: dict[str, Any] = {}
        with suppress(CollectionError):  # there is none, or it is damaged: begin anew
            earlier = read_json(run, CollectionError)
        if earlier.get("plan") != plan.fingerprint:
            _clear(work)
        write_json(run, {"plan": plan.fingerprint})
        try:
            yield
        except (BusyError, DiskFullError):
            raise
        except InputError:
            shutil.rmtree(work, ignore_errors=True)
            raise


def _clear(work: Path) -> None:
    for old in work.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
        elif old.name != "lock":
            old.unlink()


def _with_vectors(
    plan: ImportPlan, listing: Listing, work: Path, spread: Spread | None
) -> Generator[ImportReport, None, Made]:
    """A collection of vectors computed elsewhere: an image needs no picture."""
    given = listing.vectors
    assert given is not None  # noqa: S101  else it is not called
    problems: dict[int, str] = {}
    files = yield from unpacked(listing.images, work, problems)
    stored = yield from thumbnails(files, work, spread)
    problems |= {row: one for row, one in enumerate(stored) if isinstance(one, str)}
    yield ImportReport("writing", 0, 1, 0.0)
    made = _write(plan, listing.images, stored, (given.images, given.captions), work)
    skipped = [
        Skipped(listing.images[row].name, f"Kept without its picture: {why}")
        for row, why in sorted(problems.items())
    ]
    return made, skipped


def _encoded(
    plan: ImportPlan, listing: Listing, work: Path, over: Spread | None
) -> Generator[ImportReport, None, Made]:
    """A collection whose vectors are made here: an image without a readable picture is left out."""
    encoder = load_encoder(plan.encoder)
    spread = OnRay(over, plan.encoder, encoder) if over else None
    problems: dict[int, str] = {}
    files = yield from unpacked(listing.images, work, problems)
    stored = yield from thumbnails(files, work, over)
    problems |= {row: one for row, one in enumerate(stored) if isinstance(one, str)}
    rows = [row for row, one in enumerate(stored) if isinstance(one, StoredPicture)]
    if not rows:
        raise _none_usable(plan, problems)
    vectors = work / "vectors"
    readable = [file for row in rows if (file := files[row]) is not None]
    yield from encoding(encode_pictures(encoder, readable, vectors, spread=spread))
    unreadable = read_encoded(vectors).unreadable
    problems |= {rows[place]: why for place, why in unreadable.items()}
    kept = [place for place in range(len(rows)) if place not in unreadable]
    if not kept:
        raise _none_usable(plan, problems)
    images = [listing.images[rows[place]] for place in kept]
    texts = [caption.text for image in images for caption in image.captions]
    if texts:
        yield from encoding(encode_captions(encoder, texts, vectors, spread=spread))
    of_images = read_array(vectors / IMAGE_VECTORS, CollectionError)
    if len(kept) < len(rows):
        of_images = of_images[kept]
    of_captions: np.ndarray = np.zeros((0, encoder.dense_size), np.float16)
    if texts:
        of_captions = read_array(vectors / CAPTION_VECTORS, CollectionError)
    yield ImportReport("writing", 0, 1, 0.0)
    pictures = [stored[rows[place]] for place in kept]
    made = _write(plan, images, pictures, (of_images, of_captions), work, encoder.fingerprint)
    return made, [Skipped(listing.images[row].name, why) for row, why in sorted(problems.items())]


def _none_usable(plan: ImportPlan, problems: dict[int, str]) -> CollectionError:
    row, why = next(iter(sorted(problems.items())))
    images = plan.listing.images if plan.listing else []
    return CollectionError(
        f"None of the {len(images):,} pictures of `{shorten(plan.origin.name)}` can be imported; "
        f"the first is `{shorten(images[row].name)}`: {why}"
    )


def _write(
    plan: ImportPlan,
    images: Sequence[ListedImage],
    stored: Stored,
    vectors: tuple[np.ndarray, np.ndarray | None],
    work: Path,
    encoder_fingerprint: str = "",
) -> Collection:
    """encoder_fingerprint: of what made the vectors here; empty where they were given."""
    known = {"encoder_fingerprint": encoder_fingerprint} if encoder_fingerprint else {}
    rows: list[dict[str, Any]] = []
    for image, picture in zip(images, stored, strict=True):
        row = {"id": image.id, "url": image.url, "split": image.split}
        rows.append(row | (picture._asdict() if isinstance(picture, StoredPicture) else {}))
    captions = [
        (caption.id, image.id, caption.text, image.split)
        for image in images
        for caption in image.captions
    ]
    columns = zip(*captions, strict=True) if captions else [()] * len(CAPTION_COLUMNS)
    listing = plan.listing
    title = listing.title if listing and listing.title else plan.request.name
    pictures = work / "images"
    card = {
        "name": plan.target.name,
        "title": shorten(title),
        "licence": "not stated by the source",
        "source": plan.origin.name,
        "encoder": plan.encoder,
        "imported": {"format": plan.form, "notes": plan.notes, **known},
        **({"small_pictures": SMALL} if pictures.exists() else {}),
        **({"caption_vector_splits": []} if vectors[1] is None else {}),
    }
    return write_collection(
        plan.target,
        card=card,
        images=pa.Table.from_pylist(rows, schema=_IMAGE_SCHEMA),
        captions=pa.Table.from_arrays(
            [pa.array(column, pa.string()) for column in columns], schema=_CAPTION_SCHEMA
        ),
        image_vectors=vectors[0],
        caption_vectors=np.zeros((0, vectors[0].shape[1]), np.float16)
        if vectors[1] is None
        else vectors[1],
        pictures=pictures if pictures.exists() else None,
        # Somebody may have changed what stands there while this went on.
        check=lambda: import_folder(plan.kind, plan.request.name),
    )
