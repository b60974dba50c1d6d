"""Sparse vectors that were made elsewhere: read as they are, or refused in one sentence."""

import gzip
import json
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp
from safetensors.numpy import save_file

from lsr.evaluation.evaluate import evaluate
from lsr.exceptions import CollectionError, InputError, ModelError, QueryError
from lsr.exports.exporting import export
from lsr.imports.sparse.importing import SparseFiles, import_vectors
from lsr.imports.sparse.term_numbers import read_vocabulary_file
from lsr.model.loading import load_model
from lsr.search.results import SearchSettings
from lsr.search.searcher import Searcher
from lsr.sweep.laboratory import open_laboratory

N = 12


def made(collection, source, name="mine", **files):
    *_, last = import_vectors(collection, name, SparseFiles(str(source), **files))
    return last


@pytest.fixture
def vectors():
    """(12, 20) with one row that activates no term."""
    matrix = sp.random(N, 20, 0.3, "csr", np.float32, rng=np.random.default_rng(0))
    matrix.data += 0.1
    matrix = sp.lil_matrix(matrix)
    matrix[3] = 0
    return sp.csr_matrix(matrix)


def lines(path, ids, matrix, names):
    rows = []
    for row, one in enumerate(ids):
        part = matrix[row]
        vector = {names[t]: float(w) for t, w in zip(part.indices, part.data, strict=True)}
        rows.append(json.dumps({"id": one, "contents": "", "vector": vector}))
    path.write_text("\n".join(rows) + "\n")
    return path


NAMES = [f"word{number}" for number in range(20)]


def held(model, collection):
    """(12, V) dense: the model's vectors in the order of the collection."""
    return model.images.of(collection.image_ids).toarray()


@pytest.mark.parametrize("packed", [False, True])
def test_json_lines_are_matched_by_id_in_any_order(collection, vectors, tmp_path, packed):
    order = np.random.default_rng(1).permutation(N)
    ids = [collection.image_ids[row] for row in order]
    path = lines(tmp_path / "images.jsonl", ids, vectors[order], NAMES)
    if packed:
        path = tmp_path / "images.jsonl.gz"
        path.write_bytes(gzip.compress((tmp_path / "images.jsonl").read_bytes()))
    model = made(collection, path).model
    columns = [
        model.vocabulary.terms.index(n) if n in model.vocabulary.terms else -1 for n in NAMES
    ]
    found = held(model, collection)
    for column, wanted in zip(columns, vectors.toarray().T, strict=True):
        assert np.array_equal(found[:, column] if column >= 0 else np.zeros(N), wanted)


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_a_scipy_matrix_goes_by_order_and_its_terms_are_numbers(
    collection, vectors, tmp_path, form
):
    sp.save_npz(tmp_path / "codes.npz", vectors.asformat(form))
    model = made(collection, tmp_path / "codes.npz").model
    assert np.array_equal(held(model, collection), vectors.toarray())
    assert model.vocabulary.terms == [str(number) for number in range(20)]
    assert not model.vocabulary.says


def test_a_table_says_whose_the_rows_are(collection, vectors, tmp_path):
    sp.save_npz(tmp_path / "codes.npz", vectors[::-1])
    table = "\n".join(["id", *reversed(collection.image_ids)])
    (tmp_path / "ids.csv").write_text(table)
    model = made(collection, tmp_path / "codes.npz", image_ids=str(tmp_path / "ids.csv")).model
    assert np.array_equal(held(model, collection), vectors.toarray())


def test_parquet_of_a_row_a_vector_and_tensors(collection, vectors, tmp_path):
    rows = [vectors[row] for row in range(N)]
    table = pa.table(
        {
            "id": collection.image_ids,
            "indices": [row.indices.tolist() for row in rows],
            "values": [row.data.tolist() for row in rows],
        }
    )
    pq.write_table(table, tmp_path / "codes.parquet")
    coo = vectors.tocoo()
    tensors = {
        "indices": np.array([coo.row, coo.col], np.int64),
        "values": coo.data,
        "size": np.array(coo.shape, np.int64),
    }
    save_file(tensors, tmp_path / "codes.safetensors")
    last = int(vectors.indices.max()) + 1  # no file says how many terms there are
    ours = held(made(collection, tmp_path / "codes.parquet").model, collection)
    assert np.array_equal(ours, vectors.toarray()[:, :last])
    ours = held(made(collection, tmp_path / "codes.safetensors", "b").model, collection)
    assert np.array_equal(ours, vectors.toarray())


