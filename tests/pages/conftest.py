"""What the tests of the pages share, so that each does not begin from nothing."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner

from pages.parts import background
from tests.conftest import few_scenes


@pytest.fixture(scope="session", autouse=True)
def _components_are_looked_for_once() -> Iterator[None]:
    """Every run of AppTest looks through all installed packages, which stay the same."""
    scan = functools.cache(manifest_scanner.scan_component_manifests)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        yield


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that waits a moment for what it begins waits until that is done, on busy machines too.

    Where a test looks at what is not done yet, it sets the page's patience to 0.
    """
    wait = background.Work.wait
    monkeypatch.setattr(
        background.Work, "wait", lambda work, seconds: wait(work, 600 if seconds else 0)
    )


@pytest.fixture(scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory, projections: Path) -> Path:
    folder = tmp_path_factory.mktemp("cache-of-pages")
    (folder / "projected").symlink_to(projections)
    return folder


@pytest.fixture(scope="session")
def any_home(_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For what a file of tests works out once, before any test has a home."""
    folder = tmp_path_factory.mktemp("any-home")
    (folder / "cache").symlink_to(_cache)
    return folder


@pytest.fixture(autouse=True)
def _cached(home: Path, _cache: Path) -> None:
    """Homes have one cache: what is in it does not depend on them."""
    home.mkdir(exist_ok=True)
    (home / "cache").symlink_to(_cache)


@pytest.fixture(scope="session")
def _handful_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return few_scenes(tmp_path_factory.mktemp("made") / "handful", {"val": 6, "test": 24}).folder


@pytest.fixture
def handful(home: Path, _handful_once: Path) -> str:
    """Name of a collection of fewer scenes yet, for what a page measures again and again."""
    shutil.copytree(_handful_once, home / "collections" / "handful", copy_function=os.link)
    return "handful"
