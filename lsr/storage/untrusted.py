"""What JSON, arrays, tables and tensors of unknown origin really hold, before anybody relies on it.

Each function is the one boundary around somebody else's parser: whatever that raises on a damaged
file becomes a `DamagedError` with the reason in words, and what it returns has checked types. Who
calls it knows the file and the remedy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lsr.exceptions import LexiscopeError, shorten

_KINDS = "fiu"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class DamagedError(ValueError):
    """A file is not what its name says; the message is the reason, in brackets after it."""


class UnexpectedError(DamagedError):
    """A file is of its format but holds something else; the message follows the file's name."""


@contextmanager
def parsed() -> Iterator[None]:
    """Turn whatever a parser of somebody else's raises into a `DamagedError` with its reason.

    A missing file stays a FileNotFoundError, another system error an OSError, and ours are ours.
    """
    try:
        yield
    except (DamagedError, LexiscopeError, OSError):
        raise
    except BaseException as problem:
        # What a Rust library panics with is no Exception.
        if not isinstance(problem, Exception) and type(problem).__name__ != "PanicException":
            raise
        lines = str(problem).splitlines() or [type(problem).__name__]
        raise DamagedError(shorten(lines[0], 160)) from problem


def parse_json(text: str) -> Any:
    """The content of a JSON text, all its strings whole characters.

    Raises:
        DamagedError: not JSON, nested too deeply, or with half of a surrogate pair.
    """
    try:
        content = json.loads(text)
        if _SURROGATE.search(text):
            json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError as problem:
        half = problem.object[problem.start : problem.start + 1]
        raise DamagedError(
            f"it holds half of a character, \\u{ord(half):04x}, which is no text"
        ) from None
    except RecursionError:
        raise DamagedError("it is nested too deeply") from None
    except ValueError as problem:
        raise DamagedError(str(problem)) from None
    return content


def check_array(path: Path) -> None:
    """Refuse a `.npy` file that is not one whole array of numbers, before it is mapped.

    Raises:
        DamagedError: its header is broken, or fewer bytes follow than it says.
        OSError: it cannot be read.
    """
    with path.open("rb") as file, parsed():
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in read:
            raise DamagedError(f"version {version[0]}.{version[1]} of the format")
        shape, _, kind = read[version](file)
        if kind.hasobject or kind.kind not in _KINDS + "b":
            raise DamagedError(f"values of type {kind}")
        if not all(isinstance(n, int) and n >= 0 for n in shape):
            raise DamagedError(f"a shape of {shorten(str(shape))}")
        expected = kind.itemsize
        for n in shape:
            expected *= n
        found = path.stat().st_size - file.tell()
        if found < expected:
            raise DamagedError(f"{found:,} of {expected:,} bytes")


def read_tensors(path: Path, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Tensors of a safetensors file by name, bfloat16 as float32; all of them where none is named.

    Raises:
        UnexpectedError: a tensor is missing.
        DamagedError: not a safetensors file, or a tensor of a type that numpy does not have.
        OSError: it cannot be read.
    """
    from safetensors import safe_open

    with parsed(), safe_open(path, "numpy") as file:
        there = list(file.keys())
        wanted = there if names is None else list(names)
        if absent := sorted(set(wanted) - set(there)):
            raise UnexpectedError(f"lacks {', '.join(absent[:6])}")
        kinds = {file.get_slice(name).get_dtype() for name in wanted}
        if "BF16" not in kinds:  # which numpy does not have
            return {name: file.get_tensor(name) for name in wanted}
    from safetensors.torch import load_file

    with parsed():
        tensors = load_file(path)
        return {
            name: (one.float() if "bfloat16" in str(one.dtype) else one).numpy()
            for name, one in tensors.items()
            if name in wanted
        }


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of all tensors of a safetensors file by name; only its header is read.

    Raises:
        DamagedError: not a safetensors file.
        OSError: it cannot be read.
    """
    from safetensors import safe_open

    with parsed(), safe_open(path, "numpy") as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
