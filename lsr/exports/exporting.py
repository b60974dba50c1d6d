"""One export from request to folder: checked at the door, written whole or not at all."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lsr.collection.collection import load_collection
from lsr.evaluation.projected import check_fit
from lsr.exceptions import CollectionError, QueryError, shorten
from lsr.exports.formats import Format, find_format, formats
from lsr.exports.selection import LARGEST_K, LARGEST_SCALE, ExportReport, Kind, Selection
from lsr.model.loading import load_model
from lsr.storage.files import read_json, write_json
from lsr.storage.folders import replacing_folder

CARD = "export.json"
SHARDS = "webdataset"
"""What the card of shards calls their format, which is no format of vectors."""
SCHEMA = 1
SIDES: dict[str, tuple[Kind, ...]] = {
    "images": ("images",),
    "captions": ("captions",),
    "both": ("images", "captions"),
}


@dataclass(frozen=True)
class ExportRequest:
    """What to write and where.

    collection, model: names or folders; no model writes dense vectors alone.
    out: a folder of its own. split: a name, or `all`. side: images, captions or both; in formats
    made for search, what is ranked. k: most hits of a query in a run.
    scale: what quantised weights are multiplied by before rounding.
    queries: name of a query set that takes the place of the captions, or empty.
    """

    collection: str
    model: str | None
    format: str
    out: Path
    split: str = "test"
    side: str = "both"
    k: int = 100
    scale: int = 100
    queries: str = ""


@dataclass(frozen=True)
class ExportedFile:
    """A file of an export. rows: its lines or vectors, None for what is no list of them."""

    name: str
    rows: int | None
    bytes: int


@dataclass(frozen=True)
class Exported:
    """A finished export. notes: what a reader of the files should know, in sentences."""

    folder: Path
    files: tuple[ExportedFile, ...]
    notes: tuple[str, ...]
    seconds: float


def export(
    out: str | Path,
    format: str,
    collection: str = "demo",
    model: str | None = "demo",
    split: str = "test",
    queries: str = "",
) -> Exported:
    """The whole export at once, for a notebook.

    Args:
        out: a folder of its own. format: such as `trec`. model: None writes dense vectors alone.
        queries: name of a query set that takes the place of the captions (trec).

    Raises:
        InputError: as `run_export`.
    """
    *_, last = run_export(
        ExportRequest(collection, model, format, Path(out), split, queries=queries)
    )
    assert isinstance(last, Exported)  # noqa: S101  # the last report is what was written
    return last


def run_export(request: ExportRequest) -> Iterator[ExportReport | Exported]:
    """Write an export; reports, then what was written.

    An earlier export in the same folder is replaced once the new one is complete. When it is
    stopped, or the disk is full, what stood there before is untouched.

    Raises:
        UnknownNameError: no such format, collection, model, split or query set.
        QueryError: a setting is out of range, or the folder holds something else.
        ModelError: the model does not fit the collection, or its terms do not fit the format.
        CollectionError: the split has no captions where they are needed.
        BusyError: another process is writing into the folder.
        DiskFullError: there is no room.
    """
    started = time.perf_counter()
    form = find_format(request.format)
    _check_request(request, form)
    target = check_target(request.out)
    selection, notes = _select(request)
    rows: dict[str, int] = {}
    with replacing_folder(target) as temporary:
        writing = form.write(selection, temporary)
        while True:
            try:
                report = next(writing)
            except StopIteration as end:
                facts: dict[str, Any] = end.value
                break
            rows[report.file] = report.rows
            yield report
        files = _files(temporary, rows)
        notes += facts.pop("notes")
        write_json(temporary / CARD, _card(request, selection, files, notes, facts))
        check_target(request.out)  # others may have put files there meanwhile
    yield Exported(target, files, tuple(notes), time.perf_counter() - started)


def _check_request(request: ExportRequest, form: Format) -> None:
    if request.side not in SIDES:
        raise QueryError(f"`{shorten(request.side)}` is no side. Use {', '.join(SIDES)}.")
    for name, value, largest in (
        ("k", request.k, LARGEST_K),
        ("scale", request.scale, LARGEST_SCALE),
    ):
        if not 1 <= value <= largest:
            raise QueryError(f"The {name} is {value:,}. Use a whole number from 1 to {largest:,}.")
    if request.model is None and form.needs_model:
        raise QueryError(
            f"Format `{form.name}` holds sparse vectors, which only a model gives. Name a model, "
            "or export dense vectors as csv or parquet."
        )
    if request.queries and not form.takes_queries:
        able = ", ".join(one.name for one in formats() if one.takes_queries)
        raise QueryError(
            f"Format `{form.name}` holds images and captions, not the queries of a set. Export "
            f"`{shorten(request.queries)}` as {able}, or leave --queries out."
        )


def check_target(out: Path) -> Path:
    """The absolute folder to write, empty, absent, or an earlier export with nothing beside it.

    Raises:
        QueryError: it is a file, holds something else, or nothing can be written there.
    """
    try:
        target = out.expanduser().resolve()
        if target.exists() and not target.is_dir():
            raise QueryError(f"`{out}` is a file. Give a folder of its own.")
        held = _not_ours(target) if target.is_dir() else set()
        above = next((one for one in target.parents if one.exists()), target)
        writable = above.is_dir() and os.access(above, os.W_OK | os.X_OK)
    except (OSError, RuntimeError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        message = f"`{shorten(str(out))}` cannot be written ({reason}). Give another folder."
        raise QueryError(message) from None
    if not writable:
        raise QueryError(f"Nothing can be written into `{above}`. Give another folder.")
    if held:
        raise QueryError(
            f"`{out}` holds {len(held):,} files or folders that no export wrote, such as "
            f"`{shorten(min(held))}`. Give a folder of its own."
        )
    return target


def _not_ours(folder: Path) -> set[str]:
    """What is in a folder beside the files that the card of an earlier export lists."""
    card = read_json(folder / CARD, QueryError) if (folder / CARD).is_file() else {}
    listed = card.get("files")
    if not isinstance(listed, list) or card.get("format") not in _format_names():
        return {path.name for path in folder.iterdir()}
    ours = {one.get("name") for one in listed if isinstance(one, dict)}
    return _held(folder) - ours - {CARD}


def _format_names() -> set[str]:
    return {SHARDS, *(one.name for one in formats())}


def _held(folder: Path) -> set[str]:
    """Files below a folder, by their path in it."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def _select(request: ExportRequest) -> tuple[Selection, list[str]]:
    """What is exported, with sentences on what is left out."""
    collection = load_collection(request.collection)
    model = None if request.model is None else load_model(request.model)
    if model is not None:
        check_fit(collection, model)
    selection = Selection(
        collection,
        model,
        request.split,
        SIDES[request.side],
        request.k,
        request.scale,
        request.queries,
    )
    if len(selection.caption_rows) or "captions" not in selection.sides:
        return selection, []
    if selection.sides == ("captions",):
        raise CollectionError(
            f"Split `{request.split}` of collection `{collection.name}` has "
            f"{len(selection.image_rows):,} images but no captions. Export the images alone."
        )
    note = f"The split has no captions, so only its {len(selection.image_rows):,} images are here."
    return replace(selection, sides=("images",)), [note]


def _files(folder: Path, rows: dict[str, int]) -> tuple[ExportedFile, ...]:
    return tuple(
        ExportedFile(name, rows.get(name), (folder / name).stat().st_size)
        for name in sorted(_held(folder))
    )


def _card(
    request: ExportRequest,
    selection: Selection,
    files: tuple[ExportedFile, ...],
    notes: list[str],
    facts: dict[str, Any],
) -> dict[str, Any]:
    collection, model = selection.collection, selection.model
    return {
        "schema": SCHEMA,
        "format": request.format,
        "collection": {
            "name": collection.name,
            "fingerprint": collection.fingerprint,
            "encoder": collection.encoder,
            "licence": collection.card.get("licence"),
        },
        "model": model and {"name": model.name, "fingerprint": model.fingerprint},
        "split": request.split,
        **_query_card(selection),
        "sides": list(selection.sides),
        **facts,
        "files": [asdict(one) for one in files],
        "notes": notes,
    }


def _query_card(selection: Selection) -> dict[str, Any]:
    """What the card says of the query set, if there is one."""
    if not selection.queries:
        return {}
    mark = selection.collection.query_set(selection.queries).fingerprint
    return {"queries": {"name": selection.queries, "fingerprint": mark}}
