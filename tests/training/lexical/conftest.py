"""A collection to make heads of."""

import numpy as np
import pytest

from lsr.collection.collection import Collection
from lsr.evaluation.pairs import Pairs, load_pairs
from tests.conftest import make_collection

SPLITS = ("train",) * 40 + ("val",) * 4 + ("test",) * 8


@pytest.fixture
def tiny(home, fake_encoder) -> Collection:
    return make_collection(home / "collections" / "tiny", fake_encoder, splits=SPLITS)


@pytest.fixture
def pairs(tiny) -> Pairs:
    return load_pairs(tiny, "train")


def nothing() -> np.ndarray:
    return np.zeros(0, np.int64)
