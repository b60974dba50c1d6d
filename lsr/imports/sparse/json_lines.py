"""JSON lines of sparse vectors: one object a line, with an id and a table of terms."""

from __future__ import annotations

import gzip
import itertools
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from lsr.exceptions import CollectionError
from lsr.imports.sparse.blocks import ROWS, Block, Blocks
from lsr.imports.sparse.term_numbers import TermNumbers

_MOST_LINE = 2**24
_IDS = ("id", "docid", "_id", "image_id")


def read_json_lines(paths: Sequence[Path], numbers: TermNumbers) -> Blocks:
    """JSON lines of `id` and `vector`, as Anserini, Pyserini and Seismic have them; plain or gzip.

    Raises:
        CollectionError: a line is something else.
    """
    for path in paths:
        lines = _lines(path)
        while some := list(itertools.islice(lines, ROWS)):
            ids, counts, terms, weights = [], [], [], []
            for number, line in some:
                one, vector = _parsed_line(path.name, number, line)
                ids.append(one)
                counts.append(len(vector))
                terms += [term for term, _ in vector]
                weights += [weight for _, weight in vector]
            found = numbers.of(terms, path.name)
            yield Block(ids, np.array(counts, np.int64), found, np.array(weights, np.float64))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(number from 1, line) of every line that is not blank."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            file: IO[bytes] = gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[assignment]
            number = 0
            while line := file.readline(_MOST_LINE):
                number += 1
                if len(line) == _MOST_LINE:
                    raise CollectionError(
                        f"Line {number:,} of `{path.name}` has more than {_MOST_LINE // 2**20} MB. "
                        "Write one vector a line."
                    )
                if line.strip():
                    yield number, line
    except (OSError, EOFError, zlib.error) as problem:
        raise CollectionError(
            f"`{path.name}` is truncated or cannot be read ({problem}). Restore the file."
        ) from None


def _parsed_line(file: str, number: int, line: bytes) -> tuple[str, list[tuple[str, float]]]:
    """The id, and pairs of term and weight, of a JSON object whose vector is a table."""
    try:
        found = json.loads(line, object_pairs_hook=_Pairs)
        fields = dict(found) if isinstance(found, _Pairs) else {}
        one = next(fields[name] for name in _IDS if name in fields)
        vector = fields["vector"]
        if not isinstance(one, str | int) or not isinstance(vector, _Pairs):
            raise TypeError
        if not all(type(weight) in (int, float) for _, weight in vector):
            raise TypeError
        text = str(one)
        text.encode()
        "".join(term for term, _ in vector).encode()
        for _, weight in vector:
            float(weight)
    except (ValueError, KeyError, TypeError, StopIteration, RecursionError, OverflowError):
        raise CollectionError(
            f"Line {number:,} of `{file}` is no sparse vector: each line is one like "
            '`{"id": "image-1", "vector": {"dog": 1.5, "grass": 0.5}}`. Mend the line.'
        ) from None
    return text, vector


class _Pairs(list[tuple[str, Any]]):
    """The pairs of a JSON object: a term that comes twice is seen."""
