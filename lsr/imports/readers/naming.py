"""Ids for images and captions: those of the source, or made from file names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from lsr.imports.imported import Skipped
from lsr.imports.listing import ListedCaption, ListedImage


def with_ids(images: Sequence[ListedImage]) -> tuple[list[ListedImage], list[str]]:
    """(the images and captions, all with different ids; what was decided, in sentences).

    An image without an id is called after its file, with as much of its path as sets it apart;
    a caption after its image with a number, as in Flickr8k.
    """
    notes = []
    given = [image.id for image in images]
    ids = given
    if not all(given) or len(set(given)) < len(given):
        if any(given):
            notes.append("The source's image ids are not all different, so file names are used.")
        ids = _from_names([image.name for image in images])
    caption_ids = [caption.id for image in images for caption in image.captions]
    own = all(caption_ids) and len(set(caption_ids)) == len(caption_ids)
    if not own and any(caption_ids):
        notes.append("The source's caption ids are not all different, so new ones are made.")
    named = [
        replace(
            image,
            id=image_id,
            captions=tuple(
                caption if own else ListedCaption(caption.text, f"{image_id}#{number}")
                for number, caption in enumerate(image.captions)
            ),
        )
        for image, image_id in zip(images, ids, strict=True)
    ]
    return named, notes


def _from_names(names: Sequence[str]) -> list[str]:
    shapes: tuple[Callable[[str], str], ...] = (
        lambda name: PurePosixPath(name).stem,
        lambda name: str(PurePosixPath(name).with_suffix("")),
        str,
    )
    for shape in shapes:
        ids = [shape(name) for name in names]
        if len(set(ids)) == len(ids):
            return ids
    return [f"{number:06d}" for number in range(len(names))]


def with_usable_captions(
    images: Sequence[ListedImage],
) -> tuple[list[ListedImage], list[Skipped]]:
    """(the images without captions that say nothing, one entry for each image that lost some).

    A caption needs a letter or a digit: an encoder has nothing to read in another one.
    """
    kept, skipped = [], []
    for image in images:
        usable = tuple(c for c in image.captions if any(map(str.isalnum, c.text)))
        if lost := len(image.captions) - len(usable):
            where = f" ({image.row})" if image.row else ""
            why = f"{lost:,} of its captions hold no letter or digit{where}."
            skipped.append(Skipped(image.name, why))
        kept.append(replace(image, captions=usable))
    return kept, skipped
