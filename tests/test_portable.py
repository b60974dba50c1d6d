"""What Windows and macOS lack is not needed: POSIX modules, `/proc`, one kind of path."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

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
# What the program then does: it says what it cannot have, runs commands, and imports every module.
TRYING = """
import contextlib, importlib, json

hidden = []
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    try: importlib.import_module(name)
    except ImportError: hidden.append(name)
for opening in (open, lambda path: os.open(path, os.O_RDONLY)):
    try: opening("/proc/self/status")
    except PermissionError: hidden.append("proc")

from lsr.cli.main import main

answers = {}
for arguments in commands:
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert main([*arguments, "--json"]) == 0, arguments
    answers[arguments[0]] = json.loads(said.getvalue())
for name in modules:
    importlib.import_module(name)
print(json.dumps({"hidden": hidden, "answers": answers, "modules": sorted(sys.modules)}))
"""
COMMANDS = [
    ["collections"],
    ["models"],
    ["search", "two lions", "--k", "2"],
    ["inspect", "test-00003"],
    ["term", "beach"],
]
SOURCES = sorted([*(ROOT / "lsr").rglob("*.py"), *(ROOT / "pages").rglob("*.py"), ROOT / "app.py"])
LEFT_OUT = {"world", "lavis_worker", "__main__"}  # built, run apart, run
MODULES = [
    ".".join(file.parts)
    for file in (path.relative_to(ROOT).with_suffix("") for path in SOURCES)
    if not LEFT_OUT & set(file.parts)
    and (file.parts[0] == "lsr" or (file.parts[0] == "pages" and "parts" in file.parts))
]


@pytest.fixture(scope="module")
def without_posix(tmp_path_factory) -> dict[str, Any]:
    """What one program says in which POSIX modules and `/proc` are hidden."""
    given = f"commands, modules = {COMMANDS!r}, {MODULES!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", HIDDEN + given + TRYING],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"LEXISCOPE_HOME": str(tmp_path_factory.mktemp("home")), "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def test_no_posix_module_is_imported_at_start():
    wrong = []
    for path in SOURCES:
        names = set()
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(str(node.module).split(".")[0])
        wrong += [f"{path.relative_to(ROOT)}: {name}" for name in names & POSIX]
    assert not wrong


def test_what_is_hidden_is_hidden(without_posix):
    assert without_posix["hidden"] == ["fcntl", "resource", "pwd", "grp", "termios", "proc", "proc"]


@pytest.mark.parametrize("command", [arguments[0] for arguments in COMMANDS])
def test_the_quick_commands_run_without_them(command, without_posix):
    answer = without_posix["answers"][command]
    assert answer
    assert all(answer.values())


def test_every_module_can_be_imported_without_them(without_posix):
    assert set(MODULES) <= set(without_posix["modules"])


def test_a_folder_is_named_with_slashes_on_every_system(tmp_path, collection):
    from lsr.storage.places import find

    assert find("collections", collection.folder.as_posix()) == collection.folder
