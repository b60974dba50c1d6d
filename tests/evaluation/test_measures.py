import ir_measures
import numpy as np
import pytest
import scipy
import scipy.sparse as sp

from lsr.evaluation.measures import (
    co_activation,
    exact_at,
    overlap_and_tau,
    overlap_at,
    per_query,
    rank_biased_overlap,
    ranks_of_best,
    semantic_at,
    summarize,
)
from lsr.model.sparse import SparseVectors, from_dense


def test_hand_worked_ranks_give_hand_worked_fractions():
    ranks = np.array([1, 2, 5, 10, 11, 0])
    assert summarize(ranks) == pytest.approx(
        {"R@1": 1 / 6, "R@5": 3 / 6, "R@10": 4 / 6, "MRR@10": (1 + 0.5 + 0.2 + 0.1) / 6}
    )


def test_measures_agree_with_ir_measures():
    rng = np.random.default_rng(0)
    scores = rng.random((40, 30))
    relevant = rng.integers(0, 30, 40)
    mask = np.zeros((40, 30), bool)
    mask[np.arange(40), relevant] = True
    ranks = ranks_of_best(scores, mask, sparse=False)
    run = {str(q): {str(d): float(scores[q, d]) for d in range(30)} for q in range(40)}
    qrels = {str(q): {str(relevant[q]): 1} for q in range(40)}
    names = ["R@1", "R@5", "R@10", "RR@10"]
    projected = ir_measures.calc_aggregate(
        [ir_measures.parse_measure(n) for n in names], qrels, run
    )
    theirs = {str(measure): value for measure, value in projected.items()}
    ours = summarize(ranks)
    assert [ours[n.replace("RR", "MRR")] for n in names] == pytest.approx(
        [theirs[n] for n in names]
    )


def test_ties_count_against_the_system():
    scores = np.array([[1.0, 1.0, 1.0, 0.0]])
    first = np.array([[True, False, False, False]])
    assert ranks_of_best(scores, first, sparse=False).tolist() == [3]


def test_a_relevant_document_does_not_stand_in_the_way_of_another():
    scores = np.array([[1.0, 1.0, 0.5]])
    relevant = np.array([[True, True, False]])
    assert ranks_of_best(scores, relevant, sparse=False).tolist() == [1]


def test_a_score_of_zero_is_no_hit():
    scores = np.array([[0.0, 0.0]])
    assert ranks_of_best(scores, np.array([[True, False]]), sparse=True).tolist() == [0]
    assert per_query(np.array([0]), "MRR@10").tolist() == [0.0]


def test_exact_counts_said_terms_among_the_strongest():
    weights = from_dense(np.array([[3, 2, 1, 0], [0, 0, 0, 5], [0, 0, 0, 0]]))
    said = sp.csr_matrix(np.array([[1, 0, 1, 0], [0, 1, 0, 0], [1, 1, 1, 1]], bool))
    assert exact_at(weights, said, 2) == pytest.approx((1 / 2 + 0 + 0) / 3)
    assert exact_at(weights, said, 20) == pytest.approx((2 / 3 + 0 + 0) / 3)


def test_semantic_is_the_best_cosine_to_a_word_said():
    vectors = np.array([[2.0, 0], [0, 1], [1, 1]])
    weights = from_dense(np.array([[0, 1, 1]]))
    said = sp.csr_matrix(np.array([[1, 0, 0]], bool))
    assert semantic_at(weights, said, 20, vectors) == pytest.approx((0 + 1 / np.sqrt(2)) / 2)


def test_tau_is_scipys_over_the_shared_documents():
    ours = np.array([[1, 2, 3, 4], [9, 8, -1, -1]])
    theirs = np.array([[4, 2, 1, 7], [1, 2, 3, 4]])
    overlap, tau = overlap_and_tau(ours, theirs)
    assert overlap == pytest.approx((3 / 4 + 0) / 2)
    assert tau == pytest.approx(scipy.stats.kendalltau([0, 1, 2], [2, 1, 0]).statistic)


def test_tau_of_many_random_rankings_is_scipys():
    rng = np.random.default_rng(3)
    ours = np.array([rng.permutation(16)[:10] for _ in range(60)])
    theirs = np.array([rng.permutation(16)[:10] for _ in range(60)])
    ours[::3, 7:] = -1
    overlaps, taus = [], []
    for mine, other in zip(ours.tolist(), theirs.tolist(), strict=True):
        shared = [document for document in mine if document in other]
        overlaps.append(len(shared) / 10)
        if len(shared) > 1:
            places = [other.index(document) for document in shared]
            taus.append(scipy.stats.kendalltau(range(len(shared)), places).statistic)
    found = overlap_and_tau(ours, theirs)
    assert found == pytest.approx((np.mean(overlaps), np.mean(taus)))


