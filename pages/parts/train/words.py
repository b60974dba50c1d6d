"""What the Train page says beside each setting, for a reader who meets the method there."""

from __future__ import annotations

from typing import NamedTuple

from lsr.training.recipes import COMPACT_RECIPE, CONTROL_ALONE, QUICK_RECIPE
from lsr.training.settings import TrainingSettings


class MethodWords(NamedTuple):
    """How a method is called, and what it does."""

    label: str
    says: str


METHODS = {
    "closed-form": MethodWords(
        "Instant",
        "Every term becomes the direction of the captions that say it. No training step.",
    ),
    "tuned": MethodWords(
        "Tuned",
        "Starts from the instant model and learns some hundred steps from the dense vectors. They "
        "are kept only where held-out captions say that they help.",
    ),
    "encoder-terms": MethodWords(
        "From images alone",
        "The words that the encoder itself sees in a picture take the place of captions. Gives "
        "everything but a measure of accuracy.",
    ),
    "trained": MethodWords(
        "Trained freely",
        "All weights are learnt, step by step, as in the paper. For thousands of captions; on few "
        "of them its terms mean little.",
    ),
    "splice": MethodWords(
        "Sums of words",
        "Each vector becomes a sum of few word vectors of its own encoder (SpLiCE). No training "
        "step, and no caption is needed.",
    ),
    "sae": MethodWords(
        "Latents",
        "A sparse autoencoder finds its own units. A latent is named after the word that best "
        "tells which captions fire it, where one agrees; others stay numbers.",
    ),
}
WITHOUT_CAPTIONS = ("encoder-terms", "splice", "sae")
LEXICAL_TARGET, OTHER_TARGET = 64, 32


class Preset(NamedTuple):
    """A recipe with the words that stand beside it."""

    label: str
    recipe: TrainingSettings
    says: str


PRESETS = {
    "quick": Preset("Quick", QUICK_RECIPE, "Few passes, a small head: readable, not the best."),
    "full": Preset(
        "Full",
        COMPACT_RECIPE,
        "More passes and a larger head: better and slower.",
    ),
    "alone": Preset(
        "Control alone",
        CONTROL_ALONE,
        "Nothing except expansion control ties words to captions: the paper's "
        "method, to compare controls.",
    ),
    "published": Preset(
        "Paper",
        TrainingSettings(),
        "The published recipe unchanged, made for a GPU.",
    ),
}
CONTROLS = {
    "scheduled": "Scheduled: from never to always",
    "none": "None: always allowed",
    "literal": "Literal only: never allowed",
    "constant": "Constant: with a fixed chance",
}
REGULARIZERS = {"l1": "L1", "flops": "FLOPs", "df-flops": "FLOPs by document frequency"}
HELP = {
    "method": "How the model is made. With the first three its terms are words from the start, and "
    "an image has as many as you ask for; free training has to find them. The last two make no "
    "head, to compare words with latents.",
    "active": "Mean number of terms with a weight above zero in a training image. Fewer: shorter "
    "explanations and faster search, but less exact.",
    "preset": "Where the settings below start from. Whatever you change stays changed.",
    "collection": "The images and captions to learn from. The model learns to rank them as their "
    "dense vectors do, with words in place of numbers.",
    "name": "The finished model is kept under this name and can be chosen in the sidebar.",
    "control": "While it trains, may a caption use words that it does not say itself? Without "
    "control the model turns words into a secret code that nobody can read. Scheduled control, "
    "the paper's, first makes a caption's own words carry the meaning and then lets it add more.",
    "rate": "The chance that a caption may use words that it does not say.",
    "word": "On: a term that most images activate may hardly ever be added to a caption, a rare "
    "one nearly always. It works together with the choice above.",
    "draws": "Whether a caption may use more words is left to chance. One draw can hold for all "
    "captions of a batch, as published, or each caption can have its own.",
    "regularizer": "The penalty that keeps most weights at zero. L1 (the paper's) weighs on every "
    "weight alike; FLOPs on terms that many images share; the last one more still on frequent "
    "terms.",
    "weight": "How hard the penalty pushes. Higher: fewer active terms, so faster search and "
    "shorter explanations, but less exact.",
    "target": "The penalty grows while images have more active terms than this. 0: no target.",
    "support": "How much an image is asked to activate the terms that its captions say. It makes "
    "terms readable; 0, the paper's, leaves that to expansion control alone.",
    "charge": "How many times the penalty counts a term that no caption of the image says. 1, the "
    "paper's, counts all terms alike.",
    "hidden": "Size of the layer between dense vector and vocabulary. Larger is more exact and "
    "slower.",
    "epochs": "How many times the training passes over all captions.",
    "terms": "Content: punctuation, empty words such as “the”, and lone word pieces are switched "
    "off. All: the whole vocabulary, as published.",
    "seed": "Everything drawn by chance follows from it: the same seed gives the same model.",
}
