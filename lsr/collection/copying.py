"""Collections and models copied whole: into an object storage, or into the user's own."""

from __future__ import annotations

import shutil

from lsr.collection.card import CARD
from lsr.collection.collection import Collection
from lsr.collection.parts import refuse_shards
from lsr.collection.writing import copy_collection, link_or_copy
from lsr.exceptions import QueryError
from lsr.model.card import CARD as MODEL_CARD
from lsr.model.protocol import Model
from lsr.storage.copies import bring_all
from lsr.storage.folders import read_one_version, replacing_folder
from lsr.storage.places import own_folder
from lsr.storage.remote import opened
from lsr.storage.room import bytes_on_disk


def send(made: Collection | Model, address: str) -> tuple[int, int]:
    """Write a collection or model to an object storage, in the place of an earlier one there.

    Whoever reads the address finds all of it or, while it is written, nothing. Where that is
    stopped, the same call goes on.

    Returns:
        How many files were written, and their bytes.

    Raises:
        QueryError: something else is at the address.
        InputError: the storage cannot be written to.
    """
    if isinstance(made, Collection):
        refuse_shards(made)
    target, folder = opened(address), made.folder
    card = CARD if isinstance(made, Collection) else MODEL_CARD
    target.check_free(card)
    bring_all(folder)
    return read_one_version(folder, lambda: target.send(folder, card))


def copy_here(made: Collection | Model, name: str) -> tuple[int, int]:
    """A collection or model, such as one from an object storage, as one of the user's own.

    Returns:
        How many files it has, and their bytes.

    Raises:
        QueryError: the name cannot be used, or is taken.
        InputError: the storage cannot be read. DiskFullError: there is no room.
    """
    kind = "collections" if isinstance(made, Collection) else "models"
    folder = own_folder(kind, name)
    if folder.exists():
        raise QueryError(
            f"There is a {kind.removesuffix('s')} `{name}` of your own already. Choose another "
            "name for --out."
        )
    if isinstance(made, Collection):
        copy_collection(made, folder)
    else:
        with replacing_folder(folder) as temporary:
            shutil.copytree(made.folder, temporary, copy_function=link_or_copy, dirs_exist_ok=True)
    return sum(path.is_file() for path in folder.rglob("*")), bytes_on_disk(folder)
