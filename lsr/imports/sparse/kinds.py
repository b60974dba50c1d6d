"""Of which kind a model of others is, by what lies in its folder."""

from __future__ import annotations

from pathlib import Path

from lsr.exceptions import QueryError, shorten
from lsr.imports.imported import ImportedModel, ImportRequest
from lsr.imports.planning import plan_import
from lsr.imports.running import import_planned
from lsr.imports.sparse.encoders import is_encoder
from lsr.imports.sparse.sources import has_images
from lsr.model.card import PROJECTION, SPARSE_ENCODER, VECTORS
from lsr.model.checkpoint import WEIGHTS, ProjectionModel
from lsr.storage.hub import is_hub_name

IMPORTED = (VECTORS, PROJECTION, SPARSE_ENCODER)


def kind_of_source(source: str, kind: str | None = None) -> str:
    """The kind of what lies at a place: a head or an encoder where there is one, else vectors.

    A hub name is a head unless the user says otherwise.

    Args:
        kind: as the user says it, in place of what is recognised.

    Raises:
        QueryError: there is no such kind to import.
    """
    if kind is not None:
        if kind not in IMPORTED:
            raise QueryError(
                f"Models of kind `{shorten(kind)}` cannot be imported. Use "
                f"{', '.join(f'`{one}`' for one in IMPORTED[:-1])} or `{IMPORTED[-1]}`."
            )
        return kind
    folder = Path(source).expanduser()
    if folder.is_dir() and not has_images(folder) and is_encoder(folder):
        return SPARSE_ENCODER
    is_head = (folder / "config.json").is_file() and (folder / WEIGHTS).is_file()
    return PROJECTION if is_head or (not folder.exists() and is_hub_name(source)) else VECTORS


def import_head(source: str, name: str, encoder: str = "") -> ProjectionModel:
    """The published head at a place.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    plan = plan_import(ImportRequest(source, name, encoder=encoder, form="checkpoint"))
    made = import_planned(plan)
    assert isinstance(made, ImportedModel)  # noqa: S101 (a checkpoint is one)
    return made.model
