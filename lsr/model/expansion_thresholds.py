"""From which weight on a text activates terms that it does not say.

A head gives a text many weak terms that no caption of the images it describes says. They cost time
and explain nothing, so a model may keep a threshold for the terms that a text adds to its own.
Frequent terms, which many images activate, have a higher one: they tell images apart the least.
Images keep all their terms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsr.exceptions import ModelError, shorten
from lsr.model.card import CARD
from lsr.storage.records import record_of
from lsr.storage.untrusted import UnexpectedError

if TYPE_CHECKING:  # a list of models needs none of it
    import numpy as np

    from lsr.model.vocabulary import Vocabulary

ENTRY = "expansion_thresholds"
"""Where the card of a model holds them."""


@dataclass(frozen=True)
class ExpansionThresholds:
    """The least that an added term weighs: of most terms, and of the frequent ones."""

    weight: float
    frequent_weight: float
    frequent_terms: tuple[str, ...] = ()

    @classmethod
    def from_card(cls, folder: Path, card: Mapping[str, Any]) -> ExpansionThresholds | None:
        """What the card of the model in a folder holds; None where it holds none.

        Raises:
            ModelError: it is damaged.
        """
        if card.get(ENTRY) is None:
            return None
        try:
            found = record_of(cls, card[ENTRY])
            if not all(0 <= one < math.inf for one in (found.weight, found.frequent_weight)):
                raise UnexpectedError("holds a weight that is none")
        except UnexpectedError as problem:
            raise ModelError(
                f"`{folder / CARD}` is damaged: `{ENTRY}` {problem}. Restore the file."
            ) from None
        return found

    def as_json(self) -> dict[str, Any]:
        """As a card holds them."""
        return {**asdict(self), "frequent_terms": list(self.frequent_terms)}

    def by_term(self, vocabulary: Vocabulary) -> np.ndarray:
        """(V,) float32: the threshold of every term.

        Raises:
            ModelError: a frequent term is none of the vocabulary.
        """
        import numpy as np

        numbers = {term: number for number, term in enumerate(vocabulary.terms)}
        if strange := [term for term in self.frequent_terms if term not in numbers]:
            raise ModelError(
                f"`{ENTRY}` in `{CARD}` names `{shorten(strange[0])}`, which is no term of the "
                "model's vocabulary. Restore the file."
            )
        found = np.full(len(vocabulary), self.weight, np.float32)
        found[[numbers[term] for term in self.frequent_terms]] = self.frequent_weight
        return found

    @property
    def says(self) -> str:
        """One sentence."""
        frequent = ""
        if n := len(self.frequent_terms):
            frequent = f" ({self.frequent_weight:g} for {n:,} that many images activate)"
        return f"Texts add terms from a weight of {self.weight:g} on{frequent}."
