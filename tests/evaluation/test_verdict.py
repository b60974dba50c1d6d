"""The verdict on a model: its grades, its sentences, and the interval that they rest on."""

from dataclasses import replace

import numpy as np
import pytest
import scipy
import scipy.sparse as sp

from lsr.cli.text import as_text
from lsr.evaluation.evaluate import (
    _said_of_an_image,
    _share_of_strongest,
    evaluate_split,
    function_words,
)
from lsr.evaluation.measured import Kept, Making, Measured
from lsr.evaluation.projected import project_split
from lsr.evaluation.task import make_task
from lsr.evaluation.verdict import judge, kept_of_teacher, questions
from lsr.sweep.knobs import Knob
from lsr.sweep.sweep import sweep

CLOSE = {"R@1": Kept(0.97, 0.96, 0.98), "R@10": Kept(1.0, 0.99, 1.0)}
FINE = Measured(
    dense_size=256,
    active_image=30,
    active_query=13,
    flops=1.0,
    image_exact=0.72,
    own_words=0.79,
    all_terms=0.79,
    dense=0.82,
    kept=CLOSE,
    n_images=1_000,
)


def grades(measured: Measured) -> tuple[str, ...]:
    return tuple(grade for _, grade, _ in questions(judge(measured).as_json()))


def test_a_model_that_lacks_nothing_is_told_to_be_used():
    assert grades(FINE) == ("good", "good", "good")
    assert judge(FINE, Making("tuned")).change == "Nothing: use it."


@pytest.mark.parametrize("terms", [1_000, 2_117, 8_000])
def test_thousands_of_active_terms_are_never_called_sparse(terms):
    for many in (replace(FINE, active_image=terms), replace(FINE, active_query=terms)):
        assert judge(many).sparse.grade == "poor"
        assert "lower `--target-active-terms`" in judge(many, Making("tuned")).change
        assert "`--method tuned`" in judge(many, Making("trained")).change


def test_few_terms_that_all_vectors_share_cost_as_much_as_dense_vectors():
    assert judge(replace(FINE, flops=25.0)).sparse.grade == "good"
    assert judge(replace(FINE, flops=100.0)).sparse.grade == "fair"
    assert judge(replace(FINE, flops=300.0)).sparse.grade == "poor"
    assert "256 multiplications" in judge(FINE).sparse.says
    assert judge(replace(FINE, flops=100.0), Making("tuned")).change.endswith("such as 15.")


def test_a_model_without_any_active_term_is_not_sparse_but_empty():
    found = judge(replace(FINE, active_image=0.0, active_query=0.0, flops=0.0), Making("trained"))
    assert found.sparse.grade == "poor"
    assert "no image can be found" in found.sparse.says


def test_terms_are_readable_where_captions_say_them_and_own_words_find_the_image():
    assert judge(replace(FINE, image_exact=0.3)).readable.grade == "fair"
    assert judge(replace(FINE, image_exact=0.1)).readable.grade == "poor"
    code = replace(FINE, own_words=0.01)
    assert judge(code).readable.grade == "poor"
    assert "R@1 0.010: 1% of what all terms find, 1% of the teacher" in judge(code).readable.says
    assert "`--method tuned`" in judge(code, Making("closed-form")).change


def test_an_image_whose_captions_say_few_terms_is_read_by_these():
    """Of one caption of five words no more than five of ten terms can be said."""
    short = replace(FINE, image_exact=0.3, image_said=5.0)
    assert judge(short).readable.grade == "good"
    assert "30% of an image's ten strongest terms; they say 5 terms in all." in (
        judge(short).readable.says
    )
    assert judge(replace(short, image_said=40.0)).readable.grade == "fair"
    assert judge(replace(short, image_exact=0.1)).readable.grade == "poor"


CODE = replace(FINE, own_words=0.01)  # not readable
LOST = replace(FINE, kept={**CLOSE, "R@1": Kept(0.6, 0.55, 0.65)})  # far from its teacher
WEAK = {"dense_ten": 0.3, "n_searched": 1_000}


