# ruff: noqa: ARG001  (arguments that are only part of a cache key)
"""What is read or computed once: keys are folder stamps and fingerprints, never large arrays."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import streamlit as st
from threadpoolctl import threadpool_limits

from lsr.collection.collection import Collection, load_collection
from lsr.exceptions import InputError
from lsr.model.loading import load_model
from lsr.model.protocol import Items, Model
from lsr.search.results import Inspection, SearchResult, SearchSettings
from lsr.storage.pictures import read_picture
from lsr.storage.places import find
from pages.parts import pictures
from pages.parts.choice import Choice

# numba, scipy and what else these read take a second, for which the first page does not wait.
if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_matrix

    from lsr.collection.caption_encoder import CaptionEncoder
    from lsr.evaluation.projected import ProjectedSplit
    from lsr.failures.cases import Cases
    from lsr.failures.causes import Causes
    from lsr.search.audit import Audit, Usage
    from lsr.search.known_answers import KnownAnswer
    from lsr.search.searcher import Searcher
    from lsr.search.stand_ins import KnownCaptions
    from lsr.sweep.laboratory import Laboratory

Resource = TypeVar("Resource")


def collection(name: str) -> Collection:
    """The collection of a name, read again when its files change."""
    folder = find("collections", name)
    sets = sorted((folder / "queries").glob("*.parquet"))
    files = (folder / "collection.json", folder / "images.parquet", *sets)
    return _collection(str(folder), _stamp(*files))


def stamp(folder: Path) -> str:
    """Changes when a collection is written anew."""
    return _stamp(folder / "collection.json")


def model(name: str) -> Model:
    """The model of a name, read again when its files change."""
    folder = find("models", name)
    return _model(str(folder), _stamp(folder / "config.json", folder / "model.safetensors"))


def searcher(choice: Choice) -> Searcher:
    """The searcher of a choice, with its encoder loaded and its loops compiled."""
    return _searcher(*_parts(choice))


def under_setting(choice: Choice, setting: str) -> Searcher:
    """The searcher of a choice under an inference setting, as the address has it; empty for none.

    Raises:
        QueryError: the setting cannot be understood, or not be had with the model.
    """
    if not setting.strip():
        return searcher(choice)
    ready = searcher(choice.in_memory)
    return _under_setting(ready, " ".join(setting.split()), *marks_of(ready))


@st.cache_resource(max_entries=4, show_spinner="Setting the knobs…")
def _under_setting(_ready: Searcher, setting: str, *marks: str) -> Searcher:
    from lsr.sweep.inference import parse_inference, under_setting

    return under_setting(_ready, parse_inference(setting))


def prepare(choice: Choice) -> None:
    """Make the searcher of a choice ready while the visitor reads; the page does not wait."""
    # Not a daemon, which would be stopped within compiled code when the server ends.
    threading.Thread(target=_prepared, args=_parts(choice), name="prepare").start()


def _parts(choice: Choice) -> tuple[Collection, Model, str, str, str, str]:
    images, head = collection(choice.collection), model(choice.model)
    # A collection of the same vectors may have moved, or its pictures have changed.
    place = f"{images.folder} {_stamp(images.folder / 'images.parquet')}"
    return images, head, choice.engine, place, images.fingerprint, head.fingerprint


def _prepared(*parts: Any) -> None:
    with suppress(InputError):  # the page that asks for it says what is wrong
        _opened(*parts)


def _mark_of(images: Collection, queries: str) -> str:
    """Changes with a query set's content."""
    return images.query_set(queries).fingerprint if queries else ""


def known_answers(images: Collection, text: str) -> list[KnownAnswer]:
    """The images that a text is known to ask for; a hundred thousand captions are read once."""
    sets = (_mark_of(images, name) for name in images.query_sets)
    return _known_answers(images, text, images.fingerprint, *sets)


def laboratory(
    collection_name: str,
    model_name: str,
    split: str,
    direction: str,
    null: str,
    queries: str = "",
    setting: str = "",
) -> Laboratory:
    """A model on a split, or on a query set there, ready to be swept.

    Args:
        setting: knobs that hold throughout, as `parse_inference` reads them.

    Raises:
        QueryError: the setting cannot be understood.
    """
    images, head = collection(collection_name), model(model_name)
    about = (split, direction, null, queries, " ".join(setting.split()))
    marks = images.fingerprint, head.fingerprint, _mark_of(images, queries)
    return _laboratory(images, head, *about, *marks)


def cases(labs: Sequence[Laboratory]) -> Cases:
    """Every query of a laboratory with what stands between it and its answer.

    Args:
        labs: the one that is looked at, and at most one beside it.
    """
    return _cases(list(labs), *_marks_of_cases(labs))


