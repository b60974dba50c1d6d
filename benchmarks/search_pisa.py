"""PISA through the native module of the wheel pyterrier-pisa, without pyterrier and its Java."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

ENCODING, SCORER = "block_simdbp", "quantized"


def native() -> Any:
    """The module, loaded by its path.

    Raises:
        ImportError: the wheel or the TBB that it was built with is not there.
    """
    for folder in map(Path, sys.path):
        found = sorted((folder / "pyterrier_pisa").glob("_pisathon*.so"))
        if not found:
            continue
        # The linker looks for TBB in the system's folders, pip puts it beside the wheel.
        if (beside := folder / "lib" / "libtbb.so.2").exists():
            ctypes.CDLL(str(beside), mode=ctypes.RTLD_GLOBAL)
        spec = importlib.util.spec_from_file_location("_pisathon", found[0])
        if spec is None or spec.loader is None:
            continue
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    raise ImportError("No module named 'pyterrier_pisa'")


def write(module: Any, folder: Path, impacts: sp.csc_matrix) -> None:
    """PISA's files of the postings, the documents' names and the terms.

    A list is its length and its numbers, all uint32: rows in `inv.docs`, after a list of the number
    of rows, impacts in `inv.freqs`; `inv.sizes` is one list of the rows' sums. Terms are found by
    bisection, so their lists stand in the order of their texts; a term without rows has none.
    """
    used = np.flatnonzero(np.diff(impacts.indptr))
    terms = sorted(used.tolist(), key=str)
    with (folder / "inv.docs").open("wb") as docs, (folder / "inv.freqs").open("wb") as freqs:
        docs.write(np.array([1, impacts.shape[0]], np.uint32).tobytes())
        for term in terms:
            a, b = impacts.indptr[term : term + 2]
            for file, values in ((docs, impacts.indices[a:b]), (freqs, impacts.data[a:b])):
                file.write(np.append(b - a, values).astype(np.uint32).tobytes())
    sums = np.asarray(impacts.sum(axis=1)).ravel()
    (folder / "inv.sizes").write_bytes(np.append(len(sums), sums).astype(np.uint32).tobytes())
    names = range(impacts.shape[0])
    for name, words in (("fwd.doc", names), ("fwd.term", terms)):
        plain = folder / f"{name}s"
        plain.write_text("".join(f"{word}\n" for word in words))
        module.build_binlex(str(plain), str(folder / f"{name}lex"))


@contextmanager
def silent() -> Iterator[None]:
    """Nothing is shown of what the module writes past Python, a line for each percent."""
    sys.stdout.flush()
    kept = os.dup(1), os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        try:
            for shown in (1, 2):
                os.dup2(nowhere.fileno(), shown)
            yield
        finally:
            # What C holds back would come out later.
            ctypes.CDLL(None).fflush(None)
            for shown, before in zip((1, 2), kept, strict=True):
                os.dup2(before, shown)
                os.close(before)


class Searcher:
    """An opened index of integer impacts."""

    def __init__(self, folder: Path, impacts: sp.csc_matrix) -> None:
        self.native = native()
        write(self.native, folder, impacts)
        self.context = self.native.RetrievalContext()
        with silent():
            self.native.prepare_index(self.context, str(folder), ENCODING, SCORER, "")
        opened = (*folder.glob(f"{SCORER}.*"), *folder.glob("fwd.*lex"))
        self.nbytes = sum(file.stat().st_size for file in opened)

    def search(
        self, queries: Iterable[dict[str, float]], k: int, algorithm: str, threads: int = 1
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Numbers of queries, rows as texts, scores; each query's hits together, best first.

        Args:
            queries: whole numbers by the text of a term.
        """
        numbered = list(enumerate(queries))
        numbers, ranks = (np.empty(len(numbered) * k, np.int32) for _ in range(2))
        rows, scores = np.empty(len(numbered) * k, object), np.empty(len(numbered) * k, np.float32)
        hits = self.native.retrieve(
            self.context,
            algorithm,
            numbered,
            k=k,
            threads=threads,
            pretokenised=1,
            query_weighted=1,
            result_qidxs=numbers,
            result_docnos=rows,
            result_ranks=ranks,
            result_scores=scores,
        )
        return numbers[:hits], rows[:hits], scores[:hits]
