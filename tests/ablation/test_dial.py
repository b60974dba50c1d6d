"""The control dial: what its rows say is what the heads do, and nothing is tuned twice."""

import json
from dataclasses import replace

import numpy as np
import pytest

from lsr.ablation import dial as module
from lsr.ablation import dial_tuning
from lsr.ablation.dial import CONTROLS, Dial, DialRow
from lsr.collection.collection import load_collection
from lsr.collection.queries import QueryRow, write_query_set
from lsr.evaluation.pairs import load_pairs
from lsr.evaluation.projected import project_split_with
from lsr.model.expansion import parse_control
from lsr.model.vocabulary import Vocabulary
from lsr.storage import places
from lsr.storage.places import BUNDLED_ENCODER
from lsr.training.lexical.closed_form import ClosedFormSettings, closed_form
from lsr.training.lexical.settings import TuningSettings
from lsr.training.lexical.tuning import Tuning
from lsr.training.stop_list import stop_list
from tests.conftest import make_collection

SPLITS = ("train",) * 30 + ("test",) * 8


@pytest.fixture
def tiny(home, fake_encoder, monkeypatch):
    for place in (module, dial_tuning):
        monkeypatch.setattr(place, "STEPS", 5)
    monkeypatch.setattr("lsr.evaluation.pairs.load_encoder", lambda name: fake_encoder)
    made = make_collection(home / "collections" / "tiny", fake_encoder, splits=SPLITS)
    rows = made.caption_rows("test")[::2]
    asked = [
        QueryRow(f"q{row}", made.caption_texts[row], made.image_ids[made.caption_image_rows[row]])
        for row in rows
    ]
    write_query_set(made, "asked", asked)
    return load_collection(made.folder)


def recall(projected, literal: bool) -> float:
    """R@1 by brute force: the right image alone has the largest score, and it is no nothing."""
    queries, images = projected.captions.matrix.toarray(), projected.images.matrix.toarray()
    if literal:
        queries = queries * projected.literal.toarray()
    scores = queries @ images.T
    right = projected.pairs.relevant
    own = scores[np.arange(len(scores)), right]
    return float(np.mean([(row >= one).sum() == 1 for row, one in zip(scores, own, strict=True)]))


def test_a_row_says_what_a_head_tuned_under_its_control_finds(tiny):
    *_, last = Dial(tiny, "asked").turning()
    assert [row.control for row in last.rows] == [name for name in CONTROLS for _ in range(2)]
    assert [row.queries for row in last.rows] == ["", "asked"] * len(CONTROLS)
    assert [row.rate for row in last.rows[::2]] == [0, 0.25, 0.5, 0.75, 1, None]
    pairs, vocabulary = (
        load_pairs(tiny, "train"),
        Vocabulary.load(BUNDLED_ENCODER / "tokenizer.json"),
    )
    settings = replace(
        TuningSettings.for_pairs(60),
        steps=5,
        batch_size=60,
        control=replace(parse_control("constant:0.5"), per="caption"),
    )
    start = closed_form(pairs, vocabulary, stop_list(pairs, vocabulary), ClosedFormSettings(64))
    tuning = Tuning(start, pairs, vocabulary, settings)
    list(tuning.run())
    head = tuning.head.projection(len(vocabulary))
    for row in last.rows[4:6]:
        projected = project_split_with(tiny, head, vocabulary, "test", queries=row.queries)
        assert row.split == "test"
        assert row.all_terms == pytest.approx(recall(projected, literal=False))
        assert row.own_words == pytest.approx(recall(projected, literal=True))
        assert row.active_terms_image == pytest.approx(projected.images.active_terms)


def test_a_family_that_was_stopped_goes_on_and_is_not_tuned_again(tiny, monkeypatch):
    reports = Dial(tiny, "asked").turning()
    for report in reports:
        if len(report.rows) == 4:
            break
    reports.close()
    known = Dial(tiny, "asked").known
    assert [row.control for row in known] == ["literal"] * 2 + ["constant:0.25"] * 2
    assert not Dial(tiny, "asked").complete
    first, *_, last = Dial(tiny, "asked").turning()
    assert (first.done, first.planned) == (10, 30)
    assert last.rows[:4] == known
    family = Dial(tiny, "asked")
    assert family.complete
    monkeypatch.setattr(dial_tuning, "Tuning", None)
    assert [report.rows for report in family.turning()] == [last.rows]
    # Other queries are another family.
    assert not Dial(tiny).known


def test_a_damaged_file_counts_as_not_there(tiny, home):
    family = Dial(tiny)
    path = home / "cache" / "dial" / family.file
    path.parent.mkdir(parents=True)
    for content in ("{", "{}", '{"rows": 3}', '{"rows": [{}]}', '{"rows": [1]}'):
        path.write_text(content)
        assert not family.known


def test_the_shipped_family_is_of_the_bundled_collection():
    collection = load_collection(places.ASSETS / "collections" / "demo")
    family = Dial(collection, "paraphrased")
    assert family.complete
    rows = {(row.control, row.queries): row for row in family.known}
    for queries in ("", "paraphrased"):
        held, free = rows["literal", queries], rows["none", queries]
        assert free.all_terms > held.all_terms
        assert free.own_words < held.own_words
    told = json.loads((places.ASSETS / "dial" / family.file).read_text())
    assert [DialRow.from_dict(row) for row in told["rows"]] == list(family.known)


def test_the_command_answers_with_the_rows(tiny, answer):
    made = answer("dial", "--collection", "tiny")
    assert made["queries"] is None
    assert [row["control"] for row in made["rows"]] == list(CONTROLS)
    assert made["rows"] == [row.as_dict() for row in Dial(tiny).known]
    assert {"R@1", "literal_R@1", "dense_R@1", "flops"} <= made["rows"][0].keys()
