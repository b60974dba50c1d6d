"""What an import makes, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from lsr.collection.collection import Collection
from lsr.exceptions import CollectionError, ModelError, QueryError
from lsr.model.checkpoint import ProjectionModel
from lsr.storage.files import read_json
from lsr.storage.places import own_folder

Kind = Literal["collections", "models"]
_CARDS = {
    "collections": ("collection.json", CollectionError),
    "models": ("config.json", ModelError),
}


class Skipped(NamedTuple):
    """A file, image or caption that was not taken over, and why."""

    file: str
    why: str


@dataclass(frozen=True)
class ImportedCollection:
    """A collection that others made.

    skipped: what is not in it; the last `n_absent` are listed images that the source did not have.
    notes: what was changed on the way, in sentences.
    """

    collection: Collection
    skipped: list[Skipped]
    notes: list[str]
    n_absent: int = 0


@dataclass(frozen=True)
class ImportedModel:
    """A model that others made."""

    model: ProjectionModel


@dataclass(frozen=True)
class ImportRequest:
    """What is to be imported, as a user asks for it.

    source: a folder, a zip, a tar, or `owner/name` on huggingface.co; with `images` a list of
    captions. captions: a list of captions that lies elsewhere. encoder: the spec of what encodes
    the pictures, or what made the vectors of a source that has them; empty for `bundled`, or what
    the source says. form: one of `lsr.imports.formats.FORM_NAMES`; recognised where it is None.
    splits: `kept` keeps those of the source where it has some; `made`, or shares such as
    `80/10/10`, makes them from `seed`. merge_duplicates: a picture that comes twice is taken once.
    code_page: of names in a zip or tar that are not UTF-8. images, caption_vectors: files of dense
    vectors in place of an encoder. image_ids, caption_ids: whose they are, as `read_vector_file`
    takes it.
    """

    source: str
    name: str
    captions: str | None = None
    encoder: str = ""
    form: str | None = None
    splits: str = "kept"
    seed: int = 0
    merge_duplicates: bool = True
    code_page: str | None = None
    images: str | None = None
    caption_vectors: str | None = None
    image_ids: str | None = None
    caption_ids: str | None = None


Imported = ImportedCollection | ImportedModel


def import_folder(kind: Kind, name: str) -> Path:
    """The user's own folder for an import; only an earlier import is replaced there.

    Raises:
        QueryError: the name is no plain name, or belongs to something bundled, or to something
            of the user's that was not imported.
    """
    folder = own_folder(kind, name)
    card, error = _CARDS[kind]
    if (folder / card).exists():
        found = read_json(folder / card, error)
        if "imported" in found and "revised" not in found:
            return folder
    if folder.exists():
        raise QueryError(
            f"There is a {kind.removesuffix('s')} `{name}` of your own that was not imported, "
            f"or has changed since. Choose another name, or remove `{folder}`."
        )
    return folder
