"""Lexiscope's library: see the words an image activates.

    searcher = lsr.open(collection="demo", model="demo")
    result = searcher.search_text("two lions in the desert", lsr.SearchSettings(k=3))

A name is loaded when it is first used, so `import lsr` takes a hundredth of a second.
"""

from __future__ import annotations

from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lsr.collection.collection import Collection, load_collection
    from lsr.evaluation.evaluate import evaluate
    from lsr.exceptions import InputError
    from lsr.exports.exporting import export
    from lsr.imports.running import import_source
    from lsr.model.loading import load_model
    from lsr.model.protocol import Model
    from lsr.search.results import SearchResult, SearchSettings
    from lsr.search.searcher import Searcher
    from lsr.sweep.laboratory import open_laboratory as laboratory
    from lsr.training.lexical.make_model import make_lexical
    from lsr.training.lexical.settings import LexicalSettings
    from lsr.training.train_model import train_model as train

    open = Searcher.open

__version__ = "0.2.0"
__all__ = [
    "Collection",
    "InputError",
    "LexicalSettings",
    "Model",
    "SearchResult",
    "SearchSettings",
    "Searcher",
    "evaluate",
    "export",
    "import_source",
    "laboratory",
    "load_collection",
    "load_model",
    "make_lexical",
    "open",
    "train",
]
# Where each public name is defined.
_HOMES = {
    "Collection": "collection.collection:Collection",
    "InputError": "exceptions:InputError",
    "LexicalSettings": "training.lexical.settings:LexicalSettings",
    "Model": "model.protocol:Model",
    "SearchResult": "search.results:SearchResult",
    "SearchSettings": "search.results:SearchSettings",
    "Searcher": "search.searcher:Searcher",
    "evaluate": "evaluation.evaluate:evaluate",
    "export": "exports.exporting:export",
    "import_source": "imports.running:import_source",
    "laboratory": "sweep.laboratory:open_laboratory",
    "load_collection": "collection.collection:load_collection",
    "load_model": "model.loading:load_model",
    "make_lexical": "training.lexical.make_model:make_lexical",
    "open": "search.searcher:Searcher.open",
    "train": "training.train_model:train_model",
}


def __getattr__(name: str) -> Any:
    """A public name, loaded now and kept."""
    if name not in _HOMES:
        raise AttributeError(f"module `lsr` has no attribute `{name}`")
    module, _, path = _HOMES[name].partition(":")
    value = attrgetter(path)(import_module(f"lsr.{module}"))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
