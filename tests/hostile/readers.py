"""Everything that reads a file or a text which Lexiscope did not write itself, with sound examples.

A reader is given a folder of sound files of which one was changed, reads it as a user's command
would, and uses what it read: a file is only harmless when what was taken from it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.hostile import archives, installed, judged, pages, vectors


@dataclass(frozen=True)
class Reader:
    """files: patterns of what is changed, in the folder that `make` fills and `read` reads.

    share: how many mutations it gets, against 1 of most; less where one takes long.
    """

    name: str
    files: tuple[str, ...]
    make: Callable[[Path], None]
    read: Callable[[Path], None]
    share: float = 1.0


def _reader(
    name: str,
    files: str,
    make: Callable[[Path], None],
    read: Callable[[Path], None],
    share: float = 1.0,
) -> Reader:
    return Reader(name, tuple(files.split()), make, read, share)


_TINY = "collections/tiny"
_HEAD = "models/tiny"
_RUN = "models/.*-training"

READERS = (
    _reader("collection card", f"{_TINY}/collection.json", installed.make, installed.search),
    _reader("images table", f"{_TINY}/images.parquet", installed.make, installed.search),
    _reader("captions table", f"{_TINY}/captions.parquet", installed.make, installed.search),
    _reader("collection vectors", f"{_TINY}/*.npy", installed.make, installed.search),
    _reader("query set", f"{_TINY}/queries/*.parquet", installed.make, installed.query_set),
    _reader("probes", f"{_TINY}/probes.json", installed.make, installed.probes),
    _reader("model card", f"{_HEAD}/config.json", installed.make, installed.search),
    _reader("head", f"{_HEAD}/model.safetensors", installed.make, installed.search),
    _reader("tokenizer", f"{_HEAD}/tokenizer.json", installed.make, installed.search),
    _reader(
        "records of training",
        f"{_HEAD}/training.json {_HEAD}/metrics.json",
        installed.make,
        installed.lists,
    ),
    _reader(
        "unfinished training",
        f"{_RUN}/*.json {_RUN}/*.safetensors",
        installed.make_runs,
        installed.resume,
        0.3,
    ),
    _reader("stored index", "indexes/*/*", installed.make, installed.index),
    _reader("sweep cache", "cache/sweeps/*/*", installed.make, installed.sweep_cache),
    _reader("projection cache", "cache/projected/*", installed.make, installed.projection_cache),
    _reader("report", "report/*.json report/*.csv", installed.make, installed.report),
    _reader("export card", "export/export.json", installed.make, installed.export),
    _reader("ablation", "ablation/*", installed.make, installed.ablation),
    _reader("judgements", "models/*+triage/*.jsonl", judged.make, judged.triage),
    _reader("list of failures", "failures/*", judged.make, judged.failure_list),
    _reader("class counts", "classes/*.json", judged.make, judged.class_counts),
    _reader(
        "edited model",
        "models/merged/*.json models/merged/base/tiny/*.json",
        judged.make,
        judged.edited,
    ),
    _reader(
        "sparse vectors",
        "*.jsonl *.npz *.safetensors *.parquet vocab.txt terms.json",
        vectors.make_sparse,
        vectors.sparse,
        0.5,
    ),
    _reader("stored sparse vectors", "home/models/stored/*", vectors.make_stored, vectors.stored),
    _reader("table of captions", "captions.csv", archives.make_csv, archives.imported),
    _reader("token list", "captions.token", archives.make_tokens, archives.imported),
    _reader("JSON lines", "captions.jsonl", archives.make_json_lines, archives.imported),
    _reader("Karpathy's list", "dataset.json", archives.make_karpathy, archives.imported),
    _reader("COCO's list", "captions_val2014.json", archives.make_coco, archives.imported),
    _reader("sidecars", "*.txt", archives.make_sidecars, archives.imported),
    _reader("splits", "*.txt *.token", archives.make_splits, archives.imported),
    _reader("pictures", "*.*", archives.make_pictures, archives.pictures),
    _reader("zip", "source.zip", archives.make_zip, archives.imported_file),
    _reader("shards", "source.tar", archives.make_tar, archives.imported_file),
    _reader("data set shards", "*.parquet *.arrow", archives.make_shards, archives.imported),
    _reader(
        "unfinished import",
        "home/collections/.mine-import/**/*.j*",
        archives.make_unfinished,
        archives.go_on,
    ),
    _reader("vectors .npy", "images.npy", vectors.make_npy, vectors.attached),
    _reader("vectors .safetensors", "images.safetensors", vectors.make_tensors, vectors.attached),
    _reader("vectors .parquet", "images.parquet", vectors.make_table, vectors.attached),
    _reader("labels of vectors", "*.csv *.tsv", vectors.make_labels, vectors.labelled),
    _reader("published vectors", "lsr-blip/*", vectors.make_published, vectors.published),
    _reader("published head", "lsr-blip/*", vectors.make_head, vectors.published_head),
    _reader(
        "encoder", "clip/*.json clip/*.safetensors", vectors.make_encoder, vectors.encoder, 0.5
    ),
    _reader("queries of a run", "queries.tsv queries.txt", vectors.make_queries, vectors.queries),
    _reader("query sets", "*.tsv *.txt *.qrels", vectors.make_query_files, vectors.query_files),
    _reader("address", "all.address", pages.make, pages.opened, 0.4),
)
BY_NAME = {one.name: one for one in READERS}
