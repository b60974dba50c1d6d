"""Which splits training needs, and the command that makes them."""

from __future__ import annotations

from lsr.collection.collection import Collection
from lsr.exceptions import CollectionError


def has_pairs(collection: Collection, split: str) -> bool:
    """Whether a split is there and has captions."""
    return split in collection.splits and len(collection.caption_rows(split)) > 0


def check_training_splits(collection: Collection, select_by: str = "last") -> None:
    """Refuse a collection without captions to learn from, or to choose the weights by.

    Args:
        select_by: the measure that chooses among weights, or `last`, which needs no `val`.

    Raises:
        CollectionError: a split is missing or has no captions; the message has the command that
            makes one.
    """
    collection.check_captions()
    needed = {"train": "to learn from"}
    if select_by != "last":
        needed["val"] = f"to choose the best weights by {select_by}"
    for split, why in needed.items():
        if not has_pairs(collection, split):
            there = ", ".join(f"`{name}`" for name in collection.splits)
            last = ", or keep the last weights with `--select-by last`" if split == "val" else ""
            raise CollectionError(
                f"Collection `{collection.name}` has no captions in a split `{split}`, {why}; its "
                f"splits are {there}. Make one with `python -m lsr import SOURCE --name "
                f"{collection.name} --splits made`{last}."
            )
