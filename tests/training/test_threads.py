"""Steps run with the number of threads that is quicker."""

import pytest
import torch

from lsr.training import threads
from lsr.training.threads import QuickestThreads


@pytest.fixture
def clock(monkeypatch):
    """A clock on which a step takes `seconds[threads]`; and threads that are only counted."""
    now, seconds, count = [0.0], {2: 1.0, 1: 1.0}, [2]
    monkeypatch.setattr(threads.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(torch, "get_num_threads", lambda: count[0])
    monkeypatch.setattr(torch, "set_num_threads", lambda n: count.__setitem__(0, n))

    def step():
        now[0] += seconds[count[0]]
        return count[0]

    return step, seconds


def test_the_quicker_number_of_threads_stays_until_it_is_tried_again(clock):
    step, seconds = clock
    seconds.update({2: 5.0, 1: 1.0})  # others use the cores
    with QuickestThreads() as quickest:
        used = [quickest.run(step) for _ in range(100)]
        assert used == [2] * 3 + [1] * 97
        seconds.update({2: 1.0, 1: 2.0})
        used = [quickest.run(step) for _ in range(100)]
        assert used == [2] * 3 + [1] * 3 + [2] * 94
    assert torch.get_num_threads() == 2
