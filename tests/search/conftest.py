"""What the tests of searches share, so that each does not begin from nothing."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _projected_once(projected_once: None) -> None:
    """What a model projects is projected once."""
