"""Scenes and pictures of the bundled world."""

import functools

import pytest
from PIL import Image, ImageChops, ImageStat

from lsr.exceptions import InputError
from lsr.world.concepts import CONCEPTS, plural_of
from lsr.world.drawing import HALF_RAINBOW, draw, font_path, glyph_picture
from lsr.world.layout import SMALLEST
from lsr.world.scenes import (
    PRETRAINING_START,
    SETTING_BY_NAME,
    SETTINGS,
    TEST,
    TRAIN,
    VALIDATION,
    above,
    behind,
    compose,
    left_of,
    zone_of,
)


@functools.cache
def scenes():
    return [compose(seed) for seed in range(1_000)]


def has_font() -> bool:
    try:
        font_path()
    except InputError:
        return False
    return True


needs_font = pytest.mark.skipif(
    not has_font(), reason="needs Noto Color Emoji: apt install fonts-noto-color-emoji"
)


def test_there_are_at_least_200_concepts_in_at_least_10_settings():
    assert len(CONCEPTS) >= 200
    assert len(SETTINGS) >= 10


def test_no_two_concepts_share_a_name_a_glyph_or_a_held_out_word():
    for words in (
        [concept.name for concept in CONCEPTS],
        [concept.glyph for concept in CONCEPTS],
        [word for concept in CONCEPTS for word in concept.held_out],
    ):
        assert len(set(words)) == len(words)


def test_every_setting_of_a_concept_exists():
    assert {setting for concept in CONCEPTS for setting in concept.settings} <= set(SETTING_BY_NAME)


def test_every_concept_and_setting_is_reachable():
    seen = {placed.concept.name for scene in scenes() for placed in scene.objects}
    assert seen == {concept.name for concept in CONCEPTS}
    assert {scene.setting for scene in scenes()} == set(SETTING_BY_NAME)


@pytest.mark.parametrize(
    ("noun", "plural"),
    [
        ("mouse", "mice"),
        ("kitchen knife", "kitchen knives"),
        ("policeman", "policemen"),
        ("puppy", "puppies"),
        ("monkey", "monkeys"),
        ("bird of prey", "birds of prey"),
        ("slice of watermelon", "slices of watermelon"),
        ("church", "churches"),
        ("fox", "foxes"),
    ],
)
def test_plurals_follow_english(noun, plural):
    assert plural_of(noun) == plural


def test_plurals_that_no_rule_gives_stand_in_the_table():
    plurals = {concept.name: concept.plural for concept in CONCEPTS}
    expected = {"mouse": "mice", "sheep": "sheep", "wolf": "wolves", "goose": "geese"}
    assert {name: plurals[name] for name in expected} == expected


def test_equal_seeds_give_equal_scenes():
    assert [compose(seed) for seed in range(50)] == scenes()[:50]


def test_the_splits_are_disjoint_and_have_their_sizes():
    splits = (TRAIN, VALIDATION, TEST)
    assert [len(split) for split in splits] == [12_000, 500, 1_000]
    assert len(set().union(*splits)) == 13_500
    assert max(max(split) for split in splits) < PRETRAINING_START


def test_a_scene_has_one_to_four_different_concepts_with_counts_one_to_four():
    for scene in scenes():
        names = [placed.concept.name for placed in scene.objects]
        assert 1 <= len(names) <= 4
        assert len(set(names)) == len(names)
        for placed in scene.objects:
            assert 1 <= placed.count <= 4
            assert len(placed.spots) == placed.count


def test_concepts_stay_in_their_settings_and_zones():
    for scene in scenes():
        for placed in scene.objects:
            assert scene.setting in placed.concept.settings
            assert placed.zone == zone_of(placed.concept, SETTING_BY_NAME[scene.setting])


def test_everything_lies_within_the_picture_and_is_large_enough_to_recognise():
    for scene in scenes():
        for placed in scene.objects:
            assert placed.size >= SMALLEST
            for x, y in placed.spots:
                assert x - placed.size / 2 >= -0.02
                assert x + placed.size / 2 <= 1.02
                assert 0 <= y <= 1


def test_every_glyph_shows_at_least_half_of_its_width_or_height_beside_nearer_groups():
    hidden = 0
    for scene in scenes():
        standing = [placed for placed in scene.objects if placed.zone == "ground"]
        for far in standing:
            for near in standing:
                covers = near.y > far.y and abs(near.x - far.x) < 0.25 * far.size
                hidden += covers and near.y - near.size < far.y - 0.75 * far.size
    assert hidden <= len(scenes()) // 100


def test_relations_agree_with_coordinates():
    for scene in scenes():
        for one in scene.objects:
            for other in scene.objects:
                if left_of(one, other):
                    assert one.x < other.x
                    assert not left_of(other, one)
                if behind(one, other):
                    assert one.y < other.y
                    assert not behind(other, one)
                if above(one, other):
                    assert one.y < other.y


def test_a_missing_font_is_named_with_its_remedy(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.ttf.*apt install fonts-noto-color-emoji"):
        font_path(tmp_path / "nowhere.ttf")


@needs_font
def test_every_glyph_renders_as_one_picture_that_is_not_empty():
    for concept in CONCEPTS:
        picture = glyph_picture(concept.glyph)
        # A sequence the font does not know falls apart into several glyphs side by side.
        assert picture.width <= 140 or concept.glyph == HALF_RAINBOW, concept.name
        assert ImageStat.Stat(picture.getchannel("A")).mean[0] > 10, concept.name


@needs_font
@pytest.mark.parametrize("setting", sorted(SETTING_BY_NAME))
def test_every_setting_draws_a_picture_with_its_objects_in_it(setting):
    scene = next(scene for scene in scenes() if scene.setting == setting)
    picture = draw(scene, 128)
    assert (picture.mode, picture.size) == ("RGB", (128, 128))
    assert max(ImageStat.Stat(picture).stddev) > 10
    empty = draw(type(scene)(scene.seed, scene.setting, scene.weather, ()), 128)
    assert ImageChops.difference(picture, empty).getbbox() is not None


@needs_font
def test_a_scene_is_drawn_the_same_every_time_and_others_differ():
    first, again, other = (draw(compose(seed), 128) for seed in (3, 3, 4))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


@needs_font
def test_small_and_large_pictures_show_the_same():
    scene = scenes()[5]
    large = draw(scene, 256).resize((64, 64), Image.Resampling.BOX)
    small = draw(scene, 128).resize((64, 64), Image.Resampling.BOX)
    assert max(ImageStat.Stat(ImageChops.difference(large, small)).mean) < 8
