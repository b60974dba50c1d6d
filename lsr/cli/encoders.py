"""The commands `encoder` and `convert`: check an encoder, make one of a LAVIS checkpoint."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from lsr.cli.answer import Add, Answer, Log

_FAMILIES = ("albef", "blip-lavis")


def add_commands(add: Add) -> None:
    """`encoder` and `convert`."""
    bare = {"collection": False, "model": False}
    one = add("encoder", "Load and check an encoder.", encoder, **bare)
    one.add_argument("encoder", metavar="SPEC", help="such as clip:FOLDER or lavis:albef")
    _add_convert_options(add("convert", "Convert a LAVIS checkpoint.", convert, **bare))


def _add_convert_options(parser: argparse.ArgumentParser) -> None:
    """The options of `convert`."""
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="a .pth of LAVIS: ALBEF or BLIP")
    parser.add_argument("--to", required=True, metavar="FOLDER", help="a new folder")
    parser.add_argument("--family", required=True, choices=_FAMILIES)
    parser.add_argument("--picture-size", type=int, default=224, metavar="PIXELS", help="(224)")


def encoder(options: argparse.Namespace, log: Log) -> Answer:
    """What an encoder is and where it runs, once it has encoded a text; downloaded if need be."""
    from lsr.encoders.loading import load_encoder

    started = time.perf_counter()
    log(f"loading {options.encoder}")
    loaded = load_encoder(options.encoder)
    loaded.encode_texts(["a dog on a beach"])
    return {
        "encoder": loaded.name,
        "dense_size": loaded.dense_size,
        "fingerprint": loaded.fingerprint,
        "device": getattr(loaded, "device", "cpu"),
        "precision": getattr(loaded, "precision", "float32"),
        "least_cosine": getattr(loaded, "least_cosine", None),
        "versions": getattr(loaded, "versions", {}),
        "seconds": time.perf_counter() - started,
    }


def convert(options: argparse.Namespace, log: Log) -> Answer:
    """A checkpoint of LAVIS as safetensors, for `albef:FOLDER` and `blip-lavis:FOLDER`."""
    from lsr.encoders.lavis_checkpoint import convert

    started = time.perf_counter()
    source, target = Path(options.checkpoint).expanduser(), Path(options.to).expanduser()
    log(f"reading {source.name}")
    made = convert(source, target, options.family, picture_size=options.picture_size)
    return {
        "encoder": made.spec,
        "folder": str(made.folder),
        "n_tensors": made.n_tensors,
        **made.sizes._asdict(),
        "seconds": time.perf_counter() - started,
    }
