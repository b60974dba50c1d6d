"""The words captions are made of, apart from the names of the concepts."""

from __future__ import annotations

NUMBERS = {
    2: ("two", "two", "two", "two", "two", "a pair of", "a couple of"),
    3: ("three", "three", "three", "three", "a group of three", "a trio of"),
    4: ("four", "four", "four", "several", "a group of four"),
}
# A concept that already comes in pairs or measures takes a plain number.
PLAIN_NUMBERS = {2: ("two",), 3: ("three",), 4: ("four",)}
SIZE_ADJECTIVES = {
    "small": ("small", "little", "tiny"),
    "large": ("large", "big", "huge"),
}
# "loaves of bread" are several; one is "a loaf of bread".
MEASURES = {
    "loaves": "loaf",
    "bulbs": "bulb",
    "slices": "slice",
    "bowls": "bowl",
    "boxes": "box",
    "glasses": "glass",
    "cups": "cup",
    "mugs": "mug",
    "jars": "jar",
    "bars": "bar",
    "pieces": "piece",
    "pairs": "pair",
    "ears": "ear",
    "cubes": "cube",
}
SOUNDS_LIKE_CONSONANT = ("uni", "ufo", "use", "one", "eu", "ewe")
SOUNDS_LIKE_VOWEL = ("hour", "honest", "heir")

ANIMATE = frozenset(
    {"pet", "mammal", "farm animal", "bird", "sea animal", "insect", "reptile", "person", "figure"}
)

