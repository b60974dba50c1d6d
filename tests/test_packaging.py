"""What pip installs: one source of truth for ranges, and nothing that a clone has not."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FILES = {
    "requirements.txt": PROJECT["project"]["dependencies"],
    "requirements-milvus.txt": PROJECT["project"]["optional-dependencies"]["milvus"],
    "requirements-ray.txt": PROJECT["project"]["optional-dependencies"]["ray"],
    "requirements-sparse-encoder.txt": PROJECT["project"]["optional-dependencies"][
        "sparse-encoder"
    ],
    "requirements-dev.txt": PROJECT["project"]["optional-dependencies"]["dev"],
}


@pytest.mark.parametrize("file", FILES)
def test_ranges_are_those_of_the_requirements_files(file):
    lines = (ROOT / file).read_text().splitlines()
    wanted = [line for line in lines if line and not line.startswith(("#", "-r"))]
    assert FILES[file] == wanted


def test_the_wheel_has_the_library_and_everything_the_app_reads():
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["lsr"]
    places = wheel["force-include"]
    assert set(places) == {"app.py", "pages", "assets", ".streamlit", "docs/teaching.md"}
    for source, target in places.items():
        assert (ROOT / source).exists()
        assert target == f"lexiscope/{source}"


def test_the_command_is_named_by_the_project():
    assert PROJECT["project"]["scripts"] == {"lexiscope": "lsr.cli.main:main"}
