"""A vocabulary's words as their encoder sees them: what models are made of without captions."""

from __future__ import annotations

import re
from collections.abc import Generator

import numpy as np

from lsr.encoders.protocol import Encoder
from lsr.evaluation.pairs import encode_by_parts, encode_once
from lsr.exceptions import EncoderError
from lsr.model.function_words import FUNCTION_WORDS
from lsr.model.vocabulary import Vocabulary

_WORD = re.compile(r"[a-z]{2,}")


def content_words(vocabulary: Vocabulary) -> list[tuple[int, str]]:
    """Terms that are whole words with a meaning of their own, each with its number."""
    return [
        (number, term)
        for number, term in enumerate(vocabulary.terms)
        if _WORD.fullmatch(term) and term not in FUNCTION_WORDS
    ]


def word_vectors(
    words: list[str], encoder: Encoder, dense_size: int
) -> Generator[tuple[int, int], None, np.ndarray]:
    """(m, d) float32 vectors of words; on the way, how many of all are encoded.

    Args:
        dense_size: d, of the images that stand beside the words.

    Raises:
        EncoderError: the encoder's vectors have another size.
    """
    yield from encode_by_parts(words, encoder)
    vectors = np.asarray(encode_once(words, encoder), np.float32)
    if vectors.shape[1] != dense_size:
        raise EncoderError(
            f"Encoder `{encoder.name}` gives vectors of size {vectors.shape[1]}, but the images "
            f"have {dense_size}. Encode the images anew with it."
        )
    return vectors
