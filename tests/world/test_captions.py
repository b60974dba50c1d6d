"""Captions of the bundled world."""

import functools
import re

import pytest

from lsr.world import grammar
from lsr.world.captions import MOST_WORDS, captions, held_out_words, relation
from lsr.world.concepts import CONCEPTS, plural_of
from lsr.world.phrases import singular_phrase, with_article
from lsr.world.scenes import compose


@functools.cache
def scenes():
    return [compose(seed) for seed in range(3_000)]


@functools.cache
def written_captions():
    return [captions(scene) for scene in scenes()]


def words(caption):
    return re.findall(r"[a-z']+", caption)


def plain_names(concept):
    """Everything a caption may call a concept, one of it and several, hypernyms apart."""
    nouns = {concept.name, concept.plural, *concept.synonyms}
    return nouns | {plural_of(noun) for noun in concept.synonyms}


def test_no_held_out_word_occurs_in_any_caption_in_any_inflection():
    held_out = held_out_words()
    assert len(set(held_out.values())) >= 150
    forbidden = set(held_out) | {plural_of(word) for word in held_out}
    forbidden |= {word + ending for word in held_out for ending in ("s", "es", "'s", "ing", "ed")}
    used = {
        word for written in written_captions() for caption in written for word in words(caption)
    }
    assert used & forbidden == set()


def test_a_held_out_word_belongs_to_a_concept():
    assert set(held_out_words().values()) <= {concept.name for concept in CONCEPTS}


def test_captions_are_the_same_at_every_call():
    assert [captions(scene) for scene in scenes()[:100]] == written_captions()[:100]


def test_a_scene_has_five_different_captions():
    for written in written_captions():
        assert len(set(written)) == 5


def test_asking_for_more_captions_begins_with_the_same_ones():
    for scene, written in zip(scenes()[:50], written_captions()[:50], strict=True):
        assert captions(scene, 8)[:5] == written


def test_asking_for_more_captions_than_there_are_says_how_many_there_are():
    with pytest.raises(ValueError, match=r"Scene 0 has \d+ captions, not 5000"):
        captions(scenes()[0], 5_000)


def test_captions_have_a_length_like_human_ones_and_no_full_stop():
    lengths = [len(caption.split()) for written in written_captions() for caption in written]
    assert max(lengths) <= MOST_WORDS
    assert sum(5 <= length <= 18 for length in lengths) > 0.9 * len(lengths)
    assert not any(caption.endswith(".") for written in written_captions() for caption in written)


def test_articles_agree_with_the_next_word():
    for written in written_captions():
        for caption in written:
            assert not re.search(r"\ban [bcdfgjklmnpqrstvwxyz]", caption), caption
            assert not re.search(r"\ba [aeio]", caption), caption


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("umbrella", "an umbrella"),
        ("hour", "an hour"),
        ("ufo", "a ufo"),
        ("elk", "an elk"),
        ("ear of corn", "an ear of corn"),
        ("big owl", "a big owl"),
    ],
)
def test_articles_follow_the_sound(phrase, expected):
    assert with_article(phrase) == expected


def test_one_of_what_comes_in_measures_keeps_its_measure():
    assert singular_phrase("bread", "loaves of bread") == "loaf of bread"
    assert singular_phrase("scissors", "pairs of scissors") == "pair of scissors"
    assert singular_phrase("dog", "dogs") == "dog"


def counts_of(plural, scene):
    """How many there are of what this plural may mean: a boat may be called so, or a ferry."""
    words = [
        {p.concept.plural, *map(plural_of, (*p.concept.synonyms, *p.concept.hypernyms))}
        for p in scene.objects
    ]
    return {p.count for p, meant in zip(scene.objects, words, strict=True) if plural in meant}


def test_numbers_in_captions_are_those_of_the_scene():
    for scene, written in zip(scenes()[:600], written_captions()[:600], strict=True):
        for placed in scene.objects:
            for plural in (placed.concept.plural, *map(plural_of, placed.concept.synonyms)):
                for caption in written:
                    stated = re.search(rf"\b(two|three|four) {re.escape(plural)}\b", caption)
                    if stated:
                        number = ("two", "three", "four").index(stated[1]) + 2
                        assert number in counts_of(plural, scene), caption


def test_verbs_agree_with_their_number():
    verbs = {
        verb
        for table in (grammar.GROUND_VERBS, grammar.WATER_VERBS, grammar.SKY_VERBS)
        for verbs in (*table.values(), *grammar.OWN_VERBS.values())
        for verb in verbs
    }
    singular = {verb[0].split()[0] for verb in verbs}
    plural = {verb[1].split()[0] for verb in verbs}
    names = {concept.name for concept in CONCEPTS if " " not in concept.name}
    names |= {plural_of(name) for name in names}
    for written in written_captions():
        for caption in written:
            found = re.match(r"(a|an|two|three|four) (\w+) (\w+)\b", caption)
            if found and found[2] in names:
                wrong = plural - singular if found[1] in ("a", "an") else singular - plural
                assert found[3] not in wrong, caption


def test_most_captions_name_every_object_and_all_name_at_least_one():
    whole = 0
    for scene, written in zip(scenes()[:600], written_captions()[:600], strict=True):
        for caption in written:
            named = [
                any(re.search(rf"\b{re.escape(noun)}\b", caption) for noun in plain_names(concept))
                for concept in (placed.concept for placed in scene.objects)
            ]
            assert any(named), caption
            whole += all(named)
    assert whole > 0.5 * 5 * 600


def test_left_and_right_in_captions_are_those_of_the_picture():
    checked = 0
    for scene, written in zip(scenes(), written_captions(), strict=True):
        place = {placed.concept.name: placed for placed in scene.objects}
        for caption in written:
            found = re.search(r"^an? (\w+) to the (left|right) of an? (\w+)", caption)
            if found and found[1] in place and found[3] in place:
                checked += 1
                left = place[found[1]].x < place[found[3]].x
                assert left == (found[2] == "left"), caption
    assert checked > 50


def test_relations_are_mirrored_when_seen_from_the_other_side():
    opposite = {"left of": "right of", "behind": "in front of", "above": "below"}
    for scene in scenes()[:500]:
        for one in scene.objects:
            for other in scene.objects:
                for way, back in opposite.items():
                    if one is not other and way in relation(one, other):
                        assert back in relation(other, one)


def test_the_setting_tables_cover_every_setting():
    settings = {scene.setting for scene in scenes()}
    assert settings <= set(grammar.PLACES)
    assert settings <= set(grammar.VIEWS)
