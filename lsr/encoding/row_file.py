"""An array written row by row, with a journal that says how many of its rows count."""

from __future__ import annotations

import json
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from lsr.storage.files import replacing_file, write_json
from lsr.storage.room import told_when_full

_KIND = np.dtype(np.float16)


class RowFile:
    """Rows of a float16 array that are appended batch by batch and survive a kill.

    Rows count once the journal says so, and it says so only after they are on disk: what a
    killed process wrote beyond the journal is cut off and written again. The rows become
    `target`, a `.npy` file, when all are there; before, they are in a file beside it.

    done: how many rows count. problems: row numbers with why their rows are zeros.
    """

    def __init__(
        self, target: Path, key: str, shape: tuple[int, int], problems_file: Path | None = None
    ) -> None:
        """Open the rows of an earlier call with the same `key` and shape, or start anew.

        Args:
            key: what the rows are made of and by; with another one they are made anew.
            shape: (rows, dense size) of the whole array.
            problems_file: a JSON file that gets `problems` when all rows are there.
        """
        self.target, self.total, self._problems_file = target, shape[0], problems_file
        self.done = 0
        self.problems: dict[int, str] = {}
        self._header = {"key": key, "shape": list(shape)}
        self._start = _npy_header(shape)
        self._row_bytes = shape[1] * _KIND.itemsize
        with told_when_full(target):
            if not self._found_earlier():
                self._start_anew()
            if not self.finished:
                self._cut_off()

    @property
    def finished(self) -> bool:
        """Whether `target` is whole."""
        return self.done == self.total and not self._part.exists() and self.target.exists()

    @property
    def _part(self) -> Path:
        return self.target.with_suffix(".part")

    @property
    def _journal_file(self) -> Path:
        return self.target.with_suffix(".journal")

    def _found_earlier(self) -> bool:
        """Read the journal; False where it belongs to something else or its rows are gone."""
        lines = _journal_lines(self._journal_file)
        if not lines or lines[0] != self._header:
            return False
        for line in lines[1:]:
            self.done = line["done"]
            self.problems |= {int(row): why for row, why in line["problems"].items()}
        rows = self._part if self._part.exists() else self.target
        whole = len(self._start) + self.done * self._row_bytes
        if rows.exists() and rows.stat().st_size >= whole and (rows == self._part or self.finished):
            return True
        self.done, self.problems = 0, {}
        return False

    def _start_anew(self) -> None:
        # The earlier rows go first: a new journal must never speak for old rows.
        for old in (self._journal_file, self._part, self.target, self._problems_file):
            if old is not None:
                old.unlink(missing_ok=True)
        self._part.parent.mkdir(parents=True, exist_ok=True)
        self._part.write_bytes(self._start)
        with replacing_file(self._journal_file) as temporary:
            temporary.write_bytes(_line(self._header))

    def _cut_off(self) -> None:
        """Remove what a kill left behind the last row and line that count."""
        os.truncate(self._part, len(self._start) + self.done * self._row_bytes)
        whole = self._journal_file.read_bytes().rfind(b"\n") + 1
        os.truncate(self._journal_file, whole)

    def append(self, rows: np.ndarray, problems: dict[int, str]) -> None:
        """Add the next rows, (n, dense size); when this returns they count.

        Args:
            problems: numbers of the rows, counted from the first of all, that are zeros.
        """
        with told_when_full(self.target):
            with self._part.open("ab") as file:
                file.write(np.ascontiguousarray(rows, _KIND).data)
                file.flush()
                os.fsync(file.fileno())
            with self._journal_file.open("ab") as journal:
                journal.write(_line({"done": self.done + len(rows), "problems": problems}))
        self.done += len(rows)
        self.problems |= problems

    def finish(self) -> None:
        """Give the whole array its name; call it when all rows are there."""
        if self.finished:
            return
        if self.done != self.total:
            raise ValueError(f"{self.done:,} of {self.total:,} rows are there")
        if self._problems_file is not None:
            write_json(self._problems_file, {str(row): why for row, why in self.problems.items()})
        self._part.replace(self.target)


def _npy_header(shape: tuple[int, int]) -> bytes:
    description = {"descr": _KIND.str, "fortran_order": False, "shape": shape}
    header = BytesIO()
    np.lib.format.write_array_header_1_0(header, description)
    return header.getvalue()


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode() + b"\n"


def _journal_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a journal that are whole, nothing where there is none."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    try:
        return [json.loads(line) for line in lines]
    except ValueError:  # a crash of the machine can leave zeros behind: begin again
        return []
