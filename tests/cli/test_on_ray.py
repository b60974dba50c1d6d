"""Commands on a Ray of two node processes give what the plain commands give, to the byte.

The Ray is started once, and one connection serves all: each costs seconds.
"""

import importlib.util
import os
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lsr.collection.collection import load_collection
from lsr.encoding import on_ray
from lsr.exceptions import EngineError, ModelError
from lsr.model.loading import load_model
from lsr.model.protocol import Items
from lsr.model.spread_projection import sparse_elsewhere
from lsr.storage.files import read_json, write_json
from lsr.storage.spreading import Spread
from tests.conftest import WORDS, make_collection

# Plain Python, so that whoever loads it needs no model.
ENCODER = """
import hashlib
import os
import signal
from pathlib import Path

import numpy as np


class Encoder:
    name = "own"
    dense_size = 8
    fingerprint = "own-1"

    def encode_images(self, pictures):
        return self._rows([picture.tobytes() for picture in pictures])

    def encode_texts(self, texts):
        once = Path(__file__).with_name("kill-once")
        if len(texts) > 100 and once.exists():
            once.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return self._rows([text.encode() for text in texts])

    def _rows(self, contents):
        seeds = [int.from_bytes(hashlib.sha256(one).digest()[:8], "big") for one in contents]
        rows = np.array([np.random.default_rng(seed).normal(size=8) for seed in seeds])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def load():
    return Encoder()
"""


pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed"
)


NODE = {"num_cpus": 2, "include_dashboard": False, "object_store_memory": 2**27}


@pytest.fixture(scope="module")
def cluster():
    """A Ray of two node processes of two cores each."""
    from ray.cluster_utils import Cluster

    os.environ.setdefault("RAY_worker_niceness", "0")
    cluster = Cluster(initialize_head=True, head_node_args=NODE)
    cluster.add_node(**NODE)
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")
def two_nodes(cluster):
    """The address of that Ray."""
    return cluster.address


@pytest.fixture(scope="module")
def connected(two_nodes):
    """One connection for the commands of several tests."""
    import ray

    ray.init(address=two_nodes, log_to_driver=False)
    yield ray
    ray.shutdown()


@pytest.fixture
def two_threads():
    """As a command has them; the other tests run with one."""
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


@pytest.fixture
def few_a_task(monkeypatch):
    """Two batches of 64 pictures."""
    monkeypatch.setattr("lsr.encoding.encoding._A_TASK", 2)


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def same_but_for_the_name(folder: Path, *names: str) -> None:
    """Two collections that hold the same bytes."""
    assert len({load_collection(name).fingerprint for name in names}) == 1
    plain, spread = (files_below(folder / name) for name in names)
    for files in (plain, spread):
        files.pop("collection.json")  # it says the name
    assert len(plain) > 4
    assert plain == spread


def test_ray_address_leads_to_a_cluster_where_a_killed_worker_costs_nothing(
    two_nodes, few_a_task, home, fake_encoder, answer, monkeypatch
):
    import ray

    monkeypatch.setenv("RAY_ADDRESS", two_nodes)
    tiny = make_collection(home / "collections" / "some", fake_encoder, splits=("test",) * 150)
    Path(tiny.picture(70)).write_bytes(b"no picture")
    (home / "encoders").mkdir()
    (home / "encoders" / "own.py").write_text(ENCODER)
    answers = []
    for engine in ("threads", "ray"):
        if engine == "ray":  # a worker is killed in the middle, and its block tried again
            (home / "encoders" / "kill-once").touch()
        command = f"encode --collection some --encoder own --engine {engine} --name {engine}"
        answers.append(answer(*command.split()))
    assert not ray.is_initialized()
    assert not (home / "encoders" / "kill-once").exists()
    assert [one["n_images"] for one in answers] == [149, 149]
    assert answers[0]["skipped"] == answers[1]["skipped"]
    assert [one["file"] for one in answers[1]["skipped"]] == [tiny.image_ids[70]]
    assert torch.get_num_threads() == 1
    same_but_for_the_name(home / "collections", "threads", "ray")


def test_an_import_is_the_plain_one_where_the_encoder_rounds_by_its_threads(
    connected, two_threads, few_a_task, tmp_path, home, answer
):
    source, rng = tmp_path / "photos", np.random.default_rng(3)
    source.mkdir()
    lines = ["image,caption"]
    for number in range(140):  # more than a task takes
        pixels = rng.integers(0, 256, (40 + number % 3, 60, 3), np.uint8)
        if number == 5:
            pixels = np.repeat(np.repeat(pixels, 10, 0), 10, 1)
        Image.fromarray(pixels).save(source / f"p{number:03}.png")
        lines += [f"p{number:03}.png,a dog of number {number}"]
    shutil.copy(source / "p003.png", source / "z.png")
    (source / "p050.png").write_bytes((source / "p050.png").read_bytes()[:200])
    (source / "p130.png").write_bytes(b"no picture")
    (source / "captions.csv").write_text("\n".join(lines))
    answers = [
        answer("import", str(source), "--name", name, "--engine", name)
        for name in ("threads", "ray")
    ]
    assert [(one["n_images"], one["n_captions"]) for one in answers] == [(138, 138)] * 2
    assert answers[0]["skipped"] == answers[1]["skipped"]
    assert {one["file"] for one in answers[1]["skipped"]} == {"p050.png", "p130.png", "z.png"}
    same_but_for_the_name(home / "collections", "threads", "ray")


