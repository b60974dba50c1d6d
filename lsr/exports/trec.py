"""TREC runs and judgements, as trec_eval and ir_measures read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsr.exceptions import CollectionError
from lsr.exports.fields import field_ids, id_notes
from lsr.exports.selection import OTHER, ExportReport, Selection, Steps, VectorSet, Writing
from lsr.index.memory.index import MemoryIndex
from lsr.index.protocol import Hit
from lsr.model.sparse import SparseVectors, stack

_DIRECTIONS = {"images": "text-to-image", "captions": "image-to-text"}


def write_trec(selection: Selection, folder: Path) -> Writing:
    """`DIRECTION.run` and `DIRECTION.qrels` for every side that is ranked.

    With the queries of a query set, `topics.tsv` has their ids and texts.

    A score has the digits that make the float32 unique, so what is equal stays equal. Only images
    with captions are queries. A query that shares no term with anything has no line.

    Raises:
        CollectionError: there are no captions, so nothing is judged.
    """
    if not len(selection.caption_rows):
        raise CollectionError(
            f"Split `{selection.split}` of collection `{selection.collection.name}` has "
            f"{len(selection.image_rows):,} images but no captions, so there are no queries and "
            "no judgements. Add captions."
        )
    notes = id_notes(selection.vector_set("images"), selection.vector_set("captions"))
    answers = selection.answers()
    if selection.queries:
        yield from _write_topics(selection.vector_set("captions"), folder)
    for ranked in selection.sets:
        queries = selection.vector_set(OTHER[ranked.kind])
        direction = _DIRECTIONS[ranked.kind]
        judged = np.arange(len(queries)) if ranked.kind == "images" else np.unique(answers[1])
        relevant = yield from _write_qrels(selection, answers, direction, folder)
        run = _write_run(selection, ranked, queries.select(judged), relevant, folder)
        silent, level = yield from run
        if silent:
            notes.append(f"{silent:,} queries {direction} share no term with any document.")
        if level:
            notes.append(
                f"{level:,} queries {direction} score a judged document level with another; "
                "`evaluate` counts that against the model, trec_eval goes by the ids."
            )
    return {"k": selection.k, "notes": notes}


def _write_topics(queries: VectorSet, folder: Path) -> Steps[None]:
    """One line a query: its id as the run has it, a tab, and its text on one line."""
    name = "topics.tsv"
    with (folder / name).open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(
            f"{query}\t{' '.join(text.split())}\n"
            for query, text in zip(field_ids(queries.ids), queries.contents, strict=True)
        )
    yield ExportReport(name, len(queries), len(queries), len(queries))


def _write_qrels(
    selection: Selection, answers: tuple[np.ndarray, np.ndarray], direction: str, folder: Path
) -> Steps[set[tuple[str, str]]]:
    """One line a judgement; the pairs of query and document, as their ids are written."""
    name = f"{direction}.qrels"
    images = field_ids(selection.vector_set("images").ids)
    captions = field_ids(selection.vector_set("captions").ids)
    pairs = [
        (captions[caption], images[image])
        if direction == "text-to-image"
        else (images[image], captions[caption])
        for caption, image in zip(*answers, strict=True)
    ]
    with (folder / name).open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{query} 0 {document} 1\n" for query, document in pairs)
    yield ExportReport(name, len(pairs), len(pairs), len(pairs))
    return set(pairs)


def _write_run(
    selection: Selection,
    ranked: VectorSet,
    queries: VectorSet,
    relevant: set[tuple[str, str]],
    folder: Path,
) -> Steps[tuple[int, int]]:
    """One line a hit, best first; how many queries have none, and how many a tie that matters."""
    name = f"{_DIRECTIONS[ranked.kind]}.run"
    blocks = []
    for part, block in ranked.sparse_blocks():
        blocks.append(block)
        yield ExportReport(name, part.stop, len(ranked), 0, reads=True)
    matrix = stack(blocks, len(selection.terms))
    vocabulary = selection.fitted_model.vocabulary.fingerprint
    index = MemoryIndex(SparseVectors(matrix, tuple(field_ids(ranked.ids)), vocabulary))
    ids = field_ids(queries.ids)
    tag = field_ids([f"lexiscope-{selection.fitted_model.name}"])[0]
    rows = silent = level = 0
    with (folder / name).open("w", encoding="utf-8", newline="\n") as file:
        for part, block in queries.sparse_blocks():
            vectors = SparseVectors(block, tuple(ids[part]), vocabulary)
            for row, query in enumerate(vectors.ids):
                hits = index.search(*vectors.row(row), selection.k)
                file.writelines(
                    f"{query} Q0 {hit.image_id} {rank} {hit.score:.9g} {tag}\n"
                    for rank, hit in enumerate(hits, 1)
                )
                rows += len(hits)
                silent += not hits
                level += _judged_ties(query, hits, relevant)
            yield ExportReport(name, part.stop, len(queries), rows)
    return silent, level


def _judged_ties(query: str, hits: list[Hit], relevant: set[tuple[str, str]]) -> bool:
    """Does a relevant hit have the score of one that is not?"""
    found: dict[bool, set[float]] = {True: set(), False: set()}
    for hit in hits:
        found[(query, hit.image_id) in relevant].add(hit.score)
    return not found[True].isdisjoint(found[False])
