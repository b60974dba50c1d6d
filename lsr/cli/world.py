"""The command `world build`: the bundled collection, encoder and models from scratch."""

from __future__ import annotations

import argparse
from pathlib import Path

from lsr.cli.answer import Add, Answer, Log


def add_commands(add: Add) -> None:
    """`world`."""
    one = add(
        "world", "Rebuild the bundled collection.", world_build, collection=False, model=False
    )
    one.add_argument("action", choices=["build"])
    one.add_argument("--out", default="assets", help="folder to write into (assets)")
    one.add_argument("--work", default="build/world", help="folder for unfinished work")


def world_build(options: argparse.Namespace, log: Log) -> Answer:
    """The bundled collection, encoder and models, remade from the font."""
    from lsr.world.build import build

    stages = []
    for report in build(Path(options.work).expanduser(), Path(options.out).expanduser()):
        log(f"{report.stage}: {report.done}/{report.total}  {report.note}")
        if report.done == report.total:
            stages.append({"stage": report.stage, "seconds": report.seconds})
    return {"out": options.out, "stages": stages}
