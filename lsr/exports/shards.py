"""A collection as WebDataset shards: plain tars that other people's loaders stream.

A sample is `KEY.webp`, or as the picture is stored, `KEY.json` and, where there are captions,
`KEY.txt`. The same collection gives the same bytes.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from lsr.collection.collection import Collection
from lsr.collection.parts import bring_pictures
from lsr.exceptions import CollectionError, QueryError, shorten
from lsr.exports.exporting import CARD, SCHEMA, SHARDS, ExportedFile, check_target
from lsr.storage.files import write_json
from lsr.storage.folders import replacing_folder

IMAGES_PER_SHARD = 10_000
"""Some 500 MB of pictures of at most 640 pixels."""
# A name with a dot would end at it, and one with a slash would be a folder.
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


class ShardReport(NamedTuple):
    """How far shards are written. done, total: images."""

    file: str
    done: int
    total: int


class Sharded(NamedTuple):
    """Written shards. n_images: in all of them. notes: what is not in them, in sentences."""

    folder: Path
    files: tuple[ExportedFile, ...]
    n_images: int
    notes: tuple[str, ...]


def write_shards(
    collection: Collection, out: Path, images_per_shard: int = IMAGES_PER_SHARD
) -> Iterator[ShardReport | Sharded]:
    """Write the images of a collection that have picture files; the last report is the result.

    `import` reads the shards back with the same ids, captions, splits and order. Earlier shards in
    the folder are replaced once the new ones are complete.

    Args:
        out: a folder of its own.

    Raises:
        QueryError: no image a shard, or the folder holds something else.
        CollectionError: no image has a picture file, or one is missing.
        BusyError: another process is writing into the folder.
        DiskFullError: there is no room.
    """
    if images_per_shard < 1:
        raise QueryError(f"Shards of {images_per_shard:,} images are not possible. Use 1 or more.")
    files = collection.images["file"].to_pylist()
    rows = [row for row, file in enumerate(files) if file]
    if not rows:
        raise CollectionError(
            f"None of the {len(files):,} images of collection `{collection.name}` has a picture "
            "file, and a shard is made of pictures. Import it with its pictures."
        )
    target, written = check_target(out), []
    bring_pictures(collection)
    with replacing_folder(target) as temporary:
        keys = _keys(collection.image_ids.at(rows))
        for start in range(0, len(rows), images_per_shard):
            part = slice(start, start + images_per_shard)
            path = temporary / f"shard-{start // images_per_shard:06d}.tar"
            _write_shard(collection, path, rows[part], keys[part])
            written.append(ExportedFile(path.name, len(rows[part]), path.stat().st_size))
            yield ShardReport(path.name, start + len(rows[part]), len(rows))
        notes = tuple(_notes(collection, len(files) - len(rows)))
        write_json(temporary / CARD, _card(collection, written, notes))
        collection.check_version()
        check_target(out)  # others may have put files there meanwhile
    yield Sharded(target, tuple(written), len(rows), notes)


def _keys(ids: list[str]) -> list[str]:
    """What samples are called: the ids where each of them can be, else numbers."""
    if all(_KEY.fullmatch(one) for one in ids):
        return ids
    return [f"{number:09d}" for number in range(len(ids))]


def _write_shard(collection: Collection, path: Path, rows: list[int], keys: list[str]) -> None:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as shard:
        for row, key in zip(rows, keys, strict=True):
            place = collection.picture(row)
            assert isinstance(place, Path)  # noqa: S101  it has a file
            try:
                picture = place.read_bytes()
            except FileNotFoundError:
                raise CollectionError(
                    f"The picture of image `{shorten(collection.image_ids[row])}` of collection "
                    f"`{collection.name}` is missing. Restore `{place}`."
                ) from None
            _add(shard, f"{key}{place.suffix.lower()}", picture)
            captions = collection.captions_of(row)
            about = {
                "id": collection.image_ids[row],
                "split": str(collection.image_splits[row]),
                "captions": captions,
            }
            _add(shard, f"{key}.json", json.dumps(about, ensure_ascii=False).encode())
            if captions:
                lines = "".join(" ".join(text.split()) + "\n" for text in captions)
                _add(shard, f"{key}.txt", lines.encode())


def _add(shard: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file without time or owner, so that equal collections give equal bytes."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    shard.addfile(member, BytesIO(content))


def _notes(collection: Collection, n_bare: int) -> Iterator[str]:
    if n_bare:
        yield f"{n_bare:,} images have no picture file, so they are in no shard."
    if sets := collection.query_sets:
        yield (
            f"Query sets are in no shard ({', '.join(sets)}). Take them along with `python -m lsr "
            "queries export`."
        )


def _card(
    collection: Collection, files: list[ExportedFile], notes: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "format": SHARDS,
        "collection": {
            "name": collection.name,
            "fingerprint": collection.fingerprint,
            "encoder": collection.encoder,
            "licence": collection.card.get("licence"),
        },
        "files": [asdict(one) for one in files],
        "notes": list(notes),
    }
