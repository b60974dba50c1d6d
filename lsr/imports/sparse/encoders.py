"""A `SparseEncoder` of sentence-transformers, from a folder or the hub, as an ordinary model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lsr.collection.collection import Collection
from lsr.collection.items import image_items
from lsr.evaluation.model_metrics import metrics_of
from lsr.exceptions import EncoderError, InputError, ModelError, shorten
from lsr.imports.imported import import_folder
from lsr.imports.sparse.importing import DENSE, SparseReport
from lsr.model.card import CARD, SPARSE_ENCODER
from lsr.model.loading import load_model
from lsr.model.protocol import Model
from lsr.model.sparse_encoder import ENCODER, as_csr, missing_package, quiet, read_encoder
from lsr.model.stored import write_vocabulary
from lsr.model.term_list import TermList, numbered
from lsr.model.vocabulary import Vocabulary
from lsr.storage.files import fingerprint, read_json, write_json
from lsr.storage.folders import replacing_folder
from lsr.storage.hub import Source, locate
from lsr.storage.records import fits
from lsr.storage.room import check_room, told_when_full

MODULES = "modules.json"
# All that is ever downloaded: no pickles and no code.
_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
_WEIGHTS = "model.safetensors", "model.safetensors.index.json"
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_OWN = "sentence_transformers."
_TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "tokenizer.model")
_PROBE = ("two dogs on the beach", "a red ball")
_SAMPLE = 64


def is_encoder(folder: Path) -> bool:
    """Whether a folder holds modules of the package, or a masked language model."""
    return (folder / MODULES).is_file() or _is_masked_model(folder)


def import_encoder(
    collection: Collection, source: str, name: str, title: str = ""
) -> Iterator[SparseReport]:
    """Copy an encoder as a model; it is there, measured, when the last report comes.

    What is copied is what the package saves again: safetensors, settings and the tokenizer.

    Args:
        collection: what it is measured on. source: a folder, or `owner/name` on the hub.

    Raises:
        ModelError: it is pickled, damaged, brings code of its own, lacks its tokenizer, or has
            never been made sparse. UnknownNameError: there is no such folder or repository.
        EncoderError: sentence-transformers is not installed.
        QueryError: the name cannot be used. DiskFullError: there is no room.
    """
    folder = import_folder("models", name)
    if why := missing_package("A sparse encoder"):
        raise EncoderError(why)
    place = locate(source, {"model": _FILES})
    _check(place)
    yield SparseReport("encoder", 0)
    encoder = read_encoder(place.folder)
    reads = bool(encoder.supports("image"))
    vocabulary = _vocabulary(encoder, _width(encoder, place), place)
    notes = list(_notes(encoder, reads, vocabulary))
    with replacing_folder(folder) as temporary:
        check_room(sum(one.nbytes for one in encoder.state_dict().values()), temporary)
        with told_when_full(temporary), quiet():
            encoder.save_pretrained(str(temporary / ENCODER), create_model_card=False)
        write_vocabulary(temporary, vocabulary)
        files = sorted(path for path in (temporary / ENCODER).rglob("*") if path.is_file())
        card = {
            "kind": SPARSE_ENCODER,
            "title": title or (name if reads else f"{name}, images by their captions"),
            "reads_pictures": reads,
            "vocabulary_size": len(vocabulary),
            "fingerprint": fingerprint(vocabulary.tokenizer_fingerprint, *files),
        }
        about = {"format": "sentence-transformers", "source": place.name, "notes": notes}
        write_json(temporary / CARD, {**card, "imported": about})
        yield SparseReport("measuring", 0)
        made = load_model(temporary)
        notes += _measured(collection, made, temporary)
        write_json(temporary / CARD, {**card, "imported": {**about, "notes": notes}})
    yield SparseReport("", 0, load_model(folder), notes)


def _check(place: Source) -> None:
    """Refuse what would not load, would run code, or would be made up.

    Raises:
        ModelError: with the remedy.
    """
    folder = place.folder
    if not is_encoder(folder):
        raise ModelError(
            f"`{place.name}` is no sparse encoder: it has neither {MODULES} of "
            "sentence-transformers nor a masked language model. Save it with "
            "`SparseEncoder.save_pretrained`."
        )
    for parent in {path.parent for path in folder.rglob("*") if path.name in _PICKLES}:
        if not any((parent / one).exists() for one in _WEIGHTS):
            raise ModelError(
                f"`{place.name}` holds pickled weights (pytorch_model.bin), which can run code and "
                "are not read. Where you trust them, save it again with "
                "`SparseEncoder.save_pretrained`."
            )
    types = _types(folder)
    if foreign := [one for one in types if not one.startswith(_OWN)]:
        raise ModelError(
            f"`{place.name}` brings code of its own (`{shorten(foreign[0])}`), and such code is "
            "never run. Encode with it elsewhere and import the vectors."
        )
    settings = _settings(folder / "config_sentence_transformers.json")
    if settings.get("model_type", "SparseEncoder") != "SparseEncoder":
        raise ModelError(
            f"`{place.name}` is a {shorten(str(settings['model_type']))}, whose vectors are dense. "
            "Use it as an encoder, and train a model on its vectors."
        )
    if not any((one / name).is_file() for one in _tokenized(folder) for name in _TOKENIZERS):
        raise ModelError(
            f"`{place.name}` has no tokenizer ({', '.join(_TOKENIZERS[:2])} or another), so no "
            "text can be encoded. Save it with `SparseEncoder.save_pretrained`."
        )


def _is_masked_model(folder: Path) -> bool:
    made: Any = _settings(folder / CARD).get("architectures")
    return fits(made, list[str]) and any(one.endswith("ForMaskedLM") for one in made)


def _settings(path: Path) -> dict[str, Any]:
    return read_json(path, ModelError) if path.is_file() else {}


def _types(folder: Path) -> list[str]:
    """The classes that a folder names for its modules, those of routes included."""
    types: list[str] = []
    if (folder / MODULES).is_file():
        from lsr.storage.untrusted import DamagedError, parse_json

        try:
            modules = parse_json((folder / MODULES).read_text("utf-8"))
        except (DamagedError, OSError, ValueError) as problem:
            raise ModelError(f"`{MODULES}` cannot be read ({problem}). Restore it.") from None
        whole = isinstance(modules, list) and all(isinstance(one, dict) for one in modules)
        types += [str(one.get("type")) for one in modules] if whole else ["nothing"]
    for path in folder.rglob("router_config.json"):
        found = _settings(path).get("types")
        types += [str(one) for one in found.values()] if isinstance(found, dict) else []
    return types


def _tokenized(folder: Path) -> list[Path]:
    return [folder, *(path for path in folder.rglob("*") if path.is_dir())]


def _width(encoder: Any, place: Source) -> int:
    """How many numbers its vectors have, the same on both sides.

    Raises:
        ModelError: the sides differ, or it cannot encode a text.
    """
    try:
        found = [
            encode(list(_PROBE), show_progress_bar=False, save_to_cpu=True)
            for encode in (encoder.encode_query, encoder.encode_document)
        ]
    except Exception as problem:  # noqa: BLE001 - of any module of theirs
        raise ModelError(
            f"`{place.name}` cannot encode a text ({shorten(str(problem), 160)}). Save or download "
            "the folder again."
        ) from None
    widths = [int(one.shape[1]) for one in found]
    if widths[0] != widths[1]:
        raise ModelError(
            f"Queries of `{place.name}` have {widths[0]:,} numbers, but its documents "
            f"{widths[1]:,}, so they share no terms. Choose another encoder."
        )
    for one in found:
        as_csr(one, widths[0])
    return widths[0]


def _vocabulary(encoder: Any, n_terms: int, place: Source) -> Vocabulary:
    """The tokens of its tokenizer where vectors are over them, else bare numbers.

    A language model may have some more outputs than tokens, which are named as unused.

    Raises:
        ModelError: there is no tokenizer.
    """
    from sentence_transformers.sparse_encoder.modules import SparseAutoEncoder

    tokenizer = getattr(encoder, "tokenizer", None)
    if tokenizer is None:
        raise ModelError(f"`{place.name}` has no tokenizer. Save it again with one.")
    latents = any(isinstance(one, SparseAutoEncoder) for one in encoder.modules())
    if latents or len(tokenizer) > n_terms:
        return numbered(n_terms)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    unused = [f"[unused{number}]" for number in range(len(tokenizer), n_terms)]
    if backend is None:  # written in Python: it splits texts, but into no file of ours
        terms = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
        return TermList([*map(str, terms), *unused])
    from tokenizers import Tokenizer

    own = Tokenizer.from_str(backend.to_str())
    own.add_special_tokens(unused)
    found = Vocabulary(own)
    if len(found) != n_terms:
        raise ModelError(
            f"The tokenizer of `{place.name}` numbers {len(found):,} terms with gaps, but vectors "
            f"have {n_terms:,} numbers. Restore the tokenizer."
        )
    return found


def _notes(encoder: Any, reads: bool, vocabulary: Vocabulary) -> Iterator[str]:
    from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding

    if not reads:
        yield (
            "It reads texts alone: the captions of an image stand for it, so nothing here is what "
            "a model sees in the picture, and images without captions are never found."
        )
    if not vocabulary.says:
        yield "Its terms are latents, which have numbers and no words."
    if any(isinstance(one, SparseStaticEmbedding) for one in encoder.modules()):
        yield "Words of a query are looked up in a table: no network reads queries."


def _measured(collection: Collection, model: Model, folder: Path) -> Iterator[str]:
    """Write what the collection tells of it, where it tells anything; notes on that."""
    try:
        write_json(folder / "metrics.json", metrics_of(collection, model))
    except InputError as problem:  # such as a collection without pictures: another may have them
        yield f"It was not measured on collection {collection.name}. {problem}"
        return
    rows = collection.searchable_rows
    chosen = rows[np.linspace(0, len(rows) - 1, min(len(rows), _SAMPLE)).astype(int)]
    active = model.sparse(image_items(collection, chosen)).nnz / max(len(chosen), 1)
    if active > DENSE * len(model.vocabulary):
        yield (
            f"Images activate {active:,.0f} of the {len(model.vocabulary):,} terms on average, "
            f"{active / len(model.vocabulary):.0%}. That is hardly sparse: an inverted index has "
            "no advantage over dense vectors there."
        )
