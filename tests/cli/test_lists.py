"""One bad folder does not take a list down: the sound ones are listed, the bad one is named."""

import json

import pytest

from lsr.storage.places import home as user_home

DEEP = "[" * 100_000
BAD_CARDS = {
    "broken": "{",
    "deep": '{"a": ' + DEEP,
    "list": "[1]",
    "empty": "{}",
    "digits": '{"dense_size": ' + "9" * 5_000 + "}",
}


def changed(card: dict, **values: object) -> str:
    return json.dumps({**card, **values})


@pytest.mark.parametrize("bad", [*BAD_CARDS, "counts", "dense_size", "title", "encoder", "splits"])
def test_collections_are_listed_beside_a_bad_one(collection, answer, bad):
    wrong = {
        "counts": {"counts": 5},
        "dense_size": {"dense_size": [8]},
        "title": {"title": {"a": 1}},
        "encoder": {"encoder": 7},
        "splits": {"caption_vector_splits": [["test"]]},
    }
    folder = user_home() / "collections" / "bad"
    folder.mkdir()
    text = BAD_CARDS.get(bad) or changed(collection.card, **wrong[bad])
    (folder / "collection.json").write_text(text)
    listed = answer("collections")
    assert [one["name"] for one in listed["collections"]] == ["demo", "tiny"]
    [damaged] = listed["damaged"]
    assert damaged["name"] == "bad"
    assert str(folder / "collection.json") in damaged["why"]
    assert "damaged" not in answer("models")


@pytest.mark.parametrize("bad", [*BAD_CARDS, "encoder", "dense_size", "title"])
def test_models_are_listed_beside_a_bad_one(model, answer, bad):
    wrong = {"encoder": {"encoder": []}, "dense_size": {"dense_size": "8"}, "title": {"title": 1}}
    folder = user_home() / "models" / "bad"
    folder.mkdir()
    text = BAD_CARDS.get(bad) or changed(model.card, **wrong[bad])
    (folder / "config.json").write_text(text)
    listed = answer("models")
    assert "tiny" in [one["name"] for one in listed["models"]]
    assert "bad" not in [one["name"] for one in listed["models"]]
    assert [one["name"] for one in listed["damaged"]] == ["bad"]


def test_a_bad_collection_is_named_in_the_text_as_well(collection, capsys):
    from lsr.cli.main import main

    (user_home() / "collections" / "bad").mkdir()
    (user_home() / "collections" / "bad" / "collection.json").write_text("{")
    assert main(["collections"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("  tiny") for line in lines)
    assert any(line.startswith("  bad") and "is not readable JSON" in line for line in lines)
