"""Where failures gather: counts and rates of groups of queries against the rate of all.

Few failures make a wild rate, and among many groups some stand out by chance: each rate has a 95 %
interval (Wilson 1927, by scipy), and `sure` says whether an exact binomial test tells it from the
base rate even when as many groups are looked at as there are (Bonferroni). Texts of one picture
fail together, so both count pictures: four failures with one answer weigh as one (Kish 1965). Fewer
than four answers are never sure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import scipy.sparse as sp

from lsr.exceptions import QueryError
from lsr.failures.cases import Cases
from lsr.failures.causes import CAUSE_NAMES, Causes
from lsr.failures.wording import count_things
from lsr.search.audit import stem

By = Literal["cause", "term", "words", "things", "active", "rival", "pull", "confusion"]
BYS: tuple[By, ...] = get_args(By)
# What a group is made of, and what its rate is a rate of.
MEANS: dict[By, tuple[str, str]] = {
    "cause": ("failures with a cause", "failures of the list, against all failures"),
    "term": ("queries that activate a term", "the queries that miss their answer"),
    "words": ("queries by their number of words", "the queries that miss their answer"),
    "things": ("queries by how many things they count", "the queries that miss their answer"),
    "active": ("queries by their active terms", "the queries that miss their answer"),
    "rival": (
        "documents that are put ahead of answers",
        "failures, against each other document being ahead equally often",
    ),
    "pull": (
        "terms by which rivals gain most",
        "failures whose query has the term, against any of its terms leading equally often",
    ),
    "confusion": (
        "what the query says and the rival’s captions do not, with the term by which it gains most",
        "failures that ask for the first, against the second leading in all",
    ),
}
_PARTS, _FEWEST = 5, 4


@dataclass(frozen=True)
class Group:
    """A group: `count` of `n` with their rate, its 95 % interval, and the base rate.

    answers: different right documents among those that count.
    sure: whether the rate differs from the base rate, whatever the number of groups.
    """

    name: str
    count: int
    answers: int
    n: int
    rate: float
    low: float
    high: float
    base: float
    sure: bool


@dataclass(frozen=True, eq=False)
class Groups:
    """All groups of one kind.

    names: G different ones. n: (G,) queries that could count. hits: (q, G) bool csc, those that
    count. base: (G,) the rate that is expected. answers: (q,) right documents by number.
    ordered: whether the order of names has a meaning.
    """

    by: By
    names: tuple[str, ...]
    n: np.ndarray
    hits: sp.csc_matrix
    base: np.ndarray
    answers: np.ndarray
    ordered: bool = False

    @property
    def counts(self) -> np.ndarray:
        """(G,) int64: queries that count."""
        return np.diff(self.hits.indptr).astype(np.int64)

    def members(self, name: str) -> np.ndarray:
        """Rows that count in a group, ascending; none for a name that is no group."""
        if name not in self.names:
            return np.zeros(0, np.int64)
        place = self.names.index(name)
        rows = self.hits.indices[slice(*self.hits.indptr[place : place + 2])]
        return np.sort(rows).astype(np.int64)

    def top(self, most: int = 20) -> list[Group]:
        """The groups that are most surely above their base rate first, or all in their order."""
        counts = self.counts
        order = np.arange(len(self.names))
        if not self.ordered:
            from scipy.stats import binom  # takes a second to load

            pictures = self._answers_of_groups
            among = np.maximum(pictures, np.rint(self.n * pictures / np.maximum(counts, 1)))
            by_chance = np.asarray(binom.sf(pictures - 1, among, np.clip(self.base, 0, 1)))
            order = np.lexsort((order, -counts, by_chance))
            order = order[counts[order] > 0][:most]
        return [self._group(int(place)) for place in order]

    @property
    def _answers_of_groups(self) -> np.ndarray:
        """(G,) int64: different right documents among those that count."""
        places = np.repeat(np.arange(len(self.names)), np.diff(self.hits.indptr))
        width = int(self.answers.max(initial=0)) + 1
        pairs = np.unique(places * width + self.answers[self.hits.indices])
        found: np.ndarray = np.bincount(pairs // width, minlength=len(self.names))
        return found

    def _group(self, place: int) -> Group:
        name, n, base = self.names[place], int(self.n[place]), float(self.base[place])
        rows = self.hits.indices[slice(*self.hits.indptr[place : place + 2])]
        count, answers = len(rows), len(np.unique(self.answers[rows]))
        if not n:
            return Group(name, 0, 0, 0, 0.0, 0.0, 1.0, base, False)
        from scipy.stats import binomtest  # takes a second to load

        among = max(answers, round(n * answers / count)) if count else n
        tested = binomtest(answers, among, min(max(base, 0.0), 1.0))
        interval = tested.proportion_ci(method="wilson")
        sure = among >= _FEWEST and bool(tested.pvalue * len(self.names) < 0.05)
        sure = sure and (answers >= _FEWEST or count / n < base)
        low, high = float(interval.low), float(interval.high)
        return Group(name, count, answers, n, count / n, low, high, base, sure)


def group(
    by: str, cases: Cases, causes: Causes, rows: np.ndarray, k: int, terms: Sequence[str]
) -> Groups:
    """Groups of queries.

    Args:
        by: one of BYS. rows: of the list; its failures are looked at, and for groups by what
            queries are like all queries of the cases.
        k: an answer among the first k is found.

    Raises:
        QueryError: another word for `by`, or one that these queries have nothing of.
    """
    if by not in BYS:
        raise QueryError(f"`{by[:40]}` groups nothing. Use {', '.join(BYS)}.")
    if by == "things" and cases.task.direction != "text-to-image":
        raise QueryError("Images count no things. Group queries that are texts, or by other means.")
    failed = ~cases.found(k)
    listed = np.zeros(len(cases), bool)
    listed[rows] = True
    make: dict[str, Callable[[], Groups]] = {
        "cause": lambda: _causes(cases, causes, failed, listed),
        "term": lambda: _terms(cases, failed, terms),
        "words": lambda: _binned("words", cases, cases.words, failed),
        "things": lambda: _binned("things", cases, _things(cases), failed),
        "active": lambda: _binned("active", cases, cases.active, failed),
        "rival": lambda: _rivals(cases, failed & listed),
        "pull": lambda: _pulls(cases, causes, failed & listed, terms),
        "confusion": lambda: _confusions(cases, causes, failed & listed, terms),
    }
    return make[by]()


def _causes(cases: Cases, causes: Causes, failed: np.ndarray, listed: np.ndarray) -> Groups:
    base = causes.holds[failed].mean(axis=0) if failed.any() else np.zeros(len(CAUSE_NAMES))
    chosen = failed & listed
    n = np.full(len(CAUSE_NAMES), int(chosen.sum()))
    hits = sp.csc_matrix(causes.holds & chosen[:, None])
    return Groups("cause", CAUSE_NAMES, n, hits, base, cases.answers)


def _terms(cases: Cases, failed: np.ndarray, terms: Sequence[str]) -> Groups:
    matrix = cases.task.queries.matrix
    n = matrix.getnnz(axis=0)
    used = np.flatnonzero(n)
    hits = sp.csc_matrix(_rows_kept(matrix, failed)[:, used] > 0)
    base = np.full(len(used), failed.mean() if len(failed) else 0.0)
    return Groups(
        "term", tuple(terms[one] for one in used.tolist()), n[used], hits, base, cases.answers
    )


def _binned(by: By, cases: Cases, values: np.ndarray, failed: np.ndarray) -> Groups:
    """By a whole number, in up to five parts of about the same size."""
    if not len(values):
        none = np.zeros(0, np.int64)
        return Groups(by, (), none, sp.csc_matrix((0, 0)), np.zeros(0), none, True)
    quantiles = np.quantile(values, np.arange(_PARTS) / _PARTS, method="closest_observation")
    starts = np.unique(quantiles.astype(np.int64))
    part = np.searchsorted(starts, values, side="right") - 1
    names = []
    for place in range(len(starts)):
        mine = values[part == place]
        low, high = int(mine.min()), int(mine.max())
        names.append(f"{low:,}" if low == high else f"{low:,} to {high:,}")
    rows = np.flatnonzero(failed)
    shape = (len(values), len(starts))
    hits = sp.csc_matrix((np.ones(len(rows), bool), (rows, part[rows])), shape=shape)
    n = np.bincount(part, minlength=len(starts))
    return Groups(
        by, tuple(names), n, hits, np.full(len(starts), failed.mean()), cases.answers, True
    )


def _things(cases: Cases) -> np.ndarray:
    return np.array([count_things(text) for text in cases.texts], np.int64)


def _rivals(cases: Cases, chosen: np.ndarray) -> Groups:
    rows = np.flatnonzero(chosen & (cases.rivals >= 0))
    names = cases.task.documents.ids
    shape = (len(cases), len(names))
    hits = sp.csc_matrix((np.ones(len(rows), bool), (rows, cases.rivals[rows])), shape=shape)
    n = np.full(len(names), len(rows))
    base = np.full(len(names), 1 / max(len(names) - 1, 1))
    return Groups("rival", names, n, hits, base, cases.answers)


def _leading(cases: Cases, causes: Causes, chosen: np.ndarray) -> np.ndarray:
    """(q,) int64: the term by which each rival gains most, -1 where it gains by none."""
    lead = np.full(len(cases), -1)
    first = np.unique(causes.gains.rows, return_index=True)
    lead[first[0]] = causes.gains.terms[first[1]]
    lead[~chosen] = -1
    return lead


def _pulls(cases: Cases, causes: Causes, chosen: np.ndarray, terms: Sequence[str]) -> Groups:
    lead = _leading(cases, causes, chosen)
    rows = np.flatnonzero(lead >= 0)
    asked = _rows_kept(cases.task.queries.matrix, lead >= 0).getnnz(axis=0)
    found, place = np.unique(lead[rows], return_inverse=True)
    shape = (len(cases), len(found))
    hits = sp.csc_matrix((np.ones(len(rows), bool), (rows, place)), shape=shape)
    base = np.full(len(found), len(rows) / max(asked.sum(), 1))
    return Groups(
        "pull", tuple(terms[one] for one in found), asked[found], hits, base, cases.answers
    )


def _confusions(cases: Cases, causes: Causes, chosen: np.ndarray, terms: Sequence[str]) -> Groups:
    """What is asked for is the said term of most weight that the rival's captions do not say."""
    lead = _leading(cases, causes, chosen)
    asked = np.where(lead >= 0, causes.facts.asked, -1)
    pairs_of = enumerate(zip(asked.tolist(), lead.tolist(), strict=True))
    # Another form of what is asked for is no confusion: the rival does not show it at all.
    rows = np.array(
        [row for row, (a, b) in pairs_of if a >= 0 and stem(terms[a]) != stem(terms[b])], np.int64
    )
    if not len(rows):
        nothing = sp.csc_matrix((len(cases), 0), dtype=bool)
        return Groups("confusion", (), np.zeros(0, int), nothing, np.zeros(0), cases.answers)
    pairs = np.stack([asked[rows], lead[rows]], axis=1)
    found, place = np.unique(pairs, axis=0, return_inverse=True)
    sought = np.bincount(asked[rows], minlength=len(terms))
    leads = np.bincount(lead[rows], minlength=len(terms)) / len(rows)
    shape = (len(cases), len(found))
    hits = sp.csc_matrix((np.ones(len(rows), bool), (rows, place.ravel())), shape=shape)
    names = tuple(f"{terms[one]} → {terms[other]}" for one, other in found)
    return Groups("confusion", names, sought[found[:, 0]], hits, leads[found[:, 1]], cases.answers)


def _rows_kept(matrix: sp.csr_matrix, kept: np.ndarray) -> sp.csr_matrix:
    """The matrix with the rows that are not kept empty."""
    return sp.csr_matrix(sp.diags(kept.astype(np.float32)) @ matrix)
