"""The shape of the code: who may import whom, and what the library must not do."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest

from lsr.cli.main import build_parser

ROOT = Path(__file__).resolve().parents[1]
# From the ground up; a room imports only from rooms of lower lines.
LAYERS = [
    ["exceptions"],
    ["storage"],
    ["kernels"],
    ["model", "encoders"],
    ["collection"],
    ["index", "encoding"],
    ["evaluation", "imports"],
    ["search", "training", "exports"],
    ["sweep", "world"],
    ["ablation", "figures"],
    ["report"],
    ["cli"],
    ["__main__"],
]
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SOURCES = sorted((ROOT / "lsr").rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "lsr").parts[0].removesuffix(".py")


def imports_of(path: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_room_imports_only_from_rooms_below(path):
    room = room_of(path)
    if room == "__init__":
        return
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] != "lsr" or parts[1:] in ([], ["__version__"]) or parts[1] == room:
            continue
        assert LEVEL[parts[1]] < LEVEL[room], f"{path.name} imports {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_library_draws_nothing_and_ends_nothing(path):
    shown = ("streamlit",) if room_of(path) in ("figures", "report") else ("streamlit", "plotly")
    assert not any(name.split(".")[0] in shown for name in imports_of(path))
    calls = [
        ast.unparse(node.func)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    ]
    assert not {"print", "sys.exit", "exit", "pickle.load"} & set(calls)


def test_pickles_are_opened_in_one_place_only_and_nothing_in_them_runs():
    opening = {
        str(path.relative_to(ROOT)): node
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load"
    }
    assert set(opening) == {"lsr/encoders/lavis_checkpoint.py"}
    given = {word.arg: ast.unparse(word.value) for one in opening.values() for word in one.keywords}
    assert given["weights_only"] == "True"


def test_only_the_build_command_imports_the_world():
    users = {
        room_of(path)
        for path in SOURCES
        if any(name.startswith("lsr.world") for name in imports_of(path))
    }
    assert users <= {"world", "cli"}


def test_every_room_of_the_library_has_a_layer():
    assert {room_of(path) for path in SOURCES} - {"__init__"} <= LEVEL.keys()


def test_every_command_of_readme_and_docs_is_understood():
    lines = [line for page in PAGES for line in page.read_text().splitlines()]
    commands = [shlex.split(line)[3:] for line in lines if line.startswith("python -m lsr ")]
    assert len(commands) > 8
    for arguments in commands:
        assert build_parser().parse_args(arguments).run


def test_the_readme_shows_the_two_commands_that_do_everything():
    text = (ROOT / "README.md").read_text()
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for command in ("app", "test"):
        assert f"make {command}" in text
        assert command in targets


def test_every_page_is_in_the_list_of_the_app():
    listed = set(re.findall(r"links\.([A-Z]+)", (ROOT / "app.py").read_text()))
    files = {path.stem.upper() for path in (ROOT / "pages").glob("*.py")} - {"__INIT__"}
    assert files == listed
