"""Blocks of pictures and captions encoded as tasks of Ray, and handed back in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from lsr.encoders.loading import load_encoder
from lsr.encoders.protocol import Encoder
from lsr.exceptions import InputError, ModelError
from lsr.storage.cluster import RETRIES, opened_ray, result_of

Block = TypeVar("Block")
Made = TypeVar("Made")
# Blocks in flight for each core or GPU: one is computed while the next waits for it.
_AHEAD = 2


class OnRay:
    """Calls a function with an encoder and a block, anywhere; the results come in order.

    Only a bounded number of blocks is in flight, so memory here does not grow with their number.
    """

    def __init__(self, ray: Any, spec: str, encoder: Encoder) -> None:
        self._ray, self._spec, self._mark = ray, spec, encoder.fingerprint
        there = ray.cluster_resources()
        self._gpus = 1 if there.get("GPU") else 0
        self._ahead = _AHEAD * max(1, int(there["GPU" if self._gpus else "CPU"]))

    def __call__(
        self, encode: Callable[[Encoder, Block], Made], blocks: Iterable[Block], noun: str
    ) -> Generator[Made]:
        """What `encode` makes of each block.

        Args:
            encode: a function of a module, which every machine has. noun: of a block, for messages.

        Raises:
            InputError: what `encode` raised, or a block that failed three times.
        """
        remote = self._ray.remote(max_retries=RETRIES, retry_exceptions=[OSError])(_encoded)
        remote = remote.options(num_cpus=1, num_gpus=self._gpus)
        flying: deque[tuple[str, Any]] = deque()
        try:
            for number, block in enumerate(blocks, 1):
                if len(flying) == self._ahead:
                    yield self._landed(*flying.popleft())
                label = f"Block {number:,} of {noun}"
                flying.append((label, remote.remote(self._spec, self._mark, encode, block)))
            while flying:
                yield self._landed(*flying.popleft())
        finally:
            for _, task in flying:
                self._ray.cancel(task, force=True)

    def _landed(self, label: str, task: Any) -> Any:
        kind, made = result_of(self._ray, task, label)
        if kind is not None:
            raise kind(made)
        return made


@contextmanager
def encoding_on_ray(spec: str, encoder: Encoder) -> Iterator[OnRay]:
    """What spreads the work of an encoder that every machine loads by the same name.

    Raises:
        EngineError: Ray cannot be used.
    """
    with opened_ray(os.cpu_count() or 1, 1) as ray:
        yield OnRay(ray, spec, encoder)


def _encoded(
    spec: str, mark: str, encode: Callable[[Encoder, Any], Any], block: Any
) -> tuple[type[InputError] | None, Any]:
    """(None, what was made), or the class and text of what a user can mend.

    A process keeps its encoder for the blocks that follow.
    """
    try:
        encoder = load_encoder(spec)
        if encoder.fingerprint != mark:
            raise ModelError(
                f"Encoder `{spec}` is {encoder.fingerprint} on one machine and {mark} on the one "
                "of the command. Give all machines the same files."
            )
        return None, encode(encoder, block)
    except InputError as problem:
        return type(problem), str(problem)
