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
SOUNDS_LIKE_CONSONANT = ("uni", "ufo", "use", "one", "eu")
SOUNDS_LIKE_VOWEL = ("hour", "honest", "heir")

ANIMATE = frozenset(
    {"pet", "mammal", "farm animal", "bird", "sea animal", "insect", "reptile", "person", "figure"}
)

# Whatever is there, at or in a setting.
PLACES = {
    "beach": ("at the beach", "near the sea", "on a beach near the sea", "on the sandy beach"),
    "meadow": ("in a meadow", "in a green meadow", "in a grassy field", "in the green grass"),
    "forest": (
        "in the forest",
        "in the woods",
        "near the forest trees",
        "at the edge of a green forest",
    ),
    "mountains": (
        "in the mountains",
        "near snowy mountains",
        "at the foot of high mountains",
        "in a mountain valley",
    ),
    "snow": ("in the snow", "in a snowy field", "in the winter snow", "in white snow"),
    "desert": ("in the desert", "on sand dunes", "in a sandy desert", "in the desert dunes"),
    "lake": ("at the lake", "near a blue lake", "near the lake water", "at a quiet pond"),
    "farm": ("on a farm", "at the farm", "in the farmyard", "near a farm barn"),
    "city": ("in the city", "downtown", "in a big city street", "near tall city buildings"),
    "night": ("at night", "in a night full of stars", "in the dark night", "on a starry night"),
    "sunset": ("at sunset", "in the evening", "near the sea at sunset", "with an orange sky"),
    "underwater": ("underwater", "deep in the sea", "in the deep sea", "in deep blue water"),
    "space": ("in space", "in outer space", "near the stars in space", "in the starry galaxy"),
    "room": ("in a living room", "at home in a cosy room", "indoors", "in a room of a house"),
    "kitchen": ("in the kitchen", "at home in a kitchen", "near a wooden kitchen table"),
    "workshop": ("in a workshop", "in the garage", "at the workshop"),
    "stage": ("on stage", "on a stage", "on stage at a theater", "in the spotlight"),
    "picnic": ("at a picnic", "at a picnic in the park", "on the grass in the park"),
    "stadium": ("at the stadium", "in a stadium", "on the sports field", "in a sports arena"),
}
# Of things that lie or stand on the ground of a setting.
GROUND_PLACES = {
    "beach": ("on the beach", "on the sand", "on a sandy beach near the sea", "on the beach sand"),
    "meadow": ("on the grass", "on the green grass", "in a green meadow"),
    "forest": ("on the forest floor", "near the trees", "in the woods"),
    "mountains": ("in the mountains", "on a mountain path", "in a mountain valley"),
    "snow": ("on the snow", "in the winter snow", "on the white snow"),
    "desert": ("on the desert sand", "in the sandy desert", "on a desert dune"),
    "lake": ("on the lake shore", "near the lake"),
    "farm": ("on a farm", "in the farmyard"),
    "city": ("on the street", "on a city street", "in the city"),
    "sunset": ("on the beach at sunset", "on the evening beach", "at sunset"),
    "underwater": ("on the sea floor", "on the bottom of the sea", "underwater"),
    "room": ("on the living room floor", "on the carpet", "in a living room"),
    "kitchen": ("on the kitchen table", "on a wooden table", "on the kitchen counter"),
    "workshop": ("on a workbench", "on the workbench", "on a workshop table"),
    "picnic": ("on a picnic blanket", "on a checkered blanket", "on a blanket in the park"),
    "stadium": ("on the sports field", "on the green field", "in the stadium"),
}
WATER_PLACES = {
    "beach": ("in the sea", "on the waves near the beach", "on the blue sea", "in the sea water"),
    "lake": ("on the lake", "on the lake water", "on a calm lake"),
    "sunset": ("on the sea at sunset", "on the evening sea", "in the sea at sunset"),
}
SKY_PLACES = {
    "beach": ("over the beach", "in the sky above the sea", "above the sandy beach"),
    "meadow": ("over a meadow", "in the sky above a meadow", "above the green grass"),
    "forest": ("in the forest", "over the woods", "near the trees"),
    "mountains": ("over the mountains", "above the mountains", "in the mountain sky"),
    "snow": ("above the snow", "in the winter sky", "over a snowy field"),
    "desert": ("over the desert", "above the desert dunes", "in the desert sky"),
    "lake": ("over the lake", "above the lake water"),
    "farm": ("over the farm", "in the sky above a farm barn"),
    "city": ("over the city", "above the city street", "in the sky above tall buildings"),
    "night": ("in the night sky", "near the stars", "in the dark night sky"),
    "sunset": ("in the evening sky", "in the orange sky", "over the sea at sunset"),
    "picnic": ("over a picnic", "above the park"),
    "stadium": ("over the stadium",),
}
# Noun phrases for a whole picture: "a sandy beach with two crabs".
VIEWS = {
    "beach": ("a beach", "a sandy beach", "a beach near the sea", "the sea"),
    "meadow": ("a meadow", "a green meadow", "a green field"),
    "forest": ("a forest", "a forest clearing", "the woods"),
    "mountains": ("a mountain landscape", "a mountain valley", "high mountains"),
    "snow": ("a snowy landscape", "a winter scene", "a snowy field"),
    "desert": ("a desert", "a sandy desert", "a dry desert"),
    "lake": ("a lake", "a quiet lake", "a pond"),
    "farm": ("a farm", "a farmyard", "a farm scene"),
    "city": ("a city", "a city street", "a busy street"),
    "night": ("a night scene", "a starry night", "a dark night"),
    "sunset": ("a sunset", "a sunset over the sea", "an evening near the sea"),
    "underwater": ("an underwater scene", "the sea floor", "the deep sea"),
    "space": ("outer space", "a space scene", "a starry galaxy"),
    "room": ("a living room", "a room", "a cosy room"),
    "kitchen": ("a kitchen", "a kitchen table", "a kitchen counter"),
    "workshop": ("a workshop", "a workbench", "a garage"),
    "stage": ("a stage", "a theater stage", "a show on stage"),
    "picnic": ("a picnic", "a picnic in the park", "a picnic blanket"),
    "stadium": ("a stadium", "a sports field", "a sports stadium"),
}
WEATHERS = {
    "clear": ("on a sunny day", "with a blue sky", "in fine weather", "on a clear day"),
    "cloudy": ("on a cloudy day", "with a cloudy sky", "with grey clouds"),
    "rain": ("in the rain", "on a rainy day", "in rainy weather"),
    "snowfall": ("in falling snow", "during a snowfall", "on a snowy day"),
}

