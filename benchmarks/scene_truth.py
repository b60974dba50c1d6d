"""What is true of the bundled scenes, by their descriptions alone: words, mentions, numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import permutations
from types import ModuleType
from typing import Any

from lsr.search.audit import stem
from lsr.world import grammar, paraphrases, scenes
from lsr.world.captions import CaptionWriter, captions, relation
from lsr.world.concepts import Concept, plural_of
from lsr.world.queries import Paraphraser
from lsr.world.scene_tables import CAPTIONS_PER_SCENE
from lsr.world.scenes import Placed, Scene

_PLACE_TABLES = ("PLACES", "GROUND_PLACES", "WATER_PLACES", "SKY_PLACES", "VIEWS")


@dataclass
class Mentions:
    """What a text says of its scene.

    things: (concept or hypernym, how many). related: (one, way, other) by names. setting, weather:
    whether the text speaks of them.
    """

    things: list[tuple[str, int]] = field(default_factory=list)
    related: list[tuple[str, str, str]] = field(default_factory=list)
    setting: bool = False
    weather: bool = False

    def things_shown(self, scene: Scene) -> bool:
        """Does a scene show all that is mentioned, and the place, whatever the numbers?"""
        shown = {name for placed in scene.objects for name in _called(placed.concept)}
        return all(name in shown for name, _ in self.things)

    def fits(self, scene: Scene, own: Scene) -> bool:
        """Is the text true of a scene as well, numbers and relations included?"""
        counted = {
            (name, placed.count) for placed in scene.objects for name in _called(placed.concept)
        }
        numbers = all(thing in counted for thing in self.things)
        ways = {
            (name, way, other_name)
            for one, other in permutations(scene.objects, 2)
            for way in relation(one, other)
            for name in _called(one.concept)
            for other_name in _called(other.concept)
        }
        return numbers and set(self.related) <= ways and self.place_fits(scene, own)

    def place_fits(self, scene: Scene, own: Scene) -> bool:
        """Is what the text says of place and weather true of a scene as well?"""
        same_place = not self.setting or scene.setting == own.setting
        return same_place and (not self.weather or scene.weather == own.weather)


def _called(concept: Concept) -> tuple[str, ...]:
    return (concept.name, *concept.hypernyms)


class _Recording:
    """Mixed into a writer: keeps what the caption in hand mentions."""

    told: Mentions

    def caption(self, whole: bool) -> str:
        self.told = Mentions()
        return super().caption(whole)  # type: ignore[misc,no-any-return]

    def noun(self, placed: Placed, general: bool) -> str:
        self._general = general
        return super().noun(placed, general)  # type: ignore[misc,no-any-return]

    def name(self, concept: Concept, general: bool) -> Any:
        self._concept = concept
        said = super().name(concept, general)  # type: ignore[misc]
        self._name = said.noun if general else concept.name
        return said

    def reworded(self, name: Any, placed: Placed) -> Any:
        self.told.things.append((self._name, placed.count))
        return super().reworded(name, placed)  # type: ignore[misc]

    def place(self, objects: list[Placed]) -> str:
        self.told.setting = True
        return super().place(objects)  # type: ignore[misc,no-any-return]

    def view(self) -> str:
        self.told.setting = True
        return super().view()  # type: ignore[misc,no-any-return]

    def weather(self, *probability: float) -> str:
        said: str = super().weather(*probability)  # type: ignore[misc]
        self.told.weather = self.told.weather or bool(said)
        return said

    def _related_pair(self, objects: list[Placed]) -> tuple[Placed, str, Placed] | None:
        pair = super()._related_pair(objects)  # type: ignore[misc]
        if pair is not None:
            self.told.related.append((pair[0].concept.name, pair[1], pair[2].concept.name))
        return pair  # type: ignore[no-any-return]


class _Captions(_Recording, CaptionWriter):
    pass


class _Paraphrases(_Recording, Paraphraser):
    pass


def mentions(scene: Scene, *, paraphrased: bool) -> list[tuple[str, Mentions]]:
    """Each caption of a scene, or the query made of it, with what it mentions."""
    said, plain = captions(scene, CAPTIONS_PER_SCENE), CaptionWriter(scene)
    writer = _Paraphrases(scene) if paraphrased else _Captions(scene)
    found: list[tuple[str, Mentions]] = []
    while len(found) < len(said):
        whole = len(found) % 5 < 3
        caption, text = plain.caption(whole), writer.caption(whole)
        if caption == said[len(found)]:
            found.append((text, writer.told))
    return found


@cache
def words_of_things(concept: Concept) -> frozenset[str]:
    """Stems of all words for a thing: names, synonyms said or held out, hypernyms, its category."""
    names = [concept.name, concept.plural, *concept.synonyms, *concept.held_out, concept.category]
    for general in concept.hypernyms:
        names += [general, *paraphrases.HYPERNYMS.get(general, ())]
    names += [plural_of(name) for name in names]
    names += [form for name in names for form in paraphrases.MEASURED.get(name, ())]
    found = _stems(names)
    return found | _stems(grammar.MEASURES.get(word, "") for word in concept.plural.split())


def true_words(scene: Scene) -> frozenset[str]:
    """Stems of every word that is true of a scene, whether a caption says it or not."""
    plain = CaptionWriter(scene)
    said: list[str] = [scene.setting, *paraphrases.NAMES[scene.setting]]
    for module in (grammar, paraphrases):
        said += _of_place(module, scene)
    for placed in scene.objects:
        living = placed.concept.category in grammar.ANIMATE
        others = paraphrases.VERBS_OF_THE_LIVING if living else paraphrases.VERBS_OF_THINGS
        for verb in plain.verbs(placed):
            said += [*verb, *(form for other in others.get(verb[1], ()) for form in other)]
        for module in (grammar, paraphrases):
            said += module.NUMBERS.get(placed.count, ())  # type: ignore[attr-defined]
            said += module.SIZE_ADJECTIVES.get(placed.size_word, ())  # type: ignore[attr-defined]
    for one, other in permutations(scene.objects, 2):
        said += relation(one, other)
    things = (words_of_things(placed.concept) for placed in scene.objects)
    return _stems(said).union(_JOINING, *things)


def _of_place(module: ModuleType, scene: Scene) -> list[str]:
    tables = [getattr(module, name, {}) for name in _PLACE_TABLES]
    said = [phrase for table in tables for phrase in table.get(scene.setting, ())]
    return said + list(module.WEATHERS.get(scene.weather, ()))


def _stems(phrases: Iterable[str]) -> frozenset[str]:
    return frozenset(
        stem(word) for phrase in phrases for word in re.findall(r"[a-z0-9]+", phrase.lower())
    )


# Words of the grammar that say nothing of what is shown.
_JOINING = _stems(
    ["a an the with and of in on there is are while where together alongside showing at by to"]
)


def same_description(one: Scene, other: Scene) -> bool:
    """Do two scenes show the same things at the same place, whatever the numbers?"""
    return one.setting == other.setting and _things(one) == _things(other)


def overlap(one: Scene, other: Scene) -> float:
    """Jaccard similarity of what two scenes show, the setting counted as one thing."""
    first, second = {one.setting, *_things(one)}, {other.setting, *_things(other)}
    return len(first & second) / len(first | second)


def _things(scene: Scene) -> set[str]:
    return {placed.concept.name for placed in scene.objects}


def test_scenes(seeds: Sequence[int]) -> list[Scene]:
    """The scenes of some seeds."""
    return [scenes.compose(seed) for seed in seeds]
