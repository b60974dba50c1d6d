"""Latents named after the words of the captions that fire them, or left as numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.sparse as sp

from lsr.model.centred import strongest_latents
from lsr.model.function_words import FUNCTION_WORDS
from lsr.model.sparse import from_dense_blocks
from lsr.model.term_list import TermList

_WORD = re.compile(r"[^\W\d_]{2,}")
# A word names a latent where saying it and firing agree: this F1, over so many captions at least.
_LEAST_F1, _LEAST_CAPTIONS = 0.3, 5
_BLOCK = 1024


def named_latents(
    tensors: Mapping[str, np.ndarray], captions: np.ndarray, texts: Sequence[str]
) -> TermList:
    """A name for each of m latents: the word that best tells which captions fire it.

    Where no word agrees well enough, a latent stays a number, which no text says. Several latents
    may share a word; their numbers tell them apart, without a space, which parts terms in exports.

    Args:
        tensors: `encoder` (m, d), `encoder_bias` (m,) and `k` (1,). captions: (n, d), centred.
    """
    n_latents = len(tensors["encoder_bias"])
    names = [""] * n_latents
    if len(texts):
        names = _best_words(_fired(tensors, captions), texts)
    counts = Counter(names)
    terms = [
        f"#{number}" if not name else name if counts[name] == 1 else f"{name}#{number}"
        for number, name in enumerate(names)
    ]
    return TermList(terms, names)


def _fired(tensors: Mapping[str, np.ndarray], captions: np.ndarray) -> sp.csr_matrix:
    """(n, m): which latents each caption fires."""
    encoder, k = np.asarray(tensors["encoder"], np.float32), int(tensors["k"][0])
    bias = np.asarray(tensors["encoder_bias"], np.float32)
    starts = range(0, len(captions), _BLOCK)
    blocks = (strongest_latents(captions[s : s + _BLOCK] @ encoder.T + bias, k) for s in starts)
    fired = from_dense_blocks(blocks, len(bias))
    fired.data[:] = 1
    return fired


def _best_words(fired: sp.csr_matrix, texts: Sequence[str]) -> list[str]:
    """The word with the best F1 for each latent, or nothing."""
    numbers: dict[str, int] = {}
    rows, columns = [], []
    for row, text in enumerate(texts):
        for word in set(_WORD.findall(text.lower())) - FUNCTION_WORDS:
            rows.append(row)
            columns.append(numbers.setdefault(word, len(numbers)))
    if not numbers:
        return [""] * fired.shape[1]
    ones = np.ones(len(rows), np.float32)
    said = sp.csr_matrix((ones, (rows, columns)), (len(texts), len(numbers)))
    both = sp.csr_matrix(fired.T @ said)
    often, spoken = (np.asarray(one.sum(axis=0)).ravel() for one in (fired, said))
    words = list(numbers)
    names = []
    for latent in range(fired.shape[1]):
        part = slice(both.indptr[latent], both.indptr[latent + 1])
        counts, which = both.data[part], both.indices[part]
        f1 = np.where(counts >= _LEAST_CAPTIONS, 2 * counts / (often[latent] + spoken[which]), 0.0)
        best = int(f1.argmax()) if len(f1) else -1
        names.append(words[which[best]] if best >= 0 and f1[best] >= _LEAST_F1 else "")
    return names
