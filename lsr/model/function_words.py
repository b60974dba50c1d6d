"""English words that say nothing about a picture, whoever writes them."""

_FUNCTION_WORDS = """
    a about above across after again against ago all almost along alongside already also
    although always am amid among an and another any anybody anyone anything anyway anywhere are
    around as at away back be because been before behind being below beneath beside besides
    between beyond both but by can cannot could despite did do does doing done down during each
    either else enough even ever every everybody everyone everything everywhere except few for
    from further had has have having he hence her here hers herself him himself his how however
    i if in indeed inside instead into is it its itself just least less like likely many may
    maybe me might mine more moreover most much must my myself near nearby neither never
    nevertheless next no nobody none nor not nothing now nowhere of off often on once one ones
    only onto or other others otherwise ought our ours ourselves out outside over own per
    perhaps please quite rather really same several shall she should since so some somebody
    somehow someone something sometimes somewhere soon still such than that the their theirs
    them themselves then there therefore these they this those though through throughout thus
    till to together too toward towards under underneath unless until up upon us usually very
    via was we well were what whatever when whenever where wherever whether which whichever
    while who whoever whole whom whose why will with within without would yet you your yours
    yourself yourselves
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""English words that say nothing about a picture: what is known before any caption is read."""

NUMBER_WORDS = frozenset(
    [
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "couple",
        "dozen",
        "group",
        "many",
        "pair",
        "several",
        "trio",
    ]
)
"""English words that count: said of things of every kind, and yet seen in a picture."""
