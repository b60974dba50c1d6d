"""The method in plain words, for a reader who meets it for the first time."""

from __future__ import annotations

import streamlit as st

from pages.parts.glossary import glossed

_MOST = 12  # words of a long explanation that lead to the glossary

_HOW = """
**From a picture to words.** A frozen image–text encoder turns every picture and every text into a
dense vector: a list of numbers that nobody can read. A small trained layer, the *projection head*,
turns that vector into one weight for each term of a vocabulary of about 30,000 words and word
pieces. Almost all weights are zero. The terms with a weight above zero are the *active terms*.

**Searching.** A query becomes active terms in the same way. A picture's score is the sum, over the
terms that both share, of query weight × image weight. Nothing else enters, so every result can be
explained term by term. A picture may stand beside the words, and terms with weights of your own may
take their place: `lion:1.5, desert`.

**Literal and expansion terms.** A term is *literal* if the query says it. Terms that the model adds
are *expansion*: for “a puppy” it may add `dog` and `animal`. Expansion finds pictures that other
words describe. Without control it also lets a model use words as a secret code, with weights on
terms that have nothing to do with the picture.

**Expansion control.** While the model trains, expansion is switched off at random for some
captions, so the words themselves must carry the meaning. The *Expansion* page compares a model
trained that way with one trained without it.

[Six lessons](lessons) show all of this step by step.
"""

KNOBS = glossed(
    """
A caption's terms fall into two parts: the *literal* part, which the caption says, and the
*expansion* part, which the model adds. Six knobs decide how much of it takes part. Five act while
searching, on a model that is trained already; the sixth acts while training.

- **Word rate p.** One coin for each term of the vocabulary: it may be an expansion term in every
  caption or in none. The curve is a mean over draws that all rates share; draws go on until the
  mean R@1 is known to ±0.005. The band is one standard deviation of a single draw.
- **Caption rate p.** One coin for each caption: with probability p it keeps all its terms,
  otherwise only the literal ones. Means are exact, and nothing is sampled; searching with text the
  curve is a line, and the band is one standard deviation over such coins.
- **Mean score.** No coin: images are ranked by literal score + p × expansion score. This is another
  curve than the mean over coins, often a better one, and it saves nothing above p = 0.
- **Pruning.** Each vector keeps its k strongest terms, or those of at least a weight, or of at
  least a share of its strongest; or weights are rounded to a few bits. Cut captions, images or
  both, and literal or expansion terms apart.
- **Engine rules.** What OpenSearch and Elasticsearch do to save work, or to mix in dense scores,
  under the names that they have there.
- **Training.** The control that was on while the head learned, from the shipped ablation.

**Reading the chart.** A point is a stop of the knob; click it to go there and see what changes. The
steps are the Pareto frontier: no point is as cheap and better. Points that others beat are faded. A
*null* is the first model with its work undone; a curve that does not rise above it shows nothing.
*BM25 of captions* looks at no picture: it matches the words of a query with the captions of each
image, a caption with the *other* captions of its image. It needs what the models do without:
captions of every image.
""",
    _MOST,
)


LINE = (
    "From text to images this curve is a line by definition: each caption keeps its own words or "
    "all its terms, so the mean moves evenly from one end to the other. *Mean score* and *Word "
    "rate* show what lies between."
)


def how_it_works() -> None:
    """The whole method, folded away."""
    with st.expander("How it works", icon=":material/school:"):
        st.markdown(glossed(_HOW, _MOST))


SOURCES = """
- **A folder, a `.zip` or a `.tar` of photos.** Captions come from a CSV, TSV, JSON, JSONL or
  parquet list with the columns `image` and `caption`, or from a `.txt`, `.caption` or `.json`
  beside each photo. Without captions everything works except measuring.
- **MSCOCO, Flickr8k, Flickr30k:** a folder with the photos and `dataset.json` (Karpathy),
  `captions_*.json` (COCO) or the token file (Flickr). Their splits are kept.
- **A list of captions with vectors** of its images, under *More settings*: no photo is needed.
- **Shards** of WebDataset, or parquet shards of Hugging Face.
- **`owner/name` on huggingface.co:** a data set, or the vectors and heads that the authors of
  Dense2Sparse publish, such as `lsr42/mscoco-blip-dense`.

Photos are stored as small WebP pictures; the originals stay where they are. What is not read is
named, with why and what to do.
"""

NULLS = {
    "shuffled": "Null: every caption keeps its literal terms, but its expansion terms are dealt "
    "out to other captions. What is left is the worth of the literal terms alone.",
    "random-head": "Null: a head of random weights, cut to as many terms. What is left is what any "
    "random projection keeps of the dense vectors.",
    "words": "Null: captions are bare lists of their own words, each of weight 1. What is left is "
    "the worth of matching words.",
}
