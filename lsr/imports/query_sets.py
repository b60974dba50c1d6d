"""Bringing a query set to a collection of one's own, whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass

from lsr.collection.collection import Collection, load_collection
from lsr.collection.queries import QuerySet, query_set_of, write_query_set
from lsr.collection.writing import copy_collection
from lsr.encoding.revision import revision_folder
from lsr.exceptions import QueryError
from lsr.imports.query_files import QueryFile
from lsr.storage.places import check_name, own_folder


@dataclass(frozen=True)
class ImportedQueries:
    """A collection with its new query set.

    replaced: a set of that name was there. not_relevant: judgements that were no answers.
    """

    collection: Collection
    queries: QuerySet
    replaced: bool
    not_relevant: int


def import_queries(
    collection: Collection, name: str, read: QueryFile, new_collection: str | None = None
) -> ImportedQueries:
    """Write what was read as a query set; the collection itself and its fingerprint stay.

    A row that does not fit refuses the whole set, so that nothing is left out in silence.

    Args:
        name: of the query set; an earlier one of that name is replaced.
        new_collection: write into a new collection of this name that shares all files of this one;
            a bundled collection needs it, because it is not changed.

    Raises:
        QueryError: a name cannot be used, or the collection is not one of the user's own.
        CollectionError: a row is wrong or names an image that the collection does not have.
        DiskFullError: there is no room.
    """
    check_name(name, "name a query set")
    if new_collection is None:
        revision_folder(collection, None)
    elif own_folder("collections", new_collection).exists():
        raise QueryError(
            f"There is a collection `{new_collection}` of your own already. Bring the queries to "
            f"it with --collection {new_collection}, without --name."
        )
    query_set_of(read.rows, name, collection, read.label)
    replaced = name in collection.query_sets
    if new_collection is not None:
        collection = copy_collection(collection, own_folder("collections", new_collection))
    write_query_set(collection, name, read.rows)
    again = load_collection(collection.folder)
    return ImportedQueries(again, again.query_set(name), replaced, read.not_relevant)