def vectors(rows: list[list[float]]) -> SparseVectors:
    matrix = from_dense(np.array(rows))
    return SparseVectors(matrix, tuple(map(str, range(len(rows)))), "v")


def test_hand_worked_co_activation():
    images = vectors([[1, 2, 0, 0], [3, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]])
    queries = vectors([[1, 1, 0, 0], [1, 0, 0, 1]])
    # p_image = ¾ ¼ ¼ 0, p_query = 1 ½ 0 ½: FLOPs ⅞. Evenly: 2 and 5/4 of 4 terms, 2 · 5/4 / 4.
    assert co_activation(queries, images) == pytest.approx(
        {"flops_ratio": (7 / 8) / (5 / 8), "top_share": 3 / 5, "hubs": 1}
    )


def test_evenly_spread_terms_have_ratio_1_and_half_of_the_images_make_no_hub():
    images = vectors([[1, 1, 0, 0], [0, 0, 1, 1]])
    assert co_activation(images, images) == pytest.approx(
        {"flops_ratio": 1, "top_share": 1 / 4, "hubs": 0}
    )


def test_the_most_used_terms_are_1_percent_of_the_vocabulary():
    used = np.zeros((2, 300))
    used[:, :3], used[0, 3:9] = 1, 1
    images = vectors(used.tolist())
    assert co_activation(images, images)["top_share"] == pytest.approx(6 / 12)
    assert co_activation(images, images)["hubs"] == 3


def test_where_nothing_is_active_nothing_is_co_activated():
    nothing = vectors([[0, 0], [0, 0]])
    assert co_activation(nothing, nothing) == {"flops_ratio": 0, "top_share": 0, "hubs": 0}


def test_rank_biased_overlap_of_a_hand_worked_case():
    # Depths 1, 2, 3 share 0, 2, 3 documents: agreement 0, 1, 1, and 1 for ever after, so at p = 1/2
    # 1/2 (0 + 1/2 + 1/4 + 1/8 + ...) = 1/2.
    assert rank_biased_overlap("abc", "bac", 0.5) == pytest.approx(0.5)
    assert rank_biased_overlap("abc", "abc", 0.9) == pytest.approx(1.0)
    assert rank_biased_overlap("abc", "xyz", 0.9) == 0.0
    assert rank_biased_overlap("", "ab", 0.9) == 0.0
    assert rank_biased_overlap("", "", 0.9) == 1.0
    with pytest.raises(ValueError, match="between 0 and 1"):
        rank_biased_overlap("ab", "ab", 1.0)


def by_definition(ours: list[int], theirs: list[int], p: float) -> float:
    """The weighted mean of agreements, summed depth by depth far beyond both lists.

    Beyond the shorter list its agreement there goes on; beyond both, the last one does.
    """
    short, long = sorted((ours, theirs), key=len)
    s, n = len(short), len(long)
    at_s = len(set(short) & set(long[:s])) / s
    total, agreement = 0.0, 0.0
    for depth in range(1, 4000):
        if depth <= n:
            shared = len(set(short[:depth]) & set(long[:depth]))
            agreement = (shared + at_s * max(depth - s, 0)) / depth
        total += (1 - p) * p ** (depth - 1) * agreement
    return total


@pytest.mark.parametrize("p", [0.5, 0.9, 0.98])
def test_rank_biased_overlap_is_the_weighted_mean_of_agreements(p):
    rng = np.random.default_rng(2)
    for _ in range(30):
        ours, theirs = (rng.permutation(20)[: rng.integers(1, 20)].tolist() for _ in range(2))
        found = rank_biased_overlap(ours, theirs, p)
        assert found == pytest.approx(by_definition(ours, theirs, p), abs=1e-9)
        assert found == pytest.approx(rank_biased_overlap(theirs, ours, p))
        assert 0 <= found <= 1


def test_overlap_counts_the_first_of_both():
    assert overlap_at("abcd", "badx", 3) == pytest.approx(2 / 3)
    assert overlap_at("ab", "ab", 4) == 0.5
