"""What every lesson looks at: the bundled collection and its two models, whatever the sidebar says.

So a link shows the same figures to everybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsr.collection.collection import Collection
from lsr.evaluation.task import DIRECTIONS
from lsr.exceptions import ModelError
from lsr.model.checkpoint import ProjectionModel
from pages.parts import caches
from pages.parts.choice import Choice

if TYPE_CHECKING:
    from lsr.search.searcher import Searcher
    from lsr.sweep.laboratory import Laboratory

COLLECTION = "demo"
CONTROLLED = "demo"
FREE = "demo-uncontrolled"
SPLIT = "test"


def collection() -> Collection:
    """The bundled scenes."""
    return caches.collection(COLLECTION)


def head(name: str = CONTROLLED) -> ProjectionModel:
    """A bundled head.

    Raises:
        ModelError: a model of another kind lies under its name.
    """
    model = caches.model(name)
    if not isinstance(model, ProjectionModel):
        raise ModelError(
            f"Lessons open the head of model `{name}`, and the one here is of kind `{model.kind}`. "
            "Restore the bundled model."
        )
    return model


def searcher(name: str = CONTROLLED) -> Searcher:
    """The bundled scenes under a bundled head."""
    return caches.searcher(Choice(COLLECTION, name, "memory"))


def laboratory(name: str = CONTROLLED, queries: str = "") -> Laboratory:
    """A bundled head on the test scenes, searched with their captions or a query set."""
    return caches.laboratory(COLLECTION, name, SPLIT, DIRECTIONS[0], "", queries)
