"""A worker whose model needs no LAVIS: the same loop and messages, in a real process.

Arguments: a seed, then how it should misbehave from the start. Some texts make it misbehave later.
"""

import hashlib
import importlib.util
import os
import sys
import time
from pathlib import Path

import numpy as np

FILE = Path(__file__).parents[2] / "lsr" / "encoders" / "lavis_worker.py"
described = importlib.util.spec_from_file_location("lavis_worker", FILE)
lavis_worker = importlib.util.module_from_spec(described)
described.loader.exec_module(lavis_worker)


class StandIn:
    dense_size = 6
    device = "cpu"

    def __init__(self, seed: int) -> None:
        self.fingerprint = f"stand-in-{seed}"
        self.versions = {"stand-in": "1"}
        self._seed = seed

    def texts(self, texts: list[str]) -> np.ndarray:
        if texts == ["crash"]:
            sys.stderr.write("out of memory\n")
            os._exit(3)
        if texts[0].startswith("crash once ") and not Path(texts[0][11:]).exists():
            Path(texts[0][11:]).touch()
            os._exit(3)
        if texts == ["hang"]:
            time.sleep(3_600)
        if texts == ["fail"]:
            raise ValueError("no such word")
        if texts == ["too few"]:
            return np.ones((0, self.dense_size))
        if texts == ["process"]:
            return np.array([[os.getpid(), 1, 0, 0, 0, 0]])
        marks = [hashlib.blake2b(text.lower().encode(), digest_size=4) for text in texts]
        seeds = [[self._seed, int.from_bytes(mark.digest())] for mark in marks]
        return np.array([np.random.default_rng(seed).normal(size=6) for seed in seeds])

    def pictures(self, pixels: list[np.ndarray]) -> np.ndarray:
        means = np.array([[*one.mean(axis=(0, 1)) / 255, *one.shape[:2]] for one in pixels])
        return means @ np.random.default_rng(self._seed).normal(size=(5, 6))


seed, *words = sys.argv[1:]
if words == ["silent"]:
    time.sleep(3_600)
if words == ["dies"]:
    sys.exit("no such checkpoint")
if words == ["prints"]:
    sys.stdout.write("Loading the model, please wait a moment\n")
    sys.stdout.flush()
if words and words[0] == "other weights" and Path(words[1]).exists():
    seed = "99"
elif words and words[0] == "other weights":
    Path(words[1]).touch()
lavis_worker.serve(StandIn(int(seed)), sys.stdin.buffer, sys.stdout.buffer)