@pytest.mark.parametrize("form", ["anserini-float", "parquet", "sentence-transformers"])
def test_our_own_exports_come_back(collection, model, tmp_path, form):
    about = {"collection": "tiny", "model": "tiny", "split": "all"}
    export(tmp_path / "out", form, **about)
    again = made(collection, tmp_path / "out").model
    wanted, found = (evaluate(collection, one) for one in (model, again))
    assert found["sparse"] == wanted["sparse"]
    assert found["flops"] == pytest.approx(wanted["flops"])
    assert found["active_terms"] == wanted["active_terms"]
    numbers = [model.vocabulary.terms.index(term) for term in again.vocabulary.terms]
    ours = Searcher(collection, model).images.matrix[:, numbers]
    theirs = Searcher(collection, again).images.matrix
    assert abs(ours - theirs).max() == 0
    if form == "sentence-transformers":  # its tokenizer came along
        assert found["literal"] == wanted["literal"]


def test_images_without_a_vector_are_told_and_never_found(collection, vectors, tmp_path):
    path = lines(tmp_path / "some.jsonl", [*collection.image_ids[:5], "stranger"], vectors, NAMES)
    last = made(collection, path)
    assert last.notes[0].startswith("5 of the 12 images have vectors in some.jsonl")
    assert "1 rows of some.jsonl belong to no images" in last.notes[1]
    similar = Searcher(collection, last.model).similar(collection.image_ids[0], 12)
    assert {hit.image_id for hit in similar} <= set(collection.image_ids[:5])


@pytest.fixture
def codes(collection, vectors, tmp_path):
    """A model of bare numbers, with captions."""
    sp.save_npz(tmp_path / "codes.npz", vectors)
    sp.save_npz(tmp_path / "captions.npz", sp.vstack([vectors, vectors], format="csr"))
    return made(
        collection, tmp_path / "codes.npz", "codes", captions=str(tmp_path / "captions.npz")
    ).model


def test_what_numbers_cannot_say_is_null_and_never_a_guess(collection, codes):
    found = evaluate(collection, codes)
    assert found["literal"] is found["exact@20"] is found["image_exact@10"] is None
    assert found["verdict"]["readable"]["grade"] == "poor"
    assert "not words" in found["verdict"]["readable"]["says"]
    assert "they did not teach it" in found["verdict"]["keeps_teacher"]["says"]
    seen = Searcher(collection, codes).inspect(collection.image_ids[0])
    assert {term.support for term in seen.terms} == {"unknown"}


def test_what_a_model_of_vectors_cannot_do_is_one_sentence(collection, codes):
    searcher = Searcher(collection, codes)
    with pytest.raises(QueryError, match="none of new texts"):
        searcher.search_text("a dog", SearchSettings())
    laboratory = open_laboratory(collection, codes)
    with pytest.raises(QueryError, match=r"no words.*`caption` has nothing to hold back"):
        list(laboratory.sweeping("caption", [0.0, 1.0]))
    assert len(list(laboratory.sweeping("top-k", [1.0, 2.0]))) > 0
    for null in ("random-head", "words"):
        with pytest.raises(QueryError, match=r"Choose"):
            open_laboratory(collection, codes, null=null)


def test_without_captions_nothing_can_be_measured(collection, vectors, tmp_path):
    sp.save_npz(tmp_path / "codes.npz", vectors)
    model = made(collection, tmp_path / "codes.npz").model
    with pytest.raises(ModelError, match=r"no vectors of the captions.*--captions FILE"):
        evaluate(collection, model)
    metrics = json.loads((model.folder / "metrics.json").read_text())
    assert metrics["split"] is None
    assert metrics["verdict"]["sparse"]["says"].startswith(f"{vectors.nnz / N:.1f} active terms")


def test_dense_vectors_are_taken_and_told(collection, tmp_path):
    sp.save_npz(tmp_path / "dense.npz", sp.csr_matrix(np.ones((N, 40), np.float32)))
    notes = made(collection, tmp_path / "dense.npz").notes
    assert any("activate 40 of the 40 terms on average, 100%" in note for note in notes)


def refused(collection, path, match, error=CollectionError, **files):
    with pytest.raises(error, match=match):
        made(collection, path, **files)
    folder = collection.folder.parents[1] / "models"
    assert not folder.exists() or list(folder.iterdir()) == []


def changed(matrix, entry, value):
    data = matrix.data.copy()
    data[entry] = value
    return sp.csr_matrix((data, matrix.indices, matrix.indptr), matrix.shape)


