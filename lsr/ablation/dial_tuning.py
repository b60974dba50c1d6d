"""The heads of a control dial: tuned one after another, each measured when it is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lsr.ablation.dial import CONTROLS, STEPS, Dial, DialReport, DialRow
from lsr.evaluation.evaluate import evaluate_split
from lsr.evaluation.pairs import Pairs, load_pairs
from lsr.evaluation.projected import project_split_with
from lsr.model.expansion import parse_control
from lsr.model.vocabulary import Vocabulary
from lsr.storage.places import BUNDLED_ENCODER
from lsr.training.device import training_device
from lsr.training.lexical.closed_form import ClosedFormSettings, closed_form
from lsr.training.lexical.head import LexicalHead
from lsr.training.lexical.settings import TuningSettings
from lsr.training.lexical.tuning import Tuning
from lsr.training.stop_list import stop_list

_BATCH = 256
_SPLITS = ("test", "val", "train")


def tune(family: Dial) -> Iterator[DialReport]:
    """Tune, measure and keep what a family lacks, a report at a time; see `Dial.turning`."""
    rows = family.known
    missing = [one for one in CONTROLS if one not in {row.control for row in rows}]
    planned = STEPS * len(CONTROLS)
    done = planned - STEPS * len(missing)
    yield DialReport(done, planned, "", rows)
    if not missing:
        return
    pairs = load_pairs(family.collection, "train")
    vocabulary = Vocabulary.load(BUNDLED_ENCODER / "tokenizer.json")
    chosen = replace(
        TuningSettings.for_pairs(len(pairs.texts)),
        steps=STEPS,
        batch_size=min(_BATCH, len(pairs.texts)),
        seed=family.seed,
    )
    stopped = stop_list(pairs, vocabulary)
    start = closed_form(pairs, vocabulary, stopped, ClosedFormSettings(chosen.target_active_terms))
    for control in missing:
        for step in _tuned(start, pairs, vocabulary, chosen, control):
            if isinstance(step, LexicalHead):
                rows = (*rows, *_measured(family, step, vocabulary, control))
                family.keep(rows)
            else:
                yield DialReport(done + step, planned, control, rows)
        done += STEPS
        yield DialReport(done, planned, control, rows)


def _tuned(
    start: LexicalHead,
    pairs: Pairs,
    vocabulary: Vocabulary,
    chosen: TuningSettings,
    control: str,
) -> Iterator[int | LexicalHead]:
    """The steps that are done, then the head."""
    settings = replace(chosen, control=replace(parse_control(control), per="caption"))
    tuning = Tuning(start, pairs, vocabulary, settings, training_device())
    for report in tuning.run():
        yield report.step
    yield tuning.head


def _measured(
    family: Dial, head: LexicalHead, vocabulary: Vocabulary, control: str
) -> Iterator[DialRow]:
    projection = head.projection(len(vocabulary))
    rate = None if control == "scheduled" else parse_control(control).rate_at(0.0)
    there = [one for one in _SPLITS if one in family.collection.splits]
    split = next(one for one in there if len(family.collection.caption_rows(one)))
    for queries in dict.fromkeys(("", family.queries)):
        projected = project_split_with(
            family.collection, projection, vocabulary, split, queries=queries
        )
        found = evaluate_split(projected)
        yield DialRow(
            control,
            rate,
            queries,
            split,
            found["sparse"]["R@1"],
            found["literal"]["R@1"],
            found["dense"]["R@1"],
            found["flops"],
            found["active_terms"]["query"],
            found["active_terms"]["image"],
        )
