import threading
import time

import pytest

from lsr.index.memory.threads import _others, each_part, together


def test_short_work_stays_on_the_calling_thread():
    spans, threads = [], set()

    def work(first, last):
        spans.append((first, last))
        threads.add(threading.get_ident())

    each_part(work, 100, 4)
    assert threads == {threading.get_ident()}
    assert [row for span in spans for row in range(*span)] == list(range(100))


@pytest.mark.parametrize("n", [0, 1, 100])
def test_long_work_is_shared_and_each_part_done_once(n):
    spans, threads = [], set()

    begun = threading.Barrier(3)

    def work(first, last):
        if first == 0:  # what the length of the work is told from
            time.sleep(0.01)
        elif threading.get_ident() not in threads:
            begun.wait(600)  # no thread takes all before another has begun
        spans.append((first, last))
        threads.add(threading.get_ident())

    each_part(work, n, 3)
    assert sorted(row for span in spans for row in range(*span)) == list(range(n))
    assert len(threads) == (1 if n < 2 else 4)


def test_short_works_are_done_at_once_and_answered_in_their_order():
    both = threading.Barrier(2)
    assert together([lambda: both.wait(600) * 0, lambda: both.wait(600) * 0 + 1]) == [0, 1]


def test_what_no_thread_has_begun_is_done_by_the_calling_one():
    held = threading.Event()
    pool = _others()
    for _ in range(pool._max_workers):
        pool.submit(held.wait, 600)
    try:
        me = threading.get_ident()
        assert together([threading.get_ident] * 4) == [me] * 4
    finally:
        held.set()