def causes(labs: Sequence[Laboratory]) -> Causes:
    """Why answers are behind in the `cases` of the same laboratories."""
    return _causes(cases(labs), labs[0], *_marks_of_cases(labs))


def usual_query(lab: Laboratory) -> np.ndarray | None:
    """What queries of a laboratory have before the threshold on average; None without one."""
    return _usual_query(lab, *_marks_of_cases([lab]))


def _marks_of_cases(labs: Sequence[Laboratory]) -> tuple[str, ...]:
    first = labs[0]
    heads = [one.model.fingerprint for one in labs]
    marks = first.split, first.direction, first.queries, _mark_of(first.collection, first.queries)
    fixed = " ".join(f"{knob}={value!r}" for knob, value in first.fixed)
    return first.collection.fingerprint, *heads, *marks, fixed


def search(ready: Searcher, text: str, settings: SearchSettings) -> SearchResult:
    """The result of a search that comes again and again, as a slider moves or hits are opened."""
    marks = *marks_of(ready), stamp(ready.collection.folder), ready.index.engine
    return _search(ready, text, settings, *marks)


def obstacle_to(images: Collection, text: str | None) -> str | None:
    """Why a text cannot be encoded, in one sentence; None where it can, or is a caption."""
    from lsr.encoders.loading import obstacle

    why = obstacle(images.encoder)
    known = why and text and _captions(images, images.fingerprint).knows(text)
    return None if known else why


class Uploaded(NamedTuple):
    """A picture of a visitor's: for the screen, with its terms, and as a model reads it."""

    preview: bytes
    seen: Inspection
    items: Items


@st.cache_resource(max_entries=8, show_spinner="Reading the picture…")
def uploaded(_searcher: Searcher, marks: tuple[str, str], content: bytes, name: str) -> Uploaded:
    """An uploaded picture, read and encoded once.

    Raises:
        PictureError: it cannot be read.
    """
    picture = read_picture(content, name)
    items = _searcher.picture_items(picture)
    seen = _searcher.inspect_items(items, name, top=20)
    return Uploaded(pictures.jpeg(picture, pictures.LARGE_PIXELS), seen, items)


def audit(ready: Searcher, top: int | None) -> Audit:
    """Every term of every image, graded by the captions; made once."""
    return _audit(ready, top, *marks_of(ready))


def usage(ready: Searcher) -> Usage:
    """Which terms the images activate, as an `Audit` where it can be graded; found once."""
    from lsr.search.audit import can_grade

    return audit(ready, None) if can_grade(ready) else _usage(ready, *marks_of(ready))


@st.cache_resource(max_entries=4, show_spinner="Counting the terms of all images…")
def _usage(_ready: Searcher, *marks: str) -> Usage:
    from lsr.search.audit import usage

    return usage(_ready)


@st.cache_resource(max_entries=4, show_spinner="Grading the terms of all images…")
def _audit(_ready: Searcher, top: int | None, *marks: str) -> Audit:
    from lsr.search.audit import audit

    return audit(_ready, top, said(_ready))


def said(ready: Searcher) -> csr_matrix:
    """(n, V) bool csr: what the captions of each image that is searched say; read once."""
    return _said(ready, ready.collection.fingerprint, ready.model.vocabulary.fingerprint)


@st.cache_resource(max_entries=2, show_spinner="Reading the captions…")
def _said(_ready: Searcher, *marks: str) -> csr_matrix:
    from lsr.search.audit import said_of_images

    return said_of_images(_ready.collection, _ready.memory.ids, _ready.model.vocabulary)


def spoken(ready: Searcher) -> np.ndarray:
    """(V,) bool: the terms that captions of the images that are searched say; found once."""
    return _spoken(ready, *marks_of(ready))


@st.cache_resource(max_entries=4, show_spinner="Reading the captions…")
def _captions(_images: Collection, mark: str) -> CaptionEncoder:
    from lsr.collection.caption_encoder import CaptionEncoder

    return CaptionEncoder(_images, InputError("Its encoder is not here."))


@st.cache_resource(max_entries=4, show_spinner="Reading the captions…")
def _spoken(_ready: Searcher, *marks: str) -> np.ndarray:
    from lsr.search.support import spoken_terms

    return spoken_terms(_ready.collection, _ready.model.vocabulary)


def known_captions(ready: Searcher) -> KnownCaptions | None:
    """Captions of the images that are searched, under the model; projected once."""
    return _known_captions(ready, *marks_of(ready))


@st.cache_resource(max_entries=3, show_spinner="Projecting the captions…")
def _known_captions(_ready: Searcher, *marks: str) -> KnownCaptions | None:
    from lsr.search.stand_ins import known_captions

    return _kept(known_captions(_ready.collection, _ready.model))


