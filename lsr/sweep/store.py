"""What sweeps have measured, kept as parquet and shared by pages, commands and notebooks.

Records of the bundled models on their collection are shipped: `python -m lsr world build` measures
them. They are found as one's own are, by the fingerprints of everything they depend on.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lsr.evaluation.passes import COSTS, MEASURES, Record
from lsr.exceptions import BusyError
from lsr.storage import places
from lsr.storage.files import fingerprint, replacing_file, write_json
from lsr.storage.folders import remove_folder
from lsr.storage.places import home
from lsr.storage.tables import Column, read_columns
from lsr.storage.untrusted import DamagedError

SCHEMA = 2
SHIPPED = "sweeps"  # under the bundled assets
_REAL = pa.float64()
_COLUMNS = pa.schema(
    {
        "value": _REAL,
        "draw": pa.int64(),
        **dict.fromkeys(MEASURES, _REAL),
        **{f"{name}_std": _REAL for name in MEASURES},
        **dict.fromkeys(COSTS, _REAL),
    }
)
_KINDS: dict[str, Column] = {
    name: "whole number" if name == "draw" else "number or nothing" for name in _COLUMNS.names
}
_MOST_FOLDERS = 200
_CARD = "sweep.json"
_TRIES = 20


class SweepStore:
    """Records of one configuration, in a folder named by its fingerprint.

    Every `append` is a file of its own, so two processes may measure at once; `read` takes them
    together. A damaged file counts as not there.

    Args:
        about: what the records depend on, as JSON keeps it: fingerprints of collection and model,
            split, query set, direction, knob, settings fixed beside it, null, seed.
    """

    def __init__(self, about: dict[str, Any], root: Path | None = None) -> None:
        self.about = {**about, "schema": SCHEMA}
        key = fingerprint(*(f"{name}={self.about[name]}" for name in sorted(self.about)))
        self._root = root or home() / "cache" / "sweeps"
        self.folder = self._root / key
        self._shipped = places.ASSETS / SHIPPED / key

    @property
    def begun(self) -> bool:
        """Whether anything was measured."""
        return self.folder.exists() or self._shipped.exists()

    def read(self) -> dict[tuple[float, int], Record]:
        """Records by value and draw."""
        records: dict[tuple[float, int], Record] = {}
        # A dot begins the name of what is still being written.
        folders = (self._shipped, self.folder)
        parts = [p for f in folders for p in sorted(f.glob("[!.]*.parquet"), key=_changed)]
        for part in parts:
            try:
                rows = read_columns(part, _KINDS).to_pylist()
            except (DamagedError, OSError):
                continue
            for row in rows:
                records[row["value"], row["draw"]] = row
        return records

    def append(self, records: list[Record]) -> None:
        """Add records.

        Raises:
            DiskFullError: there is no room.
        """
        rows = [
            {
                **{name: record.get(name) for name in _COLUMNS.names},
                **{f"{name}_std": record.get(f"{name}_std", 0.0) for name in MEASURES},
            }
            for record in records
        ]
        table = pa.Table.from_pylist(rows, _COLUMNS)
        for _ in range(_TRIES):
            with suppress(FileNotFoundError):  # another process made room in this moment
                self._write(table)
                return
        raise BusyError(
            f"`{self.folder}` is removed by another process again and again. Do the same again."
        )

    def _write(self, table: pa.Table) -> None:
        if not (self.folder / _CARD).exists():
            self._make_room()
            write_json(self.folder / _CARD, self.about)
        with replacing_file(self.folder / f"{secrets.token_hex(8)}.parquet") as temporary:
            pq.write_table(table, temporary)

    def _make_room(self) -> None:
        """Remove the oldest configurations beyond _MOST_FOLDERS."""
        folders = sorted(self._root.glob(f"[!.]*/{_CARD}"), key=_changed)
        for card in folders[: max(len(folders) - _MOST_FOLDERS + 1, 0)]:
            with suppress(OSError):  # another process does the same
                remove_folder(card.parent)


def _changed(path: Path) -> int:
    """When a file was written; 0 where another process has taken it away."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
