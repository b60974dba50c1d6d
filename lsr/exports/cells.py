"""Cells of a CSV that a spreadsheet shows and does not compute."""

from __future__ import annotations

import re

import pandas as pd

# A spreadsheet takes a cell that begins so for a formula; a sign alone, or a number, is none.
_FORMULA = re.compile(r"[=@\t\r](?=.)|[+\-](?=.)(?![\d.,]+\Z)", re.DOTALL)


def harmless(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would compute it."""
    return f"'{text}" if _FORMULA.match(text) else text


def harmless_table(table: pd.DataFrame) -> pd.DataFrame:
    """The table with all its texts, and the names of its columns, made harmless."""
    return table.map(_harmless).rename(columns=_harmless)


def _harmless(cell: object) -> object:
    return harmless(cell) if isinstance(cell, str) else cell