@pytest.mark.parametrize(
    ("measured", "making", "change"),
    [
        (CODE, Making("tuned", 800), "it learnt from 800 texts"),
        (replace(CODE, **WEAK), Making("tuned", 60_000), "a stronger encoder: this one finds the"),
        (CODE, Making("tuned", 60_000, "none"), "`--control scheduled`"),
        (
            CODE,
            Making("tuned", 60_000, "scheduled"),
            "Captions are many and the encoder ranks well",
        ),
        (CODE, Making("trained", 60_000), "Train with `--method tuned`"),
        (
            replace(CODE, function_words=0.3),
            Making("trained", 60_000, all_terms=True),
            "30% of the strongest terms are words such as “the”",
        ),
        (
            replace(LOST, image_said=45.0),
            Making("tuned", 60_000),
            "Its budget is too tight: captions",
        ),
        (LOST, Making("tuned", 800), "it learnt from 800 texts"),
        (LOST, Making("tuned", 60_000), "higher `--target-active-terms`, such as 60"),
        (replace(LOST, active_image=100), Making("tuned", 60_000), "`--vocabulary-start lexical`"),
        (LOST, Making("trained", 60_000), "lower `--regularizer-weight`"),
        (LOST, Making("closed-form", 60_000), "learns from the teacher's ranking"),
        (LOST, Making("encoder-terms", 3_000), "Add captions"),
    ],
)
def test_the_remedy_is_for_the_cause(measured, making, change):
    said = judge(measured, making).change
    assert change in said
    if (making.n_pairs or 0) >= 5_000:
        assert "Add captions" not in said


def test_a_weak_teacher_among_very_many_images_is_not_blamed():
    among_many = replace(CODE, dense_ten=0.3, n_searched=100_000)
    assert "encoder ranks well" in judge(among_many, Making("tuned", 60_000)).change


def test_queries_in_other_words_than_captions_are_no_fault_of_the_model():
    other = replace(FINE, own_words=0.1, words_count=False)
    assert judge(other).readable.grade == "good"
    assert "R@1 0.100" in judge(other).readable.says


def test_twenty_images_cannot_tell():
    few = replace(FINE, n_images=20)
    assert judge(few).keeps_teacher.grade == "unknown"
    assert judge(few).keeps_teacher.says.startswith("20 images with captions cannot tell.")
    assert "more images" in judge(few, Making("tuned")).change


def test_an_interval_from_poor_to_good_cannot_tell():
    wide = {**CLOSE, "R@1": Kept(0.88, 0.75, 1.02)}
    found = judge(replace(FINE, kept=wide)).keeps_teacher
    assert found.grade == "unknown"
    assert "88% (75% to 102%)" in found.says
    narrow = {**CLOSE, "R@1": Kept(0.88, 0.86, 0.90)}
    assert judge(replace(FINE, kept=narrow)).keeps_teacher.grade == "fair"
    lost = {**CLOSE, "R@1": Kept(0.6, 0.55, 0.65)}
    assert judge(replace(FINE, kept=lost)).keeps_teacher.grade == "poor"
    assert (
        "higher `--target-active-terms`" in judge(replace(FINE, kept=lost), Making("tuned")).change
    )


def test_a_teacher_that_finds_nothing_is_said_to():
    none = np.zeros(8)
    assert kept_of_teacher(none, none, np.arange(8)) is None
    assert "itself finds no image" in judge(replace(FINE, dense=0.0, kept={})).keeps_teacher.says


def test_without_captions_only_sparsity_is_graded():
    bare = Measured(dense_size=256, active_image=60)
    assert grades(bare) == ("good", "unknown", "unknown")
    assert "Image page" in judge(bare, Making("encoder-terms")).change


