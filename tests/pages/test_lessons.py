"""Six lessons, gone through with right and wrong predictions; truths have other witnesses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from streamlit.testing.v1 import AppTest

from lsr.collection.collection import load_collection
from lsr.evaluation.lexical import lexical_measures
from lsr.evaluation.projected import project_split
from lsr.failures.causes import CAUSE_NAMES
from lsr.model.loading import load_model
from lsr.model.sparse import keep_strongest
from lsr.storage.classes import open_class, read_class
from pages.parts.lessons import bundled, coin, dictionary, failing, index, pixels, riddle, tradeoff
from pages.parts.lessons.plan import LESSONS
from pages.parts.lessons.questions import Question, estimate, grade, off_by, off_by_factor
from pages.parts.lessons.sources import SHOWN, Lines, source
from tests.pages.test_pages import component, opened

QUESTIONS = {one.key: one for lesson in LESSONS for one in lesson.questions}


def lesson(number: int, step: int = 1, **answers: str) -> AppTest:
    app = opened("lessons", lesson=str(number), step=str(step), **answers)
    assert not app.exception
    return app


def told(app: AppTest) -> str:
    """How a prediction was graded, and what is true."""
    found = [*app.success, *app.warning, *app.info]
    return " ".join(str(one.value) for one in found if "You predicted" in str(one.value))


def asked(key: str, number: int, step: int, answer: str) -> str:
    app = lesson(number, step, **{key: answer})
    assert not app.error
    return told(app)


def nearest(question: Question, truth: float) -> str:
    """The stop of an estimate that comes nearest to a number, by its factor."""
    return min(question.answers, key=lambda name: abs(np.log(float(name) / truth)))


def wrong_of(key: str, right: str) -> str:
    """The answer that is farthest from the right one."""
    names = list(QUESTIONS[key].answers)
    return names[0] if names.index(right) >= len(names) / 2 else names[-1]


def check(key: str, number: int, step: int, right: str, fact: str) -> None:
    assert (said := asked(key, number, step, right)).startswith("**Right.**")
    assert fact in said
    said = asked(key, number, step, wrong_of(key, right))
    assert said.startswith("**Not so.**")
    assert fact in said


@pytest.fixture(scope="module")
def sides(
    any_home: Path,
) -> dict[str, tuple[sp.csr_matrix, sp.csr_matrix, np.ndarray, list[str]]]:
    """Captions and images of the test scenes under both heads, and the image of each caption."""
    images, found = load_collection("demo"), {}
    for name in (bundled.CONTROLLED, bundled.FREE):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LEXISCOPE_HOME", str(any_home))
            split = project_split(images, load_model(name), "test")
        matrices = split.captions.matrix, split.images.matrix
        found[name] = (*matrices, split.pairs.relevant, split.pairs.texts)
    return found


def recall(captions: sp.csr_matrix, images: sp.csr_matrix, of: np.ndarray) -> float:
    """R@1 by all products; a tie counts against the caption."""
    scores = (captions @ images.T).toarray()
    own = scores[np.arange(len(of)), of]
    return float((((scores >= own[:, None]).sum(axis=1) == 1) & (own > 0)).mean())


def test_the_overview_lists_six_lessons_with_time_and_progress():
    app = opened("lessons", **{"1a": "30", "1b": "1", "1c": "half", "3c": "same"})
    assert not app.exception
    assert len(LESSONS) == 6
    assert all(one.minutes < 10 for one in LESSONS)
    said = " ".join(str(one.value) for one in app.markdown)
    assert all(f"{number} · {one.title}" in said for number, one in enumerate(LESSONS, 1))
    progress = [one.value for one in app.caption if "predicted" in one.value]
    assert progress[0] == "3 of 3 predicted"
    assert progress[2] == "1 of 4 predicted"


def test_a_lesson_is_walked_by_its_buttons_and_the_address_keeps_what_was_predicted():
    app = opened("lessons")
    app.button(key="begin-1").click().run()
    app.button(key="predict-1a-300").click().run()
    assert app.query_params["1a"] == "300"
    assert told(app)
    for name in ("One term", "The cut"):
        assert app.button(key="step-next").label == f"Next: {name}"
        app.button(key="step-next").click().run()
        assert not app.exception
    app.button(key="predict-1c-double").click().run()
    assert told(app).startswith("**Not so.**")
    app.button(key="again-1c").click().run()
    assert not told(app)
    app.button(key="predict-1c-same").click().run()
    assert told(app).startswith("**Right.**")
    app.button(key="lesson-next").click().run()
    address = {name: app.query_params[name] for name in ("lesson", "1a", "1c")}
    assert address == {"lesson": "2", "1a": "300", "1c": "same"}
    app.button(key="all-lessons").click().run()
    assert "lesson" not in app.query_params
    assert app.query_params["1c"] == "same"


def test_a_picture_is_a_few_terms_and_its_length_plays_no_part():
    images, model = load_collection("demo"), load_model("demo")
    dense = np.asarray(images.image_vectors[[images.image_row("test-00250")]], np.float32)
    active = model.project(dense).nnz
    right = nearest(pixels.ACTIVE, active)
    for answer, called in ((right, "Right"), ("30000", "Not so")):
        app = lesson(1, 1, picture="test-00250", **{"1a": answer})
        assert told(app).startswith(f"**{called}.**")
        assert f"**{active}** of 30,522" in told(app)
    once, twice = (model.project(np.repeat(dense * one, 9, axis=0))[0] for one in (1, 2))
    strongest = once.indices[once.data.argmax()]
    ratio = twice[0, strongest] / once[0, strongest]
    app = lesson(1, 3, picture="test-00250", **{"1c": "same"})
    assert told(app).startswith("**Right.**")
    assert f"**{ratio:.2f}**" in told(app)


def test_a_weight_is_computed_by_hand_before_it_is_shown():
    image = "test-00250"
    unknown = component(lesson(1, 2, picture=image), "hidden")["terms"]
    assert [one for one in unknown if "weight" not in one] == unknown[-1:]
    weights = {one.term: one.weight for one in bundled.searcher().inspect(image, 40).terms}
    truth = weights[unknown[-1]["term"]]
    names = list(pixels.BY_HAND.answers)
    right = min(names, key=lambda name: abs(float(name) - truth))
    app = lesson(1, 2, picture=image, **{"1b": right})
    assert told(app).startswith("**Right.**")
    assert f"= **{truth:.2f}**" in told(app)
    shown = component(app, "hidden")
    assert shown["terms"][pixels._BY_HAND]["term"] == unknown[-1]["term"]
    for one in shown["terms"]:
        logit = np.dot(shown["hidden"], one["row"]) + one["bias"]
        assert np.log1p(max(logit, 0)) == pytest.approx(one["weight"], abs=0.01)
        assert one["weight"] == pytest.approx(weights[one["term"]], abs=1e-4)
    assert told(lesson(1, 2, picture=image, **{"1b": "5"})).startswith("**Not so.**")


def test_an_index_of_five_pictures_and_what_the_whole_one_reads(sides):
    app = lesson(2, 1, five="0.2.99.2.x.4")
    shown = component(app, "chosen")
    assert shown["chosen"] == [0, 2, 4]
    terms = [term for one in shown["pictures"] for term, _ in one["terms"]]
    assert len(shown["pictures"]) == 12
    assert len(set(terms)) < len(terms)  # so that lists have several postings
    assert component(lesson(2, 2, five="0.1", words="sea <b>"), "words")["words"] == ["sea", "<b>"]
    assert "step before" in str(lesson(2, 2).info[0].value)

    ready = bundled.searcher()
    query = ready.query_vector(index.QUERY)
    postings = int((ready.images.matrix.toarray()[:, query.terms] > 0).sum())
    check("2a", 2, 3, nearest(index.TOUCHED, postings), f"**{postings:,}** postings")
    lexical = lexical_measures(load_collection("demo"), "test", "words")["R@1"]
    check("2b", 2, 4, "head", f"**{lexical:.0%}**")


def test_a_head_without_control_ranks_well_under_any_names(sides):
    shown = component(lesson(3, 1), "target")
    one = shown["pictures"][shown["target"]]
    strongest = bundled.searcher(bundled.FREE).inspect(one["id"], 10).terms
    assert [term for term, _ in one["free"]] == [term.term for term in strongest]
    check("3a", 3, 1, "c", "It is picture **C**")
    ready = bundled.searcher(bundled.FREE)
    [read] = ready.encoder.encode_texts([" ".join(term for term, _ in one["free"])])
    rows = [ready.collection.image_row(other["id"]) for other in shown["pictures"]]
    guess = int((ready.collection.image_vectors[rows] @ read).argmax())
    assert guess != shown["target"]  # English misleads
    found = riddle.riddle()
    assert found.guess == guess
    assert found.right[bundled.FREE] < 0.35 < 0.9 < found.right[bundled.CONTROLLED]

    captions, images, of, texts = sides[bundled.FREE]
    said = load_model(bundled.FREE).vocabulary.literal_matrix(texts)
    own = recall(sp.csr_matrix(captions.multiply(said)), images, of)
    assert own < 0.01
    check("3b", 3, 2, "0", f"**{own:.3f}**")
    captions, images, of, _ = sides[bundled.CONTROLLED]
    check("3c", 3, 3, "same", f"**{recall(captions, images, of):.3f}**")
    names = list(dictionary.BACK.answers)
    share = dictionary.matching().found.share
    check("3d", 3, 4, min(names, key=lambda name: abs(float(name) - share)), f"**{share:.0%}**")


def test_coins_fall_as_often_as_the_exact_chances_say():
    caption = coin.captions()[1]
    shown = component(lesson(4, 1, caption=caption.name), "rivals")
    own, rivals = shown["own"], shown["rivals"]
    rng = np.random.default_rng(0)
    parts = np.array([one for _, one in rivals])
    base = np.array([one for one, _ in rivals])
    on = rng.random((4_000, len(shown["coins"]))) < coin.RATE
    gold = own[0] + on @ np.array(own[1])
    first = ((base + on @ parts.T) < gold[:, None] - 1e-6).all(axis=1).mean()
    exact = coin.chance_of_first(caption)
    assert exact == pytest.approx(first, abs=0.04)  # five standard deviations
    address = {"caption": caption.name}
    name = min(coin.FIRST.answers, key=lambda one: abs(float(one) - 100 * exact))
    app = lesson(4, 2, **address, **{"4a": name})
    assert told(app).startswith("**Right.**")
    assert f"**{100 * exact:.1f}** of 100" in told(app)
    shares = np.array(component(app, "shares")["shares"])
    assert shares.sum(axis=0) == pytest.approx(np.ones(shares.shape[1]))
    right = coin.better_called(exact, 0.5)  # off it is behind, on it is first
    check_of = {one: told(lesson(4, 3, **address, **{"4b": one})) for one in coin.WHOLE.answers}
    assert [one for one, said in check_of.items() if said.startswith("**Right.**")] == [right]


def test_a_setting_is_scored_against_the_best_within_the_budget(sides):
    captions, images, of, _ = sides[bundled.CONTROLLED]
    whole = recall(captions, images, of)
    fewest = next(
        k
        for k in map(int, tradeoff.NEEDED.answers)
        if recall(keep_strongest(captions, k), images, of) >= tradeoff.KEPT * whole
    )
    check("5a", 5, 1, str(fewest), f"**{fewest}** is the smallest")

    found = tradeoff.settings()
    assert set(found) == set(tradeoff.BEST.answers)
    frequency = images.getnnz(axis=0)
    cut = keep_strongest(captions, 8)
    assert found["top-k:8"].cost == pytest.approx(frequency[cut.indices].sum() / len(of))
    assert found["top-k:8"].accuracy == pytest.approx(recall(cut, images, of))
    hidden = component(lesson(5, 2), "knobs")
    assert "accuracy" not in str(hidden)
    budget = tradeoff.BUDGET * found["caption:1"].cost
    within = {name: one.accuracy for name, one in found.items() if one.cost <= budget}
    best = max(within, key=within.__getitem__)
    said = told(lesson(5, 2, **{"5b": best}))
    assert said.startswith("**Right.**")
    assert "Score 100 of 100" in said
    assert "Score 0 of 100" in told(lesson(5, 2, **{"5b": "caption:1"}))


def test_a_diagnosis_is_scored_by_its_share_of_the_gap():
    cases, causes = failing.found()
    rows = failing.rows(cases, causes)
    assert len(set(rows)) == 3
    for number, (row, question) in enumerate(zip(rows, failing.DIAGNOSES, strict=True), 1):
        shares = dict(zip(question.answers, causes.shares[row], strict=True))
        right = max(shares, key=shares.__getitem__)
        app = lesson(6, number, **{question.key: right})
        assert told(app).startswith("**Right.**")
        assert cases.texts[row] in " ".join(str(one.value) for one in app.markdown)
        wrong = min(shares, key=shares.__getitem__)
        assert told(lesson(6, number, **{question.key: wrong})).startswith("**Not so.**")
        shown = component(app, "rival")
        scores = np.zeros(shown["images"])
        for term in shown["terms"]:
            for image, product in term["postings"]:
                scores[image] += product
        own = scores[shown["answer"]["row"]]
        assert own == pytest.approx(cases.scores[row], abs=1e-3)
        assert (scores > own).sum() + 1 == cases.ranks[row]


@pytest.mark.parametrize("name", SHOWN)
def test_every_line_that_is_shown_is_in_the_source(name):
    text = source(SHOWN[name])
    assert text.strip()
    compile(
        f"def shown():\n    if True:\n{''.join(f'        {one}' for one in text.splitlines(True))}",
        name,
        "exec",
    )


def test_lines_that_are_gone_are_told():
    with pytest.raises(ValueError, match="begins with 'nothing'"):
        source(Lines("model.few_vectors:stages", "nothing"))


def test_the_nearest_number_gets_all_and_one_far_away_nothing():
    asked = estimate("x", "How many?", (5, 50, 500))
    by_factor = off_by_factor(asked, 80).of
    assert by_factor("50") == 1
    assert by_factor("500") == pytest.approx(1 - (np.log10(500 / 80) - np.log10(80 / 50)))
    assert by_factor("5") == 0
    assert off_by_factor(estimate("x", "How many?", (0, 1)), 0).of("0") == 1
    asked = estimate("x", "What share?", (0.5, 0.7, 1))
    by_distance = off_by(asked, 0.52, 0.4).of
    assert by_distance("0.5") == 1
    assert by_distance("0.7") == pytest.approx(1 - (0.18 - 0.02) / 0.4)
    assert by_distance("1") == 0
    assert [grade(one) for one in (1.0, 0.5, 0.1)] == ["Right", "Close", "Not so"]


def test_a_score_says_how_it_comes_about_and_one_right_answer_has_none():
    said = told(lesson(1, 1, **{"1a": "100"}))
    assert "Score" in said
    assert "nearest number offered gets 100" in said
    assert "Score" not in told(lesson(1, 3, **{"1c": "same"}))


def test_every_cause_of_a_failure_has_a_meaning():
    assert tuple(failing.MEANINGS) == CAUSE_NAMES


HOSTILE = ["", "7", "9" * 20, "nan", "../..", "<script>", "²", "a\x00" * 2_000]


@pytest.mark.parametrize("value", HOSTILE)
def test_whatever_an_address_says_there_is_no_traceback(value, monkeypatch):
    monkeypatch.setenv("LEXISCOPE_MODE", "class")
    app = opened("lessons", lesson=value, view=value, **{"class": value})
    assert not app.exception
    for address in (
        {"lesson": "1", "step": value, "1a": value, "picture": value},
        {"lesson": "2", "step": "2", "five": value, "words": value},
        {"lesson": "4", "caption": value, "step": "2", "4a": value},
        {"lesson": "5", "step": "2", "5b": value},
    ):
        app.query_params.clear()
        for name, one in address.items():
            app.query_params[name] = one
        assert not app.run().exception, address


def test_a_class_counts_each_prediction_once_in_a_session_and_no_names(home, monkeypatch):
    monkeypatch.setenv("LEXISCOPE_MODE", "class")
    app = opened("lessons")
    app.button(key="open-class").click().run()
    code = app.query_params["class"]
    assert read_class(code) == {}
    student = opened("lessons", lesson="1", step="3", **{"class": code})
    student.button(key="predict-1c-half").click().run()
    student.button(key="again-1c").click().run()
    student.button(key="predict-1c-same").click().run()
    other = opened("lessons", lesson="1", step="3", **{"class": code})
    other.button(key="predict-1c-same").click().run()
    assert read_class(code) == {"1c": {"half": 1, "same": 1}}
    assert [one.label for one in other.expander if "class" in one.label] == [
        "What the class predicted"
    ]
    teacher = opened("lessons", view="class", **{"class": code})
    assert not teacher.exception
    assert "2 predictions" in " ".join(one.value for one in teacher.markdown)
    [table] = [one.value for one in teacher.dataframe]
    assert dict(zip(table["answer"], table["predictions"], strict=True)) == {
        "it halves": 1,
        "it stays about the same": 1,
    }


def test_a_class_that_is_not_there_is_told_and_the_prediction_stands(home, monkeypatch):
    monkeypatch.setenv("LEXISCOPE_MODE", "class")
    app = opened("lessons", lesson="1", step="3", **{"class": "KM4T7R"})
    app.button(key="predict-1c-same").click().run()
    assert not app.exception
    assert "There is no class" in app.error[0].value
    assert told(app).startswith("**Right.**")
    assert not list(home.glob("classes/*.json"))


def test_where_visitors_only_read_nothing_is_collected(home, monkeypatch):
    code = open_class()
    monkeypatch.setenv("LEXISCOPE_MODE", "read-only")
    app = opened("lessons", lesson="1", step="3", **{"class": code})
    app.button(key="predict-1c-same").click().run()
    assert "Collecting predictions of a class is off" in app.error[0].value
    assert told(app).startswith("**Right.**")
    assert read_class(code) == {}


def test_the_teachers_sheet_is_a_page_that_names_every_lesson_and_question():
    app = opened("lessons", view="teaching")
    assert not app.exception
    text = app.markdown[0].value
    assert all(f"## {number} {one.title}" in text for number, one in enumerate(LESSONS, 1))
    assert all(
        f"{number} {one.title} | {one.minutes} |" in text for number, one in enumerate(LESSONS, 1)
    )
    steps = [step.name for one in LESSONS[:5] for step in one.steps]
    assert all(f"| {name} |" in text for name in steps)
    assert all(key in text for key in QUESTIONS if not key.startswith("6"))
    assert "](" not in text
