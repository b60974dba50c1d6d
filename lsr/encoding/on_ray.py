"""Blocks of pictures and captions encoded as tasks of Ray, and handed back in order."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from lsr.encoders.loading import load_encoder
from lsr.encoders.protocol import Encoder
from lsr.exceptions import EngineError, PictureError, shorten
from lsr.storage.pictures import read_picture
from lsr.storage.spreading import Spread, this_machine

Block = TypeVar("Block")
Made = TypeVar("Made")


class OnRay:
    """Calls a function with an encoder and a block, anywhere; the results come in order.

    Every machine loads the encoder by the same name. A task has as many threads as the encoder
    has here, so that it rounds the same; beside a GPU, its share of the cores.
    """

    def __init__(self, spread: Spread, spec: str, encoder: Encoder) -> None:
        self._spread, self._spec, self._mark = spread, spec, encoder.fingerprint

    def __call__(
        self, encode: Callable[[Encoder, Block], Made], blocks: Iterable[Block], noun: str
    ) -> Generator[Made]:
        """What `encode` makes of each block.

        Args:
            encode: a function of a module, which every machine has; some arguments may be given.
            noun: of a block, for messages.

        Raises:
            InputError: what `encode` raised, or a block that failed three times.
        """
        work = partial(_encoded, self._spec, self._mark, encode)
        if self._spread.gpus:
            threads = self._spread.threads_a_gpu
            return self._spread(work, blocks, noun, threads=threads, on_gpus=True)
        return self._spread(work, blocks, noun, threads=self._spread.threads)


def refuse_unshared(file: Path, machine: str) -> None:
    """Refuse a picture that a task could not read, where it can be read here.

    Raises:
        EngineError: it can.
    """
    try:
        read_picture(file)
    except PictureError:
        return
    raise EngineError(
        f"`{shorten(file.name)}` can be read here, but not on machine `{machine}`. Give all "
        f"machines the folder `{file.parent}` at the same path."
    )


def _encoded(spec: str, mark: str, encode: Callable[[Encoder, Any], Any], block: Any) -> Any:
    """What is made of a block; a process keeps its encoder for the blocks that follow."""
    encoder = load_encoder(spec)
    if encoder.fingerprint != mark:
        raise EngineError(
            f"Encoder `{spec}` is {encoder.fingerprint} on machine `{this_machine()}` and {mark} "
            "on the one of the command. Give all machines the same files."
        )
    return encode(encoder, block)
