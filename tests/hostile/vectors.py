"""Vectors, heads, encoders and queries that were made elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp
from safetensors.numpy import save_file

from lsr.collection.collection import Collection, load_collection
from lsr.encoders.loading import load_encoder, obstacle
from lsr.imports.query_files import read_trec, read_tsv
from lsr.imports.query_sets import import_queries
from lsr.imports.running import import_source
from lsr.imports.sparse.importing import SparseFiles, import_vectors
from lsr.imports.sparse.term_numbers import read_vocabulary_file
from lsr.imports.vectors.attaching import VectorFiles, attach
from lsr.model.loading import load_model
from lsr.search.searcher import Searcher
from lsr.search.trec_run import read_queries
from tests.conftest import make_collection
from tests.conftest import make_head as _head
from tests.encoders.tiny import make_clip
from tests.hostile.installed import in_turn
from tests.hostile.world import at_home, fake_encoder, picture
from tests.imports.conftest import karpathy

_N = 12


def _collection(folder: Path) -> Collection:
    home = at_home(folder / "home")
    return make_collection(home / "collections" / "tiny", fake_encoder())


def _numbers(kind: type = np.float32) -> np.ndarray:
    vectors = np.random.default_rng(3).normal(size=(_N, 6))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(kind)


def make_npy(folder: Path) -> None:
    _collection(folder)
    np.save(folder / "images.npy", _numbers(np.float16))


def make_tensors(folder: Path) -> None:
    _collection(folder)
    save_file({"images": _numbers()}, folder / "images.safetensors")


def make_table(folder: Path) -> None:
    ids = _collection(folder).image_ids
    pq.write_table(pa.table({"id": ids, "emb": _numbers().tolist()}), folder / "images.parquet")


def attached(folder: Path) -> None:
    """The vectors in the folder attached to the tiny collection, as a new one."""
    at_home(folder / "home")
    (file,) = folder.glob("images.*")
    attach(load_collection("tiny"), VectorFiles(str(file), None, "mine"), "again")


def make_labels(folder: Path) -> None:
    make_npy(folder)
    ids = load_collection("tiny").image_ids
    (folder / "ids.csv").write_text(
        "\n".join(["id,row", *(f"{one},{n}" for n, one in enumerate(ids))])
    )
    (folder / "ids.tsv").write_text("\n".join(["image\tother", *(f"{one}.png\tx" for one in ids)]))


def labelled(folder: Path) -> None:
    at_home(folder / "home")

    def with_labels(name: str) -> None:
        files = VectorFiles(str(folder / "images.npy"), None, "mine", str(folder / name))
        attach(load_collection("tiny"), files, "again")

    in_turn(lambda: with_labels("ids.csv"), lambda: with_labels("ids.tsv"))


def make_published(folder: Path) -> None:
    at_home(folder / "home")
    place = folder / "lsr-blip"
    place.mkdir()
    (place / "dataset_meta.json").write_text(
        karpathy(("a.png", "b.png", "c.png"), ("train", "val", "test"))
    )
    vectors = _numbers().tolist()
    pq.write_table(
        pa.table({"id": [100, 101, 102], "emb": vectors[:3]}), place / "img_embs.parquet"
    )
    captions = [0, 1, 10, 11, 20, 21]
    pq.write_table(pa.table({"id": captions, "emb": vectors[:6]}), place / "text_embs.parquet")
    picture(1).save(place / "a.png")


def published(folder: Path) -> None:
    at_home(folder / "home")
    import_source(str(folder / "lsr-blip"), "mine")


def make_head(folder: Path) -> None:
    at_home(folder / "home")
    place = folder / "lsr-blip"
    place.mkdir()
    vocabulary = fake_encoder().vocabulary
    vocabulary.save(place / "tokenizer.json")
    head = _head(vocabulary)
    save_file(
        {name: one.numpy() for name, one in head.state_dict().items()}, place / "model.safetensors"
    )
    (place / "config.json").write_text(
        json.dumps({"model_type": "x", "dense_size": head.dense_size})
    )


def published_head(folder: Path) -> None:
    at_home(folder / "home")
    import_source(str(folder / "lsr-blip"), "mine")
    model = load_model("mine")
    model.project(np.ones((1, model.sizes.dense_size), np.float32))
    model.project(np.ones((9, model.sizes.dense_size), np.float32))
    model.vocabulary.literal_ids("two dogs")


def make_encoder(folder: Path) -> None:
    make_clip(folder / "clip")


def encoder(folder: Path) -> None:
    spec = f"clip:{folder / 'clip'}"
    obstacle(spec)
    loaded = load_encoder(spec)
    loaded.encode_texts(["two dogs"])
    loaded.encode_images([picture(1)])


def make_queries(folder: Path) -> None:
    (folder / "queries.tsv").write_text("q1\ttwo dogs\nq2\ta red car\n")
    (folder / "queries.txt").write_text("two dogs\na red car\n")


def queries(folder: Path) -> None:
    """Queries read and split into terms, as a search does first."""
    texts = []
    in_turn(
        *(
            lambda name=name: texts.extend(read_queries(folder / name))
            for name in ("queries.tsv", "queries.txt")
        )
    )
    fake_encoder().encode_texts([one.text for one in texts] or ["a"])


def make_query_files(folder: Path) -> None:
    one, two, *_ = _collection(folder).image_ids
    (folder / "some.tsv").write_text(f"q1\ttwo dogs\t{one}\nq2\ta car\t{two}\n")
    (folder / "topics.txt").write_text(
        "<top>\n<num> Number: q1\n<title> two dogs\n</top>\n"
        "<top>\n<num> q2\n<title> a car\n</top>\n"
    )
    (folder / "judged.qrels").write_text(f"q1 0 {one} 1\nq2 0 {two} 2\nq2 0 {one} 0\n")


def query_files(folder: Path) -> None:
    at_home(folder / "home")
    collection = load_collection("tiny")
    in_turn(
        lambda: import_queries(collection, "some", read_tsv(folder / "some.tsv")),
        lambda: import_queries(
            collection, "more", read_trec(folder / "topics.txt", folder / "judged.qrels")
        ),
    )


def make_sparse(folder: Path) -> None:
    ids = _collection(folder).image_ids
    rows = [{"id": one, "vector": {"dog": 1.5, f"w{n}": 0.5}} for n, one in enumerate(ids)]
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    matrix = sp.random(_N, 9, 0.5, "csr", np.float32, rng=np.random.default_rng(1))
    sp.save_npz(folder / "b.npz", matrix)
    coo = matrix.tocoo()
    size = np.array(coo.shape, np.int64)
    tensors = {"indices": np.array([coo.row, coo.col], np.int64), "values": coo.data, "size": size}
    save_file(tensors, folder / "c.safetensors")
    terms = {"id": ids, "term": ["dog"] * _N, "weight": np.ones(_N, np.float32)}
    pq.write_table(pa.table(terms), folder / "d.parquet")
    lists = {"id": ids, "terms": [["dog", "cat"]] * _N, "weights": [[1.0, 2.0]] * _N}
    pq.write_table(pa.table(lists), folder / "e.parquet")
    (folder / "vocab.txt").write_text("[UNK]\ndog\n##s\ncat\n")
    (folder / "terms.json").write_text(json.dumps(["dog", "cat"]))


def sparse(folder: Path) -> None:
    at_home(folder / "home")
    collection = load_collection("tiny")

    def imported(name: str) -> None:
        for _ in import_vectors(collection, "again", SparseFiles(str(folder / name))):
            pass

    names = ("a.jsonl", "b.npz", "c.safetensors", "d.parquet", "e.parquet")
    in_turn(
        *(lambda name=name: imported(name) for name in names),
        lambda: read_vocabulary_file(str(folder / "vocab.txt")).literal_ids("two dogs"),
        lambda: read_vocabulary_file(str(folder / "terms.json")).literal_ids("two dogs"),
    )


def make_stored(folder: Path) -> None:
    make_sparse(folder)
    for _ in import_vectors(
        load_collection("tiny"), "stored", SparseFiles(str(folder / "a.jsonl"))
    ):
        pass


def stored(folder: Path) -> None:
    at_home(folder / "home")
    searcher = Searcher(load_collection("tiny"), load_model("stored"))
    searcher.inspect(searcher.collection.image_ids[0])
    searcher.similar(searcher.collection.image_ids[0], 3)
