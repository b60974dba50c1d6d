import json

import pytest

from lsr.evaluation.measures import summarize
from lsr.model.projection_cache import literal_once
from lsr.sweep import laboratory
from lsr.sweep.laboratory import open_laboratory


@pytest.mark.parametrize("direction", ["text-to-image", "image-to-text"])
def test_the_teacher_is_measured_once_for_all_models(collection, model, monkeypatch, direction):
    first = open_laboratory(collection, model, direction=direction)
    expected = summarize(first.task.teacher_ranks)
    assert first.teacher == expected

    def refused(*_):
        raise AssertionError("projected again")

    monkeypatch.setattr(laboratory, "project_split", refused)
    assert open_laboratory(collection, model, direction=direction).teacher == expected


def test_each_direction_and_split_has_a_teacher_of_its_own(collection, model, home):
    for direction in ("text-to-image", "image-to-text"):
        _ = open_laboratory(collection, model, direction=direction).teacher
    assert len(list((home / "cache" / "teacher").iterdir())) == 2


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"R@1": 0.5}', None])
def test_a_damaged_file_is_measured_anew(collection, model, home, content):
    expected = open_laboratory(collection, model).teacher
    (file,) = (home / "cache" / "teacher").iterdir()
    damaged = json.dumps(dict.fromkeys(expected, 7.5)) if content is None else content
    file.write_text(damaged)
    assert open_laboratory(collection, model).teacher == expected
    assert json.loads(file.read_text()) == expected


def test_the_plain_task_ranks_and_costs_as_the_whole_one(collection, model):
    ready = open_laboratory(collection, model)
    assert (ready.plain.captions.matrix != ready.task.captions.matrix).nnz == 0
    assert (ready.plain.images.matrix != ready.task.images.matrix).nnz == 0
    assert (ready.plain.captions.said == ready.task.captions.said).all()
    assert (ready.plain.images.said == ready.task.images.said).all()
    assert ready.plain.captions.ids == ready.task.captions.ids


@pytest.mark.parametrize("null", ["", "words"])
def test_a_query_is_a_vector_of_the_model_or_of_its_null(collection, model, fake_encoder, null):
    ready = open_laboratory(collection, model, null=null)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(laboratory, "load_encoder", lambda _: fake_encoder)
        query = ready.query("a green dog")
    if null:
        assert set(query.terms.tolist()) == set(
            model.vocabulary.literal_ids("a green dog").tolist()
        )
        assert set(query.matrix.data.tolist()) == {1.0}
    else:
        expected = model.project(fake_encoder.encode_texts(["a green dog"]))
        assert (query.matrix != expected).nnz == 0


def test_what_texts_say_is_split_once(collection, model, monkeypatch):
    texts, vocabulary = ["a green dog", "", "dog dog"], model.vocabulary
    expected = vocabulary.literal_matrix(texts)
    for _ in range(2):
        said = literal_once(vocabulary, texts)
        assert said.dtype == bool
        assert (said != expected).nnz == 0
        monkeypatch.setattr(type(vocabulary), "literal_matrix", None)  # not asked again
