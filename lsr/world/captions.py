"""Writes captions of scenes the way people write them: some say everything, some only a part."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import numpy as np

from lsr.world import grammar
from lsr.world.concepts import CONCEPTS
from lsr.world.phrases import Phrases, listed
from lsr.world.scenes import Placed, Scene, above, behind, left_of, next_to

# Keeps the draws of the captions apart from those of the scene with the same seed.
CAPTION_STREAM = 7
MOST_ATTEMPTS = 400
MOST_WORDS = 20


def held_out_words() -> dict[str, str]:
    """The words that no caption uses, each with the name of the concept it means."""
    return {word: concept.name for concept in CONCEPTS for word in concept.held_out}


def captions(scene: Scene, n: int = 5) -> list[str]:
    """`n` different captions of a scene, the same ones at every call.

    Out of five, three mention every object; the others leave something out.

    Raises:
        ValueError: If the grammar has not that many captions for the scene.
    """
    writer = CaptionWriter(scene)
    written: list[str] = []
    for _ in range(MOST_ATTEMPTS):
        if len(written) == n:
            return written
        caption = writer.caption(whole=len(written) % 5 < 3)
        if caption not in written and len(caption.split()) <= MOST_WORDS:
            written.append(caption)
    if len(written) < n:
        raise ValueError(f"Scene {scene.seed} has {len(written)} captions, not {n}. Ask for fewer.")
    return written


def relation(one: Placed, other: Placed) -> tuple[str, ...]:
    """Ways to say where the first is as seen from the second; empty if nothing is clear."""
    if behind(one, other):
        return ("behind", "behind")
    if behind(other, one):
        return ("in front of", "in front of")
    if above(one, other):
        return ("above", "over")
    if above(other, one):
        return ("below", "under")
    near = ("next to", "beside", "near") if next_to(one, other) else ()
    if left_of(one, other):
        return ("to the left of", "left of", *near)
    if left_of(other, one):
        return ("to the right of", "right of", *near)
    return near


class CaptionWriter(Phrases):
    """Writes captions of one scene, drawing every choice from one generator."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene, np.random.default_rng([CAPTION_STREAM, scene.seed]))

    def caption(self, whole: bool) -> str:
        objects = self.shuffled(list(self.scene.objects))
        if whole or len(objects) == 1:
            pattern = self.pick(self._whole_patterns(objects))
            return pattern(objects)
        if len(objects) > 2 and self.chance(0.8):
            return self.pick((self._together, self._related, self._acting))(objects[:2])
        if len(objects) == 2 and self.chance(0.6):
            return self.pick((self._bare_pair, self._related_bare))(objects)
        return self._alone(objects[0])

    def _whole_patterns(self, objects: list[Placed]) -> list[Callable[[list[Placed]], str]]:
        if len(objects) == 1:
            return [lambda chosen: self._alone(chosen[0]), self._view, self._where]
        return [
            self._together,
            self._view,
            self._where,
            self._existing,
            self._related,
            self._related,
            self._acting,
            self._acting,
            self._meanwhile,
            self._sides,
        ]

    # Patterns. Each takes the objects to mention, in order.

    def _together(self, objects: list[Placed]) -> str:
        return self.end(self.enumeration(self.nouns(objects)), objects)

    def _bare_pair(self, objects: list[Placed]) -> str:
        joint = self.pick((" and ", " with ", " together with "))
        return joint.join(self.noun(placed, general=False) for placed in objects)

    def _view(self, objects: list[Placed]) -> str:
        view = self.view()
        joint = self.pick(("with", "with", "showing"))
        return f"{view} {joint} {listed(self.nouns(objects))}"

    def _where(self, objects: list[Placed]) -> str:
        actor, rest = objects[0], objects[1:]
        view = self.view()
        text = f"{view} where {self.noun(actor, False)} {self.form(actor)}"
        joint = self.pick(("with", "alongside", "together with"))
        return f"{text} {joint} {listed(self.nouns(rest))}" if rest else text

    def _existing(self, objects: list[Placed]) -> str:
        nouns = self.enumeration(self.nouns(objects))
        verb = "is" if nouns.startswith(("a ", "an ", "the ")) else "are"
        if self.chance(0.5):
            return f"{self.place(objects)} there {verb} {nouns}"
        return f"there {verb} {nouns} {self.place(objects)}"

    def _related(self, objects: list[Placed]) -> str:
        pair = self._related_pair(objects)
        if pair is None:
            return self._together(objects)
        one, way, other = pair
        rest = [placed for placed in objects if placed not in (one, other)]
        general = self.general(objects)
        first = self.noun(one, general is one)
        if self.chance(0.35):
            first += " " + self.form(one)
        text = f"{first} {way} {self.noun(other, general is other)}"
        if rest:
            text += f" with {listed([self.noun(r, False) for r in rest])}"
        return self.end(text, objects)

    def _related_bare(self, objects: list[Placed]) -> str:
        pair = self._related_pair(objects)
        if pair is None:
            return self._bare_pair(objects)
        one, way, other = pair
        return f"{self.noun(one, False)} {way} {self.noun(other, False)}"

    def _acting(self, objects: list[Placed]) -> str:
        actor, rest = objects[0], objects[1:]
        general = self.general(objects)
        form = self.participle(actor) if self.chance(0.45) else self.form(actor)
        text = f"{self.noun(actor, general is actor)} {form} {self.place([actor])}"
        if not rest:
            return text
        joint = self.pick(("with", "with", "near", "alongside", "together with"))
        if joint == "near" and not all(next_to(actor, placed) for placed in rest):
            joint = "with"
        return f"{text} {joint} {listed([self.noun(r, general is r) for r in rest])}"

    def _sides(self, objects: list[Placed]) -> str:
        left, right = min(objects, key=lambda p: p.x), max(objects, key=lambda p: p.x)
        if not left_of(left, right) or left.x > 0.45 or right.x < 0.55:
            return self._together(objects)
        middle = [placed for placed in objects if placed not in (left, right)]
        text = f"{self.noun(left, False)} on the left and {self.noun(right, False)} on the right"
        if middle:
            text += f" with {listed([self.noun(m, False) for m in middle])}"
        return self.end(text, objects)

    def _alone(self, placed: Placed) -> str:
        form = self.participle(placed) if self.chance(0.6) else self.form(placed)
        noun = self.noun(placed, False)
        text = f"{noun} {form}" if self.chance(0.6) else noun
        return f"{text} {self.place([placed])}{self.weather(0.6)}"

    def _meanwhile(self, objects: list[Placed]) -> str:
        living = [placed for placed in objects if placed.concept.category in grammar.ANIMATE]
        if len(living) < 2:
            return self._acting(objects)
        one, other = living[0], living[1]
        rest = [placed for placed in objects if placed not in (one, other)]
        clauses = [f"{self.noun(p, False)} {self.form(p)}" for p in (one, other)]
        text = f"{clauses[0]} while {clauses[1]} {self.place([other])}"
        return f"{text} with {listed([self.noun(r, False) for r in rest])}" if rest else text

    def _related_pair(self, objects: list[Placed]) -> tuple[Placed, str, Placed] | None:
        pairs = [(a, ways, b) for a, b in permutations(objects, 2) if (ways := relation(a, b))]
        if not pairs:
            return None
        one, ways, other = self.pick(pairs)
        return one, self.pick(ways), other
