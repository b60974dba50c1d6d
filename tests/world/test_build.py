"""What is bundled is what the world draws and says."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

from lsr.collection.collection import load_collection
from lsr.exceptions import InputError
from lsr.storage.places import ASSETS
from lsr.world import scenes
from lsr.world.captions import captions, held_out_words
from lsr.world.drawing import draw, font_path
from lsr.world.scene_tables import SPLITS, image_id


@pytest.fixture(scope="module")
def demo():
    return load_collection(ASSETS / "collections" / "demo")


def test_captions_are_those_of_the_grammar(demo):
    for split, seeds in SPLITS.items():
        for number in (0, 7, len(seeds) - 1):
            row = demo.image_row(image_id(split, number))
            assert demo.captions_of(row) == captions(scenes.compose(seeds[number]))


def test_pictures_are_the_drawn_scenes(demo):
    try:
        font_path()
    except InputError as absent:
        pytest.skip(str(absent))
    for number in (3, 500):
        stored = Image.open(demo.picture(demo.image_row(image_id("test", number)))).convert("RGB")
        drawn = draw(scenes.compose(SPLITS["test"][number]))
        difference = np.abs(np.asarray(stored, float) - np.asarray(drawn, float))
        assert stored.size == drawn.size == (320, 320)
        assert difference.mean() < 4


def test_only_shown_splits_have_pictures_and_they_are_searched(demo):
    assert [len(demo.image_rows(split)) for split in SPLITS] == [12_000, 500, 1_000]
    searched = set(demo.image_splits[demo.searchable_rows].tolist())
    assert searched == {"val", "test"}
    assert all(demo.picture(row).is_file() for row in demo.searchable_rows)


def test_no_caption_says_a_held_out_word(demo):
    said = set(re.findall(r"[a-z]+", " ".join(demo.caption_texts)))
    probes = json.loads((demo.folder / "probes.json").read_text())
    assert len(probes) >= 150
    assert probes.keys() <= held_out_words().keys()
    assert not said & probes.keys()
    for answers in probes.values():
        assert answers
        assert all(demo.image_row(answer) in demo.searchable_rows for answer in answers[:3])


def test_the_assets_stay_small():
    files = [path for path in ASSETS.rglob("*") if path.is_file()]
    # A lexical model's switched-off terms are zeros, which take a thirtieth in Git and in a wheel.
    assert sum(path.stat().st_size for path in files) < 95e6
    assert max(path.stat().st_size for path in files) < 40e6
