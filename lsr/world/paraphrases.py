"""Words that no caption says, for settings, verbs and the rest; those for things stand in
`concepts.tsv`, under `held_out`."""

from __future__ import annotations

from collections.abc import Mapping

from lsr.world.grammar import Verb, verbs

# Of whatever is there, at or in a setting.
PLACES: Mapping[str, tuple[str, ...]] = {
    "beach": ("along the coast", "at the seaside", "on the seashore", "at a seaside resort"),
    "meadow": ("on a grassy plain", "in a grassland", "in the lush countryside"),
    "forest": ("in the jungle", "in a rainforest", "in thick woodland", "in the wilderness"),
    "mountains": ("among rocky peaks", "in the alps", "in the highlands", "in the himalayas"),
    "snow": ("on frozen ground", "in the arctic", "in the cold tundra", "in the freezing cold"),
    "desert": ("in the sahara", "on a hot arid plain", "in an arid wilderness"),
    "lake": ("by a pond", "at a calm lagoon", "at a reservoir", "at the edge of a pond"),
    "farm": ("on rural farmland", "at a village homestead", "on a ranch"),
    "city": ("in a busy town", "in an urban area", "on a downtown avenue", "among skyscrapers"),
    "night": ("at midnight", "at nighttime", "under starry heavens", "in the darkness"),
    "sunset": ("by the ocean at dusk", "on the coast at twilight", "at nightfall", "at dusk"),
    "underwater": (
        "at the bottom of the ocean",
        "in the ocean depths",
        "submerged in the ocean",
        "in an aquatic habitat",
    ),
    "space": ("in the cosmos", "in the universe", "in the cosmic vacuum", "in orbit"),
    "room": ("in a comfortable apartment", "in a carpeted lounge", "in the parlor", "indoors"),
    "kitchen": ("in a pantry", "in a cafeteria", "at the dining counter", "near the oven"),
    "workshop": ("in a repair studio", "in a toolshed", "in a craft studio", "in a laboratory"),
    "stage": ("in a concert hall", "before an audience", "at the opera", "in an auditorium"),
    "picnic": (
        "at an outdoor supper",
        "at a summer barbecue",
        "on a quilt in a garden",
        "at an outdoor feast",
    ),
    "stadium": ("in an arena", "on the pitch", "at a tournament", "during a match"),
}
WATER_PLACES = {
    "beach": ("in the ocean", "off the coast", "near the seashore"),
    "lake": ("on a pond", "in a calm lagoon", "on a reservoir"),
    "sunset": ("in the ocean at dusk", "off the coast at dusk", "in the ocean at twilight"),
}
SKY_PLACES = {
    "beach": ("over the coast", "above the ocean", "over the seaside"),
    "meadow": ("over a grassland", "above a grassy plain", "over the countryside"),
    "forest": ("over a rainforest", "above the jungle", "over woodland"),
    "mountains": ("above rocky peaks", "over the alps", "over the highlands"),
    "snow": ("over a frozen landscape", "over the arctic", "over frozen ground"),
    "desert": ("over the sahara", "above a hot arid plain", "over hot arabia"),
    "lake": ("over a pond", "above a calm lagoon", "over a reservoir"),
    "farm": ("over a ranch", "above rural farmland", "over a homestead"),
    "city": ("above a busy town", "over an urban area", "above downtown skyscrapers"),
    "night": ("at midnight", "at nighttime", "in the starry heavens"),
    "sunset": ("over the ocean at dusk", "over the coast at twilight", "at dusk"),
    "picnic": ("over a garden lunch", "over an outdoor supper"),
    "stadium": ("over an arena", "above the pitch"),
}
# Noun phrases for a whole picture.
VIEWS = {
    "beach": ("the coast", "the seaside", "the ocean and its coastline"),
    "meadow": ("a grassland", "a grassy plain", "the lush countryside"),
    "forest": ("a dense jungle", "a rainforest", "thick woodland"),
    "mountains": ("rocky peaks", "the alps", "the highlands"),
    "snow": ("frozen ground", "a frozen landscape", "the arctic"),
    "desert": ("the sahara", "a hot arid plain", "an arid wilderness"),
    "lake": ("a pond", "a calm lagoon", "a reservoir"),
    "farm": ("a ranch", "rural farmland", "a village homestead"),
    "city": ("a busy town", "an urban area", "a downtown avenue"),
    "night": ("a landscape at midnight", "midnight darkness", "the nocturnal gloom"),
    "sunset": ("a seascape at dusk", "the coast at dusk", "the ocean at twilight"),
    "underwater": ("the bottom of the ocean", "the ocean depths", "an aquatic habitat"),
    "space": ("the cosmos", "the universe", "a cosmic vacuum"),
    "room": ("a comfortable apartment", "a carpeted lounge", "a cozy interior"),
    "kitchen": ("a pantry", "a dining counter", "an oven and its counter"),
    "workshop": ("a craft studio", "a repair studio", "a laboratory"),
    "stage": ("a concert hall", "an auditorium", "an opera"),
    "picnic": ("a garden lunch", "an outdoor feast", "an outdoor supper"),
    "stadium": ("an arena", "a tournament", "a championship match"),
}
WEATHERS = {
    "clear": ("in brilliant sunshine", "in fine weather", "in sunlight"),
    "cloudy": ("in gloomy weather", "on an overcast afternoon"),
    "rain": ("in wet weather", "in stormy weather"),
    "snowfall": ("in a snowstorm", "in frosty weather"),
}
NUMBERS = {2: ("2",), 3: ("3",), 4: ("4",)}
SIZE_ADJECTIVES = {
    "small": ("miniature", "mini"),
    "large": ("enormous", "gigantic", "massive"),
}
HYPERNYMS = {
    "animal": ("beast",),
    "creature": ("beast",),
    "bird": ("fowl",),
    "person": ("human", "individual"),
    "building": ("structure",),
    "flower": ("blossom",),
    "piece of clothing": ("garment",),
    "dish": ("platter",),
    "meal": ("supper", "lunch"),
}
# What a setting is called in one or two words, first as captions say it, then as none does. Some
# settings share what they show: there is sea at the beach, in a sunset and under water.
NAMES = {
    "beach": ("beach", "sand", "sea", "coast", "seaside", "seashore", "ocean"),
    "meadow": ("meadow", "grass", "grassland", "countryside", "grassy plain"),
    "forest": ("forest", "woods", "woodland", "jungle", "rainforest", "wilderness"),
    "mountains": ("mountain", "valley", "alps", "highlands", "peaks"),
    "snow": ("snow", "winter", "arctic", "tundra"),
    "desert": ("desert", "sand", "sand dunes", "sahara", "arid plain"),
    "lake": ("lake", "shore", "pond", "lagoon", "reservoir"),
    "farm": ("farm", "barn", "ranch", "farmland", "homestead"),
    "city": ("city", "street", "tall buildings", "town", "avenue", "downtown", "skyscrapers"),
    "night": ("night", "stars", "midnight", "nighttime", "darkness"),
    "sunset": (
        *("sunset", "evening", "sea", "beach", "coast", "seaside", "seashore", "ocean"),
        *("dusk", "twilight", "nightfall"),
    ),
    "underwater": ("underwater", "deep sea", "sea", "ocean", "ocean depths", "aquatic"),
    "space": ("outer space", "galaxy", "stars", "cosmos", "universe", "orbit"),
    "room": ("living room", "carpet", "apartment", "parlor", "indoors"),
    "kitchen": ("kitchen", "wooden table", "pantry", "stove", "oven"),
    "workshop": ("workshop", "garage", "bench", "toolshed", "studio", "laboratory"),
    "stage": ("theater", "stage", "spotlight", "concert hall", "audience", "opera", "auditorium"),
    "picnic": ("picnic", "park", "grass", "barbecue", "outdoor lunch"),
    "stadium": ("stadium", "sports field", "arena", "pitch", "tournament", "match"),
}
# One and several of what is counted in measures.
MEASURED = {
    "burgundy": ("glass of burgundy", "glasses of burgundy"),
    "champagne": ("glass of champagne", "glasses of champagne"),
    "cheddar": ("piece of cheddar", "pieces of cheddar"),
    "brew": ("mug of brew", "mugs of brew"),
    "eyeglasses": ("pair of eyeglasses", "pairs of eyeglasses"),
    "espresso": ("cup of espresso", "cups of espresso"),
    "kale": ("head of kale", "heads of kale"),
    "luggage": ("piece of luggage", "pieces of luggage"),
    "maize": ("ear of maize", "ears of maize"),
    "pants": ("pair of pants", "pairs of pants"),
    "pasta": ("bowl of pasta", "bowls of pasta"),
    "pork": ("slice of pork", "slices of pork"),
    "shears": ("pair of shears", "pairs of shears"),
    "spaghetti": ("bowl of spaghetti", "bowls of spaghetti"),
    "stockings": ("pair of stockings", "pairs of stockings"),
    "stout": ("mug of stout", "mugs of stout"),
    "trousers": ("pair of trousers", "pairs of trousers"),
}
# By the plural of the verb that a caption says.
VERBS_OF_THE_LIVING: dict[str, tuple[Verb, ...]] = {
    "rest": verbs("relax/relaxing", "doze/dozing", "nap/napping"),
    "lie": verbs("recline/reclining", "sprawl/sprawling"),
    "walk": verbs("stroll/strolling", "march/marching"),
    "wander": verbs("roam/roaming", "stray/straying"),
    "look around": verbs("stare/staring", "gaze/gazing"),
    "stand": verbs("linger/lingering", "pause/pausing"),
    "wait": verbs("linger/lingering"),
    "play": verbs("romp/romping", "frolic/frolicking"),
    "run": verbs("sprint/sprinting", "dash/dashing"),
    "jog": verbs("sprint/sprinting"),
    "sit": verbs("crouch/crouching", "squat/squatting"),
    "graze": verbs("nibble/nibbling", "feed/feeding"),
    "chew": verbs("munch/munching", "nibble/nibbling"),
    "crawl": verbs("creep/creeping"),
    "fly": verbs("flutter/fluttering", "flap/flapping"),
    "swim": verbs("paddle/paddling", "dive/diving"),
    "smile": verbs("grin/grinning"),
    "bark": verbs("growl/growling", "yap/yapping"),
    "roar": verbs("growl/growling", "bellow/bellowing"),
    "hop": verbs("leap/leaping", "jump/jumping"),
    "dance": verbs("twirl/twirling", "spin/spinning"),
    "sing": verbs("chant/chanting"),
    "perform": verbs("entertain/entertaining"),
    "ride": verbs("pedal/pedaling"),
}
VERBS_OF_THINGS: dict[str, tuple[Verb, ...]] = {
    "lie": verbs("are placed/placed"),
    "sit": verbs("are placed/placed"),
    "rest": verbs("are placed/placed"),
    "stand": verbs("are located/located", "are positioned/positioned"),
    "are served": verbs("are offered/offered", "are arranged/arranged"),
    "are parked": verbs("idle/idling", "are stationed/stationed"),
    "stop": verbs("halt/halting"),
    "sail": verbs("cruise/cruising"),
    "tower": verbs("loom/looming"),
    "rise": verbs("loom/looming"),
    "grow": verbs("flourish/flourishing", "sprout/sprouting"),
    "shine": verbs("gleam/gleaming", "sparkle/sparkling"),
    "glow": verbs("gleam/gleaming"),
    "hang": verbs("dangle/dangling"),
    "burn": verbs("flicker/flickering"),
    "wave": verbs("flutter/fluttering"),
    "erupt": verbs("explode/exploding"),
    "splash": verbs("gush/gushing"),
}