def marks_of(ready: Searcher) -> tuple[str, str]:
    """Fingerprints that change when the collection or the model of a searcher does."""
    return ready.collection.fingerprint, ready.model.fingerprint


def _kept(resource: Resource) -> Resource:
    """`resource`, after the memory that reading or computing it took was given back.

    What is loaded by now is left out of later garbage collections: Streamlit collects after every
    run, which takes 0.3 s over the objects of torch and a vocabulary.
    """
    # A query is too little work for two threads, which would wait for each other: on busy cores,
    # encoding a text took 50 ms in place of 2.
    if "torch" in sys.modules:
        import torch  # another thread may be at it still: this waits until it is whole

        torch.set_num_threads(1)
    threadpool_limits(1, user_api="blas")
    gc.collect()
    gc.freeze()
    if sys.platform == "linux":
        # glibc keeps freed blocks of up to 32 MB for later: 100 to 200 MB after a projection.
        ctypes.CDLL(None).malloc_trim(0)
    return resource


def _stamp(*files: Path) -> str:
    states = [file.stat() if file.exists() else None for file in files]
    return " ".join(f"{s.st_mtime_ns}-{s.st_size}" if s else "missing" for s in states)


@st.cache_resource(max_entries=4, show_spinner="Reading the collection…")
def _collection(folder: str, stamp: str) -> Collection:
    return _kept(load_collection(Path(folder)))


@st.cache_resource(max_entries=4, show_spinner="Reading the model…")
def _model(folder: str, stamp: str) -> Model:
    return _kept(load_model(Path(folder)))


_OPENING = "Opening the index. The first time on a machine this takes half a minute…"


@st.cache_resource(max_entries=3, show_spinner=_OPENING)
def _searcher(_images: Collection, _head: Model, engine: str, *marks: str) -> Searcher:
    return _opened(_images, _head, engine, *marks)


@st.cache_resource(max_entries=3, show_spinner=False)  # outside a page there is nowhere to show it
def _opened(_images: Collection, _head: Model, engine: str, *marks: str) -> Searcher:
    from lsr.search.searcher import Searcher

    ready = Searcher(_images, _head, engine)
    if _images.encoder == "bundled" and _head.no_texts is None:
        # The first search loads the encoder and compiles the loops; nobody waits for that later.
        # Other encoders can be many times larger: they are loaded by whoever searches.
        ready.search_text("warm up", SearchSettings(k=1))
        ready.forget()
    return _kept(ready)


@st.cache_resource(max_entries=4, show_spinner=False)  # a sweep's thread may ask as well
def _projected(
    _images: Collection, _head: Model, split: str, queries: str, *marks: str
) -> ProjectedSplit:
    from lsr.evaluation.projected import project_split

    return _kept(project_split(_images, _head, split, queries=queries))


@st.cache_resource(max_entries=6, show_spinner="Setting up the laboratory…")
def _laboratory(
    _images: Collection,
    _head: Model,
    split: str,
    direction: str,
    null: str,
    queries: str,
    setting: str,
    *marks: str,
) -> Laboratory:
    from lsr.sweep.inference import parse_inference
    from lsr.sweep.laboratory import open_laboratory

    fixed = parse_inference(setting).steps
    made = open_laboratory(
        _images, _head, split, direction, fixed=fixed, null=null, queries=queries
    )
    # Both directions and every null share what is projected once something has to be measured.
    whose = _images.fingerprint, _head.fingerprint, _mark_of(_images, queries)
    shared = partial(_projected, _images, _head, split, queries, *whose)
    return _kept(replace(made, ready=shared))


@st.cache_resource(max_entries=200, show_spinner=False)
def _known_answers(_images: Collection, text: str, *marks: str) -> list[KnownAnswer]:
    from lsr.search.known_answers import known_answers

    return known_answers(_images, text)


@st.cache_resource(max_entries=4, show_spinner="Looking for every query's answer…")
def _cases(_labs: list[Laboratory], *marks: str) -> Cases:
    from lsr.failures.cases import find_cases

    return _kept(find_cases(*_labs))


@st.cache_resource(max_entries=4, show_spinner="Looking for causes…")
def _causes(_found: Cases, _lab: Laboratory, *marks: str) -> Causes:
    from lsr.failures.causes import find_causes

    return _kept(find_causes(_found, _lab))


@st.cache_resource(max_entries=4, show_spinner="Looking below the threshold…")
def _usual_query(_lab: Laboratory, *marks: str) -> np.ndarray | None:
    from lsr.failures.teacher_gap import usual_query

    return usual_query(_lab)


@st.cache_resource(max_entries=200, show_spinner=False)
def _search(_ready: Searcher, text: str, settings: SearchSettings, *marks: str) -> SearchResult:
    return _ready.search_text(text, settings)
