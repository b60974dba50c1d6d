"""How long a run will take, said before it starts: timed on this machine, or known from others."""

from __future__ import annotations

from collections.abc import Iterator

import streamlit as st

from lsr.collection.collection import Collection
from lsr.model.vocabulary import Vocabulary
from lsr.storage.places import BUNDLED_ENCODER
from lsr.training import jobs
from lsr.training.lexical.settings import LexicalSettings
from lsr.training.settings import TrainingSettings
from pages.parts import address
from pages.parts.background import follow, in_words
from pages.parts.markup import sentence

# Seconds that a page waits for a few timed steps before it is shown without them.
_PATIENCE, _EVERY = 0.3, 1.0


def say_duration(images: Collection, settings: LexicalSettings) -> None:
    """A line on how long a lexical model takes, drawn again once its steps are timed."""
    key = ("duration", images.fingerprint, settings.method, settings.target_active_terms)

    def timed() -> Iterator[float]:
        from lsr.training.pace import lexical_seconds

        vocabulary = Vocabulary.load(BUNDLED_ENCODER / "tokenizer.json")
        yield lexical_seconds(images, vocabulary, settings)

    work = follow(key, timed, _PATIENCE)

    def line() -> None:
        work.wait(0)
        if work.latest is not None:
            how = "a part of them" if settings.method == "closed-form" else "its first steps"
            st.caption(
                f"{in_words(work.latest).capitalize()} on free cores of this machine, by {how}, "
                f"timed just now.{_first_run(images, settings)}"
            )
        elif work.running:
            st.caption("Timing its first steps on this machine…")
        if was_running and not work.running:
            st.rerun()

    was_running = work.running
    address.fragment(line, _EVERY if was_running else None)()


def _first_run(images: Collection, settings: LexicalSettings) -> str:
    """What comes before the steps, the first time."""
    if settings.method == "encoder-terms":
        return " The first time, the words of the vocabulary become vectors before that."
    if images.stored_caption_vectors("train") is None:
        n = len(images.caption_rows("train"))
        return f" The first time, {n:,} captions become vectors before that."
    return ""


def say_free_duration(settings: TrainingSettings, n_captions: int) -> None:
    """A line on how many steps free training takes, and how long by an earlier run like it."""
    from lsr.training.pace import free_seconds, free_steps

    steps = free_steps(settings, n_captions)
    batch = min(settings.batch_size, n_captions)
    told = f"{n_captions:,} pairs: {steps:,} steps of {batch:,}."
    if known := free_seconds(jobs.jobs(), settings, n_captions):
        seconds, name = known
        told += f" {in_words(seconds).capitalize()} at the pace of `{name}`, trained here."
    else:
        told += " The first report tells how long it takes here."
    st.caption(sentence(told))
