"""Listed images and captions joined with their vectors by id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lsr.exceptions import CollectionError, shorten
from lsr.imports.imported import Skipped
from lsr.imports.listing import ListedCaption
from lsr.imports.readers.karpathy import KarpathyImage, KarpathyList, restval_notes
from lsr.imports.vectors.vector_table import VectorTable, norm_note

_IMAGE_KEYS = ("imgid", "cocoid", "filename")


@dataclass(frozen=True)
class Joined:
    """Images and captions that have vectors, in the order of the list.

    image_rows, caption_rows: the rows of their vectors in the two tables.
    captions: those of each image that have vectors.
    skipped: what has no vector, and vectors that nothing listed has.
    notes: what was decided on the way, in sentences.
    """

    images: list[KarpathyImage]
    image_rows: list[int]
    captions: list[tuple[ListedCaption, ...]]
    caption_rows: list[int]
    skipped: list[Skipped]
    notes: list[str]


def join(listed: KarpathyList, images: VectorTable, captions: VectorTable) -> Joined:
    """Every listed image and caption with its vector.

    Image vectors go by `imgid`, or by `cocoid` or `filename` where more images match so: numbers
    of one kind can be numbers of the other by accident. Caption vectors go by `sentid`.

    Raises:
        CollectionError: vector sizes differ, or no image or no caption has a vector.
    """
    _check_sizes(images, captions)
    key, matching = _image_key(listed, images)
    kept: list[KarpathyImage] = []
    captions_of: list[tuple[ListedCaption, ...]] = []
    skipped: list[Skipped] = []
    for image in listed.images:
        if _id_of(image, key) not in images.rows:
            skipped.append(_unjoined(image, key, images))
            continue
        kept.append(image)
        there = [caption for caption in image.captions if caption.id in captions.rows]
        captions_of.append(tuple(ListedCaption(one.text, one.id) for one in there))
        for caption in image.captions:
            if caption.id not in captions.rows:
                label = f"caption {caption.id} of {image.filename or image.id}"
                skipped.append(Skipped(label, f"{captions.file} has no vector of its sentid."))
    if not any(captions_of):
        listed_ids = (c.id for image in kept for c in image.captions)
        raise _no_match("caption", "sentid", listed_ids, captions)
    skipped += _strangers("image", {_id_of(image, key) for image in listed.images}, images)
    known = {caption.id for image in listed.images for caption in image.captions}
    skipped += _strangers("caption", known, captions)
    return Joined(
        kept,
        [images.rows[_id_of(image, key)] for image in kept],
        captions_of,
        [captions.rows[caption.id] for group in captions_of for caption in group],
        skipped,
        list(_notes(listed, key, matching, (images, captions))),
    )


def _id_of(image: KarpathyImage, key: str) -> str:
    return str(getattr(image, key))


def _check_sizes(images: VectorTable, captions: VectorTable) -> None:
    sizes = images.vectors.shape[1], captions.vectors.shape[1]
    if sizes[0] != sizes[1]:
        raise CollectionError(
            f"The vectors in `{images.file}` have {sizes[0]} numbers, those in "
            f"`{captions.file}` {sizes[1]}. Both must come from one encoder."
        )


def _image_key(listed: KarpathyList, images: VectorTable) -> tuple[str, dict[str, int]]:
    """(the key by which most images match, `imgid` first; how many match by each)."""
    matching = {
        key: sum(_id_of(image, key) in images.rows for image in listed.images)
        for key in _IMAGE_KEYS
    }
    best = max(_IMAGE_KEYS, key=matching.__getitem__)
    if not matching[best]:
        noun = "imgid, cocoid or filename"
        raise _no_match("image", noun, (image.id for image in listed.images), images)
    return best, matching


def _no_match(noun: str, key: str, ids: Iterable[str], table: VectorTable) -> CollectionError:
    listed = list(ids)
    there, here = shorten(next(iter(table.rows))), shorten(listed[0]) if listed else "none"
    return CollectionError(
        f"None of the {len(listed):,} listed {noun}s has one of the {len(table.rows):,} vectors in "
        f"`{table.file}`: its ids are like `{there}`, the {key} of the {noun}s like `{here}`. "
        "Use files that belong together."
    )


def _unjoined(image: KarpathyImage, key: str, images: VectorTable) -> Skipped:
    why = f"{images.file} has no vector of its {key} `{shorten(_id_of(image, key))}`."
    if image.captions:
        why += f" Its captions, {len(image.captions):,}, are left out with it."
    return Skipped(image.filename or image.id, why)


def _strangers(noun: str, known: set[str], table: VectorTable) -> list[Skipped]:
    strangers = [one for one in table.rows if one not in known]
    if not strangers:
        return []
    why = (
        f"{len(strangers):,} of its {len(table.rows):,} vectors belong to no listed {noun}, such "
        f"as that of id `{shorten(strangers[0])}`."
    )
    return [Skipped(table.file, why)]


def _notes(
    listed: KarpathyList, key: str, matching: dict[str, int], tables: Iterable[VectorTable]
) -> Iterator[str]:
    if key != "imgid":
        yield (
            f"Image vectors are joined by {key}: {matching[key]:,} of {len(listed.images):,} "
            f"images match by it, {matching['imgid']:,} by imgid."
        )
    yield from restval_notes(listed)
    for table in tables:
        if table.norms:
            yield norm_note(table.file, table.norms)
