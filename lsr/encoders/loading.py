"""From the name that a card stores to an encoder.

    bundled                       the one in `assets/encoder`
    blip:PLACE  clip:PLACE        a checkpoint of transformers: an absolute folder, or
    siglip:PLACE                  `owner/name` on the hub
    albef:PLACE  blip-lavis:PLACE a folder that `python -m lsr convert` wrote
    lavis:NAME                    LAVIS itself, in an environment of its own (`make lavis`)
    NAME                          the user's own code, `$LEXISCOPE_HOME/encoders/NAME.py`

Any other plain name says that the vectors were computed elsewhere: what has vectors can be
searched with, but nothing new can be encoded.
"""

from __future__ import annotations

import functools
import importlib.util
import threading
from pathlib import Path
from typing import NamedTuple

from lsr.encoders.folders import FILES, MODEL_TYPES, read_config, weight_files
from lsr.encoders.protocol import Encoder
from lsr.exceptions import EncoderError, InputError, UnknownNameError, shorten
from lsr.storage.hub import Source, is_hub_name, locate
from lsr.storage.places import BUNDLED_ENCODER

FAMILIES = (*MODEL_TYPES, "lavis")
_LOADING = threading.RLock()  # an encoder of the user's own may load another


class _Spec(NamedTuple):
    family: str  # one of FAMILIES, `bundled`, or `own`
    place: str


def load_encoder(spec: str) -> Encoder:
    """The encoder of a name, loaded once a process and again when its files change.

    A hub name is downloaded first; safetensors, JSON and vocabularies only.

    Raises:
        UnknownNameError: there is no such family, folder, repository or file.
        ModelError: a checkpoint is half-written, damaged, pickled or of another family.
        EncoderError: a package or an environment is missing, or the user's code fails.
        InputError: the hub cannot be reached.
    """
    parsed = _parse(spec)
    with _LOADING:
        return _load(parsed, spec, _stamp(parsed))


def can_encode(spec: str) -> bool:
    """Whether `load_encoder` would find all it needs on this machine; no weights are read."""
    return obstacle(spec) is None


def obstacle(spec: str) -> str | None:
    """Why new texts and pictures cannot be encoded, in one sentence; None where they can."""
    try:
        _check(_parse(spec))
    except InputError as problem:
        return str(problem)
    return None


def _parse(spec: str) -> _Spec:
    family, colon, place = spec.partition(":")
    if not colon:
        return _Spec("bundled" if spec == "bundled" else "own", spec)
    if family not in FAMILIES or not place:
        raise UnknownNameError(
            f"`{shorten(spec)}` names no encoder. Write FAMILY:PLACE, with a family of "
            f"{', '.join(f'`{one}`' for one in FAMILIES)}, and a folder or a hub name."
        )
    return _Spec(family, place)


def _check(spec: _Spec) -> None:
    """Refuse what is not wholly on this machine, from names and small files alone."""
    if spec.family == "own":
        _own_path(spec.place)
    elif spec.family == "lavis":
        from lsr.encoders import lavis

        lavis.check(spec.place)
    elif spec.family != "bundled":
        _check_transformers(spec.family)
        source = _located(spec, download=False)
        read_config(source, spec.family)
        weight_files(source)


@functools.lru_cache(maxsize=3)  # each can take a gigabyte
def _load(spec: _Spec, name: str, _stamp: tuple[object, ...]) -> Encoder:
    if spec.family == "bundled":
        from lsr.encoders.bundled import BundledEncoder

        encoder = BundledEncoder.load(BUNDLED_ENCODER)
        # A network's first call takes ten times as long as the next: let it belong to loading.
        encoder.encode_texts(["warm up"])
        return encoder
    if spec.family == "own":
        from lsr.encoders import own

        _own_path(spec.place)
        return own.load_own(spec.place)
    if spec.family == "lavis":
        from lsr.encoders import lavis

        return lavis.load(spec.place)
    _check_transformers(spec.family)
    source = _located(spec, download=True)
    if spec.family in ("albef", "blip-lavis"):
        from lsr.encoders import albef

        return albef.load(spec.family, source, name)
    from lsr.encoders import huggingface

    return huggingface.load(spec.family, source, name)


def _stamp(spec: _Spec) -> tuple[object, ...]:
    """Changes when the files of a local encoder do."""
    files: list[Path] = []
    if spec.family == "own":
        files = [_own_path(spec.place)]
    elif spec.family in MODEL_TYPES and Path(spec.place).is_absolute():
        files = sorted(path for path in Path(spec.place).glob("*") if path.is_file())
    states = [(path.name, path.stat()) for path in files]
    return tuple((name, state.st_mtime_ns, state.st_size) for name, state in states)


def _own_path(name: str) -> Path:
    """The file of an own encoder that is there."""
    from lsr.encoders.own import own_file, own_names

    try:
        path = own_file(name)
        if path.is_file():
            return path
    except InputError:  # a name that no file can have
        pass
    here = ", ".join(f"`{one}`" for one in ("bundled", *own_names()))
    raise UnknownNameError(
        f"There is no encoder `{shorten(name)}` here, so new texts and pictures cannot be "
        f"encoded. The encoders are: {here}, and FAMILY:PLACE for checkpoints; one of your own "
        "goes into `$LEXISCOPE_HOME/encoders/NAME.py`."
    )


def _check_transformers(family: str) -> None:
    if importlib.util.find_spec("transformers") is None:
        raise EncoderError(
            f"Encoders of family `{family}` need the package transformers. Run `python -m pip "
            'install "transformers>=5.23,<6"`.'
        )


def _located(spec: _Spec, *, download: bool) -> Source:
    """The folder of a checkpoint."""
    path = Path(spec.place)
    if path.is_absolute():
        if not path.is_dir():
            raise UnknownNameError(
                f"There is no folder `{spec.place}` for an encoder of family `{spec.family}`. "
                "Check the path."
            )
        return Source(path, path.name)
    if path.is_dir():
        raise UnknownNameError(
            f"`{spec.family}:{shorten(spec.place)}` would mean another folder from elsewhere. "
            f"Write `{spec.family}:{path.resolve()}`."
        )
    if not is_hub_name(spec.place):
        raise UnknownNameError(
            f"`{shorten(spec.place)}` is neither an absolute folder nor a hub name. Write "
            f"`{spec.family}:/path/to/folder` or `{spec.family}:owner/name`."
        )
    if download:
        return locate(spec.place, {"model": FILES})
    return _downloaded(spec)


def _downloaded(spec: _Spec) -> Source:
    """The folder of a hub name that was downloaded before."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(spec.place, "config.json")
    if not isinstance(config, str):
        raise UnknownNameError(
            f"`{spec.place}` is not on this machine yet, so new texts and pictures cannot be "
            f"encoded. Download it with `python -m lsr encoder {spec.family}:{spec.place}`."
        )
    return Source(Path(config).parent, spec.place)
