"""The command `import`: pictures with captions, vectors, checkpoints."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lsr.cli.answer import Add, Answer, Log, add_engine_option

if TYPE_CHECKING:  # it brings numpy and pyarrow, which `--help` does not need
    from lsr.imports.imported import Skipped
    from lsr.imports.planning import ImportPlan
    from lsr.imports.stages import ImportReport

_FORMATS = (
    "folder, zip, karpathy, coco, flickr, webdataset, huggingface, list, vectors or checkpoint"
)

_SHOWN = 20
_SECONDS_BETWEEN_LINES = 2.0


def add_commands(add: Add) -> None:
    """`import`."""
    _add_import_options(
        add("import", "Load pictures or what others made.", run, collection=False, model=False)
    )


def _add_import_options(one: argparse.ArgumentParser) -> None:
    """What is imported, and how."""
    one.add_argument(
        "source",
        help="a folder, a .zip, a .tar, an address such as s3://bucket/photos, a hub name such as "
        "lsr42/mscoco-blip-dense, or with --images a list of captions",
    )
    one.add_argument("--name", required=True, help="name of the new collection or model")
    one.add_argument("--captions", metavar="FILE", help="a list of captions that lies elsewhere")
    one.add_argument(
        "--encoder",
        metavar="SPEC",
        default="",
        help="what encodes the pictures (bundled), or what made the dense vectors",
    )
    _add_vector_options(one)
    one.add_argument("--format", dest="form", metavar="NAME", help=f"recognised, or {_FORMATS}")
    one.add_argument(
        "--splits",
        metavar="HOW",
        default="kept",
        help="keep the splits of the source where it has some (kept), make them (made), or make "
        "them by shares of train, val and test, such as 80/10/10 or 0/0/100",
    )
    one.add_argument("--seed", type=int, default=0, help="of splits that are made (0)")
    one.add_argument(
        "--code-page",
        metavar="NAME",
        help="of names in a zip or tar that are not UTF-8, such as cp932 or gbk",
    )
    one.add_argument(
        "--keep-duplicates",
        action="store_true",
        help="take a picture that comes twice twice, as a published test set may want",
    )
    add_engine_option(one)
    one.add_argument("--dry-run", action="store_true", help="only say what would be imported")


def _add_vector_options(one: argparse.ArgumentParser) -> None:
    """Dense vectors in place of an encoder; then no picture is needed."""
    file = ".npy, .parquet (id, emb) or .safetensors"
    labels = "CSV that says whose the vectors are: columns row, "
    one.add_argument("--images", metavar="FILE", help=f"vectors of the images: {file}")
    one.add_argument("--caption-vectors", metavar="FILE", help="the same of the captions")
    one.add_argument("--image-ids", metavar="CSV", help=f"{labels}id or image")
    one.add_argument("--caption-ids", metavar="CSV", help=f"{labels}id, or image and caption")


def run(options: argparse.Namespace, log: Log) -> Answer:
    """What others made, as an ordinary collection or model; or what that would be."""
    from lsr.encoders.drawn_scenes import drawn_scenes
    from lsr.imports.imported import ImportedModel, ImportRequest
    from lsr.imports.planning import plan_import
    from lsr.imports.running import run_import
    from lsr.storage.remote import forget_copy

    started = time.perf_counter()
    remote = _copied_here(options, log)
    request = ImportRequest(
        options.source,
        options.name,
        options.captions,
        options.encoder,
        options.form,
        options.splits,
        options.seed,
        merge_duplicates=not options.keep_duplicates,
        code_page=options.code_page,
        images=options.images,
        caption_vectors=options.caption_vectors,
        image_ids=options.image_ids,
        caption_ids=options.caption_ids,
    )
    plan = plan_import(request)
    if warning := drawn_scenes(plan.encoder):
        log(warning)
    for note in plan.notes:
        log(note)
    if options.dry_run:
        return _planned(plan, started, whole=options.json)
    last = _logged(run_import(plan, options.engine), log)
    for address in remote:
        forget_copy(address)
    made = last.imported
    if isinstance(made, ImportedModel):
        sizes = made.model.sizes
        return {
            "model": made.model.name,
            "dense_size": sizes.dense_size,
            "hidden_size": sizes.hidden_size,
            "n_terms": sizes.vocabulary_size,
            "seconds": time.perf_counter() - started,
        }
    assert made is not None  # noqa: S101  # the last report always has it
    return {
        "collection": made.collection.name,
        "n_images": len(made.collection.images),
        "n_captions": len(made.collection.captions),
        "notes": made.notes,
        "skipped": _listed(made.skipped, whole=options.json),
        "seconds": time.perf_counter() - started,
    }


def _copied_here(options: argparse.Namespace, log: Log) -> list[str]:
    """The addresses among the options, each option now naming a copy on this machine."""
    from lsr.storage.remote import copied_here, is_remote

    named = ("source", "captions", "images", "caption_vectors", "image_ids", "caption_ids")
    remote = {name: getattr(options, name) for name in named if is_remote(getattr(options, name))}
    for name, address in remote.items():
        log(f"copying {address}")
        setattr(options, name, str(copied_here(address)))
    return list(remote.values())


def _planned(plan: ImportPlan, started: float, *, whole: bool) -> Answer:
    noun = plan.kind.removesuffix("s")
    return {
        noun: plan.request.name,
        "dry_run": True,
        "format": plan.form,
        "replaces": plan.replaces,
        "encoder": plan.encoder,
        "n_images": plan.n_images,
        "n_captions": plan.n_captions,
        "splits": plan.splits,
        "duplicates": plan.n_duplicates,
        "bytes": plan.n_bytes,
        "notes": plan.notes,
        "skipped": _listed(plan.skipped, whole=whole),
        "seconds": time.perf_counter() - started,
    }


def _listed(skipped: list[Skipped], *, whole: bool) -> list[dict[str, str]]:
    """All of it as JSON; on a screen the first ones and how many more there are."""
    rows = [one._asdict() for one in skipped]
    if whole or len(rows) <= _SHOWN:
        return rows
    more = {"file": f"and {len(rows) - _SHOWN:,} more", "why": "--json lists all of them."}
    return [*rows[:_SHOWN], more]


def _logged(reports: Iterable[ImportReport], log: Log) -> ImportReport:
    """The last report; a line for the first and last of each stage, and every few seconds."""
    said, stage = 0.0, ""
    for report in reports:
        if report.stage == "writing":
            if report.imported is None:
                log("writing")
            continue
        now = time.perf_counter()
        ends = report.done == report.total
        if report.stage != stage or ends or now - said > _SECONDS_BETWEEN_LINES:
            speed = f"  {report.per_second:,.1f} a second" if report.per_second else ""
            left = "" if ends else f"  {report.seconds_left:.0f} s left"
            log(f"{report.stage} {report.done:,}/{report.total:,}{speed}{left}")
            said, stage = now, report.stage
    return report