def test_the_interval_is_that_of_another_library():
    rng = np.random.default_rng(4)
    groups = np.repeat(np.arange(200), 5)
    dense = (rng.random(1_000) < 0.7).astype(float)
    sparse = dense * (rng.random(1_000) < 0.9)
    ours, theirs = (one.reshape(200, 5).sum(axis=1) for one in (sparse, dense))
    witness = scipy.stats.bootstrap(
        (ours, theirs),
        lambda a, b, axis: a.sum(axis=axis) / b.sum(axis=axis),
        paired=True,
        n_resamples=4_000,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    found = kept_of_teacher(sparse, dense, groups)
    assert found.share == pytest.approx(sparse.sum() / dense.sum())
    assert (found.low, found.high) == pytest.approx(tuple(witness), abs=0.006)
    assert kept_of_teacher(sparse, dense, groups) == found


def test_queries_of_one_image_are_drawn_together():
    """Five equal captions of each image say no more than one: the interval stays as wide."""
    rng = np.random.default_rng(2)
    dense, sparse = np.ones(100), (rng.random(100) < 0.8).astype(float)
    one = kept_of_teacher(sparse, dense, np.arange(100))
    five = kept_of_teacher(np.repeat(sparse, 5), np.repeat(dense, 5), np.repeat(np.arange(100), 5))
    assert five == one


def test_a_measured_split_holds_its_verdict(collection, model):
    projected = project_split(collection, model, "test")
    answer = evaluate_split(projected, making=Making("trained"))
    verdict = answer["verdict"]
    assert verdict["keeps_teacher"]["says"].startswith("12 images with captions cannot tell.")
    share = verdict["keeps_teacher"]["R@1"]["share"]
    assert share == pytest.approx(answer["sparse"]["R@1"] / answer["dense"]["R@1"])
    text = as_text({"metrics": answer, "verdict": verdict})
    assert text.count("Sparse enough?") == 1
    assert "  Keeps its teacher? Unknown. 12 images" in text


def test_own_words_are_what_a_sweep_measures_at_caption_rate_zero(collection, model):
    projected = project_split(collection, model, "test")
    [point] = sweep(make_task(projected), Knob("caption"), np.array([0.0]))
    own = evaluate_split(projected)["literal"]
    assert own == pytest.approx({name: point.mean[name] for name in own})


def test_images_without_captions_do_not_count_against_what_captions_say(collection, model):
    """Half of the captions are taken away, with all that tells of their images."""
    projected = project_split(collection, model, "test")
    kept = projected.pairs.relevant < 6
    silent = sp.csr_matrix(projected.literal.multiply(kept[:, None]))
    silent.eliminate_zeros()
    images, said = projected.images.matrix.toarray(), projected.literal_of_images.toarray()
    shares = []
    for row in range(6):
        order = sorted(np.flatnonzero(images[row]), key=lambda j: (-images[row, j], j))[:10]
        shares.append(said[row, order].mean())
    answer = evaluate_split(replace(projected, literal=silent))
    assert answer["image_exact@10"] == pytest.approx(np.mean(shares))


def test_function_words_among_the_strongest_terms_are_counted(collection, model, vocabulary):
    """The share by hand: ten strongest of each image, ties by the term's number."""
    projected = project_split(collection, model, "test")
    empty = function_words(vocabulary)
    assert {vocabulary.terms[one] for one in empty} >= {"the", "with", "of"}
    hits = total = 0
    for row in projected.images.matrix.toarray():
        order = sorted(np.flatnonzero(row), key=lambda j, row=row: (-row[j], j))[:10]
        hits, total = hits + len(set(order) & set(empty.tolist())), total + len(order)
    assert _share_of_strongest(projected.images, empty) == pytest.approx(hits / total)
    assert 0 < hits < total


def test_said_terms_are_those_that_some_image_activates(collection, model):
    projected = project_split(collection, model, "test")
    used = projected.images.matrix.toarray().any(axis=0)
    said = projected.literal_of_images.toarray()
    expected = (said & used).sum(axis=1).mean()
    assert _said_of_an_image(projected) == pytest.approx(expected)
