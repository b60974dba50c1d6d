"""How far guesses and people agree about causes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from lsr.failures.triage import Entry


@dataclass(frozen=True)
class Agreement:
    """Guesses beside what people say.

    table: how often (guess, cause) came together. n: entries that have both.
    """

    table: dict[tuple[str, str], int]

    @property
    def n(self) -> int:
        return sum(self.table.values())

    @property
    def agreed(self) -> int:
        """Entries whose cause is the guess."""
        return sum(count for (guess, cause), count in self.table.items() if guess == cause)

    @property
    def kappa(self) -> float | None:
        """Agreement beyond chance, 1 where all agree, 0 where no more than chance does.

        (observed - chance) / (1 - chance), where chance is what the two would agree in if each kept
        how often it names every cause. None where chance alone agrees in everything, or nothing was
        said.

        Source: Cohen, "A Coefficient of Agreement for Nominal Scales", Educational and
        Psychological Measurement 20(1), 1960.
        """
        if not self.n:
            return None
        guesses: Counter[str] = Counter()
        causes: Counter[str] = Counter()
        for (guess, cause), count in self.table.items():
            guesses[guess] += count
            causes[cause] += count
        chance = sum(guesses[name] * causes[name] for name in guesses) / self.n**2
        return None if chance == 1 else (self.agreed / self.n - chance) / (1 - chance)


def agreement(entries: Iterable[Entry]) -> Agreement:
    """Of entries with a guess and a cause."""
    pairs = Counter((one.guess, one.cause) for one in entries if one.guess and one.cause)
    return Agreement(dict(sorted(pairs.items())))
