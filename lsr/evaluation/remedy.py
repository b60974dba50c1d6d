"""The one thing to change about a model: by what ails it, and by what caused that."""

from __future__ import annotations

from lsr.evaluation.measured import LEAST_IMAGES, SPARSE_TERMS, Grade, Making, Measured

# From so many pairs on tuning keeps all of its teacher, and its words; with a thousand it keeps
# less than nine tenths (benchmarks/LOG.md). More captions than that help little.
ENOUGH_PAIRS = 5_000
# A teacher that leaves every second image outside its first ten, among at most so many, ranks too
# badly to teach which words belong to a picture. Among more, that may be the number's fault.
WEAK_TEACHER, MOST_SEARCHED = 0.5, 2_000
# Two of the ten strongest terms say nothing.
MANY_FUNCTION_WORDS = 0.2
_LEXICAL = ("tuned", "closed-form", "encoder-terms")
# The kinds other than heads that `train` makes.
_MADE_HERE = ("splice", "sae")
TUNED = "Train with `--method tuned`"


def remedy(measured: Measured, grades: tuple[Grade, Grade, Grade], making: Making) -> str:
    """One or two sentences.

    Args:
        grades: of sparse, readable, and keeps its teacher.
    """
    sparse, readable, keeps = grades
    if not measured.active_image:
        return f"{TUNED}: its terms are words from the start."
    if making.kind is not None:
        return _of_other_kinds(measured, grades, making)
    if sparse == "poor" or (sparse == "fair" and readable != "poor"):
        return _sparser(measured, making)
    if measured.dense is None:
        return (
            "Look at some images on the Image page. Captions, be it of a hundred images, would "
            "tell how right the terms are and make them better."
        )
    if "poor" not in (readable, keeps) and keeps == "unknown":
        return (
            f"Measure it on more images: {LEAST_IMAGES} with captions at the least, better "
            "hundreds."
        )
    if readable in ("poor", "fair"):
        return _more_readable(measured, making)
    if keeps in ("poor", "fair"):
        return _closer_to_teacher(measured, making)
    return "Nothing: use it."


def _of_other_kinds(measured: Measured, grades: tuple[Grade, Grade, Grade], making: Making) -> str:
    """Of a model that is no projection head."""
    sparse, readable, keeps = grades
    made_here = making.kind in _MADE_HERE
    if sparse in ("poor", "fair"):
        fewer = max(1, min(64, round(measured.active_image / 2)))
        if made_here:
            return f"Make it with a lower `--target-active-terms`, such as {fewer}."
        return (
            "Prune it: `python -m lsr sweep --control top-k@both`, or the Expansion page, shows "
            "how few of its terms it needs."
        )
    if keeps in ("poor", "fair") and made_here:
        more = min(SPARSE_TERMS, 2 * round(measured.active_image))
        return f"Allow more terms with a higher `--target-active-terms`, such as {more}."
    if readable in ("poor", "fair") or keeps in ("poor", "fair"):
        return f"{TUNED} on the same collection, and compare the two."
    return "Nothing: use it."


def _sparser(measured: Measured, making: Making) -> str:
    if making.method in _LEXICAL:
        fewer = max(1, min(64, round(measured.active_image / 2)))
        return f"Make it with a lower `--target-active-terms`, such as {fewer}."
    return f"{TUNED}, which keeps to `--target-active-terms` (64)."


def _more_readable(measured: Measured, making: Making) -> str:
    if measured.function_words >= MANY_FUNCTION_WORDS and making.all_terms:
        return (
            f"{measured.function_words:.0%} of the strongest terms are words such as “the” and "
            f"“with”. Train with `--terms content`, or with `--method tuned`."
        )
    if making.method == "encoder-terms":
        return "Add captions, and train with `--method tuned`."
    if making.method != "tuned":
        return f"{TUNED}: its terms are words from the start."
    if few := _few_pairs(making):
        return few
    if weak := _weak_teacher(measured):
        return weak
    if making.control == "none":
        return (
            "Train with `--control scheduled`: captions then learn to mean their own words first."
        )
    return (
        "Captions are many and the encoder ranks well, so neither is what it lacks. Captions that "
        "name more of what is seen, or a lower `--target-active-terms`, make its words more exact."
    )


def _closer_to_teacher(measured: Measured, making: Making) -> str:
    """Of a model whose terms are few enough and readable."""
    if making.method == "encoder-terms":
        return "Add captions, and train with `--method tuned`."
    if making.method not in ("tuned", "trained"):
        return f"{TUNED}, which learns from the teacher's ranking."
    tight = measured.image_said is not None and measured.active_image < measured.image_said
    if tight:
        return (
            f"Its budget is too tight: captions of an image say {measured.image_said:.0f} of the "
            f"terms, and it activates {measured.active_image:.0f}. {_more_terms(measured, making)}"
        )
    if few := _few_pairs(making):
        return few
    if measured.active_image < SPARSE_TERMS / 2:
        return _more_terms(measured, making)
    if making.method == "tuned":
        return (
            "Train with `--vocabulary-start lexical`: pairs are many, and free training from the "
            "same words may move all weights."
        )
    return _more_terms(measured, making)


def _more_terms(measured: Measured, making: Making) -> str:
    if making.method == "trained":
        return "Allow more terms with a lower `--regularizer-weight`."
    more = min(SPARSE_TERMS, 2 * round(measured.active_image))
    return f"Allow more terms with a higher `--target-active-terms`, such as {more}."


def _few_pairs(making: Making) -> str:
    """What to do about too few pairs; empty where they are enough, or nobody knows."""
    if making.n_pairs is None or making.n_pairs >= ENOUGH_PAIRS:
        return ""
    return (
        f"Add captions: it learnt from {making.n_pairs:,} texts, and up to some {ENOUGH_PAIRS:,} "
        "each of them makes words more exact and the ranking closer."
    )


def _weak_teacher(measured: Measured) -> str:
    """What to do about a teacher that ranks badly; empty where it does not."""
    ten = measured.dense_ten
    if ten is None or ten >= WEAK_TEACHER or measured.n_searched > MOST_SEARCHED:
        return ""
    return (
        f"Encode the collection with a stronger encoder: this one finds the image of {ten:.0%} of "
        f"the captions among its first ten of {measured.n_searched:,}, and a model learns no more "
        "than its teacher knows."
    )
