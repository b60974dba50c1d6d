import subprocess
import sys
from pathlib import Path

from lsr.kernels.compiled import digest

ROOT = Path(__file__).resolve().parents[2]
LOOP = """
def total(n):
    found = 0
    for one in range(n):
        found += one
    return found
"""
CALLER = """
import sys
from lsr.kernels import compiled
compiled._FOLDER = sys.argv[1]
from loop import total
loop = compiled.compiled()(total)
print("ready", flush=True)
sys.stdin.readline()
print(loop(5), sum(loop.stats.cache_misses.values()))
"""


def test_kept_loops_are_left_behind_when_any_of_their_sources_changes(tmp_path):
    loops, other = tmp_path / "loops.py", tmp_path / "other.py"
    loops.write_text("from lsr.kernels.compiled import compiled\n")
    other.write_text("ONE = 1\n")
    before = digest(tmp_path)
    other.write_text("ONE = 2\n")
    assert digest(tmp_path) == before
    loops.write_text("from lsr.kernels.compiled import compiled\nSTEP = 2\n")
    assert digest(tmp_path) != before


def test_processes_that_want_the_same_loop_compile_it_once(tmp_path):
    (tmp_path / "loop.py").write_text(LOOP)
    environment = {"PYTHONPATH": f"{ROOT}:{tmp_path}", "PATH": ""}
    callers = [
        subprocess.Popen(
            [sys.executable, "-c", CALLER, str(tmp_path / "kept")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for _ in range(3)
    ]
    for one in callers:
        assert one.stdout.readline() == "ready\n"
    for one in callers:  # all wait to begin
        one.stdin.write("\n")
        one.stdin.flush()
    told = [one.communicate()[0].split() for one in callers]
    assert [total for total, _ in told] == ["10"] * 3
    assert sorted(misses for _, misses in told) == ["0", "0", "1"]
