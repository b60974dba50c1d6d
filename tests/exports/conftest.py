"""A tiny export to look at, what must be in it by plain numpy, and where peers' tools are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lsr.collection.collection import Collection
from lsr.exports.exporting import Exported, ExportRequest, run_export
from lsr.model.protocol import Model

PEERS = Path(__file__).resolve().parents[2] / "build" / "peers"
Export = Callable[..., Exported]


@pytest.fixture
def exported(collection: Collection, model: Model, tmp_path: Path) -> Export:
    """Write an export of the tiny collection and give what was written."""

    def run(form: str, **request: object) -> Exported:
        named = {"collection": "tiny", "model": "tiny", "out": tmp_path / form, **request}
        *_, last = run_export(ExportRequest(format=form, **named))
        assert isinstance(last, Exported)
        return last

    return run


@pytest.fixture
def weights(collection: Collection, model: Model) -> dict[str, np.ndarray]:
    """(n, V) weights of images and captions, by the head's formula in float64."""
    w1, b1, gain, shift, w2, b2 = (
        model.head.state_dict()[name].double().numpy()
        for name in (
            "proj.weight", "proj.bias", "vocab_layer_norm.weight", "vocab_layer_norm.bias",
            "vocab_projector.weight", "vocab_projector.bias",
        )
    )  # fmt: skip

    def head(dense: np.ndarray) -> np.ndarray:
        hidden = dense.astype(np.float64) @ w1.T + b1
        hidden -= hidden.mean(axis=1, keepdims=True)
        hidden /= np.sqrt(hidden.var(axis=1, keepdims=True) + 1e-12)
        return np.log1p(np.maximum((hidden * gain + shift) @ w2.T + b2, 0))

    return {
        "images": head(collection.image_vectors),
        "captions": head(collection.caption_vectors),
    }


@pytest.fixture
def peers() -> Path:
    if not PEERS.is_dir():
        pytest.skip(f"no tools of peers at {PEERS}; `make peers` installs them")
    return PEERS
