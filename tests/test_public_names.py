"""What `import lsr` offers: the names that README uses, loaded when they are first used."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import lsr
from lsr.search.searcher import Searcher

ROOT = Path(__file__).resolve().parents[1]
NAMES = """
    Collection InputError LexicalSettings Model SearchResult SearchSettings Searcher evaluate export
    import_source laboratory load_collection load_model make_lexical open train
""".split()


def test_the_public_names_are_these():
    assert sorted(lsr.__all__) == sorted(NAMES)
    assert set(NAMES) <= set(dir(lsr))
    assert all(callable(getattr(lsr, name)) for name in NAMES)
    assert lsr.open("demo").collection.name == "demo"
    assert lsr.open == Searcher.open


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute `opens`"):
        lsr.opens  # noqa: B018


def in_a_fresh_process(code: str, home: Path) -> list[str]:
    """The modules that are loaded after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys; print(json.dumps(list(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={"LEXISCOPE_HOME": str(home)},
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_importing_the_library_loads_nothing_large(tmp_path):
    loaded = in_a_fresh_process("import lsr", tmp_path)
    assert not {"numpy", "torch", "numba", "pandas", "pyarrow", "scipy"} & set(loaded)


@pytest.mark.parametrize("command", ["--help", "collections", "models"])
def test_quick_commands_load_neither_torch_nor_numba_nor_pandas(command, tmp_path):
    code = (
        "from contextlib import suppress\nfrom lsr.cli.main import main\n"
        f"with suppress(SystemExit):\n    main(['{command}'])"
    )
    loaded = set(in_a_fresh_process(code, tmp_path))
    assert "lsr.cli.main" in loaded
    assert not {"torch", "numba", "pandas", "scipy.stats", "scipy", "pyarrow"} & loaded


def test_a_sweep_of_what_is_bundled_loads_no_torch(tmp_path):
    code = (
        "from lsr.cli.main import main\n"
        "main(['sweep', '--control', 'caption', '--steps', '3', '--json'])"
    )
    first, again = (in_a_fresh_process(code, tmp_path) for _ in range(2))
    assert not {"torch", "scipy.stats"} & {*first, *again}
    assert "lsr.sweep.laboratory" in {*first} & {*again}


def test_the_version_is_said_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == lsr.__version__
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {lsr.__version__}\n" in citation
