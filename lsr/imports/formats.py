"""Which formats can be imported, and how each is recognised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lsr.exceptions import InputError, UnknownNameError, shorten
from lsr.imports.imported import ImportRequest, Kind
from lsr.imports.listing import Listing
from lsr.imports.readers.caption_lists import (
    COCO_NAMES,
    FLICKR_NAMES,
    KARPATHY_NAMES,
    captions_given,
    has_list,
    read_lists,
)
from lsr.imports.readers.containers import user_path
from lsr.imports.readers.huggingface import fetch_shards, read_shards, shards_in
from lsr.imports.readers.list_files import LIST_ENDINGS
from lsr.imports.readers.picture_sources import LIST_FORMS, has_pictures, read_pictures, tars_in
from lsr.imports.sources import refuse_file, what_lies_in
from lsr.imports.vectors.authors import CHECKPOINT_FILES, DATA_FILES, read_vectors
from lsr.storage.hub import Source, locate, pickled

_PICTURES = "pictures"


@dataclass(frozen=True)
class Format:
    """A layout that can be imported.

    name: as `--format` takes it. kind: what it becomes. needs: every part of it, with whether a
    path has that part.
    """

    name: str
    noun: str
    kind: Kind
    needs: Callable[[Path], dict[str, bool]]


def _files(*names: str) -> Callable[[Path], dict[str, bool]]:
    return lambda path: {name: (path / name).is_file() for name in names}


def _listed(noun: str, patterns: Sequence[str]) -> Callable[[Path], dict[str, bool]]:
    return lambda path: {noun: has_list(path, patterns), _PICTURES: has_pictures(path)}


FORMATS = (
    Format("vectors", "the authors' dense vectors", "collections", _files(*DATA_FILES)),
    Format("checkpoint", "the authors' checkpoint", "models", _files(*CHECKPOINT_FILES)),
    Format(
        "zip",
        "a zip of pictures",
        "collections",
        lambda path: {"a .zip file": path.is_file() and path.suffix.lower() == ".zip"},
    ),
    Format(
        "karpathy",
        "Karpathy's list with pictures",
        "collections",
        _listed("dataset*.json", KARPATHY_NAMES),
    ),
    Format(
        "coco",
        "COCO's captions with pictures",
        "collections",
        _listed("captions_*.json", COCO_NAMES),
    ),
    Format(
        "flickr",
        "Flickr8k's or Flickr30k's captions with pictures",
        "collections",
        _listed("*.token.txt, results*.csv or captions.txt", FLICKR_NAMES),
    ),
    Format(
        "list",
        "a list of captions, with vectors",
        "collections",
        lambda path: {
            "a list and --images": path.is_file() and path.suffix.lower() in LIST_ENDINGS
        },
    ),
    Format(
        "folder",
        "a folder of pictures",
        "collections",
        lambda path: {_PICTURES: has_pictures(path)},
    ),
    Format(
        "webdataset",
        "WebDataset shards",
        "collections",
        lambda path: {"*.tar": bool(tars_in(path))},
    ),
    Format(
        "huggingface",
        "Hugging Face shards",
        "collections",
        lambda path: {
            "*.parquet or *.arrow with an image column": path.is_dir() and bool(shards_in(path))
        },
    ),
)
FORM_NAMES = tuple(one.name for one in FORMATS)
_BY_NAME = {one.name: one for one in FORMATS}
# What the hub keeps where, and the only files that are downloaded of it.
_ON_THE_HUB = {"dataset": DATA_FILES, "model": (*CHECKPOINT_FILES, "tokenizer.json")}


@dataclass(frozen=True)
class Origin:
    """A source on this machine, its format, and whether the hub keeps it."""

    path: Path
    name: str
    form: Format
    on_the_hub: bool = False


def find_origin(request: ImportRequest) -> Origin:
    """Where the source is and which format it has; the authors' files are downloaded here.

    Raises:
        UnknownNameError: no such source or format.
        InputError: it is of no known format, or lacks what the one asked for needs.
    """
    if request.form is not None and request.form not in _BY_NAME:
        raise UnknownNameError(
            f"There is no format `{shorten(request.form)}`. The formats are: "
            f"{', '.join(FORM_NAMES)}."
        )
    source = _file(request) or _on_the_hub(request)
    if isinstance(source, Origin):
        return source
    if request.form is None:
        return Origin(*source, _recognised(source, request))
    form = _BY_NAME[request.form]
    needed = _needs(form, source.folder, request)
    if lacking := [part for part, there in needed.items() if not there]:
        raise InputError(
            f"`{shorten(source.name)}` lacks {' and '.join(lacking)}, which format `{form.name}` "
            "needs. Give a source that has it, or leave the format out."
        )
    return Origin(*source, form)


def origin_of(source: Source, form: str) -> Origin:
    """A source whose format is known."""
    return Origin(*source, _BY_NAME[form])


def read_origin(origin: Origin, request: ImportRequest) -> Listing:
    """What a source holds, for a format that becomes a collection.

    Raises:
        InputError: it cannot be read, or its parts do not fit together.
    """
    name = origin.form.name
    if name == "vectors":
        return read_vectors(Source(origin.path, origin.name), request.encoder)
    if name == "list":
        return _read_list(origin)
    if name == "huggingface":
        if origin.on_the_hub:
            shards, roots = fetch_shards(origin.name)
        else:
            shards, roots = shards_in(origin.path), [origin.path]
        return read_shards(shards, origin.name, roots)
    return read_pictures(origin.path, origin.name, request, name)


def _read_list(origin: Origin) -> Listing:
    """A list of captions alone; its images have no pictures."""
    listing = read_lists(captions_given(str(origin.path)))
    images = listing.images
    if listing.form == "coco" and len({image.split for image in images}) == 1:
        images = [replace(image, split="") for image in images]
    return replace(listing, form="list", images=images)


def _file(request: ImportRequest) -> Source | None:
    """A zip or tar file, or a list of captions that comes with vectors."""
    path = user_path(request.source)
    endings = (".zip", ".tar", *(LIST_ENDINGS if request.images else ()))
    if "\0" not in request.source and path.suffix.lower() in endings and path.is_file():
        return Source(path, path.name)
    return None


def _on_the_hub(request: ImportRequest) -> Source | Origin:
    """A folder; a name of the hub that is not the authors' is one of a data set."""
    refuse_file(request.source)
    by_package = _BY_NAME["huggingface"]
    is_folder = user_path(request.source).is_dir()
    if request.form == by_package.name and not is_folder and request.source.count("/") == 1:
        return Origin(Path(), request.source, by_package, on_the_hub=True)
    source = locate(request.source, _ON_THE_HUB)
    if source.name == request.source and not is_folder and request.form is None:
        authors = [_BY_NAME[name] for name in ("vectors", "checkpoint")]
        if not any(any(form.needs(source.folder).values()) for form in authors):
            return Origin(Path(), request.source, by_package, on_the_hub=True)
    return source


