"""Queries on the test scenes in words that no caption says, and queries of a single word."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lsr.storage.files import replacing_file
from lsr.world import paraphrases, scenes
from lsr.world.captions import CaptionWriter, captions
from lsr.world.concepts import plural_of
from lsr.world.grammar import ANIMATE, Verb
from lsr.world.phrases import WEATHER_PROBABILITY, Name, Option
from lsr.world.scene_tables import CAPTIONS_PER_SCENE, SPLITS, image_id
from lsr.world.scenes import Placed, Scene

STRENGTH = 0.61
"""Chance that a part of a caption is replaced where it can be. At this one BM25 finds the image in
its other captions about as often as it does with captions of real photos, R@1 .56
(`python -m benchmarks.queries`)."""
# Keeps the draws of the replacements apart from those of scene and captions.
PARAPHRASE_STREAM = 11
MOST_ANSWERS = 300
SPLIT = "test"


class Paraphraser(CaptionWriter):
    """Writes the captions of one scene, parts of them in words that no caption says.

    Attributes:
        replaceable: How many parts had another wording so far.
        replaced: How many of these got it.
    """

    def __init__(self, scene: Scene, strength: float = STRENGTH) -> None:
        super().__init__(scene)
        self.strength = strength
        self.replaceable = self.replaced = 0
        self._replacing = np.random.default_rng([PARAPHRASE_STREAM, scene.seed])

    def reworded(self, name: Name, placed: Placed) -> Name:
        concept = placed.concept
        options: Sequence[str] = concept.held_out
        if name.noun != concept.name and name.noun in concept.hypernyms:
            options = paraphrases.HYPERNYMS.get(name.noun, ())
        noun = self._instead(name.noun, options)
        if noun == name.noun:
            return name
        return Name(*paraphrases.MEASURED.get(noun, (noun, plural_of(noun))))

    def number(self, count: int, name: Name) -> str:
        return self._instead(super().number(count, name), paraphrases.NUMBERS[count])

    def size_adjective(self, size_word: str) -> str:
        said = super().size_adjective(size_word)
        return self._instead(said, paraphrases.SIZE_ADJECTIVES[size_word])

    def verb(self, placed: Placed) -> Verb:
        said = super().verb(placed)
        living = placed.concept.category in ANIMATE
        table = paraphrases.VERBS_OF_THE_LIVING if living else paraphrases.VERBS_OF_THINGS
        return self._instead(said, table.get(said[1], ()))

    def place(self, objects: list[Placed]) -> str:
        said = super().place(objects)
        zones = {placed.zone for placed in objects}
        table = paraphrases.PLACES
        if zones == {"water"}:
            table = paraphrases.WATER_PLACES
        elif zones == {"sky"}:
            table = paraphrases.SKY_PLACES
        setting = self.scene.setting
        return self._instead(said, table.get(setting, paraphrases.PLACES[setting]))

    def view(self) -> str:
        return self._instead(super().view(), paraphrases.VIEWS[self.scene.setting])

    def weather(self, probability: float = WEATHER_PROBABILITY) -> str:
        said = super().weather(probability)
        if not said:
            return ""
        return " " + self._instead(said.strip(), paraphrases.WEATHERS[self.scene.weather])

    def _instead(self, said: Option, options: Sequence[Option]) -> Option:
        if not options:
            return said
        self.replaceable += 1
        if self._replacing.random() >= self.strength:
            return said
        self.replaced += 1
        return options[int(self._replacing.integers(len(options)))]


def paraphrased(scene: Scene, writer: Paraphraser | None = None) -> list[str]:
    """A query for each caption of a scene: the caption with parts of it in other words.

    Args:
        writer: A fresh one; by default one of the usual strength.
    """
    said, plain = captions(scene, CAPTIONS_PER_SCENE), CaptionWriter(scene)
    writer = writer or Paraphraser(scene)
    queries: list[str] = []
    # Both make the same choices, so what one of them leaves out, the other leaves out too.
    while len(queries) < len(said):
        whole = len(queries) % 5 < 3
        caption, query = plain.caption(whole), writer.caption(whole)
        if caption == said[len(queries)]:
            queries.append(query)
    return queries


def words() -> dict[str, list[int]]:
    """Single words and names of places with the numbers of the test scenes that show them.

    The words are names, hypernyms and held-out words of things, and what settings are called, by
    captions and otherwise. Those with 1 to MOST_ANSWERS scenes are kept, in alphabetical order.
    """
    shown: dict[str, list[int]] = defaultdict(list)
    for number, seed in enumerate(SPLITS[SPLIT]):
        scene = scenes.compose(seed)
        meant = {word for placed in scene.objects for word in _words_of(placed)}
        for word in meant.union(paraphrases.NAMES[scene.setting]):
            shown[word].append(number)
    return {word: shown[word] for word in sorted(shown) if len(shown[word]) <= MOST_ANSWERS}


def _words_of(placed: Placed) -> Iterator[str]:
    concept = placed.concept
    yield from (concept.name, *concept.held_out)
    for word in concept.hypernyms:
        yield from (word, *paraphrases.HYPERNYMS.get(word, ()))


def write_queries(folder: Path) -> Iterator[Path]:
    """Write each query set into `folder` as `NAME.parquet`, one file a step."""
    for name, table in query_tables().items():
        with replacing_file(folder / f"{name}.parquet") as temporary:
            pq.write_table(table, temporary, compression="zstd")
        yield folder / f"{name}.parquet"


def query_tables() -> dict[str, pa.Table]:
    """The query sets by name: columns id, text and image_id, a row for each answering image."""
    seeds = SPLITS[SPLIT]
    sentences = [
        (query, [number])
        for number, seed in enumerate(seeds)
        for query in paraphrased(scenes.compose(seed))
    ]
    return {
        "paraphrased": _table("paraphrased", sentences),
        "words": _table("words", list(words().items())),
    }


def _table(name: str, queries: Sequence[tuple[str, Sequence[int]]]) -> pa.Table:
    rows = [
        (f"{name}-{number:05d}", text, image_id(SPLIT, answer))
        for number, (text, answers) in enumerate(queries, 1)
        for answer in answers
    ]
    columns = zip(("id", "text", "image_id"), zip(*rows, strict=True), strict=True)
    return pa.table({column: pa.array(values, pa.string()) for column, values in columns})
