"""What pages write at a user's home: judgements, lists of failures, a class's counts, edits."""

from __future__ import annotations

from pathlib import Path

from lsr.collection.collection import load_collection
from lsr.failures.cases import find_cases
from lsr.failures.causes import CAUSE_NAMES, find_causes
from lsr.failures.lists import keep_list, kept_list, list_names, list_text, run_again
from lsr.failures.records import case_records
from lsr.failures.triage import Entry, add_entry, read_triage
from lsr.model.checkpoint import save_model
from lsr.model.edited import edit_terms, save_edited_as
from lsr.model.loading import load_model
from lsr.model.term_edits import parse_edits
from lsr.search.searcher import Searcher, SearchSettings
from lsr.storage.classes import add_prediction, read_class
from lsr.storage.files import write_json
from lsr.sweep.laboratory import Laboratory, open_laboratory
from tests.conftest import make_collection, make_head
from tests.hostile.world import at_home, fake_encoder

_CODE = "KM4T7R"


def make(folder: Path) -> None:
    """A collection and a model with two judgements and a list, an edited model, a class."""
    home = at_home(folder)
    encoder = fake_encoder()
    collection = make_collection(home / "collections" / "tiny", encoder)
    vocabulary = encoder.vocabulary
    card = {"title": "Tiny", "encoder": "fake"}
    model = save_model(
        home / "models" / "tiny", make_head(vocabulary), vocabulary, card=card, training={},
        metrics={},
    )  # fmt: skip
    lab = open_laboratory(collection, model)
    found = find_cases(lab)
    for query_id, note in zip(found.ids[:2], ("first", "second"), strict=True):
        add_entry(lab, Entry(query_id, CAUSE_NAMES[3], CAUSE_NAMES[4], note, ("look", "again")))
    rows = list(range(4))
    records = case_records(found, find_causes(found, lab), rows, vocabulary.terms)
    keep_list("some", list_text(lab, 1, records))
    save_edited_as("merged", edit_terms(model, parse_edits("rename:dog:hound,delete:the")))
    write_json(home / "classes" / f"{_CODE}.json", {"counts": {"1a": {"300": 2, "20": 1}}})


def _laboratory(home: Path) -> Laboratory:
    at_home(home)
    return open_laboratory(load_collection("tiny"), load_model("tiny"))


def triage(home: Path) -> None:
    lab = _laboratory(home)
    for entry in read_triage(lab).entries.values():
        " ".join((entry.query_id, entry.note, *entry.tags))


def failure_list(home: Path) -> None:
    lab = _laboratory(home)
    for name in list_names():
        run_again(kept_list(name), lab, find_cases(lab))


def class_counts(home: Path) -> None:
    at_home(home)
    add_prediction(_CODE, "1a", "300")
    sum(sum(counts.values()) for counts in read_class(_CODE).values())


def edited(home: Path) -> None:
    at_home(home)
    searcher = Searcher(load_collection("tiny"), load_model("merged"), encoder=fake_encoder())
    searcher.search_text("two dogs", SearchSettings(k=3))
