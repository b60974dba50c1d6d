"""From a folder or a hub name to a folder on this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from lsr.exceptions import InputError, UnknownNameError, shorten

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


class Source(NamedTuple):
    """A folder that somebody else made, and the name to show for it: never a whole path."""

    folder: Path
    name: str


def locate(source: str, files: Mapping[str, Sequence[str]]) -> Source:
    """The folder that `source` names, downloaded first where it is a hub name.

    A folder wins over a repository of the same name.

    Args:
        source: a folder, or `owner/name` on huggingface.co.
        files: by repository type, `model` or `dataset`, in the order in which they are looked
            for: the only files that are downloaded, as patterns.

    Raises:
        UnknownNameError: neither a folder nor a repository.
        InputError: the hub cannot be reached, or huggingface_hub is not installed.
    """
    shown, path = shorten(source), Path(source)
    with suppress(RuntimeError):  # `~stranger`
        path = path.expanduser()
    if source and path.is_dir():
        return Source(path, path.resolve().name)
    if path.is_file():
        raise UnknownNameError(f"`{shown}` is a file. Give the folder that holds it.")
    if not is_hub_name(source):
        raise UnknownNameError(
            f"There is no folder `{shown}`, and it is no hub name. Give a folder, or a repository "
            "on huggingface.co as `owner/name`."
        )
    return Source(_download(source, files), source)


def is_hub_name(text: str) -> bool:
    """Whether `text` has the form `owner/name` that the hub allows."""
    whole = len(text) <= 96 and _HUB_NAME.fullmatch(text) is not None
    return whole and not re.search(r"--|\.\.|[.-](/|$)", text)


def _download(name: str, files: Mapping[str, Sequence[str]]) -> Path:
    try:
        from huggingface_hub import snapshot_download

        # HTTPError is the one of whichever client that version of the package uses.
        from huggingface_hub.errors import (  # type: ignore[attr-defined]
            HTTPError,
            RepositoryNotFoundError,
        )
    except ImportError:
        raise InputError(
            f"There is no folder `{name}`, and downloading a repository of that name needs a "
            "package. Run `python -m pip install huggingface_hub`."
        ) from None
    failure: Exception | None = None
    for kind, patterns in files.items():
        try:
            return Path(snapshot_download(name, repo_type=kind, allow_patterns=list(patterns)))
        except RepositoryNotFoundError:
            continue
        except (HTTPError, OSError) as problem:
            failure = problem.__cause__ if isinstance(problem.__cause__, Exception) else problem
    if failure is None:
        raise UnknownNameError(
            f"There is no folder `{name}`, and no public {' or '.join(files)} repository of that "
            "name on huggingface.co. Check the name."
        )
    raise InputError(
        f"There is no folder `{name}`, and no repository of that name could be downloaded from the "
        f"hub ({shorten(str(failure), 160)}). Connect to the network, or download it elsewhere "
        "and give the folder."
    )


def pickled(folder: Path) -> str:
    """How to convert the weights of a folder that has no model.safetensors, or nothing.

    A `.bin` file is a pickle: opening it can run whatever its maker put in. Only the usual name
    is looked for, because a strange one could slip code into the command that is offered.
    """
    name = "pytorch_model.bin"
    if (folder / "model.safetensors").exists() or not (folder / name).exists():
        return ""
    return (
        f"Its {name} is not opened, because such a file can run code; where you trust it, "
        'convert it: `python -c "import torch; from safetensors.torch import save_file; '
        f"save_file({{k: v.clone() for k, v in torch.load('{name}', weights_only=True)"
        ".items()}, 'model.safetensors')\"`."
    )
