"""The bundled query sets: what they say, and what answers them."""

from __future__ import annotations

import functools
import re

import pyarrow.parquet as pq
import pytest

from lsr.collection.collection import load_collection
from lsr.storage.places import ASSETS
from lsr.world import grammar, paraphrases
from lsr.world.captions import captions, held_out_words
from lsr.world.phrases import with_article
from lsr.world.queries import MOST_ANSWERS, Paraphraser, paraphrased, write_queries
from lsr.world.scene_tables import SPLITS, image_id
from lsr.world.scenes import SETTING_BY_NAME, compose

FOLDER = ASSETS / "collections" / "demo" / "queries"
# Words that join others and may occur in captions and paraphrases alike.
SMALL_answers = frozenset(
    "a an the of in on at by to and its is are from near off over above under along among".split()
)
PLACES = (
    paraphrases.PLACES,
    paraphrases.WATER_PLACES,
    paraphrases.SKY_PLACES,
    paraphrases.VIEWS,
    paraphrases.WEATHERS,
)
VERBS = (paraphrases.VERBS_OF_THE_LIVING, paraphrases.VERBS_OF_THINGS)


@functools.cache
def scenes():
    return [compose(seed) for seed in SPLITS["test"]]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The files as the code writes them now, by name."""
    return {path.stem: path for path in write_queries(tmp_path_factory.mktemp("queries"))}


@pytest.fixture(scope="module")
def queries(written):
    return pq.ParquetFile(written["paraphrased"]).read()["text"].to_pylist()


@pytest.fixture(scope="module")
def answers(written):
    """The scenes that answer each of the single words."""
    found = {}
    for row in pq.ParquetFile(written["words"]).read().to_pylist():
        found.setdefault(row["text"], []).append(int(row["image_id"].removeprefix("test-")))
    return found


@pytest.mark.parametrize("name", ["paraphrased", "words"])
def test_the_shipped_files_are_those_that_the_code_writes(written, name):
    made, shipped = (pq.ParquetFile(path) for path in (written[name], FOLDER / f"{name}.parquet"))
    assert made.read().equals(shipped.read())
    if made.metadata.created_by == shipped.metadata.created_by:
        assert written[name].read_bytes() == (FOLDER / f"{name}.parquet").read_bytes()


def test_each_test_caption_has_a_query_of_its_own_number(written):
    table = pq.ParquetFile(written["paraphrased"]).read()
    assert table.schema.names == ["id", "text", "image_id"]
    assert table["id"].to_pylist() == [f"paraphrased-{number:05d}" for number in range(1, 5_001)]
    shown = [image_id("test", number) for number in range(1_000) for _ in range(5)]
    assert table["image_id"].to_pylist() == shown


def test_without_replacing_a_query_is_its_caption():
    for scene in scenes()[:200]:
        assert paraphrased(scene, Paraphraser(scene, strength=0)) == captions(scene)


def test_a_query_keeps_the_order_of_its_caption():
    for scene in scenes()[:200]:
        writer = Paraphraser(scene, strength=1)
        assert len(paraphrased(scene, writer)) == 5
        assert writer.replaced == writer.replaceable


def test_about_six_in_ten_replaceable_parts_are_replaced():
    writers = [Paraphraser(scene) for scene in scenes()[:300]]
    for scene, writer in zip(scenes(), writers, strict=False):
        paraphrased(scene, writer)
    share = sum(w.replaced for w in writers) / sum(w.replaceable for w in writers)
    assert share == pytest.approx(0.61, abs=0.03)


def test_no_caption_of_any_split_says_a_word_of_a_paraphrase():
    said = set(re.findall(r"\w+", " ".join(load_collection("demo").caption_texts)))
    phrases = [
        phrase
        for table in (*PLACES, paraphrases.SIZE_ADJECTIVES, paraphrases.HYPERNYMS)
        for options in table.values()
        for phrase in options
    ]
    phrases += [" ".join(verb) for table in VERBS for verbs in table.values() for verb in verbs]
    phrases += [number for options in paraphrases.NUMBERS.values() for number in options]
    used = {word for phrase in phrases for word in phrase.split()}
    assert used & said <= SMALL_answers


def test_a_word_of_a_paraphrase_means_one_thing_only():
    used = {
        word
        for table in (*PLACES, paraphrases.HYPERNYMS)
        for options in table.values()
        for phrase in options
        for word in phrase.split()
    }
    assert not used & held_out_words().keys()


def test_every_setting_has_three_to_five_paraphrases():
    assert paraphrases.PLACES.keys() == paraphrases.VIEWS.keys() == SETTING_BY_NAME.keys()
    assert paraphrases.NAMES.keys() == SETTING_BY_NAME.keys()
    for table in (paraphrases.PLACES, paraphrases.VIEWS):
        assert all(3 <= len(set(options)) <= 5 for options in table.values())


def test_paraphrased_verbs_are_those_of_captions():
    tables = (grammar.GROUND_VERBS, grammar.WATER_VERBS, grammar.SKY_VERBS, grammar.OWN_VERBS)
    known = {verb[1] for table in tables for verbs in table.values() for verb in verbs}
    known |= {verb[1] for verb in (*grammar.DRIFTING, *grammar.LYING)}
    assert all(table.keys() <= known for table in VERBS)


def test_articles_and_plurals_agree(queries):
    for query in queries:
        for article, noun in re.findall(r"\b(an?) (\w+)", query):
            assert with_article(noun) == f"{article} {noun}", query
        assert not re.search(r"\b(2|two|three|3|four|4|several) \w*(?<![aeiou])man\b", query), query


def test_measured_words_belong_to_a_concept():
    assert paraphrases.MEASURED.keys() <= held_out_words().keys()


def test_a_word_is_answered_by_every_scene_that_shows_it(answers):
    hens = [
        n for n, s in enumerate(scenes()) if any(p.concept.name == "chicken" for p in s.objects)
    ]
    coasts = [n for n, s in enumerate(scenes()) if s.setting in ("beach", "sunset")]
    assert answers["hen"] == answers["chicken"] == hens
    assert answers["seaside"] == coasts


def test_words_have_1_to_300_answers(answers):
    assert 300 <= len(answers) <= 700
    assert all(1 <= len(numbers) <= MOST_ANSWERS for numbers in answers.values())
