"""Search with words or a picture, and the reasons for every result.

`Searcher` joins a collection, a model, their encoder and an index; the command line and the
pages are thin shells over it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cached_property, partial

import numpy as np
import scipy.sparse as sp
from PIL import Image

from lsr.collection.caption_encoder import CaptionEncoder
from lsr.collection.collection import Collection, load_collection
from lsr.collection.items import image_items, new_picture, new_texts
from lsr.encoders.loading import load_encoder
from lsr.encoders.protocol import Encoder
from lsr.evaluation.projected import check_fit
from lsr.evaluation.task import Side
from lsr.exceptions import QueryError, UnknownNameError
from lsr.index.engines import check_engine
from lsr.index.memory.files import usable_index
from lsr.index.memory.index import MemoryIndex
from lsr.index.memory.precision import Precision
from lsr.index.memory.rows import RowOf
from lsr.index.milvus.of_collection import open_milvus
from lsr.index.protocol import Found, Hit, ImageSubset, Index
from lsr.model.loading import load_model
from lsr.model.projection_cache import sparse_once
from lsr.model.protocol import Items, Model
from lsr.model.sparse import SparseVectors, TermWeight, strongest
from lsr.model.spread_projection import sparse_elsewhere
from lsr.search.filters import ImageFilter
from lsr.search.forms import mixed, terms_vector
from lsr.search.query import check_text, query_vector, said_terms, shaped
from lsr.search.results import ExplainedHit, Inspection, SearchResult, SearchSettings, TermCard
from lsr.search.terms import co_activated, contributions, query_terms, supported_terms
from lsr.storage.files import forget_array
from lsr.storage.spreading import Spread

__all__ = ["SearchSettings", "Searcher", "projected_index"]

_NO_TERMS = np.zeros(0, np.int64)
# Dense vectors of so many numbers in all are kept in memory once the dense ranking has read them;
# of more, so many rows are at a time.
_FEW_NUMBERS, _BLOCK = 2**26, 2**14


class Searcher:
    """A collection made searchable with a model.

    Args:
        engine: one of `lsr.index.engines.ENGINES`.
        encoder: of new texts and pictures; by default the one that the collection names.
        memory: the postings, where they are at hand.

    Raises:
        ModelError: the model does not fit the collection.
        UnknownNameError: there is no such engine.
    """

    def __init__(
        self,
        collection: Collection,
        model: Model,
        engine: str = "memory",
        encoder: Encoder | None = None,
        memory: MemoryIndex | None = None,
    ) -> None:
        check_fit(collection, model)
        check_engine(engine)
        if memory is not None:
            self.memory = memory
        self.collection = collection
        self.model = model
        self._encoder = encoder
        self.index: Index = self.memory if engine == "memory" else open_milvus(collection, model)
        self._filter = ImageFilter(collection, lambda: self.memory.active_terms)

    @classmethod
    def open(
        cls, collection: str = "demo", model: str = "demo", engine: str = "memory"
    ) -> Searcher:
        """A searcher over a collection and a model, given their names or folders."""
        found = load_collection(collection)
        return cls(found, load_model(model), engine)

    def with_model(self, model: Model, memory: MemoryIndex | None = None) -> Searcher:
        """The same collection and encoder with another model, searched in memory.

        Raises:
            ModelError: the model does not fit the collection.
        """
        return Searcher(self.collection, model, encoder=self._encoder, memory=memory)

    @cached_property
    def memory(self) -> MemoryIndex:
        """All postings in this process: what a term's page reads, whichever engine searches."""
        marks = self.collection.fingerprint, self.model.fingerprint
        return usable_index(*marks, lambda: projected_index(self.collection, self.model))

    def forget(self) -> None:
        """Give back the memory of what was read so far of stored postings."""
        if "memory" in self.__dict__:  # else there are none in this process
            self.memory.forget()

    @property
    def images(self) -> SparseVectors:
        """The sparse vectors that are searched, in the order of their ids."""
        return self.memory.images

    @property
    def row_of(self) -> Mapping[str, int]:
        """The row in `images` of every id that is searched."""
        return RowOf(self.memory.ids)

    @property
    def encoder(self) -> Encoder:
        """The encoder of the collection, loaded when a text or picture first needs it.

        `load_encoder` keeps it, and notices when its files change. Where there is none, captions
        of the collection can still be searched with.
        """
        if self._encoder is not None:
            return self._encoder
        try:
            return load_encoder(self.collection.encoder)
        except UnknownNameError as problem:
            return CaptionEncoder(self.collection, problem)

    @cached_property
    def _dense(self) -> np.ndarray:
        """(n, d) float32 of the images that can be searched, by id, where they are not many."""
        return np.asarray(
            self.collection.image_vectors[self.collection.searchable_by_id], np.float32
        )

    def search_text(self, text: str, settings: SearchSettings | None = None) -> SearchResult:
        """Search with words.

        Raises:
            QueryError: the text is empty or too long, or a setting cannot be used.
        """
        check_text(text)
        items = new_texts([text], lambda: self.encoder)
        literal = self.model.vocabulary.literal_ids(text)
        encoded = self._encoded(items)
        return self._search(text, items, literal, settings or SearchSettings(), encoded)

    def search_terms(
        self, weights: Mapping[str, float], name: str = "", settings: SearchSettings | None = None
    ) -> SearchResult:
        """Search with terms alone, which no encoder reads.

        Raises:
            QueryError: none weighs anything, or a weight or setting cannot be used.
            UnknownNameError: a word is not a term of the vocabulary.
        """
        query = terms_vector(weights, self.model.vocabulary)
        return self._answer(name, query, query.indices, settings or SearchSettings(), 0.0, 0.0)

    def search_mixed(
        self, text: str, picture: Items, share: float, settings: SearchSettings | None = None
    ) -> SearchResult:
        """Search with words and a picture; what the words do not say counts as expansion.

        Args:
            picture: `picture_items`. share: of the picture, 0 for the words alone to 1.

        Raises:
            QueryError: the text is empty or too long, another share, or a setting cannot be used.
        """
        if share == 1:
            return self.search_items(picture, text, settings)
        check_text(text)
        items = new_texts([text], lambda: self.encoder)
        encoded = self._encoded(items) + self._encoded(picture)
        started = time.perf_counter()
        query = mixed(self.model.sparse(items), self.model.sparse(picture), share)
        projected = time.perf_counter() - started
        literal = self.model.vocabulary.literal_ids(text)
        settings = settings or SearchSettings()
        return self._answer(text, query, literal, settings, encoded, projected)

    def search_texts(
        self, texts: Sequence[str], settings: SearchSettings | None = None
    ) -> list[list[Hit]]:
        """The hits of many texts at once, without reasons; the same as those of `search_text`.

        Raises:
            QueryError: a text is empty or too long, or a setting cannot be used.
        """
        settings = settings or SearchSettings()
        for text in texts:
            check_text(text)
        if not texts:
            return []
        matrix = self.model.sparse(new_texts(texts, lambda: self.encoder))
        queries = []
        for start, stop, text in zip(matrix.indptr[:-1], matrix.indptr[1:], texts, strict=True):
            said = self.model.vocabulary.literal_ids(text)
            row = slice(start, stop)
            vector = matrix.indices[row], matrix.data[row]
            queries.append(shaped(*vector, said, settings, self.model.vocabulary))
        only = self.allowed(settings)
        include, exclude = self._numbers(settings.include), self._numbers(settings.exclude)
        ends = np.cumsum([0, *(len(terms) for terms, _ in queries)])
        terms, weights = (np.concatenate(one) for one in zip(*queries, strict=True))
        asked = sp.csr_matrix((weights, terms, ends), shape=matrix.shape)
        return self.index.search_many(asked, settings.k, only, include=include, exclude=exclude)

    def query_vector(self, text: str) -> Side:
        """The sparse vector of a text, fully expanded, with which of its terms it says.

        Raises:
            QueryError: the text is empty or too long.
        """
        return query_vector(text, lambda: self.encoder, self.model)

    def search_picture(
        self, picture: Image.Image, name: str = "", settings: SearchSettings | None = None
    ) -> SearchResult:
        """Search with a picture. It says no words, so every term counts as expansion."""
        return self.search_items(self.picture_items(picture), name, settings)

    def search_items(
        self, items: Items, name: str = "", settings: SearchSettings | None = None
    ) -> SearchResult:
        """Search with `picture_items`."""
        encoded = self._encoded(items)
        return self._search(name, items, None, settings or SearchSettings(), encoded)

    def _encoded(self, items: Items) -> float:
        """Seconds that the dense vectors of new items took; 0 where the model reads none."""
        self.model.check_new(items)
        if self.model.reads is None or items.ids is not None:
            return 0.0
        _ = self.encoder  # loading it is not part of the time to encode
        started = time.perf_counter()
        _ = items.dense
        return time.perf_counter() - started

    def similar(self, image_id: str, k: int) -> list[ExplainedHit]:
        """The images most like one of the collection, itself left out."""
        items = self._image(image_id)
        result = self._search(image_id, items, None, SearchSettings(k=k + 1), 0.0)
        others = [hit for hit in result.hits if hit.image_id != image_id][:k]
        return [
            ExplainedHit(rank, hit.image_id, hit.score, hit.contributions)
            for rank, hit in enumerate(others, 1)
        ]

    def dense_scores(self, vector: np.ndarray) -> np.ndarray:
        """(n,) float32: the teacher's cosine of a unit vector (d,), in the order of the ids."""
        stored, asked = self.collection.image_vectors, np.asarray(vector, np.float32)
        if stored.shape[0] * stored.shape[1] <= _FEW_NUMBERS:
            return np.asarray(self._dense @ asked)
        rows = self.collection.searchable_by_id
        scores = np.empty(len(rows), np.float32)
        for first in range(0, len(rows), _BLOCK):
            block = stored[rows[first : first + _BLOCK]]
            scores[first : first + _BLOCK] = np.asarray(block, np.float32) @ asked
        forget_array(stored)
        return scores

    def inspect(self, image_id: str, top: int = 20) -> Inspection:
        """The strongest terms of an image of the collection.

        Raises:
            UnknownNameError: no such image.
        """
        captions = self.collection.captions_of(self.collection.image_row(image_id))
        return self._inspect(image_id, self._image(image_id), captions, top)

    def inspect_picture(self, picture: Image.Image, name: str, top: int = 20) -> Inspection:
        """The strongest terms of any picture; it has no captions to support them."""
        return self.inspect_items(self.picture_items(picture), name, top)

    def picture_items(self, picture: Image.Image) -> Items:
        """A picture as a model reads it; its dense vector is made once, when first needed."""
        return new_picture(picture, lambda: self.encoder)

    def inspect_items(self, items: Items, name: str, top: int = 20) -> Inspection:
        """The strongest terms of `picture_items`."""
        return self._inspect(name, items, [], top)

    def term(self, word: str, top: int = 12) -> TermCard:
        """The images that activate a term most, and the terms that fire with it.

        Raises:
            UnknownNameError: the word is not a term of the vocabulary.
        """
        vocabulary = self.model.vocabulary
        term = vocabulary.id_of(word)
        rows, weights = self.memory.postings(term)
        images = [
            (self.memory.ids[rows[i]], float(weights[i])) for i in strongest(rows, weights, top)
        ]
        together = co_activated(self.memory, term, vocabulary, top) if len(rows) else []
        return TermCard(vocabulary.terms[term], len(rows), images, together)

    def frequent_terms(self, k: int) -> list[TermWeight]:
        """The terms that most images activate, with their document frequency."""
        frequency = self.memory.document_frequency
        best = strongest(np.arange(len(frequency)), frequency, k)
        terms = self.model.vocabulary.terms
        return [TermWeight(terms[i], float(frequency[i])) for i in best if frequency[i]]

    def _image(self, image_id: str) -> Items:
        return image_items(self.collection, [self.collection.image_row(image_id)])

    def _inspect(self, name: str, items: Items, captions: list[str], top: int) -> Inspection:
        if top < 1:
            raise QueryError(f"The number of terms is {top}. Use 1 or more.")
        matrix = self.model.sparse(items)
        terms = supported_terms(matrix.indices, matrix.data, captions, self.model.vocabulary, top)
        return Inspection(name, terms, int(matrix.nnz), captions)

    def allowed(self, settings: SearchSettings) -> ImageSubset | None:
        """The images that may be hits, required and excluded terms aside; None for all.

        Raises:
            QueryError: a filter lets nothing through, or cannot be used.
        """
        return self._filter(settings)

    def _search(
        self,
        name: str,
        items: Items,
        literal: np.ndarray | None,
        settings: SearchSettings,
        encoded: float,
    ) -> SearchResult:
        started = time.perf_counter()
        matrix = self.model.sparse(items)
        projected = time.perf_counter() - started
        return self._answer(name, matrix, literal, settings, encoded, projected)

    def _answer(
        self,
        name: str,
        matrix: sp.csr_matrix,
        literal: np.ndarray | None,
        settings: SearchSettings,
        encoded: float,
        projected: float,
    ) -> SearchResult:
        """What a query (1, V) finds; encoded, projected: the seconds that it took to make."""
        started = time.perf_counter()
        vocabulary = self.model.vocabulary
        own = _NO_TERMS if literal is None else literal
        said = said_terms(own, settings, vocabulary)
        terms, weights = shaped(matrix.indices, matrix.data, literal, settings, vocabulary)
        ready = time.perf_counter()
        found = self._find(terms, weights, settings)
        searched = time.perf_counter()
        explained = [
            ExplainedHit(
                rank,
                image_id,
                float(score),
                contributions(terms, weights, image_weights, vocabulary),
            )
            for rank, (image_id, score, image_weights) in enumerate(
                zip(*found, strict=True), settings.skip + 1
            )
        ]
        seconds = {
            "encode": encoded,
            "project": projected + ready - started,
            "search": searched - ready,
        }
        shown = query_terms(terms, weights, said, vocabulary)
        plain = query_terms(matrix.indices, matrix.data, own, vocabulary)
        return SearchResult(name, shown, explained, seconds, plain)

    def _find(self, terms: np.ndarray, weights: np.ndarray, settings: SearchSettings) -> Found:
        only, skip = self.allowed(settings), settings.skip
        include, exclude = self._numbers(settings.include), self._numbers(settings.exclude)
        asked = terms, weights, skip + settings.k, only
        found = self.index.find(*asked, include=include, exclude=exclude)
        return Found(found.image_ids[skip:], found.scores[skip:], found.image_weights[skip:])

    def _numbers(self, words: Sequence[str]) -> list[int]:
        return [self.model.vocabulary.id_of(word) for word in words]


def projected_index(
    collection: Collection,
    model: Model,
    precision: Precision = "float32",
    spread: Spread | None = None,
) -> MemoryIndex:
    """A new index of the images of a collection that can be searched.

    Args:
        spread: projects the images elsewhere.

    Raises:
        ModelError: the model does not fit the collection.
        EngineError: as `sparse_elsewhere`.
    """
    check_fit(collection, model)
    items = image_items(collection, collection.searchable_rows)
    make = partial(sparse_elsewhere, model, items, spread) if spread and len(items) else None
    matrix, ids = sparse_once(model, items, make), tuple(items.ids or ())
    return MemoryIndex(SparseVectors(matrix, ids, model.vocabulary.fingerprint), precision)
