"""The tour runs from its first cell to its last, and needs only what `import lsr` offers."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import lsr
from tests.test_structure import names_of_lsr

ROOT = Path(__file__).resolve().parents[1]
TOUR = ROOT / "assets" / "notebooks" / "tour.ipynb"


@pytest.fixture(scope="module")
def tour() -> nbformat.NotebookNode:
    return nbformat.read(TOUR, as_version=4)


def test_it_is_kept_without_what_it_printed(tour):
    code = [cell for cell in tour.cells if cell.cell_type == "code"]
    assert len(code) >= 7
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


def test_it_uses_public_names_alone(tour):
    trees = [ast.parse(cell.source) for cell in tour.cells if cell.cell_type == "code"]
    used = set().union(*map(names_of_lsr, trees))
    assert {"open", "laboratory", "make_lexical", "export"} <= used <= set(lsr.__all__)
    imported = [
        ast.unparse(node)
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and "lsr" in ast.unparse(node)
    ]
    assert imported == ["import lsr"]


@pytest.mark.filterwarnings("ignore")  # what a kernel's own packages say of this version of Python
def test_it_runs(tour, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    resources = {"metadata": {"path": str(ROOT)}}
    done = NotebookClient(tour, timeout=600, kernel_name="python3", resources=resources).execute()
    told = ["".join(one.get("text", "") for one in cell.get("outputs", [])) for cell in done.cells]
    printed = "\n".join(told)
    assert "lions" in printed
    assert "64 terms  R@1 0.8" in printed
    assert "80 images in splits" in printed
    [home] = tmp_path.glob("lexiscope-tour-*")
    assert (home / "models" / "mine" / "model.safetensors").stat().st_size > 0
    assert len(list((home / "run").iterdir())) > 2
    kinds = [
        key for cell in done.cells for one in cell.get("outputs", []) for key in one.get("data", {})
    ]
    assert any("plotly" in kind for kind in kinds)
