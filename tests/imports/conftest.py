"""Small photo folders, and the whole way from a request to a collection."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lsr.collection.collection import Collection
from lsr.encoders.protocol import Encoder
from lsr.imports import planning, running
from lsr.imports.imported import ImportedCollection, ImportRequest
from lsr.imports.planning import plan_import
from lsr.imports.running import run_import
from tests.conftest import FakeEncoder


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch, fake_encoder: FakeEncoder) -> FakeEncoder:
    """The fake encoder under the name `fake`, for imports in this process."""

    def load(spec: str) -> Encoder:
        assert spec == "fake"
        return fake_encoder

    monkeypatch.setattr(running, "load_encoder", load)
    monkeypatch.setattr(planning, "obstacle", lambda spec: None if spec == "fake" else "none")
    return fake_encoder


def photo(number: int, size: tuple[int, int] = (24, 18), kind: str = "JPEG", **options) -> bytes:
    """A picture of a colour of its own."""
    colour = np.random.default_rng(number).integers(0, 255, 3)
    file = BytesIO()
    Image.new("RGB", size, tuple(int(c) for c in colour)).save(file, kind, **options)
    return file.getvalue()


def write_photos(folder: Path, names: Iterable[str]) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = "PNG" if name.lower().endswith("png") else "JPEG"
        path.write_bytes(photo(zlib.crc32(name.encode()), kind=kind))
    return folder


def write_zip(path: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Ten photos, two of them in folders below, with endings in any case."""
    names = [*(f"p{n}.jpg" for n in range(7)), "P7.JPG", "deep/p8.Jpeg", "deep/er/p9.png"]
    return write_photos(tmp_path / "photos", names)


Importing = Callable[..., ImportedCollection]


@pytest.fixture
def importing(encoder: FakeEncoder) -> Importing:
    """Import a source as `mine` with the fake encoder."""

    def run(source: Path | str, **request) -> ImportedCollection:
        plan = plan_import(ImportRequest(str(source), "mine", encoder="fake", **request))
        *_, last = run_import(plan)
        assert isinstance(last.imported, ImportedCollection)
        return last.imported

    return run


def captions_by_image(collection: Collection) -> dict[str, list[str]]:
    return {
        image_id: collection.captions_of(row) for row, image_id in enumerate(collection.image_ids)
    }


def karpathy(names: Sequence[str], splits: Sequence[str]) -> str:
    images = [
        {
            "imgid": 100 + n,
            "filename": name,
            "split": split,
            "sentences": [{"sentid": 10 * n + k, "raw": f"photo {n} so {k}"} for k in range(2)],
        }
        for n, (name, split) in enumerate(zip(names, splits, strict=True))
    ]
    return json.dumps({"dataset": "tiny", "images": images})


def coco(names: Sequence[str], first: int = 0) -> str:
    images = [{"id": first + n, "file_name": name} for n, name in enumerate(names)]
    annotations = [
        {"id": 10 * (first + n) + k, "image_id": first + n, "caption": f"coco {first + n} {k}"}
        for n in range(len(names))
        for k in range(2)
    ]
    return json.dumps({"images": images, "annotations": annotations})
