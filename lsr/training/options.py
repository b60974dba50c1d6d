"""The options of the command line that say how to train."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lsr.training.settings import TrainingSettings

_NUMBERS = {
    "regularizer-weight": (float, "of captions and images alike"),
    "query-regularizer-weight": (float, "of captions"),
    "document-regularizer-weight": (float, "of images"),
    "unsupported-charge": (float, "times that a term counts which no caption of the image says"),
    "support-weight": (float, "of the wish that an image activates what its captions say"),
    "target-active-terms": (int, "most of an image: the weights grow until it is kept; 0: none"),
    "epochs": (int, "passes over all captions"),
    "batch-size": (int, "pairs a step"),
    "hidden-size": (int, "of the head"),
    "temperature": (float, "of the dense teacher"),
    "projection-learning-rate": (float, "of the first layer"),
    "learning-rate": (float, "of the vocabulary weights"),
    "warm-up": (float, "share of all steps in which learning rate and regularizer rise"),
    "noise": (float, "on the dense vectors, as a share of their length"),
    "validate-every": (int, "steps between validations; 0 means once an epoch"),
    "select-below": (int, "most active terms an image of the weights to keep; 0: no limit"),
    "seed": (int, "of everything drawn"),
}
_WORDS = ("regularizer", "terms", "vocabulary_start", "precision", "select_by")
_LIMITS = ("target_active_terms", "select_below")


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """Every training setting that a user may change; what is left out keeps the compact recipe."""
    one = parser.add_argument_group("training")
    one.add_argument("--control", help="scheduled, none, literal or constant:P")
    one.add_argument("--word-control", action="store_true", help="word-level control as well")
    one.add_argument("--draws-per", choices=["batch", "caption"], help="one draw for (batch)")
    one.add_argument("--regularizer", choices=["l1", "flops", "df-flops"])
    one.add_argument("--terms", choices=["content", "all"], help="content leaves out empty words")
    one.add_argument("--vocabulary-start", help="lexical, bundled, random, a folder or a hub name")
    one.add_argument("--precision", choices=["bfloat16", "float32"], help="of the forward pass")
    one.add_argument("--select-by", help="measure that chooses the weights to keep, or last")
    for name, (kind, does) in _NUMBERS.items():
        one.add_argument(f"--{name}", type=kind, help=does, metavar="N")


def training_option_names() -> list[str]:
    """The attributes that `add_training_options` gives a parser's answer."""
    numbers = [name.replace("-", "_") for name in _NUMBERS]
    return ["control", "word_control", "draws_per", *_WORDS, *numbers]


def training_settings(
    options: argparse.Namespace, recipe: TrainingSettings | None = None
) -> TrainingSettings:
    """The recipe, the compact one unless another is given, with what the options change.

    Raises:
        QueryError: a value that cannot be trained with.
    """
    # The recipes need numpy and scipy, which `--help` should not wait for.
    from lsr.model.expansion import parse_control
    from lsr.training.recipes import COMPACT_RECIPE, with_overrides

    recipe = recipe or COMPACT_RECIPE
    control = parse_control(options.control) if options.control else recipe.control
    control = replace(
        control,
        word_level=control.word_level or options.word_control,
        per=options.draws_per or control.per,
    )
    both = options.regularizer_weight
    settings = with_overrides(
        recipe,
        control=control,
        query_regularizer_weight=_first(options.query_regularizer_weight, both),
        document_regularizer_weight=_first(options.document_regularizer_weight, both),
        **{name: getattr(options, name) for name in _WORDS},
        **{
            name.replace("-", "_"): getattr(options, name.replace("-", "_"))
            for name in _NUMBERS
            if "regularizer" not in name
        },
    )
    lifted: dict[str, Any] = {name: None for name in _LIMITS if getattr(options, name) == 0}
    settings = replace(settings, **lifted)
    settings.check()
    return settings


def as_arguments(settings: TrainingSettings) -> list[str]:
    """The options that make `training_settings` give these settings, whatever the recipe is."""
    control = settings.control
    caption = f"constant:{control.rate!r}" if control.caption == "constant" else control.caption
    numbers = [name for name in _NUMBERS if name != "regularizer-weight"]
    texts = {
        "control": caption + ("+word" if control.word_level else ""),
        "draws-per": control.per,
        **{name.replace("_", "-"): getattr(settings, name) for name in _WORDS},
        **{name: getattr(settings, name.replace("-", "_")) or 0 for name in numbers},
    }
    return [f"--{name}={text}" for name, text in texts.items()]


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
