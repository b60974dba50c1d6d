"""Everything that a visitor can make this server do beyond reading: the one door to each.

Each asks first whether the mode of the server allows it, so that no page can forget to, whatever
its address or a forged click says. No other page module calls what stands behind these doors;
`tests/pages/test_mode.py` holds that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path

import streamlit as st

from lsr.ablation.dial import Dial, DialReport
from lsr.collection.collection import load_collection
from lsr.collection.installed import remove_collection
from lsr.encoders.own import own_names
from lsr.encoding.encoding import EncodingReport
from lsr.encoding.reencoding import Reencoded, encode_collection
from lsr.exceptions import NotAllowedError, QueryError
from lsr.exports.exporting import Exported, ExportRequest, run_export
from lsr.exports.selection import ExportReport
from lsr.failures import lists, triage
from lsr.failures.triage import Entry
from lsr.imports.imported import ImportRequest
from lsr.imports.planning import ImportPlan, plan_import
from lsr.imports.readers.bounds import MOST_FILES, within
from lsr.imports.readers.containers import user_path
from lsr.imports.running import run_import
from lsr.imports.stages import ImportReport
from lsr.model import installed as models
from lsr.model.edited import EditedModel, save_edited_as
from lsr.report.checking import Checked, check_report
from lsr.report.report_tables import ReportSettings
from lsr.report.writing import ReportProgress, write_report
from lsr.storage import classes, views
from lsr.storage.places import check_name
from lsr.sweep.laboratory import Laboratory
from lsr.training import jobs
from lsr.training.jobs import Job, queue
from lsr.training.other_settings import MadeSettings
from lsr.training.settings import TrainingSettings
from pages.parts import mode
from pages.parts.choice import encoder_of, names
from pages.parts.train import turns

# The texts of a request that are no paths; any other is held to be one.
_NO_PATHS = {"name", "encoder", "form", "splits", "code_page"}
# Seconds for a look through a source, where one asks for oneself and where others ask too.
_OWNERS_PATIENCE, _VISITORS_PATIENCE = 600.0, 60.0
_OWN = "things of this session"


def plan(request: ImportRequest) -> Callable[[], Iterator[ImportPlan]]:
    """What makes the plan of an import.

    Raises:
        NotAllowedError: importing is off, or the request leads outside what may be imported from.
    """
    mode.require("import")
    if mode.current() != "owner":
        _check_request(request)

    seconds = _OWNERS_PATIENCE if mode.current() == "owner" else _VISITORS_PATIENCE

    def made() -> Iterator[ImportPlan]:
        with within(MOST_FILES, seconds):
            planned = plan_import(request)
        yield planned

    return made


def carry_out(planned: ImportPlan) -> Callable[[], Iterator[ImportReport]]:
    """What carries a plan out.

    Raises:
        NotAllowedError: as `plan`; or it would replace what is there, on a server that is shared.
    """
    mode.require("import")
    if mode.current() != "owner":
        _check_request(planned.request)
        if planned.target.exists():
            raise NotAllowedError(
                f"There is a collection or model `{planned.request.name}` already, and on this "
                "server nobody replaces another's. Choose another name."
            )
    return partial(run_import, planned)


def encode(
    collection: str, spec: str, name: str
) -> Callable[[], Iterator[EncodingReport | Reencoded]]:
    """What encodes a collection anew.

    Raises:
        NotAllowedError: encoding is off. InputError: the name or the collection cannot be used.
    """
    mode.require("encode")
    check_name(name)
    return partial(encode_collection, load_collection(collection), spec, name)


def export(request: ExportRequest) -> Callable[[], Iterator[ExportReport | Exported]]:
    """What writes an export.

    Raises:
        NotAllowedError: exporting is off.
    """
    mode.require("export")
    return partial(run_export, request)


def write(
    folder: Path, settings: ReportSettings, command: str
) -> Callable[[], Iterator[ReportProgress]]:
    """What writes a report.

    Raises:
        NotAllowedError: reports are off.
    """
    mode.require("report")
    return partial(write_report, folder, settings, command)


def check(folder: Path) -> Callable[[], Iterator[Checked]]:
    """What measures everything in a report again.

    Raises:
        NotAllowedError: reports are off.
    """
    mode.require("report")
    return partial(check_report, folder)


def remove(collection: str) -> None:
    """Delete a collection for good.

    Raises:
        NotAllowedError: deleting is off. InputError: it cannot be deleted.
    """
    mode.require("delete")
    remove_collection(collection)


def remove_model(model: str) -> None:
    """Delete a model for good.

    Raises:
        NotAllowedError: deleting is off. InputError: it cannot be deleted.
    """
    mode.require("delete")
    models.remove_model(model)


def keep_edited(name: str, edited: EditedModel) -> None:
    """Keep a model whose terms were edited.

    Raises:
        NotAllowedError: nothing is kept here. InputError: it cannot be kept.
    """
    mode.require("edit")
    save_edited_as(name, edited)


def train(name: str, collection: str, settings: TrainingSettings | MadeSettings) -> None:
    """Start a training run, or let it wait for its turn on a server that is shared.

    Raises:
        NotAllowedError: training is off. InputError: a name or a setting cannot be used, or a run
            of this session goes on already on such a server.
    """
    mode.require("train")
    in_turn = _in_turn()
    jobs.start(name, collection, settings, in_turn=in_turn)
    claim(f"run {name}")
    if in_turn:
        turns.keep()


def go_on(job: Job) -> None:
    """Resume a run, or begin one that cannot be resumed again.

    Raises:
        NotAllowedError: training is off. ModelError: somebody is at it.
    """
    mode.require("train")
    in_turn = _in_turn()
    (jobs.resume if job.resumes else jobs.restart)(job, in_turn=in_turn)
    claim(f"run {job.name}")
    if in_turn:
        turns.keep()


def _in_turn() -> bool:
    """Whether runs take turns here.

    Raises:
        QueryError: they do, and it is not this visitor's turn to ask for one more.
    """
    if mode.current() == "owner":
        return False
    queue.check_room()
    for job in jobs.jobs():
        if job.alive and owns(f"run {job.name}"):
            raise QueryError(
                f"Your training run `{job.name}` is not over yet, and on this server everybody has "
                "one at a time. Wait for it or stop it."
            )
    return True


def tune(family: Dial) -> Callable[[], Iterator[DialReport]]:
    """What tunes the heads of a control dial.

    Raises:
        NotAllowedError: training is off.
    """
    mode.require("train")
    return family.turning


def stop(job: Job) -> None:
    """End a run that goes on.

    Raises:
        NotAllowedError: another visitor started it. ModelError: it was started elsewhere.
    """
    if not owns(f"run {job.name}"):
        raise NotAllowedError(f"Only who started the training run `{job.name}` can stop it.")
    jobs.stop(job)


def discard(job: Job) -> None:
    """Remove a run with all that it learned.

    Raises:
        NotAllowedError: deleting is off. ModelError: it is going on.
    """
    mode.require("delete")
    jobs.discard(job)


def claim(thing: str) -> None:
    """Remember that this session started something."""
    st.session_state.setdefault(_OWN, set()).add(thing)


def owns(thing: str) -> bool:
    """Whether this visitor may stop something: the owner of the server may stop everything."""
    return mode.current() == "owner" or thing in st.session_state.get(_OWN, ())


def _check_request(request: ImportRequest) -> None:
    """Refuse a request that leaves the folders that visitors may import from.

    Raises:
        NotAllowedError: it does; nobody learns whether the path is there.
    """
    given = {field.name: getattr(request, field.name) for field in fields(request)}
    for name, value in given.items():
        if isinstance(value, str) and value and name not in _NO_PATHS and not _below_roots(value):
            raise NotAllowedError(
                "On this server, pictures and captions come only from the folders that whoever "
                "runs it has named: "
                f"{', '.join(f'`{root}`' for root in mode.import_roots())}. Give a path below one."
            )
    known = {"", "bundled", *own_names(), *map(encoder_of, names("collections"))}
    if request.encoder.strip() not in known:
        raise NotAllowedError(
            "On this server, only encoders that it uses already can be chosen: "
            f"{', '.join(f'`{one}`' for one in sorted(known - {''}))}."
        )


def _below_roots(text: str) -> bool:
    """Whether a path, with all links on its way followed, is in one of the folders."""
    try:
        path = user_path(text).resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links, or no path at all
        return False
    return any(path.is_relative_to(root) for root in mode.import_roots())


def save_view(name: str, page: str, address: Mapping[str, str]) -> None:
    """Keep the address of a page under a name.

    Raises:
        NotAllowedError: views are not saved here.
        QueryError: the name is empty, too long or taken.
    """
    mode.require("view")
    views.save_view(name, page, address)


def delete_view(name: str) -> None:
    """Remove a view.

    Raises:
        NotAllowedError: views are not deleted here.
        UnknownNameError: there is none of that name.
    """
    mode.require("view")
    views.delete_view(name)


def judge(lab: Laboratory, entry: Entry) -> None:
    """Keep what a person says about a failure.

    Raises:
        NotAllowedError: nothing is kept here. InputError: it cannot be kept.
    """
    mode.require("triage")
    triage.add_entry(lab, entry)


def keep_list(name: str, text: str) -> None:
    """Keep a list of failures under a name.

    Raises:
        NotAllowedError: nothing is kept here. InputError: the name cannot be used.
    """
    mode.require("triage")
    lists.keep_list(name, text)


def open_class() -> str:
    """The code of a new class, whose predictions are counted.

    Raises:
        NotAllowedError: nothing is collected here. QueryError: there are too many.
    """
    mode.require("collect")
    return classes.open_class()


def count_prediction(code: str, question: str, answer: str) -> None:
    """Count one prediction in a class.

    Raises:
        NotAllowedError: nothing is collected here. InputError: it cannot be counted.
    """
    mode.require("collect")
    classes.add_prediction(code, question, answer)
