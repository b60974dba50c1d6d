"""The commands that show what is there: collections, models, the terms of an image, a term."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lsr.cli.answer import Add, Answer, Log
from lsr.exceptions import InputError, QueryError
from lsr.storage.places import folders, query_set_names


def add_commands(add: Add) -> None:
    """`collections`, `models`, `inspect` and `term`."""
    add("collections", "List the collections.", list_collections, collection=False, model=False)
    add("models", "List the models.", list_models, collection=False, model=False)

    one = add("inspect", "Show the terms an image activates.", inspect)
    one.add_argument("image", help="an image id or a picture file")
    one.add_argument("--top", type=int, default=20, help="most terms (20)")

    one = add("term", "Show the images a term activates.", term)
    one.add_argument("word", help="a term of the vocabulary")
    one.add_argument("--top", type=int, default=12, help="most images and terms (12)")


def list_collections(_: argparse.Namespace, log: Log) -> Answer:
    """The collections that are installed."""
    from lsr.collection.card import read_card

    cards, damaged = _sound("collections", read_card)
    return {
        "collections": [
            {
                "name": folder.name,
                "title": card["title"],
                "n_images": card["counts"]["images"],
                "n_captions": card["counts"]["captions"],
                "encoder": card["encoder"],
                "query_sets": query_set_names(folder),
            }
            for folder, card in cards
        ],
        **damaged,
    }


def list_models(_: argparse.Namespace, log: Log) -> Answer:
    """The models that are installed."""
    from lsr.model.card import kind_of, read_card

    cards, damaged = _sound("models", read_card)
    return {
        "models": [
            {
                "name": folder.name,
                "title": card.get("title", folder.name),
                "kind": kind_of(card),
                "encoder": card.get("encoder"),
                "dense_size": card.get("dense_size"),
                "hidden_size": card.get("hidden_size"),
                "vocabulary_size": card.get("vocabulary_size"),
            }
            for folder, card in cards
        ],
        **damaged,
    }


def _sound(
    kind: str, read: Callable[[Path], dict[str, Any]]
) -> tuple[list[tuple[Path, dict[str, Any]]], Answer]:
    """(folders whose card can be read, with it; the others by name, for the answer)."""
    sound, damaged = [], []
    for folder in folders(kind):
        try:
            sound.append((folder, read(folder)))
        except InputError as problem:
            damaged.append({"name": folder.name, "why": str(problem)})
    return sound, {"damaged": damaged} if damaged else {}


def inspect(options: argparse.Namespace, log: Log) -> Answer:
    """The strongest terms of an image or a picture file."""
    from lsr.encoders.drawn_scenes import drawn_scenes
    from lsr.exceptions import UnknownNameError
    from lsr.search.searcher import Searcher
    from lsr.storage.pictures import read_picture

    searcher = Searcher.open(options.collection, options.model)
    try:
        seen = searcher.inspect(options.image, options.top)
    except UnknownNameError:
        path = Path(options.image)
        # A name without a folder or an ending is meant as an id, so that message stands.
        if "\0" in options.image or not (path.suffix or path.parent.name or path.exists()):
            raise
        picture = read_picture(path)
        if warning := drawn_scenes(searcher.collection.encoder):
            log(warning)
        seen = searcher.inspect_picture(picture, path.name, options.top)
    return {
        "image_id": seen.image_id,
        "terms": [term._asdict() for term in seen.terms],
        "active_terms": seen.active_terms,
        "captions": seen.captions,
    }


def term(options: argparse.Namespace, log: Log) -> Answer:
    """The images that a term activates."""
    from lsr.search.searcher import Searcher

    if options.top < 1:
        raise QueryError(f"The number of images is {options.top}. Use 1 or more.")
    card = Searcher.open(options.collection, options.model).term(options.word, options.top)
    return {
        "term": card.term,
        "document_frequency": card.document_frequency,
        "images": [{"image_id": i, "weight": w} for i, w in card.images],
        "co_activated": [other._asdict() for other in card.co_activated],
    }