def test_what_is_no_sparse_vector_is_refused_and_nothing_half_made(collection, vectors, tmp_path):
    path = tmp_path / "codes.npz"
    for value, match in ((np.nan, "a weight of nan"), (np.inf, "inf"), (-1, "negative weight -1")):
        sp.save_npz(path, changed(vectors, 0, value))
        refused(collection, path, f"Row 0 of `codes.npz` has .*{match}")
    sp.save_npz(path, vectors[:7])
    refused(collection, path, r"holds 7 vectors but collection `tiny` has 12 images")
    twice = sp.csr_matrix(([1.0, 1.0], [4, 4], [0, 2] + [2] * 11), (N, 20))
    sp.save_npz(path, twice)
    refused(collection, path, "has the term 4 twice")
    sp.save_npz(path, sp.csr_matrix((N, 20)))
    refused(collection, path, "no weight above 0")
    sp.save_npz(path, vectors)
    (tmp_path / "few.txt").write_text("a\nb\n")
    refused(collection, path, r"20 columns.*2 terms", vocabulary=str(tmp_path / "few.txt"))


def test_terms_beyond_the_vocabulary_and_doubled_keys(collection, tmp_path):
    path, one = tmp_path / "a.jsonl", collection.image_ids[0]
    (tmp_path / "few.json").write_text('["dog", "cat"]')
    few = str(tmp_path / "few.json")
    for vector, match in (
        ('{"7": 1.0}', r"term number 7, but the vocabulary has 2 terms"),
        ('{"bird": 1.0}', r"`bird`, which is none of the 2"),
        ('{"dog": 1.0, "dog": 2.0}', r"has the term 0 twice"),
        ('{"dog": "much"}', r"Line 1 of `a.jsonl` is no sparse vector"),
        ('["dog"]', r"Line 1 of `a.jsonl` is no sparse vector"),
    ):
        path.write_text(f'{{"id": "{one}", "vector": {vector}}}\n')
        refused(collection, path, match, vocabulary=few)
    path.write_text('{"id": "nobody", "vector": {"dog": 1}}\n')
    refused(collection, path, r"None of the 1 vectors of `a.jsonl` belongs to one of the 12 images")


def test_pickled_files_are_not_opened(collection, tmp_path):
    class Mine:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").touch, ())

    (tmp_path / "codes.pt").write_bytes(pickle.dumps(Mine()))
    refused(collection, tmp_path / "codes.pt", "pickled file, which can run code")
    np.savez(tmp_path / "codes.npz", data=np.array([Mine()], object), shape=[1, 1])
    refused(collection, tmp_path / "codes.npz", "Python objects, which can run code")
    refused(collection, tmp_path / "no.npz", "There is no file or folder `", InputError)
    assert not (tmp_path / "ran").exists()


def test_rows_of_an_id_that_are_not_together_are_refused(collection, tmp_path):
    one, two, *_ = collection.image_ids
    table = pa.table({"id": [one, two, one], "term": ["a", "b", "c"], "weight": [1.0, 1.0, 1.0]})
    pq.write_table(table, tmp_path / "a.parquet")
    refused(collection, tmp_path / "a.parquet", "are not together. Sort them by id")


def test_vocabularies_come_as_lists_tables_and_word_pieces(tmp_path):
    (tmp_path / "a.json").write_text('{"cat": 1, "dog": 0}')
    assert read_vocabulary_file(str(tmp_path / "a.json")).terms == ["dog", "cat"]
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\nplay\n##ing\ndog\n")
    pieces = read_vocabulary_file(str(tmp_path / "vocab.txt"))
    assert pieces.literal_ids("Playing dog").tolist() == [2, 3, 4]
    (tmp_path / "b.txt").write_text("dog\ndog\n")
    with pytest.raises(ModelError, match="has the term `dog` twice"):
        read_vocabulary_file(str(tmp_path / "b.txt"))


def test_a_model_of_vectors_says_what_is_damaged(collection, codes):
    path = codes.folder / "images-weights.npy"
    content = path.read_bytes()
    path.write_bytes(content[:-4])
    with pytest.raises(ModelError, match=r"images-weights.npy.* is truncated"):
        Searcher(collection, load_model(codes.folder))
    path.write_bytes(content)
    (codes.folder / "terms.json").write_text('{"numbers": 3}')
    with pytest.raises(ModelError, match=r"damaged \(terms out of order\)"):
        Searcher(collection, load_model(codes.folder))


def test_codes_of_images_alone_ask_for_no_vector_of_a_caption(
    collection, vectors, tmp_path, monkeypatch
):
    """Encoding sixty thousand captions to find out that there are no codes of them took 40 s."""

    def refused(*_):
        raise AssertionError("captions were read")

    monkeypatch.setattr("lsr.evaluation.projected.load_pairs", refused)
    sp.save_npz(tmp_path / "codes.npz", vectors)
    model = made(collection, tmp_path / "codes.npz").model
    metrics = json.loads((model.folder / "metrics.json").read_text())
    assert "--captions FILE" in metrics["why"]
