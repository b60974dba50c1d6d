"""How large the splits are that are made: `80/10/10` of an hundred for train, val and test."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from lsr.exceptions import QueryError, shorten

NAMES = ("train", "val", "test")
# Where nothing else is asked: a tenth each, and never more than the field's usual number.
_TENTHS, _MOST = (80.0, 10.0, 10.0), 1000


class Shares(NamedTuple):
    """Of an hundred, and the most images that val and test get each; 0 for no limit."""

    train: float
    val: float
    test: float
    most: int = 0


def shares_in(text: str) -> Shares | None:
    """What `made` or `80/10/10` asks for; None for `kept`.

    Raises:
        QueryError: another word, or numbers that are not three or do not add up to 100.
    """
    if text == "kept":
        return None
    if text == "made":
        return Shares(*_TENTHS, _MOST)
    parts = text.split("/")
    if len(parts) == len(NAMES) and all(re.fullmatch(r"\d{1,3}(\.\d+)?", part) for part in parts):
        numbers = [float(part) for part in parts]
        if abs(sum(numbers) - 100) < 1e-9:
            return Shares(numbers[0], numbers[1], numbers[2])
        raise QueryError(
            f"The splits `{shorten(text)}` add up to {sum(numbers):g}. Give the shares of train, "
            "val and test of 100, such as 80/10/10."
        )
    raise QueryError(
        f"`{shorten(text)}` is no way to split. Use kept, made, or the shares of train, val and "
        "test of 100, such as 80/10/10 or 0/0/100."
    )


def drawn(shares: Shares, n: int, seed: int) -> list[str]:
    """A split for each of n images, at random.

    Every split with a share gets at least one image where there are enough; where there are not,
    they are all in the last split that has a share: they can be measured, but train nothing.
    """
    wanted = shares[: len(NAMES)]
    asked = [place for place, share in enumerate(wanted) if share > 0]
    if n < len(asked):
        return [NAMES[asked[-1]]] * n
    counts = [max(1, round(n * share / 100)) if share > 0 else 0 for share in wanted]
    if shares.most:
        counts[1:] = [min(count, shares.most) for count in counts[1:]]
    counts[0] = n - sum(counts[1:]) if wanted[0] > 0 else 0
    # What rounding left over or took too much of comes from the largest share.
    largest = max(asked, key=lambda place: wanted[place])
    counts[largest] += n - sum(counts)
    while counts[0] < (wanted[0] > 0):  # hardly any images
        counts[0] += 1
        counts[max(asked[1:], key=counts.__getitem__)] -= 1
    splits = np.repeat(["val", "test", "train"], [counts[1], counts[2], counts[0]])
    by_image = np.empty(n, object)
    by_image[np.random.default_rng(seed).permutation(n)] = splits
    return [str(split) for split in by_image]
