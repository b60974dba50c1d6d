"""Which formats can be imported, and how each is recognised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lsr.catalog import check_name
from lsr.exceptions import InputError, shorten
from lsr.exchange.authors import CHECKPOINT_FILES, DATA_FILES, import_checkpoint, import_vectors
from lsr.exchange.imported import Imported, Kind, import_folder
from lsr.hub import Source, locate, pickled


@dataclass(frozen=True)
class Format:
    """A layout that can be imported.

    kind: what it becomes. repository: where the hub keeps it.
    files: a folder that holds all of them is of this format. extras: taken where they exist.
    """

    noun: str
    kind: Kind
    repository: Literal["model", "dataset"]
    files: tuple[str, ...]
    extras: tuple[str, ...]
    read: Callable[[Source, Path, str | None], Imported]


# The first one whose files are all there is taken.
FORMATS = (
    Format("dense vectors", "collections", "dataset", DATA_FILES, (), import_vectors),
    Format(
        "a checkpoint",
        "models",
        "model",
        CHECKPOINT_FILES,
        ("tokenizer.json",),
        import_checkpoint,
    ),
)


def import_source(source: str, name: str, encoder: str | None = None) -> Imported:
    """What `source` holds, as the user's own collection or model `name`.

    An earlier import of that name is replaced, once the new one is complete.

    Args:
        source: a folder, or a repository on huggingface.co as `owner/name`.
        encoder: what made the vectors; by default what the source says or its name contains.

    Raises:
        InputError: the source is not there, not of a known format, or damaged; the name is no
            plain name or taken.
    """
    check_name(name)
    wanted: dict[str, tuple[str, ...]] = {}
    for one in FORMATS:
        wanted[one.repository] = wanted.get(one.repository, ()) + one.files + one.extras
    found = locate(source, wanted)
    form = recognise(found)
    return form.read(found, import_folder(form.kind, name), (encoder or "").strip() or None)


def recognise(source: Source) -> Format:
    """The format of what lies in a folder.

    Raises:
        InputError: no format's files are all there; the message says what each needs, and what
            is missing of the nearest.
    """
    missing = {
        form: [name for name in form.files if not (source.folder / name).is_file()]
        for form in FORMATS
    }
    complete = [form for form in FORMATS if not missing[form]]
    if complete:
        return complete[0]
    expected = " or ".join(f"{form.noun} ({', '.join(form.files)})" for form in FORMATS)
    nearest = min(FORMATS, key=lambda form: len(missing[form]) / len(form.files))
    lacking = "holds nothing that can be imported"
    if len(missing[nearest]) < len(nearest.files):
        lacking = f"lacks {' and '.join(missing[nearest])}"
    remedy = pickled(source.folder) or "Give a folder or repository with all files of one format."
    raise InputError(f"`{shorten(source.name)}` {lacking}. Expected are {expected}. {remedy}")
