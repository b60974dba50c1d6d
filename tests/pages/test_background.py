"""Long measurements run in the background, tell how far they are, and can be stopped."""

import threading
from collections.abc import Iterator

import pytest

from lsr.exceptions import QueryError
from pages.parts import background


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    for key in ("one", "two"):
        background.forget(key)


def test_short_work_is_done_at_once_and_not_done_again():
    calls = []

    def reports() -> Iterator[int]:
        calls.append(1)
        yield from (1, 2, 3)

    for _ in range(2):
        work = background.follow("one", reports, patience=20)
        assert not work.running
        assert work.latest == 3
    assert len(calls) == 1


def test_long_work_goes_on_while_the_page_is_drawn_and_stops_when_told():
    goes_on, reached = threading.Event(), threading.Event()

    def reports() -> Iterator[int]:
        yield 1
        reached.set()
        goes_on.wait(600)
        yield 2
        yield 3

    work = background.follow("one", reports, patience=0)
    assert reached.wait(600)
    assert work.running
    assert work.latest == 1
    work.stop()
    goes_on.set()
    work.wait(600)
    assert work.latest == 2


def test_what_a_user_can_mend_is_kept_and_the_next_try_starts_anew():
    def fails() -> Iterator[int]:
        yield 1
        raise QueryError("The disk is full. Make room.")

    work = background.follow("one", fails, patience=20)
    assert str(work.problem) == "The disk is full. Make room."
    background.forget("one")
    assert background.known("one") is None
    assert background.follow("one", lambda: iter((7,)), patience=20).latest == 7


def test_a_defect_is_not_swallowed():
    def broken() -> Iterator[int]:
        raise ZeroDivisionError
        yield 1

    with pytest.raises(ZeroDivisionError):
        background.follow("one", broken, patience=20)


def test_work_that_waits_for_its_turn_can_be_called_off():
    goes_on = threading.Event()

    def first() -> Iterator[int]:
        goes_on.wait(600)
        yield 1

    background.follow("one", first, patience=0)
    second = background.follow("two", lambda: iter((1,)), patience=0)
    second.stop()
    goes_on.set()
    background.known("one").wait(600)
    second.wait(600)
    assert second.latest is None
    assert not second.running


def test_a_plan_that_takes_long_holds_no_other_up():
    goes_on = threading.Event()

    def slow() -> Iterator[int]:
        goes_on.wait(600)
        yield 1

    first = background.follow("one", slow, patience=0, pool="plans")
    second = background.follow("two", lambda: iter((2,)), patience=20, pool="plans")
    assert second.latest == 2
    assert first.running
    goes_on.set()
    first.wait(600)


def test_what_goes_on_is_not_forgotten_however_much_came_since():
    goes_on = threading.Event()

    def slow() -> Iterator[int]:
        goes_on.wait(600)
        yield 1
        yield 2

    background.follow("one", slow, patience=0)
    keys = [f"many-{number}" for number in range(background._MOST + 5)]
    for key in keys:
        background.follow(key, lambda: iter((3,)), patience=20, pool="plans")
    assert len(background.works_of(str)) == background._MOST
    assert background.known(keys[0]) is None
    work = background.known("one")
    goes_on.set()
    work.wait(600)
    assert (work.latest, work.stopped) == (2, False)
    for key in keys:
        background.forget(key)