# Verbs as (third person singular, plural, participle).
Verb = tuple[str, str, str]


def _verbs(*words: str) -> tuple[Verb, ...]:
    """Regular verbs from their plural and participle: `stand/standing`."""
    verbs = []
    for word in words:
        plural, participle = word.split("/")
        first, _, rest = plural.partition(" ")
        singular = (
            "is" if first == "are" else first + ("es" if first.endswith(("sh", "ss")) else "s")
        )
        if first.endswith("ly"):
            singular = first[:-1] + "ies"
        verbs.append((f"{singular} {rest}".strip(), plural, participle))
    return tuple(verbs)


RESTING = _verbs("rest/resting", "lie/lying")
WALKING = _verbs(
    "stand/standing",
    "walk/walking",
    "rest/resting",
    "wander/wandering",
    "look around/looking around",
)
GRAZING = _verbs("stand/standing", "graze/grazing", "walk/walking", "rest/resting")
CRAWLING = _verbs("crawl/crawling", "rest/resting", "sit/sitting")
FLYING = _verbs("fly/flying", "soar/soaring", "glide/gliding")
HOVERING = _verbs("fly/flying", "hover/hovering", "float/floating")
SWIMMING = _verbs("swim/swimming", "glide/gliding", "float/floating")
DRIFTING = _verbs("float/floating", "drift/drifting")
SAILING = _verbs("sail/sailing", "float/floating", "drift/drifting")
POSING = _verbs("stand/standing", "wait/waiting", "pose/posing", "smile/smiling")
LYING = _verbs("lie/lying", "sit/sitting", "are placed/placed")
PARKED = _verbs("are parked/parked", "stand/standing", "stop/stopping")
RISING = _verbs("stand/standing", "rise/rising", "tower/towering")
SERVED = _verbs("are served/served", "sit/sitting", "are placed/placed")
GROWING = _verbs("grow/growing", "stand/standing")
SHINING = _verbs("shine/shining", "glow/glowing", "hang/hanging")
UPRIGHT = _verbs("stand/standing", "are placed/placed")

GROUND_VERBS = {
    "pet": WALKING + _verbs("play/playing"),
    "mammal": WALKING,
    "farm animal": GRAZING,
    "bird": WALKING,
    "sea animal": RESTING,
    "insect": CRAWLING,
    "reptile": _verbs("rest/resting", "sit/sitting", "crawl/crawling"),
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
    "runner": _verbs("run/running", "jog/jogging"),
    "dancer": _verbs("dance/dancing"),
    "cyclist": _verbs("ride/riding"),
    "golfer": _verbs("play golf/playing golf", "swing a club/swinging a club"),
    "surfer": _verbs("surf/surfing", "ride a wave/riding a wave"),
    "skier": _verbs("ski/skiing", "race downhill/racing downhill"),
    "singer": _verbs("sing/singing", "perform/performing"),
    "fire": _verbs("burn/burning", "crackle/crackling"),
    "candle": _verbs("burn/burning", "glow/glowing"),
    "lamp": _verbs("glow/glowing", "shine/shining"),
    "lantern": _verbs("glow/glowing", "hang/hanging"),
    "mermaid": _verbs("swim/swimming"),
    "rainbow": _verbs("shine/shining", "glow/glowing"),
    "comet": _verbs("streak by/streaking by", "fly/flying"),
    "snake": _verbs("crawl/crawling", "rest/resting"),
    "kangaroo": _verbs("hop/hopping", "stand/standing"),
    "rabbit": _verbs("hop/hopping", "sit/sitting"),
    "frog": _verbs("hop/hopping", "sit/sitting"),
    "train": _verbs("pass/passing", "steam along/steaming along"),
    "flag": _verbs("wave/waving", "stand/standing"),
    "baby": _verbs("sit/sitting", "crawl/crawling", "smile/smiling"),
    "coral": _verbs("grow/growing"),
    "dinosaur": _verbs("roar/roaring", "walk/walking", "stand/standing"),
    "dragon": _verbs("roar/roaring", "rest/resting"),
    "kite": _verbs("fly/flying"),
    "painting": _verbs("hang/hanging"),
    "trophy": _verbs("stand/standing", "shine/shining"),
    "tower": RISING,
    "castle": RISING,
    "temple": RISING,
    "statue": RISING,
    "volcano": _verbs("smoke/smoking", "erupt/erupting"),
    "fountain": _verbs("splash/splashing", "stand/standing"),
    "cow": _verbs("graze/grazing", "stand/standing", "chew/chewing"),
    "dog": _verbs("play/playing", "run/running", "bark/barking", "sit/sitting"),
    "cat": _verbs("sit/sitting", "rest/resting", "walk/walking", "play/playing"),
}
# Words for the only one of its kind take "the".
UNIQUE = frozenset({"sun", "moon", "earth"})
