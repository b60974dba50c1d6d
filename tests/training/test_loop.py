import numpy as np
import pytest
import torch

from lsr.model.expansion import ExpansionControl, parse_control
from lsr.training.validation import document_frequency, validate


def weights_of(head) -> np.ndarray:
    return torch.cat([p.detach().flatten() for p in head.parameters()]).numpy()


def test_the_same_seed_gives_the_same_weights_and_another_does_not(run):
    first, _ = run("1")
    second, _ = run("2")
    other, _ = run("3", seed=1)
    np.testing.assert_array_equal(weights_of(first), weights_of(second))
    assert not np.array_equal(weights_of(first), weights_of(other))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"control": ExpansionControl("scheduled", word_level=True, per="caption")},
        {"regularizer": "df-flops", "query_regularizer_weight": 0.5, "target_active_terms": 3},
        {"validate_every": 3, "select_below": 10},
    ],
    ids=["published", "word level", "df-flops and target", "every three steps"],
)
@pytest.mark.parametrize("stop_after", [1, 3])
def test_a_stopped_run_goes_on_to_the_weights_of_an_unbroken_one(run, stop_after, changes):
    whole, all_reports = run("whole", **changes)
    run("broken", stop_after=stop_after, **changes)
    resumed, rest = run("broken", **changes)
    np.testing.assert_array_equal(weights_of(whole), weights_of(resumed))
    assert [r.step for r in rest] == [r.step for r in all_reports][stop_after:]
    assert rest[-1].measures == all_reports[-1].measures


def test_training_lowers_the_relevance_loss(run):
    _, reports = run(
        epochs=60,
        hidden_size=16,
        learning_rate=5e-3,
        control=parse_control("none"),
        query_regularizer_weight=0,
        document_regularizer_weight=0,
    )
    assert reports[-1].relevance_loss < 0.7 * reports[0].relevance_loss


@pytest.mark.parametrize("regularizer", ["l1", "flops", "df-flops"])
def test_a_heavier_regularizer_leaves_fewer_active_terms(run, regularizer):
    active = []
    for weight in (0.0, 2.0):
        _, reports = run(
            str(weight),
            epochs=40,
            hidden_size=16,
            learning_rate=5e-3,
            regularizer=regularizer,
            query_regularizer_weight=weight,
            document_regularizer_weight=weight,
        )
        active.append(reports[-1].active_terms_image)
    assert active[1] < 0.6 * active[0]


def test_a_target_raises_the_weight_until_it_is_met(run):
    changes = {"epochs": 150, "hidden_size": 16, "learning_rate": 5e-3, "select_by": "last"}
    changes["validate_every"] = 60  # to write a state down at every epoch takes most of the time
    _, free = run("free", **changes)
    _, aimed = run("aimed", target_active_terms=4, **changes)
    assert free[-1].active_terms_image > 8
    assert aimed[-1].active_terms_image <= 5
    assert max(r.regularizer_factor for r in aimed) > 1 == free[-1].regularizer_factor


def test_the_weights_kept_are_the_best_within_the_limit(run, pairs):
    head, reports = run(
        epochs=12,
        learning_rate=2e-2,
        query_regularizer_weight=0.3,
        document_regularizer_weight=0.3,
        select_by="MRR@10",
        select_below=16,
    )
    within = [r for r in reports if r.active_terms_image <= 16]
    assert 0 < len(within) < len(reports)
    kept = validate(head, pairs[1])
    assert kept.measures["MRR@10"] == max(r.measures["MRR@10"] for r in within)
    assert [r for r in reports if r.best][-1].measures == kept.measures


def test_where_no_weights_keep_the_limit_the_sparsest_are_kept(run, pairs):
    head, reports = run(epochs=3, select_below=1)
    fewest = min(r.active_terms_image for r in reports)
    assert fewest > 1
    assert validate(head, pairs[1]).active_terms_image == fewest


def test_validation_is_the_same_at_every_call(run, pairs):
    head, _ = run()
    assert validate(head, pairs[1]) == validate(head, pairs[1])


def test_document_frequency_is_the_share_of_images_that_activate_a_term(run, pairs):
    head, _ = run()
    images = torch.from_numpy(pairs[0].image_vectors)
    with torch.no_grad():
        expected = (head(images) > 0.01).float().mean(dim=0)
        certain = ~((head(images) > 0) & (head(images) < 0.02)).any(dim=0)
    ours = document_frequency(head, images)
    torch.testing.assert_close(ours[certain], expected[certain])
    assert 0 < ours.mean() < 1


def test_reports_say_how_long_it_takes(run):
    _, reports = run(validate_every=2)
    assert reports[-1].seconds_left == 0
    assert reports[0].step == 2
    assert reports[0].pairs_per_second == pytest.approx(2 * 8 / reports[0].seconds, rel=1e-6)
