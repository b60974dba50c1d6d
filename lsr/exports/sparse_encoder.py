"""A folder for sentence-transformers: a SparseEncoder for words, and vectors as it gives them.

A head takes the vector of an encoder that is no module of theirs, and their loader runs no code
of a folder unless it is told to. So the folder holds what needs neither: the vectors, in the form
of `SparseEncoder.encode`, and an encoder of queries made of a module of theirs alone, which
weighs each word that a text says by its inverse document frequency. `SparseEncoder(folder)` loads
it; its vectors share the vocabulary of the exported ones, so it searches, decodes and compares
them.

Source: SparseStaticEmbedding of sentence-transformers; Geng et al., "Towards Competitive Search
Relevance For Inference-Free Learned Sparse Retrievers", arXiv 2411.04403.
"""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
from safetensors.numpy import save_file

from lsr.exports.selection import ExportReport, Selection, Steps, VectorSet, Writing
from lsr.model.protocol import Model
from lsr.storage.files import write_json

_ENCODER = "query_encoder"
# Both the fifth and the sixth version find the module by this name.
_MODULE = "sentence_transformers.sparse_encoder.models.SparseStaticEmbedding"
_LONGEST_QUERY = 512


def write_sparse_encoder(selection: Selection, folder: Path) -> Writing:
    """`SIDE_embeddings.safetensors` with `SIDE_ids.json`, and the files of the encoder.

    The tensors are those of a COO matrix: indices (2, nnz) int64, values (nnz,) float32 and
    size (2,) int64. Document frequencies are those of the first side, images before captions.
    """
    frequencies = []
    for vectors in selection.sets:
        counted = yield from _write_embeddings(vectors, len(selection.terms), folder)
        frequencies.append(counted)
        ids = json.dumps(vectors.ids, ensure_ascii=False, indent=0)
        (folder / f"{vectors.kind}_ids.json").write_text(ids + "\n", "utf-8")
    _write_encoder(selection.fitted_model, frequencies[0], len(selection.sets[0]), folder)
    return {"notes": []}


def _write_embeddings(vectors: VectorSet, n_terms: int, folder: Path) -> Steps[np.ndarray]:
    """A safetensors file, block by block; how many vectors activate each term, (V,) int64.

    Its header comes first and says how long the tensors are, so each grows in a file of its own.
    """
    name = f"{vectors.kind}_embeddings.safetensors"
    parts = [folder / f".{vectors.kind}-{part}" for part in ("rows", "terms", "values")]
    frequency = np.zeros(n_terms, np.int64)
    with parts[0].open("wb") as rows, parts[1].open("wb") as terms, parts[2].open("wb") as values:
        for part, block in vectors.sparse_blocks():
            places = np.arange(part.start, part.stop, dtype=np.int64)
            # Not `tofile`, which tells no reason where the disk is full.
            rows.write(np.repeat(places, np.diff(block.indptr)).astype("<i8").data)
            terms.write(block.indices.astype("<i8").data)
            values.write(block.data.astype("<f4").data)
            frequency += np.bincount(block.indices, minlength=n_terms)
            yield ExportReport(name, part.stop, len(vectors), part.stop)
    active = int(frequency.sum())
    header = {
        "indices": {"dtype": "I64", "shape": [2, active], "data_offsets": [0, 16 * active]},
        "size": {"dtype": "I64", "shape": [2], "data_offsets": [16 * active, 16 * active + 16]},
        "values": {
            "dtype": "F32",
            "shape": [active],
            "data_offsets": [16 * active + 16, 20 * active + 16],
        },
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with (folder / name).open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for path in parts[:2]:
            _append(path, file)
        file.write(struct.pack("<2q", len(vectors), n_terms))
        _append(parts[2], file)
    return frequency


def _append(path: Path, file: BinaryIO) -> None:
    with path.open("rb") as part:
        shutil.copyfileobj(part, file, 1 << 20)
    path.unlink()


def _write_encoder(model: Model, frequency: np.ndarray, n: int, folder: Path) -> None:
    """The query encoder, of one module of theirs: weights (V,) float32 and our tokenizer."""
    (folder / _ENCODER).mkdir()
    weights = np.log(1 + (n - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)
    weights[model.vocabulary.special] = 0
    save_file({"weight": weights}, folder / _ENCODER / "model.safetensors")
    model.vocabulary.save(folder / _ENCODER / "tokenizer.json")
    terms = model.vocabulary.terms
    # What fills up a batch is masked out, so any term will do where there is no [PAD].
    tokenizer = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": "[PAD]" if "[PAD]" in terms else terms[0],
        "model_max_length": _LONGEST_QUERY,
    }
    write_json(folder / _ENCODER / "tokenizer_config.json", tokenizer)
    write_json(folder / _ENCODER / "config.json", {"frozen": True})
    module = {"idx": 0, "name": "0", "path": _ENCODER, "type": _MODULE}
    (folder / "modules.json").write_text(json.dumps([module], indent=1) + "\n", "utf-8")
    settings = {"model_type": "SparseEncoder", "prompts": {}, "similarity_fn_name": "dot"}
    write_json(folder / "config_sentence_transformers.json", settings)
