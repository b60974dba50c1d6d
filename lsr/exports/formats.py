"""The formats that can be written, and who reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lsr.exceptions import UnknownNameError, shorten
from lsr.exports.anserini import write_float, write_quantised
from lsr.exports.ciff import write_ciff
from lsr.exports.csv_parquet import write_csv, write_parquet
from lsr.exports.selection import Selection, Writing
from lsr.exports.sparse_encoder import write_sparse_encoder
from lsr.exports.trec import write_trec


@dataclass(frozen=True)
class Format:
    """A format that can be written.

    what: what the folder holds. reader: whose tool reads it.
    needs_model: are there only sparse vectors in it? quantised: are their weights whole numbers?
    takes_queries: can a query set take the place of the captions?
    """

    name: str
    what: str
    reader: str
    needs_model: bool
    quantised: bool
    write: Callable[[Selection, Path], Writing]
    takes_queries: bool = False


_FORMATS = (
    Format(
        "anserini",
        "sparse vectors as JSON lines with whole-number weights, and queries as topics",
        "Anserini, Pyserini",
        True,
        True,
        write_quantised,
    ),
    Format(
        "anserini-float",
        "sparse vectors as JSON lines with the weights as they are",
        "Seismic",
        True,
        False,
        write_float,
    ),
    Format(
        "trec",
        "a run of the model and the judgements, in either direction of search",
        "ir_measures, trec_eval",
        True,
        False,
        write_trec,
        takes_queries=True,
    ),
    Format(
        "ciff",
        "an inverted index with whole-number weights",
        "ciff-toolkit",
        True,
        True,
        write_ciff,
    ),
    Format(
        "csv",
        "terms and weights, and dense vectors, as text",
        "pandas, spreadsheets",
        False,
        False,
        write_csv,
    ),
    Format(
        "parquet",
        "terms and weights, and dense vectors, as columns",
        "pandas, pyarrow",
        False,
        False,
        write_parquet,
    ),
    Format(
        "sentence-transformers",
        "sparse vectors as SparseEncoder gives them, and an encoder of queries in words",
        "sentence-transformers",
        True,
        False,
        write_sparse_encoder,
    ),
)


def formats() -> tuple[Format, ...]:
    """Every format that can be written."""
    return _FORMATS


def find_format(name: str) -> Format:
    """The format of a name.

    Raises:
        UnknownNameError: there is none; the message lists those there are.
    """
    for one in _FORMATS:
        if one.name == name:
            return one
    names = ", ".join(one.name for one in _FORMATS)
    raise UnknownNameError(
        f"There is no export format `{shorten(name)}`. The formats are: {names}."
    )
