"""What an import would do, found out from lists and file names: no picture is decoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from lsr.encoders.loading import obstacle
from lsr.exceptions import CollectionError, QueryError, UnknownNameError, shorten
from lsr.imports.formats import Origin, find_origin, read_origin
from lsr.imports.imported import ImportRequest, Kind, Skipped, import_folder
from lsr.imports.listing import Listing
from lsr.imports.readers.duplicates import merge_duplicates
from lsr.imports.readers.naming import with_ids, with_usable_captions
from lsr.imports.readers.shares import shares_in
from lsr.imports.readers.splits import with_splits
from lsr.imports.vectors.attaching import VectorFiles, check_encoder
from lsr.imports.vectors.given import with_vectors
from lsr.storage.files import fingerprint
from lsr.storage.places import check_name


@dataclass(frozen=True)
class ImportPlan:
    """An import that is worked out but not begun.

    origin: where the source is, and its format. target: the folder that is to be written.
    replaces: whether an earlier import of the name stands there. encoder: what encodes the
    pictures, or made the vectors. listing: images and captions as they will be stored, None for a
    checkpoint. n_duplicates: how many of the skipped files are copies of a picture that is taken.
    """

    request: ImportRequest
    origin: Origin
    target: Path
    replaces: bool
    encoder: str
    listing: Listing | None
    n_duplicates: int

    @property
    def kind(self) -> Kind:
        return self.origin.form.kind

    @property
    def form(self) -> str:
        return self.listing.form if self.listing else self.origin.form.name

    @property
    def n_images(self) -> int:
        return len(self.listing.images) if self.listing else 0

    @property
    def n_captions(self) -> int:
        return sum(len(image.captions) for image in self.listing.images) if self.listing else 0

    @property
    def splits(self) -> dict[str, int]:
        """How many images each split gets."""
        return dict(Counter(image.split for image in self.listing.images)) if self.listing else {}

    @property
    def n_bytes(self) -> int:
        """How many bytes of pictures are read."""
        images = self.listing.images if self.listing else []
        return sum(image.place.size for image in images if image.place)

    @property
    def skipped(self) -> list[Skipped]:
        """What is left out, and at the end the listed images that the source does not have."""
        return [*self.listing.skipped, *self.listing.absent] if self.listing else []

    @property
    def n_absent(self) -> int:
        """How many of the skipped are listed images that the source does not have."""
        return len(self.listing.absent) if self.listing else 0

    @property
    def notes(self) -> list[str]:
        return self.listing.notes if self.listing else []

    @cached_property
    def fingerprint(self) -> str:
        """Changes when anything changes that an unfinished import has built on."""
        return fingerprint(*self._marks())

    def _marks(self) -> Iterator[str]:
        for image in self.listing.images if self.listing else []:
            place = image.place and (str(image.place.path), *image.place[2:])
            yield f"{image.id}\0{place}"


def plan_import(request: ImportRequest) -> ImportPlan:
    """What importing would do.

    A hub name is downloaded here. Nothing else is written.

    Raises:
        InputError: the name is no plain name or taken; the source is not there, of no known
            format, or damaged; it holds no picture; the encoder is not there.
    """
    check_name(request.name)
    if request.seed < 0:
        raise QueryError(f"The seed is {request.seed}. Use 0 or more.")
    shares_in(request.splits)
    if request.images:
        check_encoder(_vector_files(request))
    elif request.caption_vectors or request.image_ids or request.caption_ids:
        raise QueryError("There are no vectors of the images. Name their file with --images.")
    _check_code_page(request.code_page)
    return plan_found(find_origin(request), request)


def _check_code_page(name: str | None) -> None:
    try:
        b"a".decode(name or "utf-8")
    except (LookupError, ValueError):
        raise QueryError(
            f"There is no code page `{shorten(name or '')}`. Use a name such as cp932, gbk, cp866 "
            "or cp1252."
        ) from None


def plan_found(origin: Origin, request: ImportRequest) -> ImportPlan:
    """The same for a source that is at hand.

    Raises:
        InputError: as `plan_import`.
    """
    target = import_folder(origin.form.kind, request.name)
    if origin.form.kind == "models":
        return ImportPlan(
            request, origin, target, target.exists(), request.encoder.strip(), None, 0
        )
    listing = read_origin(origin, request)
    if listing.vectors is not None:
        encoder = listing.vectors.encoder
        return ImportPlan(request, origin, target, target.exists(), encoder, listing, 0)
    if request.images:
        listing, n_duplicates = _prepared(listing, request)
        listing = with_vectors(listing, _vector_files(request), request.name)
        encoder = request.encoder.strip()
        return ImportPlan(request, origin, target, target.exists(), encoder, listing, n_duplicates)
    encoder = request.encoder.strip() or "bundled"
    if (reason := obstacle(encoder)) is not None:
        raise UnknownNameError(reason)
    listing, n_duplicates = _prepared(listing, request)
    return ImportPlan(request, origin, target, target.exists(), encoder, listing, n_duplicates)


def _vector_files(request: ImportRequest) -> VectorFiles:
    return VectorFiles(
        request.images or "",
        request.caption_vectors,
        request.encoder,
        request.image_ids,
        request.caption_ids,
    )


def _prepared(listing: Listing, request: ImportRequest) -> tuple[Listing, int]:
    """(images and captions as they will be stored, how many copies of a picture were merged)."""
    images, without_words = with_usable_captions(listing.images)
    copies: list[Skipped] = []
    if request.merge_duplicates:
        images, copies = merge_duplicates(images)
    images, on_splits = with_splits(images, request.splits, request.seed)
    images, on_ids = with_ids(images)
    if not images:
        raise CollectionError(
            f"`{shorten(request.source)}` holds no picture that can be imported. Give another "
            "source."
        )
    notes = [*listing.notes, *on_splits, *on_ids]
    if copies:
        notes.append(
            f"{len(copies):,} pictures are copies of others and are taken once; their captions "
            "went to the first."
        )
    if not any(image.captions for image in images):
        notes.append("There are no captions, so accuracy cannot be measured.")
    elif not any(image.captions and image.split == "train" for image in images):
        notes.append(
            "No captions are in a split `train`, so no model can learn from them. Let splits be "
            "made (--splits made) if one should."
        )
    skipped = [*listing.skipped, *without_words, *copies]
    return replace(listing, images=images, skipped=skipped, notes=notes), len(copies)