# A few words belong to each setting, and every phrase about it says some of them: a reader of
# several captions of one picture meets the same words again. Prepositions are those of all
# settings, so that none of them tells where a picture was taken.
# Whatever is there, at or in a setting.
PLACES = {
    "beach": ("on a sandy beach", "on the sand of a beach", "on a beach with the sea"),
    "meadow": ("in a green meadow", "in a field of green grass", "on the grass of a meadow"),
    "forest": ("in a green forest", "in a forest of green trees", "in the woods with green trees"),
    "mountains": ("in the high mountains", "in a mountain valley", "in high snowy mountains"),
    "snow": ("in the white snow", "in a snowy field", "in the winter snow"),
    "desert": ("in a sandy desert", "on the sand dunes of a desert", "in the desert dunes"),
    "lake": ("on the shore of a blue lake", "on a quiet lake", "on a lake with blue water"),
    "farm": ("on a farm", "on a farm with a barn", "in the yard of a farm barn"),
    "city": ("in a city street", "in a city of tall buildings", "in a street of tall buildings"),
    "night": ("in the dark night", "in a night of bright stars", "on a dark night full of stars"),
    "sunset": ("in an orange sunset", "in the evening with the sea", "in the evening sunset"),
    "underwater": ("in the deep blue sea", "underwater in the sea", "deep in the blue water"),
    "space": ("in outer space", "in space full of stars", "in a galaxy full of stars"),
    "room": ("in a living room", "in the living room of a home", "in a warm room of a home"),
    "kitchen": ("in a kitchen", "in the kitchen of a home", "in a kitchen with a wooden table"),
    "workshop": ("in a workshop", "in the garage", "in a garage workshop"),
    "stage": ("on the stage of a theater", "on a theater stage", "on stage in the spotlight"),
    "picnic": (
        "on the grass in the park",
        "with a picnic in the park",
        "with a picnic on the grass",
    ),
    "stadium": ("in a sports stadium", "on the sports field", "on the field of a stadium"),
}
# Of things that lie or stand on the ground of a setting.
GROUND_PLACES = {
    "beach": ("on the sandy beach", "on the sand of a beach", "on a sandy beach with the sea"),
    "meadow": ("on the green grass", "on the grass of a meadow", "in a green meadow"),
    "forest": ("on the forest floor", "in a forest of green trees", "in the green woods"),
    "mountains": ("in the high mountains", "in a mountain valley"),
    "snow": ("on the white snow", "in the winter snow", "on a snowy field"),
    "desert": ("on the desert sand", "on the sand dunes of a desert", "in a sandy desert"),
    "lake": ("on the lake shore", "on the shore of a blue lake"),
    "farm": ("on a farm", "in a farm yard with a barn"),
    "city": ("on a city street", "on a street of tall buildings"),
    "sunset": ("on the beach in the sunset", "on a beach in the evening"),
    "underwater": ("on the sea floor", "underwater on the sea floor", "deep in the blue sea"),
    "room": ("on the living room floor", "on the carpet of a living room"),
    "kitchen": ("on a wooden kitchen table", "on the wooden table in a kitchen"),
    "workshop": ("on a workshop bench", "on a bench in the garage"),
    "picnic": ("on a picnic blanket in the park", "on a picnic blanket on the grass"),
    "stadium": ("on the sports field", "on the green field of a stadium"),
}
WATER_PLACES = {
    "beach": ("in the sea", "on the blue sea of a beach", "in the sea of a sandy beach"),
    "lake": ("on the blue lake", "on the water of a quiet lake"),
    "sunset": ("on the sea in the sunset", "on the evening sea"),
}
SKY_PLACES = {
    "beach": ("over a sandy beach", "over the sea and the beach", "above the sand of a beach"),
    "meadow": ("over a green meadow", "above the green grass of a meadow"),
    "forest": ("in a green forest", "over the green woods", "above the forest trees"),
    "mountains": ("over the high mountains", "above a mountain valley"),
    "snow": ("above the white snow", "in the winter sky", "over a snowy field"),
    "desert": ("over a sandy desert", "above the desert dunes"),
    "lake": ("over a quiet lake", "above the blue water of a lake"),
    "farm": ("over a farm", "in the sky above a farm barn"),
    "city": ("over a city street", "above the tall city buildings"),
    "night": ("in the dark night sky", "in a night sky of bright stars"),
    "sunset": ("in the orange evening sky", "over the sea in the sunset"),
    "picnic": ("over a picnic in the park", "above the grass in the park"),
    "stadium": ("over the sports field", "above the field of a stadium"),
}
# Noun phrases for a whole picture: "a sandy beach with two crabs".
VIEWS = {
    "beach": ("a sandy beach", "the sand of a beach", "a sandy beach and the sea"),
    "meadow": ("a green meadow", "a field of green grass"),
    "forest": ("a green forest", "the green woods", "a forest of green trees"),
    "mountains": ("a mountain valley", "the high mountains", "high snowy mountains"),
    "snow": ("a snowy field", "a winter field in white snow"),
    "desert": ("a sandy desert", "the sand dunes of a desert"),
    "lake": ("a quiet lake", "the blue water of a lake"),
    "farm": ("a farm", "a farm yard", "a farm yard and a barn"),
    "city": ("a city street", "a street of tall buildings"),
    "night": ("a dark night", "a dark night full of stars"),
    "sunset": ("a sunset over the sea", "an orange evening sea"),
    "underwater": ("the deep blue sea", "the sea floor"),
    "space": ("outer space", "a galaxy full of stars"),
    "room": ("a living room", "a warm living room"),
    "kitchen": ("a kitchen", "a wooden kitchen table"),
    "workshop": ("a workshop", "a garage workshop", "a workshop bench"),
    "stage": ("a theater stage", "a stage in the spotlight"),
    "picnic": ("a picnic in the park", "a picnic on the grass", "a picnic blanket"),
    "stadium": ("a sports stadium", "the field of a stadium"),
}
WEATHERS = {
    "clear": ("on a sunny day", "with a clear blue sky"),
    "cloudy": ("on a cloudy day", "with a cloudy grey sky"),
    "rain": ("in the rain", "on a rainy day"),
    "snowfall": ("in falling snow", "on a snowy day"),
}

# Verbs as (third person singular, plural, participle).
Verb = tuple[str, str, str]


def verbs(*words: str) -> tuple[Verb, ...]:
    """Regular verbs from their plural and participle: `stand/standing`."""
    conjugated = []
    for word in words:
        plural, participle = word.split("/")
        first, _, rest = plural.partition(" ")
        hissing = first.endswith(("sh", "ss", "ch", "x"))
        singular = "is" if first == "are" else first + ("es" if hissing else "s")
        if first.endswith("ly"):
            singular = first[:-1] + "ies"
        conjugated.append((f"{singular} {rest}".strip(), plural, participle))
    return tuple(conjugated)