def test_an_index_projected_in_blocks_is_the_plain_one(
    connected, two_threads, home, collection, model, answer
):
    dense = np.random.default_rng(0).normal(size=(2_500, 8)).astype(np.float16)
    ids = tuple(map(str, range(len(dense))))
    texts = [" ".join(some) for some in np.random.default_rng(1).choice(WORDS[4:], (2_500, 3))]
    card = read_json(model.folder / "config.json", ModelError)
    thresholds = {"weight": 0.4, "frequent_weight": 0.6, "frequent_terms": ["dog"]}
    write_json(model.folder / "config.json", {**card, "expansion_thresholds": thresholds})
    model = load_model(model.folder)
    for items in (
        Items("images", ids, lambda: dense),
        Items("captions", ids, lambda: dense, texts),
    ):
        here, there = model.sparse(items), sparse_elsewhere(model, items, Spread(connected))
        for name in ("data", "indices", "indptr"):
            one, other = getattr(here, name), getattr(there, name)
            assert one.dtype == other.dtype
            assert np.array_equal(one, other)
    stored = []
    for engine in ("memory", "ray"):
        shutil.rmtree(home / "cache", ignore_errors=True)
        command = f"index --collection tiny --model {model.name} --engine {engine}"
        said = answer(*command.split())
        assert (said["engine"], said["n_images"]) == ("memory", 12)
        [folder] = (home / "indexes").iterdir()
        stored.append(files_below(folder))
        shutil.rmtree(home / "indexes")
    assert stored[0] == stored[1]


def test_a_sweep_measured_in_blocks_of_draws_keeps_the_plain_records(
    connected, home, collection, model, answer
):
    kept = []
    for engine in ("threads", "ray"):
        command = f"sweep --collection tiny --model {model.name} --control word --steps 3 --draws 9"
        said = answer(*command.split(), "--engine", engine)
        assert [row["draws"] for row in said["rows"]] == [9] * 3
        [folder] = (home / "cache" / "sweeps").iterdir()
        # Every draw is a file, its name by chance.
        kept.append((said["rows"], sorted(one.read_bytes() for one in folder.glob("*.parquet"))))
        shutil.rmtree(home / "cache" / "sweeps")
    assert len(kept[0][1]) == 9
    assert kept[0] == kept[1]


@pytest.fixture
def with_gpu(cluster, connected):
    """A third node, which Ray is told has a GPU: it keeps account of them, and looks for none."""
    node = cluster.add_node(**NODE, num_gpus=1)
    yield node.node_id
    cluster.remove_node(node)


# In the place of the last lines of an encoder: it writes down which GPU it may use.
WRITES_ITS_GPU = """
class Writing(Encoder):
    def encode_images(self, pictures):
        with Path(__file__).with_name("gpus").open("a") as file:
            file.write(os.environ.get("CUDA_VISIBLE_DEVICES", "none") + "\\n")
        return super().encode_images(pictures)


def load():
    return Writing()
"""


def test_where_a_node_has_a_gpu_all_blocks_are_encoded_there(
    with_gpu, connected, few_a_task, home, fake_encoder, answer, monkeypatch
):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    spread = Spread(connected)
    assert (spread.gpus, spread.threads_a_gpu) == (1, 2)
    assert set(spread(where, range(5), "some numbers", threads=2, on_gpus=True)) == {with_gpu}
    make_collection(home / "collections" / "some", fake_encoder, splits=("test",) * 300)
    (home / "encoders").mkdir()
    (home / "encoders" / "own.py").write_text(ENCODER + WRITES_ITS_GPU)
    told = home / "encoders" / "gpus"
    for engine, gpu in (("threads", "none"), ("ray", "0")):
        answer(*f"encode --collection some --encoder own --engine {engine} --name {engine}".split())
        assert set(told.read_text().split()) == {gpu}
        told.unlink()
    same_but_for_the_name(home / "collections", "threads", "ray")


def where(number: int) -> str:
    """In the place of work: on which node a task is."""
    import ray

    return str(ray.get_runtime_context().get_node_id())


def fails_at_two(folder: Path, number: int) -> int:
    """In the place of work: what a task gives, or a file that cannot be read."""
    if number == 2:
        with (folder / "tries").open("a") as file:
            file.write("x")
        raise PermissionError("no right to read it")
    return 10 * number


def test_a_block_that_fails_three_times_is_named_and_what_came_before_is_there(connected, tmp_path):
    made = Spread(connected)(partial(fails_at_two, tmp_path), range(4), "some numbers")
    assert [next(made), next(made)] == [0, 10]
    with pytest.raises(EngineError, match=r"Block 3 of some numbers was not finished. It failed 3"):
        next(made)
    assert (tmp_path / "tries").read_text() == "xxx"


def test_a_picture_that_only_another_machine_lacks_is_no_skipped_one(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    on_ray.refuse_unshared(tmp_path / "broken.png", "far")
    Image.new("RGB", (8, 8)).save(tmp_path / "whole.png")
    with pytest.raises(EngineError, match="`whole.png` can be read here, but not on machine `far`"):
        on_ray.refuse_unshared(tmp_path / "whole.png", "far")