def _needs(form: Format, path: Path, request: ImportRequest) -> dict[str, bool]:
    """With a list of captions that is given, only the pictures have to be there."""
    needs = form.needs(path)
    if request.captions and form.name in LIST_FORMS:
        needs = {part: there or part != _PICTURES for part, there in needs.items()}
    if form.name in LIST_FORMS and path.is_file():  # a zip or tar may hold them: reading tells
        needs = dict.fromkeys(needs, True)
    return needs


def _recognised(source: Source, request: ImportRequest) -> Format:
    """The first format whose parts are all there.

    Raises:
        InputError: there is none; the message says what each needs, and what is missing of the
            nearest.
    """
    # A list of captions says by its content what it is.
    asked = [one for one in FORMATS if not (request.captions and one.name in LIST_FORMS)]
    parts: list[dict[str, bool]] = []
    for form in asked:
        parts.append(form.needs(source.folder))
        if all(parts[-1].values()):
            return form
    nearest = max(parts, key=lambda needs: sum(needs.values()) / len(needs))
    lacks = "holds nothing that can be imported"
    if any(nearest.values()):
        lacks = f"lacks {' and '.join(part for part, there in nearest.items() if not there)}"
    expected = " or ".join(
        f"{form.noun} ({', '.join(needs)})" for form, needs in zip(asked, parts, strict=True)
    )
    if lies := what_lies_in(source.folder, request.source, request.captions):
        raise InputError(f"`{shorten(source.name)}` cannot be imported as it is. {lies}")
    remedy = pickled(source.folder) or "Give a folder or repository with all files of one format."
    raise InputError(f"`{shorten(source.name)}` {lacks}. Expected are {expected}. {remedy}")
