"""Commands that give collections their dense vectors: `encode`, `attach` and `fetch`."""

from __future__ import annotations

import argparse
import time

from lsr.cli.answer import Add, Answer, Log, add_engine_option

# Seconds between two lines of progress.
_PAUSE = 2.0


def add_commands(add: Add) -> None:
    """`encode`, `attach` and `fetch`."""
    bare = {"collection": False, "model": False}
    _add_encode_options(add("encode", "Encode a collection with another encoder.", encode, **bare))
    _add_attach_options(add("attach", "Use vectors computed elsewhere.", attach, **bare))
    _add_fetch_options(add("fetch", "Get what the paper's authors publish.", fetch, **bare))


def _add_encode_options(parser: argparse.ArgumentParser) -> None:
    """The options of `encode`."""
    parser.add_argument("--collection", required=True, metavar="NAME", help="name or folder")
    parser.add_argument("--encoder", required=True, metavar="SPEC", help="such as bundled")
    parser.add_argument("--name", metavar="NEW", help="of a new collection (none: this one)")
    add_engine_option(parser)


def encode(options: argparse.Namespace, log: Log) -> Answer:
    """A collection's pictures and captions with another encoder."""
    from lsr.collection.collection import load_collection
    from lsr.encoders.drawn_scenes import drawn_scenes
    from lsr.encoding.reencoding import Reencoded, encode_collection

    started = said = time.perf_counter()
    made = None
    collection = load_collection(options.collection)
    if warning := drawn_scenes(options.encoder, collection.name):
        log(warning)
    for report in encode_collection(collection, options.encoder, options.name, options.engine):
        if isinstance(report, Reencoded):
            made = report
        elif report.done == report.total or time.perf_counter() - said > _PAUSE:
            said = time.perf_counter()
            log(
                f"{report.kind} {report.done:,}/{report.total:,}  {report.per_second:,.1f} a "
                f"second, {report.seconds_left:,.0f} s left"
            )
    assert made is not None  # noqa: S101  the last report
    return {
        "collection": made.collection.name,
        "encoder": made.collection.encoder,
        "n_images": len(made.collection.images),
        "n_captions": len(made.collection.captions),
        "skipped": [{"file": image, "why": why} for image, why in made.skipped.items()],
        "images_per_second": made.images_per_second,
        "captions_per_second": made.captions_per_second,
        "seconds": time.perf_counter() - started,
    }


def _add_attach_options(parser: argparse.ArgumentParser) -> None:
    """The options of `attach`."""
    parser.add_argument("--collection", required=True, metavar="NAME", help="name or folder")
    file = ".npy, .parquet (id, emb) or .safetensors"
    labels = "CSV that says whose the vectors are: columns row, "
    parser.add_argument("--images", required=True, metavar="FILE", help=f"vectors: {file}")
    parser.add_argument("--captions", metavar="FILE", help="the same of the captions")
    parser.add_argument("--image-ids", metavar="CSV", help=f"{labels}id or image")
    parser.add_argument("--caption-ids", metavar="CSV", help=f"{labels}id, or image and caption")
    parser.add_argument("--encoder", required=True, metavar="NAME", help="what computed them")
    parser.add_argument("--name", metavar="NEW", help="of a new collection (none: this one)")


def attach(options: argparse.Namespace, log: Log) -> Answer:
    """A collection with vectors that were computed elsewhere."""
    from lsr.collection.collection import load_collection
    from lsr.imports.vectors.attaching import VectorFiles, attach

    started = time.perf_counter()
    files = VectorFiles(
        options.images,
        options.captions,
        options.encoder,
        options.image_ids,
        options.caption_ids,
    )
    made = attach(load_collection(options.collection), files, options.name)
    for note in made.notes:
        log(note)
    return {
        "collection": made.collection.name,
        "encoder": made.collection.encoder,
        "n_images": len(made.collection.images),
        "n_captions": len(made.collection.captions),
        "skipped": [one._asdict() for one in made.skipped],
        "notes": made.notes,
        "seconds": time.perf_counter() - started,
    }


def _add_fetch_options(parser: argparse.ArgumentParser) -> None:
    """The options of `fetch`."""
    parser.add_argument("what", help="mscoco-blip, flickr30k-blip, mscoco-albef or flickr30k-albef")
    parser.add_argument("--name", metavar="NEW", help="of collection and model (as fetched)")


def fetch(options: argparse.Namespace, log: Log) -> Answer:
    """The published vectors and head as a collection and a model."""
    from lsr.imports.vectors.fetching import fetch

    started = time.perf_counter()
    for report in fetch(options.what, options.name):
        last = report
        log(report.stage)
    assert last.collection is not None  # noqa: S101  the last report has all
    for note in last.notes:
        log(note)
    return {
        "collection": last.collection.collection.name,
        "model": last.model.model.name if last.model else None,
        "n_images": len(last.collection.collection.images),
        "n_captions": len(last.collection.collection.captions),
        "skipped": [one._asdict() for one in last.collection.skipped],
        "notes": list(last.notes),
        "seconds": time.perf_counter() - started,
    }
