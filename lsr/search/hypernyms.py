"""Broader words for what English captions name: a dog is an animal.

A term such as *animal* on a picture whose captions say *dog* is no deviation. The list covers what
captions of photos commonly show; a word that is not in it has no broader word here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import scipy.sparse as sp

_TABLE = """
person: man woman boy girl child kid baby toddler infant lady guy gentleman adult teenager player
person: skier surfer rider biker cyclist runner swimmer climber hiker skater snowboarder worker
person: athlete dancer singer musician fisherman bride groom couple crowd worker cowboy performer
people: man woman boy girl child kid lady guy person couple crowd family group team audience player
child: boy girl kid baby toddler infant
kid: boy girl child toddler
human: man woman boy girl child kid person people
male: man boy guy gentleman groom
female: woman girl lady bride
adult: man woman lady gentleman
athlete: player runner skier swimmer cyclist gymnast wrestler boxer
animal: dog cat horse cow sheep goat pig bird bear elephant lion tiger giraffe zebra monkey rabbit
animal: fox wolf deer camel duck chicken fish snake turtle frog snail butterfly squirrel mouse puppy
animal: kitten donkey llama kangaroo panda penguin owl eagle parrot swan goose whale dolphin shark
pet: dog cat puppy kitten rabbit
dog: puppy greyhound poodle terrier retriever labrador shepherd bulldog dalmatian collie husky pug
cat: kitten
bird: duck goose swan owl eagle parrot penguin chicken pigeon seagull gull crow flamingo robin hen
fish: shark salmon goldfish trout
insect: butterfly bee ant fly ladybird beetle spider
livestock: cow sheep goat pig horse
vehicle: car truck bus van bicycle bike motorcycle motorbike scooter train tram taxi jeep tractor
vehicle: boat ship airplane plane helicopter ambulance lorry wagon cart
car: taxi jeep sedan convertible
bike: bicycle motorcycle motorbike
boat: canoe kayak sailboat rowboat raft ship ferry yacht
aircraft: airplane plane helicopter jet glider
plane: airplane jet
building: house church barn castle hut tower shop store school hospital hotel cottage skyscraper
building: cathedral temple mosque garage shed lighthouse stadium station restaurant
home: house cottage hut
plant: tree flower bush grass cactus fern palm fir pine oak rose tulip sunflower leaf hedge
tree: palm fir pine oak birch
flower: rose tulip sunflower daisy lily
food: bread cake pizza apple banana orange sandwich burger hamburger salad soup rice pasta cheese
food: fruit vegetable meat egg cookie donut doughnut chocolate noodle sausage
fruit: apple banana orange pear grape strawberry cherry lemon melon watermelon pineapple
vegetable: carrot tomato potato pumpkin onion pepper broccoli cucumber corn
drink: coffee tea beer wine juice milk water soda
furniture: chair table sofa couch bed bench desk shelf stool armchair
seat: chair bench stool sofa couch
clothing: shirt dress jacket coat hat trousers pants jeans skirt sweater suit shoe sock glove scarf
clothes: shirt dress jacket coat hat trousers pants jeans skirt sweater suit swimsuit
hat: cap helmet beanie
sport: football soccer baseball basketball tennis golf hockey rugby volleyball cricket surfing
sport: skiing snowboarding skateboarding
game: football soccer baseball basketball tennis golf hockey rugby volleyball cricket chess
instrument: guitar piano violin drum trumpet flute saxophone cello
toy: doll kite ball teddy balloon frisbee
ball: football basketball baseball
water: sea ocean lake river pond pool puddle stream waterfall surf wave
mountain: cliff hill peak
landscape: mountain hill field desert forest beach valley
road: street highway path
tool: hammer saw shovel rake ladder
device: phone camera laptop computer television radio
"""


@cache
def hypernyms() -> dict[str, frozenset[str]]:
    """For every word of the list, its broader words."""
    found: dict[str, set[str]] = {}
    for line in _TABLE.strip().splitlines():
        broader, _, words = line.partition(": ")
        for word in words.split():
            found.setdefault(word, set()).add(broader)
    return {word: frozenset(broader) for word, broader in found.items()}


def broader_forms(forms: Sequence[str]) -> sp.csr_matrix:
    """(n, n) bool csr: an entry where the word of the column is broader than that of the row.

    Args:
        forms: words without their endings, each once, as `lsr.search.audit.stem` gives them.
    """
    from lsr.search.audit import stem

    place = {form: row for row, form in enumerate(forms)}
    pairs = {
        (place[stem(word)], place[stem(one)])
        for word, broader in hypernyms().items()
        for one in broader
        if stem(word) in place and stem(one) in place
    }
    rows, columns = np.array(sorted(pairs), np.int64).reshape(-1, 2).T
    ones = np.ones(len(rows), bool)
    return sp.csr_matrix((ones, (rows, columns)), shape=(len(forms), len(forms)))