RESTING = verbs("rest/resting", "lie/lying")
WALKING = verbs(
    "stand/standing",
    "walk/walking",
    "rest/resting",
    "wander/wandering",
    "look around/looking around",
)
GRAZING = verbs("stand/standing", "graze/grazing", "walk/walking", "rest/resting")
CRAWLING = verbs("crawl/crawling", "rest/resting", "sit/sitting")
FLYING = verbs("fly/flying", "soar/soaring", "glide/gliding")
HOVERING = verbs("fly/flying", "hover/hovering", "float/floating")
SWIMMING = verbs("swim/swimming", "glide/gliding", "float/floating")
DRIFTING = verbs("float/floating", "drift/drifting")
SAILING = verbs("sail/sailing", "float/floating", "drift/drifting")
POSING = verbs("stand/standing", "wait/waiting", "pose/posing", "smile/smiling")
LYING = verbs("lie/lying", "sit/sitting")
PARKED = verbs("are parked/parked", "stand/standing", "stop/stopping")
RISING = verbs("stand/standing", "rise/rising", "tower/towering")
SERVED = verbs("are served/served", "sit/sitting", "lie/lying")
GROWING = verbs("grow/growing", "stand/standing")
SHINING = verbs("shine/shining", "glow/glowing", "hang/hanging")
UPRIGHT = verbs("stand/standing", "rest/resting")

GROUND_VERBS = {
    "pet": WALKING + verbs("play/playing"),
    "mammal": WALKING,
    "farm animal": GRAZING,
    "bird": WALKING,
    "sea animal": RESTING,
    "insect": CRAWLING,
    "reptile": verbs("rest/resting", "sit/sitting", "crawl/crawling"),
    "person": POSING,
    "figure": POSING,
    "vehicle": PARKED,
    "building": UPRIGHT[:1],
    "tree": GROWING,
    "flower": GROWING,
    "furniture": UPRIGHT,
    "plant": GROWING,
    "drink": SERVED,
    "dish": SERVED,
    "sweet": SERVED,
}
WATER_VERBS = {
    "boat": SAILING,
    "person": SWIMMING[:1],
    "bird": SWIMMING,
    "reptile": SWIMMING,
    "sea animal": SWIMMING,
}
SKY_VERBS = {
    "bird": FLYING,
    "mammal": FLYING,
    "insect": HOVERING,
    "aircraft": HOVERING,
    "sea animal": SWIMMING,
    "reptile": SWIMMING,
    "sky": SHINING,
}
# Verbs of single concepts that do one thing.
OWN_VERBS = {
    "runner": verbs("run/running", "jog/jogging"),
    "dancer": verbs("dance/dancing"),
    "cyclist": verbs("ride/riding"),
    "golfer": verbs("play golf/playing golf", "swing a club/swinging a club"),
    "surfer": verbs("surf/surfing", "ride a wave/riding a wave"),
    "skier": verbs("ski/skiing", "race downhill/racing downhill"),
    "singer": verbs("sing/singing", "perform/performing"),
    "fire": verbs("burn/burning", "crackle/crackling"),
    "candle": verbs("burn/burning", "glow/glowing"),
    "lamp": verbs("glow/glowing", "shine/shining"),
    "lantern": verbs("glow/glowing", "hang/hanging"),
    "mermaid": verbs("swim/swimming"),
    "rainbow": verbs("shine/shining", "glow/glowing"),
    "comet": verbs("streak by/streaking by", "fly/flying"),
    "snake": verbs("crawl/crawling", "rest/resting"),
    "kangaroo": verbs("hop/hopping", "stand/standing"),
    "rabbit": verbs("hop/hopping", "sit/sitting"),
    "frog": verbs("hop/hopping", "sit/sitting"),
    "train": verbs("pass/passing", "steam along/steaming along"),
    "flag": verbs("wave/waving", "stand/standing"),
    "baby": verbs("sit/sitting", "crawl/crawling", "smile/smiling"),
    "coral": verbs("grow/growing"),
    "dinosaur": verbs("roar/roaring", "walk/walking", "stand/standing"),
    "dragon": verbs("roar/roaring", "rest/resting"),
    "kite": verbs("fly/flying"),
    "painting": verbs("hang/hanging"),
    "trophy": verbs("stand/standing", "shine/shining"),
    "tower": RISING,
    "castle": RISING,
    "temple": RISING,
    "statue": RISING,
    "volcano": verbs("smoke/smoking", "erupt/erupting"),
    "fountain": verbs("splash/splashing", "stand/standing"),
    "cow": verbs("graze/grazing", "stand/standing", "chew/chewing"),
    "dog": verbs("play/playing", "run/running", "bark/barking", "sit/sitting"),
    "cat": verbs("sit/sitting", "rest/resting", "walk/walking", "play/playing"),
}
# Words for the only one of its kind take "the".
UNIQUE = frozenset({"sun", "moon", "earth"})
