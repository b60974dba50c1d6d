"""The recipes, as docs/training.md shows them."""

from __future__ import annotations

import re
from pathlib import Path

from lsr.training.recipes import COMPACT_RECIPE
from lsr.training.settings import TrainingSettings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "training.md"


def test_the_documented_settings_are_those_of_the_code():
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| (\S+) \|$", PAGE.read_text("utf-8"), re.M)
    published = TrainingSettings()
    for name, *shown in rows:
        values = [getattr(one, name) for one in (published, COMPACT_RECIPE)]
        assert [type(value)(text) for value, text in zip(values, shown, strict=True)] == values
    differing = {name for name, value in vars(published).items()
                 if value != getattr(COMPACT_RECIPE, name)}  # fmt: skip
    assert differing <= {name for name, *_ in rows}
