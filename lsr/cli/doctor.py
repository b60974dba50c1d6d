"""The command `doctor`: what is there on this machine, in one screen."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from pathlib import Path

from lsr import __version__
from lsr.cli.answer import Add, Answer, Log
from lsr.storage.places import APP_FOLDER, folders, home
from lsr.storage.room import bytes_on_disk

_PACKAGES = ("streamlit", "torch", "transformers", "numba", "numpy", "scipy", "pandas", "plotly")
_OPTIONAL = {"milvus": ("pymilvus", "milvus_lite")}


def add_commands(add: Add) -> None:
    """`doctor`."""
    add("doctor", "Say what is installed here.", doctor, collection=False, model=False)


def doctor(options: argparse.Namespace, log: Log) -> Answer:
    """Versions, processors, GPU, encoders, engines, disk and caches."""
    place = home()
    return {
        "lexiscope": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": os.cpu_count() or 1,
        "gpu": _gpu(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "app": str(APP_FOLDER),
        "home": str(place),
        "collections": [folder.name for folder in folders("collections")],
        "models": [folder.name for folder in folders("models")],
        "encoders": _encoders(),
        "engines": _engines(),
        "free_disk": _size(shutil.disk_usage(_existing(place)).free),
        "caches": {
            name: _size(bytes_on_disk(folder))
            for name, folder in (
                ("projected", place / "cache" / "projected"),
                ("tables", place / "cache" / "tables"),
                ("sweeps", place / "cache" / "sweeps"),
                ("copies", place / "cache" / "copies"),
                ("indexes", place / "indexes"),
            )
        },
    }


def _gpu() -> str:
    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name(0)}, CUDA {torch.version.cuda}"
    build = "without CUDA" if torch.version.cuda is None else f"for CUDA {torch.version.cuda}"
    return f"none that torch can use; this torch was built {build}"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _encoders() -> dict[str, str]:
    """Why each family cannot encode here; `ready` where it can."""
    from lsr.encoders.loading import obstacle
    from lsr.encoders.own import own_names

    states = {name: obstacle(name) or "ready" for name in ("bundled", *own_names())}
    there = importlib.util.find_spec("transformers") is not None
    states["blip, clip, siglip"] = "ready for any checkpoint" if there else "need transformers"
    states["lavis"] = obstacle("lavis:albef") or "ready"
    return states


def _engines() -> dict[str, str]:
    from lsr.index.engines import ENGINES, why_not

    return {name: why_not(name) or "ready" for name in ENGINES}


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    while not folder.exists():
        folder = folder.parent
    return folder


def _size(n_bytes: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{n_bytes / 1000:.0f} kB"
