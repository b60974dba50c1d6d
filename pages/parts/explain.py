"""The method in plain words, for a reader who meets it for the first time."""

from __future__ import annotations

import streamlit as st

_HOW = """
**From a picture to words.** A frozen image–text encoder turns every picture and every text into a
dense vector: a list of numbers that nobody can read. A small trained layer, the *projection head*,
turns that vector into one weight for each term of a vocabulary of about 30,000 words and word
pieces. Almost all weights are zero. The terms with a weight above zero are the *active terms*.

**Searching.** A query becomes active terms in the same way. A picture's score is the sum, over the
terms that both share, of query weight × image weight. Nothing else enters, so every result can be
explained term by term.

**Literal and expansion terms.** A term is *literal* if the query says it. Terms that the model adds
are *expansion*: for “a puppy” it may add `dog` and `animal`. Expansion finds pictures that other
words describe. Without control it also lets a model use words as a secret code, with weights on
terms that have nothing to do with the picture.

**Expansion control.** While the model trains, expansion is switched off at random for some
captions, so the words themselves must carry the meaning. The *Expansion* page compares a model
trained that way with one trained without it.
"""

KNOBS = """
A caption's terms fall into two parts: the *literal* part, which the caption says, and the
*expansion* part, which the model adds. Each knob lets a share of these terms take part in the
search. The images always keep all of theirs.

- **Caption-level rate p.** One coin for each caption: with probability p it keeps all its terms,
  otherwise only the literal ones. The expected measures lie on a straight line between the two
  ends, so they are exact; the band is one standard deviation over such draws.
- **Word-level rate p.** One coin for each term of the vocabulary: with probability p it may be an
  expansion term in every caption, otherwise in none. The curve is the mean of eight draws, the
  band one standard deviation.
- **Top-k pruning.** Each caption keeps its k strongest terms, literal or not. Nothing is drawn.

These knobs act at search time, on a model that is trained already. *Expansion control* during
training is what makes the two models differ.
"""


def how_it_works() -> None:
    """The whole method, folded away."""
    with st.expander("How it works", icon=":material/school:"):
        st.markdown(_HOW)
