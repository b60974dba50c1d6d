"""The vectors and heads that the authors of Dense2Sparse publish, by one name each.

Source: github.com/thongnt99/lsr-multimodal, and the repositories `lsr42/…` on huggingface.co.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lsr.exceptions import UnknownNameError, shorten
from lsr.imports.formats import origin_of
from lsr.imports.imported import ImportedCollection, ImportedModel, ImportRequest, import_folder
from lsr.imports.planning import plan_found
from lsr.imports.running import import_planned
from lsr.imports.vectors.authors import CHECKPOINT_FILES, DATA_FILES, import_checkpoint
from lsr.imports.vectors.downloading import download


@dataclass(frozen=True)
class Published:
    """Vectors of captioned images, and a head that was trained on them, on the hub."""

    vectors: str
    head: str

    @staticmethod
    def of(name: str) -> Published:
        data = f"{name}-dense"
        return Published(f"lsr42/{data}", f"lsr42/d2s_{data}_q_reg_0.001_d_reg_0.001")


PUBLISHED = {
    name: Published.of(name)
    for name in ("mscoco-blip", "flickr30k-blip", "mscoco-albef", "flickr30k-albef")
}


@dataclass(frozen=True)
class FetchReport:
    """What was fetched so far; the last report has all.

    model: None where the hub has no head for these vectors. notes: what a reader should know.
    """

    stage: str
    collection: ImportedCollection | None = None
    model: ImportedModel | None = None
    notes: tuple[str, ...] = ()


def fetch(what: str, name: str | None = None) -> Iterator[FetchReport]:
    """Download one of PUBLISHED and import it as a collection and a model of the user's.

    A download that was stopped goes on, and every file's checksum is compared with the hub's.

    Args:
        name: of the new collection and model; by default `what`.

    Raises:
        UnknownNameError: nothing of that name is published.
        InputError: the hub cannot be reached, a file is damaged, or the name cannot be used.
    """
    if what not in PUBLISHED:
        known = ", ".join(f"`{one}`" for one in PUBLISHED)
        raise UnknownNameError(f"There is nothing to fetch as `{shorten(what)}`. There is {known}.")
    published, own = PUBLISHED[what], name or what
    import_folder("collections", own)
    model_folder = import_folder("models", own)
    yield FetchReport(f"Downloading the vectors {published.vectors}")
    vectors = download(published.vectors, "dataset", DATA_FILES)
    yield FetchReport(f"Importing the collection {own}")
    request = ImportRequest(published.vectors, own, form="vectors")
    collection = import_planned(plan_found(origin_of(vectors, "vectors"), request))
    assert isinstance(collection, ImportedCollection)  # noqa: S101  # vectors become one
    yield FetchReport(f"Downloading the head {published.head}", collection)
    try:
        head = download(published.head, "model", CHECKPOINT_FILES, ["tokenizer.json"])
    except UnknownNameError:
        note = (
            f"The hub has no head `{published.head}`. Train one: `python -m lsr train "
            f"--collection {own} --out {own}`."
        )
        yield FetchReport("Done", collection, None, (*collection.notes, note))
        return
    model = import_checkpoint(head, model_folder, collection.collection.encoder)
    yield FetchReport("Done", collection, model, tuple(collection.notes))
