"""Noun phrases, verbs and places: the parts that captions are put together from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from lsr.world import grammar
from lsr.world.concepts import Concept, plural_of
from lsr.world.scenes import Placed, Scene

Option = TypeVar("Option")

NAME_PROBABILITY = 0.65
SIZE_PROBABILITY = 0.75
WEATHER_PROBABILITY = 0.3
HYPERNYM_PROBABILITY = 0.15
PLACE_PROBABILITY = 0.95


def with_article(phrase: str) -> str:
    """A noun phrase after "a" or "an", by sound rather than spelling."""
    vowel = phrase[0] in "aeiou" and not phrase.startswith(grammar.SOUNDS_LIKE_CONSONANT)
    vowel = vowel or phrase.startswith(grammar.SOUNDS_LIKE_VOWEL)
    return f"an {phrase}" if vowel else f"a {phrase}"


def singular_phrase(noun: str, plural: str) -> str:
    """One of something, without article: "dog", but "loaf of bread" for "loaves of bread"."""
    measure, of, stuff = plural.partition(" of ")
    if of and stuff == noun and measure in grammar.MEASURES:
        return f"{grammar.MEASURES[measure]} of {noun}"
    return noun


def listed(phrases: list[str]) -> str:
    """Phrases joined as in speech: "a", "a and b", "a, b and c"."""
    if len(phrases) < 2:
        return "".join(phrases)
    return ", ".join(phrases[:-1]) + " and " + phrases[-1]


class Name(NamedTuple):
    """What one of a thing is called, and what several are."""

    noun: str
    plural: str


class Phrases:
    """Phrases about one scene, every choice drawn from one generator."""

    def __init__(self, scene: Scene, random: np.random.Generator) -> None:
        self.scene = scene
        self.random = random
        self._decks: dict[Sequence[object], list[int]] = {}

    def form(self, placed: Placed) -> str:
        """A verb that agrees with the number of the object."""
        return self.verb(placed)[0 if placed.count == 1 else 1]

    def participle(self, placed: Placed) -> str:
        """What the object is doing: "resting"."""
        return self.verb(placed)[2]

    def verb(self, placed: Placed) -> grammar.Verb:
        return self.pick(self.verbs(placed))

    def enumeration(self, nouns: list[str]) -> str:
        """The noun phrases in one of the ways people list things, most without commas."""
        if len(nouns) == 2 and self.chance(0.35):
            return f"{nouns[0]} {self.pick(('with', 'with', 'together with'))} {nouns[1]}"
        if len(nouns) == 3 and self.chance(0.6):
            return f"{nouns[0]} with {nouns[1]} and {nouns[2]}"
        if len(nouns) == 4 and self.chance(0.7):
            return f"{nouns[0]} and {nouns[1]} with {nouns[2]} and {nouns[3]}"
        return listed(nouns)

    def nouns(self, objects: list[Placed]) -> list[str]:
        general = self.general(objects)
        return [self.noun(placed, general is placed) for placed in objects]

    def general(self, objects: list[Placed]) -> Placed | None:
        """The one object, if any, to be named by a hypernym."""
        able = [placed for placed in objects if placed.concept.hypernyms]
        if len(objects) < 2 or not able or not self.chance(HYPERNYM_PROBABILITY * len(objects)):
            return None
        return self.pick(able)

    def noun(self, placed: Placed, general: bool) -> str:
        name = self.name(placed.concept, general)
        if placed.count > 1:
            number = self.number(placed.count, name)
            return f"{number} {self.reworded(name, placed).plural}"
        if name.noun in grammar.UNIQUE:
            return f"the {name.noun}"
        adjective = ""
        if placed.size_word and self.chance(SIZE_PROBABILITY):
            adjective = self.size_adjective(placed.size_word) + " "
        return with_article(adjective + singular_phrase(*self.reworded(name, placed)))

    def name(self, concept: Concept, general: bool) -> Name:
        """One of the words for a concept."""
        if general:
            noun = self.pick(concept.hypernyms)
        elif concept.synonyms and not self.chance(NAME_PROBABILITY):
            noun = self.pick(concept.synonyms)
        else:
            return Name(concept.name, concept.plural)
        return Name(noun, plural_of(noun))

    def reworded(self, name: Name, placed: Placed) -> Name:  # noqa: ARG002
        """The name as it is written: here as it was chosen."""
        return name

    def number(self, count: int, name: Name) -> str:
        """How many there are, in words that go before a plural."""
        numbers = grammar.PLAIN_NUMBERS if " of " in name.plural else grammar.NUMBERS
        return self.pick(numbers[count])

    def size_adjective(self, size_word: str) -> str:
        return self.pick(grammar.SIZE_ADJECTIVES[size_word])

    def verbs(self, placed: Placed) -> tuple[grammar.Verb, ...]:
        concept = placed.concept
        if concept.name in grammar.OWN_VERBS:
            return grammar.OWN_VERBS[concept.name]
        if placed.zone == "sky":
            if concept.category in grammar.SKY_VERBS and self.scene.setting != "space":
                return grammar.SKY_VERBS[concept.category]
            return grammar.DRIFTING
        if placed.zone == "water":
            return grammar.WATER_VERBS.get(concept.category, grammar.DRIFTING)
        return grammar.GROUND_VERBS.get(concept.category, grammar.LYING)

    def place(self, objects: list[Placed]) -> str:
        """Where the objects are, in words that suit all of them."""
        setting = self.scene.setting
        zones = {placed.zone for placed in objects}
        table: Mapping[str, tuple[str, ...]] = grammar.PLACES
        if zones == {"water"}:
            table = grammar.WATER_PLACES
        elif zones == {"sky"}:
            table = grammar.SKY_PLACES
        elif zones == {"ground"} and self.chance(0.5):
            alive = any(placed.concept.category in grammar.ANIMATE for placed in objects)
            if not (alive and setting in ("kitchen", "workshop")):
                table = grammar.GROUND_PLACES
        return self.pick(table.get(setting, grammar.PLACES[setting]))

    def view(self) -> str:
        """The whole picture as a noun phrase."""
        return self.pick(grammar.VIEWS[self.scene.setting])

    def weather(self, probability: float = WEATHER_PROBABILITY) -> str:
        ways = grammar.WEATHERS.get(self.scene.weather, ())
        return f" {self.pick(ways)}" if ways and self.chance(probability) else ""

    def end(self, text: str, objects: list[Placed]) -> str:
        weather = self.weather()
        if len(objects) < 2 or self.chance(PLACE_PROBABILITY):
            return f"{text} {self.place(objects)}{weather}"
        return f"{text}{weather}"

    # Chance.

    def pick(self, options: Sequence[Option]) -> Option:
        """Dealt from a shuffled deck: the captions of one scene repeat a choice only once all
        others were made, as people do who describe a picture together."""
        deck = self._decks.setdefault(tuple(options), [])
        if not deck:
            deck.extend(int(i) for i in self.random.permutation(len(options)))
        return options[deck.pop()]

    def chance(self, probability: float) -> bool:
        return bool(self.random.random() < probability)

    def shuffled(self, objects: list[Placed]) -> list[Placed]:
        return [objects[int(i)] for i in self.random.permutation(len(objects))]
