"""What Windows and macOS lack is not needed: POSIX modules, `/proc`, one kind of path."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
POSIX = {"fcntl", "resource", "pwd", "grp", "termios", "pty", "tty", "syslog", "select"}
# In front of a program: POSIX modules cannot be imported by us, and `/proc` cannot be read.
HIDDEN = """
import builtins, io, os, sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name in ("fcntl", "resource", "pwd", "grp", "termios"):
            raise ImportError(f"{name} is hidden")

for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Hidden())

def refusing(function):
    def opened(file, *rest, **named):
        if isinstance(file, (str, os.PathLike)) and os.fspath(file).startswith("/proc"):
            raise PermissionError(13, "hidden", os.fspath(file))
        return function(file, *rest, **named)
    return opened

builtins.open = io.open = refusing(builtins.open)
os.open = refusing(os.open)
"""
SOURCES = sorted([*(ROOT / "lsr").rglob("*.py"), *(ROOT / "pages").rglob("*.py"), ROOT / "app.py"])


def run(code: str, home: Path) -> str:
    """What a program says in which POSIX modules and `/proc` are hidden."""
    done = subprocess.run(
        [sys.executable, "-c", HIDDEN + code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"LEXISCOPE_HOME": str(home), "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_posix_module_is_imported_at_start(path):
    top = [
        node for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]  # fmt: skip
    names = {alias.name.split(".")[0] for node in top for alias in node.names}
    names |= {str(node.module).split(".")[0] for node in top if isinstance(node, ast.ImportFrom)}
    assert not names & POSIX


def test_what_is_hidden_is_hidden(tmp_path):
    code = (
        "import importlib\n"
        "for name in ('fcntl', 'resource', 'pwd'):\n"
        "    try: importlib.import_module(name)\n"
        "    except ImportError: print(name)\n"
        "try: open('/proc/self/status')\n"
        "except PermissionError: print('proc')\n"
    )
    assert run(code, tmp_path).split() == ["fcntl", "resource", "pwd", "proc"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["collections"],
        ["models"],
        ["search", "two lions", "--k", "2"],
        ["inspect", "test-00003"],
        ["term", "beach"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_the_quick_commands_run_without_them(arguments, home, projected_once):
    code = f"from lsr.cli.main import main\nraise SystemExit(main({[*arguments, '--json']!r}))"
    answer = json.loads(run(code, home))
    assert answer
    assert all(answer.values())


def test_every_module_can_be_imported_without_them(tmp_path):
    files = [path.relative_to(ROOT).with_suffix("") for path in SOURCES]
    left_out = ("world", "lavis_worker", "__main__")  # built, run apart, run
    names = [
        ".".join(file.parts) for file in files
        if not set(left_out) & set(file.parts) and file.parts[0] != "app"
        and (file.parts[0] == "lsr" or "parts" in file.parts)
    ]  # fmt: skip
    code = f"import importlib\nfor name in {names!r}: importlib.import_module(name)\nprint('all')"
    assert run(code, tmp_path).split()[-1] == "all"


def test_a_folder_is_named_with_slashes_on_every_system(tmp_path, collection):
    from lsr.storage.places import find

    assert find("collections", collection.folder.as_posix()) == collection.folder
