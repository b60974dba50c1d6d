"""A tiny world for the tests: a dozen images, forty terms, eight dimensions, a fake encoder."""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from lsr.cli.main import main
from lsr.collection.collection import Collection, load_collection
from lsr.collection.queries import QueryRow, write_query_set
from lsr.collection.writing import write_collection
from lsr.model.vocabulary import Vocabulary
from lsr.storage import places

# The process that hands tests to the others loads this file as well, and needs no torch.
if TYPE_CHECKING:
    from lsr.model.projection import Projection
    from lsr.model.protocol import Model

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
WORDS = (
    "a the two three dog cat horse bird fish tree house car boat beach snow city night red blue "
    "green big small left right of on in near with and running sleeping animal vehicle"
).split()
D = 8
FEW = {"val": 60, "test": 120}


SKIPPED: list[str] = []
# What no clone brings along: data that may not be passed on, an environment of 2.3 GB, a GPU, an
# engine whose start takes seconds, and the object storage and client of another.
MAY_BE_ABSENT = (
    *("published code", "Flickr8k", "LAVIS", "no GPU", "Ray is not installed"),
    "the bulk writer of Milvus is not installed",
)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not any(one in str(report.longrepr) for one in MAY_BE_ABSENT):
        SKIPPED.append(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        SKIPPED.append(report.nodeid)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look once for garbage in what is imported and collected, and never again: it stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything must run, as in continuous integration, a skipped test is a failure."""
    if os.environ.get("LEXISCOPE_TEST_EVERYTHING") and SKIPPED:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if os.environ.get("LEXISCOPE_TEST_EVERYTHING") and SKIPPED:
        terminalreporter.write_line(f"Failed: skipped {', '.join(sorted(set(SKIPPED)))}")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Two busy cores make many threads slower, not faster.

    A parallel numba kernel sets torch's number of threads as well, and with another number a
    training gives other weights.
    """
    import numba
    import torch

    torch.set_num_threads(1)
    numba.set_num_threads(1)


@pytest.fixture(autouse=True)
def _main_stays() -> Iterator[None]:
    """Streamlit puts a page in the place of the main module, which a new process would import."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def home(_homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a home of its own, which is made by what first writes into it."""
    folder = next(_homes)
    monkeypatch.setenv("LEXISCOPE_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def projections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keeps what models project, for all workers: it depends on no test, and is written at once."""
    of_worker = tmp_path_factory.getbasetemp()
    together = of_worker.parent if "PYTEST_XDIST_WORKER" in os.environ else of_worker
    folder = together / "projected"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def projected_once(home: Path, projections: Path) -> None:
    """Homes share what models project, which does not depend on them."""
    (home / "cache").mkdir(parents=True)
    (home / "cache" / "projected").symlink_to(projections)


def make_tokenizer() -> Tokenizer:
    entries = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, "##s", "##ing"]
    vocabulary = {word: number for number, word in enumerate(entries)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return Vocabulary(make_tokenizer())


class FakeEncoder:
    """Texts become the mean of fixed word directions; pictures become their mean colour."""

    name = "fake"
    dense_size = D
    fingerprint = "fake-1"

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._table = np.random.default_rng(5).normal(size=(len(vocabulary), D))
        self.calls = 0

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        self.calls += 1
        rows = [
            self._table[ids].mean(axis=0) if len(ids) else self._table[0]
            for ids in self.vocabulary.token_ids(texts)
        ]
        return unit(np.array(rows))

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        means = [np.asarray(image, np.float64).reshape(-1, 3).mean(axis=0) for image in images]
        return unit(np.tile(np.array(means) + 1, (1, 3))[:, :D])


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def fake_encoder(vocabulary: Vocabulary) -> FakeEncoder:
    return FakeEncoder(vocabulary)


def make_collection(
    folder: Path, encoder: FakeEncoder, *, splits: Sequence[str] = ("test",) * 12, **card: object
) -> Collection:
    """Two captions an image; the same collection is written once and then copied."""
    once = _made_once(encoder.vocabulary, folder.name, tuple(splits), json.dumps(card))
    shutil.copytree(Path(once.name, folder.name), folder)
    return load_collection(folder)


@cache
def _made_once(
    vocabulary: Vocabulary, name: str, splits: tuple[str, ...], card: str
) -> TemporaryDirectory[str]:
    place = TemporaryDirectory(prefix="lexiscope-made-")
    _make_collection(Path(place.name, name), FakeEncoder(vocabulary), splits, **json.loads(card))
    return place


def _make_collection(
    folder: Path, encoder: FakeEncoder, splits: Sequence[str], **card: object
) -> None:
    rng = np.random.default_rng(7)
    n = len(splits)
    ids = [f"image-{row:02d}" for row in rng.permutation(n)]
    texts, owners, caption_splits = [], [], []
    for row in range(n):
        for _ in range(2):
            texts.append("a " + " ".join(rng.choice(WORDS[4:22], size=4, replace=False)))
            owners.append(ids[row])
            caption_splits.append(splits[row])
    caption_vectors = encoder.encode_texts(texts)
    image_vectors = unit(caption_vectors[::2] + caption_vectors[1::2])
    pictures = folder.parent / f"{folder.name}-pictures"
    pictures.mkdir(parents=True)
    for image_id in ids:
        colour = tuple(int(c) for c in rng.integers(0, 255, 3))
        Image.new("RGB", (20, 16), colour).save(pictures / f"{image_id}.png")
    images = pa.table(
        {
            "id": ids,
            "file": [f"{i}.png" for i in ids],
            "url": pa.nulls(n, pa.string()),
            "width": [20] * n,
            "height": [16] * n,
            "split": list(splits),
        }
    )
    captions = pa.table(
        {
            "id": [f"caption-{row:02d}" for row in range(2 * n)],
            "image_id": owners,
            "text": texts,
            "split": caption_splits,
        }
    )
    stored = np.isin(caption_splits, card.get("caption_vector_splits", caption_splits))
    full_card = {
        "name": folder.name,
        "title": "Tiny",
        "licence": "CC0",
        "source": "made here",
        "encoder": "fake",
        **card,
    }
    write_collection(
        folder,
        card=full_card,
        images=images,
        captions=captions,
        image_vectors=image_vectors.astype(np.float16),
        caption_vectors=caption_vectors[stored].astype(np.float16),
        pictures=pictures,
    )


@pytest.fixture
def collection(home: Path, fake_encoder: FakeEncoder) -> Collection:
    return make_collection(home / "collections" / "tiny", fake_encoder)


def few_scenes(folder: Path, few: Mapping[str, int] = FEW) -> Collection:
    """The first bundled scenes of `val` and `test`, so many of each, with their query sets."""
    demo = load_collection(places.ASSETS / "collections" / "demo")
    rows = np.concatenate([demo.image_rows(split)[:n] for split, n in few.items()])
    of_them = np.isin(demo.caption_image_rows, rows)
    stored = np.isin(demo.caption_splits, demo.vector_splits)
    images, captions = (
        pq.read_table(demo.folder / f"{name}.parquet") for name in ("images", "captions")
    )
    made = write_collection(
        folder,
        card={**demo.card, "name": folder.name},
        images=images.take(rows),
        captions=captions.filter(of_them),
        image_vectors=demo.image_vectors[rows],
        caption_vectors=demo.caption_vectors[of_them[stored]],
        beside=demo,
    )
    # Pictures of the others would be linked into the home of every test that asks for scenes.
    for picture in (folder / "images").iterdir():
        if picture.stem not in made.image_ids:
            picture.unlink()
    return made


@pytest.fixture(scope="session")
def _scenes_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return few_scenes(tmp_path_factory.mktemp("made") / "scenes").folder


@pytest.fixture
def scenes(home: Path, _scenes_once: Path) -> str:
    """Name of a collection of few scenes, where a page need not measure thousands."""
    shutil.copytree(_scenes_once, home / "collections" / "scenes", copy_function=os.link)
    return "scenes"


@pytest.fixture
def queried(home: Path, fake_encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch) -> Collection:
    """A collection of 12 images of `val` and 24 of `test` with the query set `some`."""
    splits = ("val",) * 12 + ("test",) * 24
    made = make_collection(home / "collections" / "queried", fake_encoder, splits=splits)
    source = np.random.default_rng(11)
    texts = [" ".join(source.choice(WORDS[4:22], 3)) for _ in range(25)]
    # Names fall where the rows rise, so that nothing may rely on both having one order.
    rows = [
        QueryRow(f"q{99 - query}", text, image)
        for query, text in enumerate(texts)
        for image in source.choice(made.image_ids, source.integers(1, 5), replace=False)
    ]
    write_query_set(made, "some", rows)
    monkeypatch.setattr("lsr.evaluation.pairs.load_encoder", lambda name: fake_encoder)
    return load_collection(made.folder)


def make_head(vocabulary: Vocabulary, seed: int = 3) -> Projection:
    import torch

    from lsr.model.projection import Projection

    torch.manual_seed(seed)
    return Projection(D, 6, len(vocabulary))


@pytest.fixture
def model(home: Path, vocabulary: Vocabulary) -> Model:
    from lsr.model.checkpoint import save_model

    card = {"title": "Tiny model", "encoder": "fake"}
    head = make_head(vocabulary)
    folder = home / "models" / "tiny"
    return save_model(folder, head, vocabulary, card=card, training={}, metrics={})


@pytest.fixture
def answer(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Run a command of the command line and read its JSON."""

    def run(*arguments: str) -> dict[str, Any]:
        assert main([*arguments, "--json"]) == 0, capsys.readouterr().err
        answered: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answered

    return run


POOLS: list[pa.MemoryPool] = []  # each outlives the tables whose memory came from it


@pytest.fixture
def arrow_bytes() -> Iterator[Callable[[], int]]:
    """How many bytes the test's own tables hold in memory; those of other tests go meanwhile."""
    before, pool = pa.default_memory_pool(), pa.proxy_memory_pool(pa.default_memory_pool())
    POOLS.append(pool)
    pa.set_memory_pool(pool)
    yield pool.bytes_allocated
    pa.set_memory_pool(before)


@pytest.fixture
def reference() -> Path:
    folder = SHARED / "d2s_reference"
    if not folder.exists():
        pytest.skip(f"the reference numbers of the published code are not at {folder}")
    return folder
