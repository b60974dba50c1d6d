"""Models beside each other: budgets that are kept, and figures that others give as well."""

import numpy as np
import pytest

from lsr.evaluation.evaluate import evaluate
from lsr.exceptions import QueryError
from lsr.figures.compared import compared_figure
from lsr.figures.style import LIGHT
from lsr.model.checkpoint import save_model
from lsr.model.loading import load_model
from lsr.search.searcher import Searcher
from lsr.sweep.comparing import compare_models
from lsr.sweep.knobs import Knob
from lsr.sweep.laboratory import open_laboratory
from lsr.sweep.measure import measure
from lsr.sweep.stability import twin_of
from tests.conftest import make_head


def test_a_model_is_measured_as_evaluate_and_the_laboratory_do(collection, model):
    [found] = compare_models(collection, [model], budgets=[2, 1])
    whole = evaluate(collection, model)
    assert whole["sparse"]["R@1"] == found.points[0].R1
    assert found.points[0].flops == pytest.approx(whole["flops"])
    assert found.exact == pytest.approx(whole["image_exact@10"])
    assert [point.budget for point in found.points] == [None, 1, 2]
    laboratory = open_laboratory(collection, model)
    [record] = measure(laboratory.task, Knob("top-k", "both"), np.array([2.0]))
    assert pytest.approx(record["R@5"]) == found.points[2].R5
    assert found.points[2].active_terms_image <= 2
    images = Searcher(collection, model).images
    assert found.dead == int((images.document_frequency == 0).sum())
    assert found.hubs == int((images.document_frequency > 6).sum())


def test_rows_say_the_same_names_and_the_figure_has_a_curve_each(collection, model):
    found = [*compare_models(collection, [model, model], budgets=[1])]
    rows = [row for one in found for row in one.rows()]
    assert len({tuple(row) for row in rows}) == 1
    assert rows[1]["hubs"] is None
    assert len(compared_figure(rows, found[0].dense, LIGHT).data) == 1  # one name, one curve
    renamed = [*rows[:2], *({**row, "model": "other"} for row in rows[2:])]
    figure = compared_figure(renamed, found[0].dense, LIGHT)
    assert [one.name for one in figure.data] == ["tiny", "other"]
    assert figure.data[0].text == ("1", "all")


def test_no_model_and_no_term_are_refused(collection, model):
    for models, budgets in (([], [1]), ([model], [0])):
        with pytest.raises(QueryError, match="one model or more"):
            list(compare_models(collection, models, budgets=budgets))


@pytest.fixture
def twins(home, vocabulary):
    """Two heads that differ in their seed, and one of other settings."""

    def made(name, seed, epochs=3):
        training = {"method": None, "settings": {"seed": seed, "epochs": epochs}}
        head = make_head(vocabulary, seed)
        folder = home / "models" / name
        card = {"title": name, "encoder": "fake"}
        return save_model(folder, head, vocabulary, card=card, training=training, metrics={})

    made("longer", 2, epochs=4)
    return made("first", 0), made("second", 1)


def test_stability_is_what_two_seeds_share(collection, twins):
    first, _ = twins
    assert twin_of(first).name == "second"
    [found] = compare_models(collection, [first], budgets=[1])
    assert found.stability.twin == "second"
    searchers = [Searcher(collection, one) for one in twins]
    shared = []
    vectors = [one.images.matrix for one in searchers]
    captions = [one.project(collection.caption_vectors) for one in twins]
    for row in range(24):
        best = []
        for images, mine in zip(vectors, captions, strict=True):
            scores = (images.astype(float) @ mine[row].astype(float).T).toarray().ravel()
            best.append(set(np.lexsort((collection.image_ids, -scores))[:10]))
        shared.append(len(best[0] & best[1]) / 10)
    assert found.stability.hits == pytest.approx(np.mean(shared))
    terms = []
    for image in collection.image_ids:
        names = [{t.term for t in one.inspect(image, 10).terms} for one in searchers]
        terms.append(len(names[0] & names[1]) / 10)
    assert found.stability.terms == pytest.approx(np.mean(terms))


def test_a_model_without_a_seed_or_a_twin_has_no_stability(collection, model, twins, home):
    assert twin_of(model) is None
    assert twin_of(load_model("longer")) is None
    (home / "models" / "second" / "training.json").write_text("{")
    assert twin_of(twins[0]) is None
