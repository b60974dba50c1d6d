"""The shape of the code and of its documents: who may import whom, and what README promises."""

from __future__ import annotations

import argparse
import ast
import re
import shlex
import tomllib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

import lsr
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
    ["evaluation"],
    ["imports"],
    ["search", "training", "exports"],
    ["sweep"],
    ["failures"],
    ["world", "ablation"],
    ["figures"],
    ["report"],
    ["cli"],
    ["__main__"],
]
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
LINKING = [*PAGES, *(ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"))]
# A line that calls the command, whatever sets a variable or names an environment before it.
COMMAND = re.compile(r"^(?:[A-Z_]+=\S+ )?(?:\.venv/bin/)?(?:python -m lsr|lexiscope) (.*)$", re.M)
FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.M | re.S)
SOURCES = sorted((ROOT / "lsr").rglob("*.py"))
DRAWING = {"streamlit", "plotly"}


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "lsr").parts[0].removesuffix(".py")


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


@cache
def calls_of(path: Path) -> list[tuple[str, ast.Call]]:
    """What is called, and the calls."""
    calls = [node for node in nodes_of(path) if isinstance(node, ast.Call)]
    return [(ast.unparse(call.func), call) for call in calls]


def names_imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


@cache
def imports_of(path: Path) -> list[str]:
    return [name for node in nodes_of(path) for name in names_imported(node)]


def test_a_room_imports_only_from_rooms_below():
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in SOURCES
        if (room := room_of(path)) != "__init__"
        for name in imports_of(path)
        if (parts := name.split("."))[0] == "lsr"
        and parts[1:] not in ([], ["__version__"], [room])
        and parts[1] != room
        and LEVEL[parts[1]] >= LEVEL[room]
    ]
    assert not wrong


def test_the_library_draws_nothing_and_ends_nothing():
    ending = {"print", "sys.exit", "exit", "pickle.load"}
    wrong = []
    for path in SOURCES:
        drawing = {"streamlit"} if room_of(path) in ("figures", "report") else DRAWING
        found = drawing & {name.split(".")[0] for name in imports_of(path)}
        found |= ending & {name for name, _ in calls_of(path)}
        wrong += [f"{path.relative_to(ROOT)}: {name}" for name in found]
    assert not wrong


def test_pickles_are_opened_in_one_place_only_and_nothing_in_them_runs():
    opening = {
        str(path.relative_to(ROOT)): call
        for path in SOURCES
        for name, call in calls_of(path)
        if name == "torch.load"
    }
    assert set(opening) == {"lsr/encoders/lavis_checkpoint.py"}
    given = {word.arg: ast.unparse(word.value) for one in opening.values() for word in one.keywords}
    assert given["weights_only"] == "True"


def test_arrays_are_written_where_a_full_disk_is_understood():
    """numpy itself says how many numbers it could not write, and no reason: `save_array` does."""
    writing = {"tofile", "savez", "savetxt", "open_memmap"}
    wrong = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if writing & {name.split(".")[-1] for name, _ in calls_of(path)}
        or "np.save(" in path.read_text()
    ]
    assert not wrong


def test_only_the_build_command_imports_the_world():
    users = {
        room_of(path)
        for path in SOURCES
        if any(name.startswith("lsr.world") for name in imports_of(path))
    }
    assert users <= {"world", "cli"}


def test_every_room_of_the_library_has_a_layer():
    assert {room_of(path) for path in SOURCES} - {"__init__"} <= LEVEL.keys()


PYTHON = [
    pytest.param(block, id=f"{page.stem} {number}")
    for page in PAGES
    for number, (language, block) in enumerate(FENCED.findall(page.read_text("utf-8")))
    if language == "python"
]


def test_every_command_of_readme_and_docs_is_understood():
    parser = build_parser()
    wrong = []
    for page in PAGES:
        for arguments in COMMAND.findall(page.read_text("utf-8")):
            try:
                assert parser.parse_args(shlex.split(arguments)).run
            except SystemExit:
                wrong.append(f"{page.name}: {arguments}")
    assert not wrong


def test_every_command_is_shown_among_the_commands():
    actions = build_parser()._actions
    [commands] = [one for one in actions if isinstance(one, argparse._SubParsersAction)]
    text = (ROOT / "docs" / "commands.md").read_text("utf-8")
    shown = {arguments.split()[0] for arguments in COMMAND.findall(text)}
    assert shown == set(commands.choices)


@pytest.mark.parametrize("block", PYTHON)
def test_every_python_example_compiles_and_imports_names_that_exist(block):
    tree = ast.parse(block)
    compile(tree, "example", "exec")
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert imports
    ours = [node for node in imports if names_imported(node)[0].startswith("lsr")]
    exec(compile(ast.Module(ours, []), "example", "exec"), {})
    # Other people's take seconds to load.
    assert all(find_spec(name.split(".")[0]) for node in imports for name in names_imported(node))
    assert names_of_lsr(tree) <= set(lsr.__all__)


def names_of_lsr(tree: ast.Module) -> set[str]:
    """The names that an example takes from `lsr`, such as `open` of `lsr.open`."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "lsr"
    }


def test_the_library_in_readme_is_ten_lines_of_public_names():
    blocks = [block for language, block in FENCED.findall(README.read_text("utf-8")) if language]
    assert len(blocks) == 1
    assert len(blocks[0].splitlines()) == 10
    imports = [line for line in blocks[0].splitlines() if "import" in line]
    assert imports == ["import lsr"]


def test_readme_has_at_most_130_lines():
    assert len(README.read_text("utf-8").splitlines()) <= 130


def test_the_readme_shows_the_two_commands_that_do_everything():
    text = README.read_text("utf-8")
    assert "make app" in text
    assert "make test" in text


def test_documents_name_only_targets_benchmarks_and_extras_that_exist():
    text = "\n".join(page.read_text("utf-8") for page in LINKING)
    made = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    assert set(re.findall(r"(?:`|^ *)make (\w+)", text, re.M)) <= made
    measured = {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
    assert set(re.findall(r"python -m benchmarks\.(\w+)", text)) <= measured
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert set(re.findall(r'pip install "\.\[([\w-]+)\]"', text)) == set(extras)
    [torch] = set(re.findall(r'pip install "(torch\S+)"', text))
    assert torch in project["dependencies"]


@pytest.mark.parametrize("page", LINKING, ids=lambda page: page.name)
def test_every_relative_link_leads_to_a_file_and_a_heading(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page)):
        if re.match(r"https?://", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


def without_code(page: Path) -> str:
    return FENCED.sub("", page.read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    """What a link may name in a page: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.*)$", without_code(page), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_contributing_names_every_room():
    tree = FENCED.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8"))[0][1]
    named = re.findall(r"^ +(\w+)(?:/|\.py) ", tree, re.M)
    rooms = [path.parent.name for path in SOURCES if path.name == "__init__.py"]
    rooms[rooms.index("lsr")] = "exceptions"  # the one room that is a file
    assert sorted(named) == sorted(rooms)


def test_every_page_is_in_the_list_of_the_app():
    listed = set(re.findall(r"links\.([A-Z]+)", (ROOT / "app.py").read_text()))
    files = {path.stem.upper() for path in (ROOT / "pages").glob("*.py")} - {"__INIT__"}
    assert files == listed
