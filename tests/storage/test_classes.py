"""What a class predicts: counts only, none lost between two writers, bounded, codes checked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lsr.exceptions import DiskFullError, QueryError, UnknownNameError
from lsr.storage import classes
from lsr.storage.classes import add_prediction, check_code, open_class, read_class

ROOT = Path(__file__).resolve().parents[2]


def test_predictions_are_counted_by_question_and_answer_and_nothing_else(home):
    code = open_class()
    for answer in ("10", "30", "10"):
        add_prediction(code.lower(), "1a", answer)
    add_prediction(code, "1b", "same")
    assert read_class(code) == {"1a": {"10": 2, "30": 1}, "1b": {"same": 1}}
    [file] = (home / "classes").iterdir()
    assert json.loads(file.read_text()) == {"counts": read_class(code)}


def test_two_processes_and_threads_lose_no_prediction(home):
    code = open_class()
    script = (
        "import sys; from lsr.storage.classes import add_prediction\n"
        "for _ in range(30): add_prediction(sys.argv[1], '1a', 'process')"
    )
    environment = {**os.environ, "LEXISCOPE_HOME": str(home)}
    other = subprocess.Popen([sys.executable, "-c", script, code], cwd=ROOT, env=environment)

    def predict(answer: str) -> None:
        for _ in range(30):
            add_prediction(code, "1a", answer)

    threads = [threading.Thread(target=predict, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert other.wait() == 0
    assert read_class(code) == {"1a": {"a": 30, "b": 30, "process": 30}}


def test_a_full_disk_leaves_the_counts_as_they_were(home, monkeypatch):
    code = open_class()
    add_prediction(code, "1a", "10")

    def full(*_):
        raise DiskFullError("The disk is full. Make room.")

    monkeypatch.setattr(classes, "write_json", full)
    with pytest.raises(DiskFullError):
        add_prediction(code, "1a", "10")
    assert read_class(code) == {"1a": {"10": 1}}


@pytest.mark.parametrize("code", ["", "abc", "ABCDE1", "../../etc", "ABCDEFG", "АBCDEF", "AB\nDEF"])
def test_what_is_no_code_is_refused_and_touches_no_file(code, home):
    for act in (check_code, read_class, lambda one: add_prediction(one, "1a", "10")):
        with pytest.raises(QueryError, match="is no code of a class"):
            act(code)
    assert not (home / "classes").exists()


def test_a_class_that_is_not_there_is_not_made(home):
    with pytest.raises(UnknownNameError, match="There is no class `KM4T7R`"):
        add_prediction("KM4T7R", "1a", "10")
    assert not list((home / "classes").glob("*.json"))


@pytest.mark.parametrize("name", ["", "a b", "x" * 41, "<script>", "é", "a\n"])
def test_names_that_no_question_has_are_refused(name, home):
    code = open_class()
    for question, answer in ((name, "10"), ("1a", name)):
        with pytest.raises(QueryError, match="is no name that a class counts"):
            add_prediction(code, question, answer)
    assert read_class(code) == {}


def test_the_file_of_a_class_is_bounded(home, monkeypatch):
    monkeypatch.setattr(classes, "MOST_QUESTIONS", 2)
    monkeypatch.setattr(classes, "MOST_ANSWERS", 2)
    code = open_class()
    for question in ("1a", "1b"):
        for answer in ("x", "y"):
            add_prediction(code, question, answer)
    before = read_class(code)
    for question, answer in (("1c", "x"), ("1a", "z")):
        with pytest.raises(QueryError, match="would be one more"):
            add_prediction(code, question, answer)
    assert read_class(code) == before


def test_classes_are_bounded_and_idle_ones_end(home, monkeypatch):
    monkeypatch.setattr(classes, "MOST_CLASSES", 2)
    first, second = open_class(), open_class()
    with pytest.raises(QueryError, match="2 classes are open, and there may be 2"):
        open_class()
    long_ago = time.time() - 31 * 86_400
    os.utime(home / "classes" / f"{first}.json", (long_ago, long_ago))
    third = open_class()
    assert read_class(second) == read_class(third) == {}
    with pytest.raises(UnknownNameError):
        read_class(first)


@pytest.mark.parametrize(
    "content",
    ["[]", "{}", '{"counts": {"1a": 3}}', '{"counts": ', '{"counts": {"1a": {"x": "y"}}}'],
)
def test_a_damaged_file_is_one_sentence(content, home):
    code = open_class()
    (home / "classes" / f"{code}.json").write_text(content)
    with pytest.raises(QueryError, match=f"{code}.json"):
        read_class(code)
