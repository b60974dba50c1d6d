"""What the authors publish arrives as a collection and a model, checked, or in one sentence not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from lsr.cli.main import main
from lsr.collection.collection import load_collection
from lsr.evaluation.projected import check_fit
from lsr.exceptions import InputError, UnknownNameError
from lsr.imports.vectors import downloading
from lsr.imports.vectors.fetching import fetch
from lsr.model.loading import load_model
from lsr.model.projection import Projection
from tests.conftest import D, make_tokenizer, unit
from tests.imports.hub import Hub, local_hub, sha256

ROOT = Path(__file__).resolve().parents[2]
VECTORS, HEAD = "lsr42/mscoco-blip-dense", "lsr42/d2s_mscoco-blip-dense_q_reg_0.001_d_reg_0.001"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with local_hub() as made:
        yield made


@pytest.fixture
def ask(hub, tmp_path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command in a process of its own: huggingface_hub reads its address once."""

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lsr", "fetch", *arguments, "--json"]
        cache = {"HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "hub")}
        environment = {**os.environ, **cache, "HF_HUB_OFFLINE": "0", **settings}
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture
def asked(hub, monkeypatch, capsys) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command in this process, whose huggingface_hub has read another address."""
    template = f"{hub.address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "ENDPOINT", hub.address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = main(["fetch", *arguments, "--json"])
        return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())

    return run


def publish_vectors(folder: Path) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(9)
    images = [
        {
            "imgid": number,
            "filename": f"COCO_val2014_{number:012}.jpg",
            "split": "test",
            "sentences": [{"sentid": number, "raw": f"a dog number {number}"}],
        }
        for number in range(4)
    ]
    (folder / "dataset_meta.json").write_text(json.dumps({"dataset": "coco", "images": images}))
    for name in ("img_embs", "text_embs"):
        table = pa.table({"id": list(range(4)), "emb": unit(rng.normal(size=(4, D))).tolist()})
        pq.write_table(table, folder / f"{name}.parquet")
    return folder


def publish_head(folder: Path, n_terms: int) -> Path:
    folder.mkdir()
    torch.manual_seed(4)
    save_file(Projection(D, 4, n_terms).state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"dense_size": D, "model_type": "d2s"}))
    make_tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def test_vectors_and_head_arrive_as_a_collection_and_a_model(
    hub, ask, asked, vocabulary, tmp_path, home
):
    hub.folders["datasets", VECTORS] = publish_vectors(tmp_path / "vectors")
    hub.folders["models", HEAD] = publish_head(tmp_path / "head", len(vocabulary))
    done = ask("mscoco-blip")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["collection"], found["model"]) == ("mscoco-blip", "mscoco-blip")
    assert (found["n_images"], found["n_captions"], found["skipped"]) == (4, 4, [])
    collection = load_collection(home / "collections" / "mscoco-blip")
    assert collection.picture(1).endswith("/val2014/COCO_val2014_000000000001.jpg")
    check_fit(collection, load_model(home / "models" / "mscoco-blip"))
    assert set(hub.fetched) == {
        *("dataset_meta.json", "img_embs.parquet", "text_embs.parquet"),
        *("config.json", "model.safetensors", "tokenizer.json"),
    }
    # A second call finds everything on this machine.
    hub.fetched.clear()
    assert asked("mscoco-blip", "--name", "again").returncode == 0
    assert hub.fetched == []
    assert load_collection(home / "collections" / "again").fingerprint == collection.fingerprint


def test_without_a_published_head_the_collection_still_arrives(hub, asked, tmp_path, home):
    hub.folders["datasets", VECTORS] = publish_vectors(tmp_path / "vectors")
    done = asked("mscoco-blip")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["model"] is None
    assert f"The hub has no head `{HEAD}`" in found["notes"][-1]
    assert "--collection mscoco-blip --out mscoco-blip" in found["notes"][-1]
    collection = load_collection(home / "collections" / "mscoco-blip")
    assert (collection.encoder, collection.card["source"]) == ("blip", VECTORS)


def test_a_download_goes_on_behind_its_last_byte(hub, asked, tmp_path, home):
    """As a kill leaves it: some of a file under the name of its checksum."""
    hub.folders["datasets", VECTORS] = folder = publish_vectors(tmp_path / "vectors")
    whole = folder / "text_embs.parquet"
    cache = home / "cache" / "hub" / "dataset" / VECTORS.replace("/", "--")
    cache.mkdir(parents=True)
    (cache / f".{sha256(whole)}.part").write_bytes(whole.read_bytes()[:700])
    assert asked("mscoco-blip").returncode == 0
    assert hub.fetched == ["dataset_meta.json", "img_embs.parquet", ("text_embs.parquet", 700)]
    assert (cache / "text_embs.parquet").read_bytes() == whole.read_bytes()


def test_a_damaged_download_is_named_removed_and_fetched_again(hub, asked, tmp_path, home):
    hub.folders["datasets", VECTORS] = publish_vectors(tmp_path / "vectors")
    hub.damaged.add("text_embs.parquet")
    done = asked("mscoco-blip")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"`text_embs.parquet` of `{VECTORS}` arrived damaged" in done.stderr
    assert not (home / "collections" / "mscoco-blip").exists()
    hub.damaged.clear()
    assert asked("mscoco-blip").returncode == 0
    assert hub.fetched.count("text_embs.parquet") == 2
    assert hub.fetched.count("img_embs.parquet") == 1


def test_a_repository_that_lost_a_file_is_refused(hub, asked, tmp_path):
    hub.folders["datasets", VECTORS] = folder = publish_vectors(tmp_path / "vectors")
    (folder / "img_embs.parquet").unlink()
    done = asked("mscoco-blip")
    assert done.returncode == 2
    assert f"`{VECTORS}` on huggingface.co has no file `img_embs.parquet`" in done.stderr


def test_without_a_network_there_is_one_sentence(ask):
    done = ask("flickr30k-albef", HF_HUB_OFFLINE="1")
    assert (done.returncode, done.stdout) == (2, "")
    *_, said = done.stderr.splitlines()
    assert "Connect to the network" in said
    assert "lsr42/flickr30k-albef-dense" in said
    assert "Traceback" not in done.stderr


def test_only_what_is_published_can_be_fetched():
    with pytest.raises(UnknownNameError, match=r"`cc3m`. There is `mscoco-blip`, `flickr30k-blip`"):
        next(fetch("cc3m"))


def test_a_small_file_has_the_checksum_that_git_gives(tmp_path):
    small = tmp_path / "config.json"
    small.write_bytes(b"hello\n")
    mark = "ce013625030ba8dba906f756967f9e9ca394464a"  # as `git hash-object` prints it
    downloading._check(small, mark, "config.json", "owner/name")
    small.write_bytes(b"hullo\n")
    with pytest.raises(InputError, match="`config.json` of `owner/name` arrived damaged"):
        downloading._check(small, mark, "config.json", "owner/name")
    assert not small.exists()
