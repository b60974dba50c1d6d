"""How often the named causes are true, as `python -m benchmarks.causes --write` measured it."""

from __future__ import annotations

from typing import Any

from lsr.exceptions import ModelError
from lsr.storage.files import read_json
from lsr.storage.places import ASSETS

MEASURED = ASSETS / "causes.json"


def measured_causes() -> dict[str, Any]:
    """Precision over all causes with its interval, and precision and recall of each.

    Raises:
        ModelError: the file of the figures is damaged.
    """
    return read_json(MEASURED, ModelError)
