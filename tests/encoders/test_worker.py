"""The worker protocol, over a real child process: crashes, timeouts, restarts, bad answers."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lsr.encoders.worker import Patience, Worker, _Pipes
from lsr.exceptions import EncoderError
from lsr.storage.locks import start_mark
from tests.encoders import tiny


def ask(worker: Worker, *texts: str) -> np.ndarray:
    return worker.ask({"texts": list(texts)}, b"", len(texts))


def process_of(worker: Worker) -> int:
    """The number of the process that answers."""
    return int(ask(worker, "process")[0, 0])


def ends_soon(process: int) -> bool:
    deadline = time.monotonic() + 600
    while start_mark(process) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    return start_mark(process) is None


@pytest.fixture
def worker():
    one = tiny.stand_in_worker()
    yield one
    one.close()


def test_a_worker_starts_once_and_says_what_it_runs_on(worker):
    assert worker.start()["versions"] == {"stand-in": "1"}
    assert process_of(worker) == process_of(worker) != os.getpid()
    assert worker.starts == 1


def test_pictures_of_any_size_arrive_whole(worker):
    worker.start()
    pixels = [
        np.full((height, width, 3), 10 * height, np.uint8) for height, width in ((1, 2), (9, 4))
    ]
    sizes = [list(one.shape[:2]) for one in pixels]
    body = b"".join(one.tobytes() for one in pixels)
    means = np.array([[10 / 255] * 3 + [1, 2], [90 / 255] * 3 + [9, 4]])
    expected = means @ np.random.default_rng(0).normal(size=(5, 6))
    np.testing.assert_allclose(worker.ask({"pictures": sizes}, body, 2), expected, rtol=1e-6)


def test_a_large_batch_passes_through_the_pipe(worker):
    worker.start()
    side = 2000  # 24 MB, far more than a pipe holds
    body = bytes(2 * side * side * 3)
    assert worker.ask({"pictures": [[side, side]] * 2}, body, 2).shape == (2, 6)


def test_a_worker_that_dies_between_batches_is_started_again(worker):
    first = process_of(worker)
    os.kill(first, 9)
    assert ends_soon(first)
    assert process_of(worker) != first
    assert worker.starts == 2


def test_a_batch_during_which_the_worker_dies_is_sent_once_more(worker, tmp_path):
    vectors = ask(worker, f"crash once {tmp_path / 'mark'}", "a dog")
    assert vectors.shape == (2, 6)
    assert worker.starts == 2
    np.testing.assert_array_equal(vectors[1:], ask(worker, "a dog"))


def test_a_batch_that_always_kills_the_worker_is_refused_with_its_last_words(worker):
    with pytest.raises(
        EncoderError, match="broke off twice on a batch of 1 .it ended with code 3.: out of memory"
    ):
        ask(worker, "crash")
    assert worker.starts == 2
    assert ask(worker, "a dog").shape == (1, 6)


def test_a_batch_that_takes_too_long_ends_the_worker_but_not_the_next_batch(worker):
    first = process_of(worker)
    patient, worker._patience = worker._patience, Patience(600, 0.5)
    with pytest.raises(EncoderError, match=r"no answer to a batch of 1 within 0\.5 s"):
        ask(worker, "hang")
    assert start_mark(first) is None
    worker._patience = patient
    assert process_of(worker) != first


def test_what_ctrl_c_cut_off_is_no_answer_to_the_next_batch(worker, monkeypatch):
    expected, receive = ask(worker, "a cat"), _Pipes.receive

    def interrupted(self, deadline):
        monkeypatch.setattr(_Pipes, "receive", receive)
        raise KeyboardInterrupt

    monkeypatch.setattr(_Pipes, "receive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ask(worker, "a dog")
    np.testing.assert_array_equal(ask(worker, "a cat"), expected)
    assert worker.starts == 2


def test_ctrl_c_while_it_starts_leaves_nothing_to_misread(worker, monkeypatch):
    receive = _Pipes.receive

    def interrupted(self, deadline):
        monkeypatch.setattr(_Pipes, "receive", receive)
        raise KeyboardInterrupt

    monkeypatch.setattr(_Pipes, "receive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        worker.start()
    assert ask(worker, "a cat").shape == (1, 6)


def test_a_failure_inside_the_worker_is_reported_and_the_worker_lives_on(worker):
    process = process_of(worker)
    with pytest.raises(EncoderError, match=r"failed on a batch of 1 \(ValueError: no such word\)"):
        ask(worker, "fail")
    assert process_of(worker) == process


def test_an_answer_of_another_shape_is_not_taken(worker):
    with pytest.raises(EncoderError, match=r"broke off twice.*it answered \[0, 6\] in 0 bytes"):
        ask(worker, "too few")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("dies", "did not start .it ended with code 1.: no such checkpoint"),
        ("prints", "did not start .it sent b'Load' and lengths of"),
        ("silent", "did not start .nothing came within 0.5 s"),
    ],
)
def test_a_worker_that_does_not_start_is_refused_with_the_reason(how, message):
    patience = Patience(0.5 if how == "silent" else 600, 600)
    with pytest.raises(EncoderError, match=message):
        tiny.stand_in_worker(0, how, patience=patience).start()


def test_a_command_that_is_not_there_is_refused():
    with pytest.raises(EncoderError, match="The stand-in does not start .*No such file"):
        Worker(["/no/such/python"], "The stand-in").start()


def test_a_worker_that_comes_back_with_other_weights_is_refused(tmp_path):
    worker = tiny.stand_in_worker(0, "other weights", str(tmp_path / "mark"))
    worker.start()
    with pytest.raises(EncoderError, match="came back with other weights"):
        ask(worker, "crash")


def test_the_process_ends_with_its_encoder():
    encoder = tiny.stand_in()
    process = process_of(encoder.worker)
    del encoder
    gc.collect()
    assert ends_soon(process)


def test_the_process_ends_when_its_parent_dies():
    """Its standard input closes, so nothing is left behind."""
    code = (
        "import os; from lsr.encoders.worker import Worker;"
        f"w = Worker({[sys.executable, str(tiny.STAND_IN), '0']!r}, 'The stand-in');"
        "print(int(w.ask({'texts': ['process']}, b'', 1)[0, 0]), flush=True); os._exit(9)"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 9, done.stderr
    assert ends_soon(int(done.stdout))
