"""Models beside each other: budgets that are kept, and figures that others give as well."""

import numpy as np
import pytest

from lsr.evaluation.evaluate import evaluate
from lsr.exceptions import QueryError
from lsr.figures.compared import compared_figure
from lsr.figures.style import LIGHT
from lsr.search.searcher import Searcher
from lsr.sweep.comparing import compare_models
from lsr.sweep.knobs import Knob
from lsr.sweep.laboratory import open_laboratory
from lsr.sweep.measure import measure


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
    assert len(compared_figure(found, LIGHT).data) == 2


def test_no_model_and_no_term_are_refused(collection, model):
    for models, budgets in (([], [1]), ([model], [0])):
        with pytest.raises(QueryError, match="one model or more"):
            list(compare_models(collection, models, budgets=budgets))
