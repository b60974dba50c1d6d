from lsr.kernels.compiled import digest


def test_kept_loops_are_left_behind_when_any_of_their_sources_changes(tmp_path):
    loops, other = tmp_path / "loops.py", tmp_path / "other.py"
    loops.write_text("from lsr.kernels.compiled import compiled\n")
    other.write_text("ONE = 1\n")
    before = digest(tmp_path)
    other.write_text("ONE = 2\n")
    assert digest(tmp_path) == before
    loops.write_text("from lsr.kernels.compiled import compiled\nSTEP = 2\n")
    assert digest(tmp_path) != before
