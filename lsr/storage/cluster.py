"""Ray, the engine that spreads tasks over processes and machines: opened, and closed again."""

from __future__ import annotations

import importlib.util
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lsr.exceptions import EngineError, shorten
from lsr.storage.places import home

RETRIES = 2
"""A task that fails once more than this has failed for good."""
# Results are small; what Ray takes by default is a third of the memory.
_OBJECT_BYTES = 2**27


def ray_obstacle() -> str | None:
    """Why Ray cannot be used here, None where it may; nothing is opened."""
    if importlib.util.find_spec("ray") is None:
        return "The package `ray` is not installed. Run `make ray` or `pip install lexiscope[ray]`."
    return None


@contextmanager
def opened_ray(cpus: int, needed: int) -> Iterator[Any]:
    """The module `ray`, connected to `$RAY_ADDRESS`, or to a Ray of its own that ends with it.

    Where this process is connected already, it stays so.

    Args:
        cpus: of a Ray of its own. needed: by one task.

    Raises:
        EngineError: Ray is not installed, does not answer, or has no machine with `needed` cores.
    """
    if why := ray_obstacle():
        raise EngineError(why)
    import ray

    if ray.is_initialized():
        yield ray
        return
    with _signals_stay():
        _open(ray, cpus)
    try:
        most = max(node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"])
        if most < needed:
            raise EngineError(
                f"A task asks for {needed} cores, but no machine of this Ray has more than "
                f"{most:g}. Use more --workers, which asks for fewer cores each."
            )
        yield ray
    finally:
        ray.shutdown()


def result_of(ray: Any, task: Any, what: str) -> Any:
    """What a task returned, waiting for it.

    Args:
        what: was to be done, for the message.

    Raises:
        EngineError: it could not read or write, or its worker ended, as often as it was tried.
    """
    try:
        return ray.get(task)
    except ray.exceptions.RayTaskError as problem:
        if not isinstance(problem.cause, OSError):
            raise
        reason = f"It failed {RETRIES + 1} times, at last with: {problem.cause}."
    except ray.exceptions.RayError as problem:
        reason = (
            f"Its worker ended {RETRIES + 1} times ({type(problem).__name__}; often it is too "
            "little memory: use fewer workers)."
        )
    raise EngineError(f"{what} was not finished. {reason} The same command goes on.")


def _open(ray: Any, cpus: int) -> None:
    address = os.environ.get("RAY_ADDRESS", "")
    # Read by Ray as it starts: it reports nothing about its use, and gives up where memory ends.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_task_oom_retries", str(RETRIES))
    # Its workers would give way to whatever else runs, where the plain command does not.
    os.environ.setdefault("RAY_worker_niceness", "0")
    # On another machine too, what is relative to the home is where the command has it.
    there = {"env_vars": {"LEXISCOPE_HOME": str(home().absolute())}}
    options = {"log_to_driver": False, "logging_level": logging.ERROR, "runtime_env": there}
    if not address or address == "local":
        ray.init(
            address="local",
            num_cpus=cpus,
            include_dashboard=False,
            object_store_memory=_OBJECT_BYTES,
            **options,
        )
        return
    try:
        ray.init(address=address, **options)
    except (ConnectionError, RuntimeError, ValueError, OSError) as problem:
        raise EngineError(_not_opened(address, problem)) from None


def _not_opened(address: str, problem: Exception) -> str:
    # Ray says in a cause of the error that it was refused.
    causes: list[BaseException] = [problem]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and cause not in causes:
        causes.append(cause)
    if any("AuthToken" in str(one) or "AuthenticationError" in str(one) for one in causes):
        return (
            f"The Ray at `{shorten(address)}`, which RAY_ADDRESS names, asks for a token. Set "
            "RAY_AUTH_MODE=token where the token lies in `~/.ray/auth_token`, or see Ray's own "
            "pages on tokens."
        )
    return (
        f"No Ray answers at `{shorten(address)}`, which RAY_ADDRESS names "
        f"({type(problem).__name__}). Start it with `ray start --head`, or unset RAY_ADDRESS "
        "to use this machine alone."
    )


@contextmanager
def _signals_stay() -> Iterator[None]:
    """Ray takes SIGTERM for itself; the command line has an answer to it already."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
