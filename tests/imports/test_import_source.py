"""What others made becomes an ordinary collection or model, or is refused in one sentence."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models

from lsr.cli.main import main
from lsr.collection.collection import load_collection
from lsr.exceptions import CollectionError, InputError, ModelError, QueryError, UnknownNameError
from lsr.imports.running import import_source
from lsr.imports.vectors.authors import encoder_named_in
from lsr.model.checkpoint import load_head
from lsr.model.projection import Projection, project
from lsr.model.vocabulary import Vocabulary
from lsr.storage.places import BUNDLED_ENCODER
from tests.conftest import WORDS, D, make_tokenizer, unit

ROOT = Path(__file__).resolve().parents[2]
SPLITS = ("train", "restval", "val", "test", "test", "test")


@dataclass
class Published:
    """A folder in the authors' layout, with what went into it."""

    folder: Path
    meta: dict
    images: dict  # imgid → vector
    captions: dict  # sentid → vector

    def write(self, *, name_of=lambda image: image["imgid"], kind=int, seed=0) -> None:
        """The three files; the rows of both tables in an order of their own."""
        (self.folder / "dataset_meta.json").write_text(json.dumps(self.meta))
        named = {name_of(image): self.images[image["imgid"]] for image in self.meta["images"]}
        self.table("img_embs", {kind(one): vector for one, vector in named.items()}, seed)
        self.table("text_embs", {kind(one): v for one, v in self.captions.items()}, seed + 1)

    def table(self, name: str, vectors: dict, seed: int = 0) -> None:
        ids = list(vectors)
        order = np.random.default_rng(seed).permutation(len(ids))
        columns = {
            "id": [ids[row] for row in order],
            "emb": [vectors[ids[row]].tolist() for row in order],
        }
        pq.write_table(pa.table(columns), self.folder / f"{name}.parquet")


@pytest.fixture
def published(tmp_path) -> Published:
    rng = np.random.default_rng(11)
    images, sentences = [], 0
    for number, split in enumerate(SPLITS):
        texts = [" ".join(rng.choice(WORDS[4:22], size=3, replace=False)) for _ in range(2)]
        images.append(
            {
                "imgid": number,
                "cocoid": number + 2,  # mostly the imgid of another image
                "filename": f"photo-{number}.jpg",
                "split": split,
                "sentences": [{"sentid": sentences + i, "raw": t} for i, t in enumerate(texts)],
            }
        )
        sentences += len(texts)
    folder = tmp_path / "tiny-blip-dense"
    folder.mkdir()
    made = Published(
        folder,
        {"dataset": "tiny", "images": images},
        dict(enumerate(unit(rng.normal(size=(len(images), D))))),
        dict(enumerate(unit(rng.normal(size=(sentences, D))))),
    )
    made.write()
    return made


def write_checkpoint(folder: Path, n_terms: int, tokenizer: Tokenizer | None = None) -> Projection:
    folder.mkdir()
    torch.manual_seed(4)
    head = Projection(D, 4, n_terms)
    save_file(head.state_dict(), folder / "model.safetensors")
    config = {"dense_size": D, "mlm_head": "tiny-masked-lm", "model_type": "d2s"}
    (folder / "config.json").write_text(json.dumps(config))
    if tokenizer is not None:
        tokenizer.save(str(folder / "tokenizer.json"))
    return head


@pytest.fixture
def checkpoint(tmp_path, vocabulary) -> Path:
    folder = tmp_path / "d2s_tiny-blip-dense_q_reg_0.001"
    write_checkpoint(folder, len(vocabulary), make_tokenizer())
    return folder


def assert_vectors_belong(published: Published, collection) -> None:
    """Every image and caption has the very vector that was published for it."""
    for row, image_id in enumerate(collection.image_ids):
        np.testing.assert_array_equal(
            collection.image_vectors[row], published.images[int(image_id)]
        )
    for row, caption_id in enumerate(collection.caption_ids):
        np.testing.assert_array_equal(
            collection.caption_vectors[row], published.captions[int(caption_id)]
        )


@pytest.mark.parametrize("kind", [int, str])
def test_vectors_are_joined_by_id_in_any_order(published, kind):
    published.write(kind=kind, seed=5)
    made = import_source(str(published.folder), "tiny")
    collection = made.collection
    assert collection.image_ids == ["0", "1", "2", "3", "4", "5"]
    said = [sentence["raw"] for sentence in published.meta["images"][2]["sentences"]]
    assert collection.captions_of(2) == said
    assert_vectors_belong(published, collection)
    assert (made.skipped, collection.encoder, collection.title) == (
        [],
        "blip",
        "tiny, blip vectors",
    )


@pytest.mark.parametrize("key", ["cocoid", "filename"])
def test_images_are_joined_by_the_id_that_most_of_them_match(published, key):
    published.write(name_of=lambda image: image[key], kind=str)
    made = import_source(str(published.folder), "tiny")
    assert_vectors_belong(published, made.collection)
    by_accident = 4 if key == "cocoid" else 0
    assert made.notes[0] == (
        f"Image vectors are joined by {key}: 6 of 6 images match by it, {by_accident} by imgid."
    )


def test_restval_counts_as_train_and_the_card_says_so(published):
    collection = import_source(str(published.folder), "tiny").collection
    assert collection.image_splits.tolist() == ["train", "train", "val", "test", "test", "test"]
    assert collection.caption_splits.tolist()[2:4] == ["train", "train"]
    assert "1 images of split `restval` count as `train`" in collection.card["imported"]["notes"][0]


def test_vectors_are_brought_to_unit_length_and_the_card_says_so(published):
    published.table("img_embs", {n: 3 * vector for n, vector in published.images.items()})
    collection = import_source(str(published.folder), "tiny").collection
    np.testing.assert_allclose(
        collection.image_vectors, np.array(list(published.images.values())), atol=1e-6
    )
    notes = collection.card["imported"]["notes"]
    assert (
        "The vectors of img_embs.parquet had norms of 3 and were brought to unit length." in notes
    )
    assert not any("text_embs" in note for note in notes)


def test_what_has_no_vector_is_listed_and_left_out(published, answer):
    stray = unit(np.ones((1, D)))[0]
    published.table("img_embs", {n: v for n, v in published.images.items() if n != 3} | {99: stray})
    published.table("text_embs", {n: v for n, v in published.captions.items() if n != 10})
    result = answer("import", str(published.folder), "--name", "tiny")
    assert set(result) == {"collection", "n_images", "n_captions", "notes", "skipped", "seconds"}
    assert (result["n_images"], result["n_captions"]) == (5, 9)
    assert result["skipped"] == [
        {
            "file": "photo-3.jpg",
            "why": "img_embs.parquet has no vector of its imgid `3`. Its captions, 2, are left "
            "out with it.",
        },
        {
            "file": "caption 10 of photo-5.jpg",
            "why": "text_embs.parquet has no vector of its sentid.",
        },
        {
            "file": "img_embs.parquet",
            "why": "1 of its 6 vectors belong to no listed image, such as that of id `99`.",
        },
    ]


def test_an_id_may_come_twice_with_one_vector_but_not_with_two(published):
    ids, vectors = [*published.images, 0], [*published.images.values(), published.images[0]]
    path = published.folder / "img_embs.parquet"
    pq.write_table(pa.table({"id": ids, "emb": vectors}), path)
    assert_vectors_belong(published, import_source(str(published.folder), "tiny").collection)
    pq.write_table(pa.table({"id": ids, "emb": [*vectors[:-1], vectors[1]]}), path)
    with pytest.raises(CollectionError, match="has 7 vectors, two different ones of the id `0`"):
        import_source(str(published.folder), "tiny")


def test_coco_images_keep_their_address_and_others_have_none(published):
    file = "COCO_val2014_000000184613.jpg"
    published.meta["images"][2] |= {"filename": file, "filepath": "val2014"}
    published.write()
    collection = import_source(str(published.folder), "tiny").collection
    assert collection.picture(2) == f"http://images.cocodataset.org/val2014/{file}"
    assert collection.picture(3) is None
    assert collection.images["file"].null_count == 6


def test_pictures_beside_the_list_are_taken_over(published):
    images = published.meta["images"]
    images[2]["filepath"] = "deep"
    images[4]["filepath"] = "../outside"
    published.write()
    places = ["images", ".", "images/deep"]
    for number, place in enumerate(places):
        (published.folder / place).mkdir(exist_ok=True)
        Image.new("RGB", (20 + number, 16)).save(published.folder / place / f"photo-{number}.jpg")
    (published.folder / "images" / "photo-3.jpg").write_text("no picture")
    (published.folder.parent / "outside").mkdir()
    Image.new("RGB", (9, 9)).save(published.folder.parent / "outside" / "photo-4.jpg")
    made = import_source(str(published.folder), "tiny")
    table = made.collection.images.to_pydict()
    assert table["width"] == [20, 21, 22, None, None, None]
    assert table["height"] == [16, 16, 16, None, None, None]
    with Image.open(made.collection.picture(2)) as stored:
        assert (stored.size, stored.format) == ((22, 16), "WEBP")
    assert [one.file for one in made.skipped] == ["photo-3.jpg"]
    assert "Kept without its picture: `photo-3.jpg` is not a picture" in made.skipped[0].why
    assert not list(made.collection.folder.parent.glob(".*"))


def test_every_command_that_needs_no_encoder_works_on_what_was_imported(
    published, checkpoint, answer, capsys
):
    answer("import", str(published.folder), "--name", "data")
    result = answer("import", str(checkpoint), "--name", "head")
    assert result.pop("seconds") > 0
    assert result == {"model": "head", "dense_size": D, "hidden_size": 4, "n_terms": 42}
    both = ("--collection", "data", "--model", "head")
    measured = answer("evaluate", *both)
    images = np.array([published.images[n] for n in (3, 4, 5)])
    captions = np.array([published.captions[n] for n in range(6, 12)])
    first = (captions @ images.T).argmax(axis=1) == np.repeat([0, 1, 2], 2)
    assert (measured["n_queries"], measured["n_images"]) == (6, 3)
    assert measured["dense"]["R@1"] == pytest.approx(first.mean())
    card = answer("term", "dog", *both)
    head, term = load_head(checkpoint), Vocabulary(make_tokenizer()).id_of("dog")
    expected = project(head, np.array(list(published.images.values()))).toarray()[:, term]
    assert {i["image_id"]: pytest.approx(i["weight"], abs=1e-6) for i in card["images"]} == {
        str(row): weight for row, weight in enumerate(expected) if weight
    }
    assert answer("inspect", "4", *both)["captions"] == [
        s["raw"] for s in published.meta["images"][4]["sentences"]
    ]
    assert len(answer("sweep", "--steps", "2", *both)["rows"]) == 2
    assert "data" in {c["name"] for c in answer("collections")["collections"]}
    assert main(["search", "dog", *both]) == 2
    assert "There is no encoder `blip` here" in capsys.readouterr().err


def test_a_checkpoint_keeps_its_weights_and_says_where_it_is_from(checkpoint, home):
    model = import_source(str(checkpoint), "head").model
    published = load_file(checkpoint / "model.safetensors")
    for name, weight in model.head.state_dict().items():
        assert torch.equal(weight, published[name])
    training = json.loads((home / "models" / "head" / "training.json").read_text())
    assert training["published_config"]["mlm_head"] == "tiny-masked-lm"
    assert (model.encoder, model.title) == ("blip", checkpoint.name)
    assert import_source(str(checkpoint), "head", "albef").model.encoder == "albef"


def test_the_published_checkpoint_projects_to_the_published_weights(reference, tmp_path):
    folder = tmp_path / "published"
    folder.mkdir()
    for file in (reference / "checkpoint").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ModelError, match=r"weighs 97 terms and holds no tokenizer.*has 30,522"):
        import_source(str(folder), "published")
    terms = {f"term{number}": number for number in range(97)}
    Tokenizer(models.WordPiece(terms, unk_token="term0")).save(str(folder / "tokenizer.json"))
    model = import_source(str(folder), "published").model
    with np.load(reference / "golden.npz") as golden:
        ours = model.project(golden["image_vectors"]).toarray()
        np.testing.assert_allclose(ours, golden["sparse_images"], atol=1e-5)


def test_a_checkpoint_of_berts_size_gets_the_bundled_vocabulary(tmp_path):
    write_checkpoint(tmp_path / "bert-sized", 30_522)
    vocabulary = import_source(str(tmp_path / "bert-sized"), "head").model.vocabulary
    assert vocabulary.terms == Vocabulary.load(BUNDLED_ENCODER / "tokenizer.json").terms


def test_a_checkpoint_of_blips_own_size_is_not_guessed_at(tmp_path):
    write_checkpoint(tmp_path / "blip-sized", 30_524)
    with pytest.raises(ModelError, match="weighs 30,524 terms .* vocabulary has 30,522"):
        import_source(str(tmp_path / "blip-sized"), "head")


@pytest.mark.parametrize(
    ("name", "encoder"),
    [
        ("lsr42/mscoco-blip-dense", "blip"),
        ("d2s_flickr30k-ALBEF-dense_q_reg_0.001", "albef"),
        ("lsr42/blip2-dense", "unknown"),
        ("lsr42/blip-2-dense", "unknown"),
        ("lsr42/blip-2014", "blip"),
        ("blipper", "unknown"),
    ],
)
def test_a_name_says_which_encoder_made_the_vectors(name, encoder):
    assert encoder_named_in(name) == encoder


def test_only_an_earlier_import_is_replaced(published, checkpoint, collection, model, home):
    with pytest.raises(QueryError, match="`demo` is a bundled collection"):
        import_source(str(published.folder), "demo")
    with pytest.raises(QueryError, match="collection `tiny` of your own that was not imported"):
        import_source(str(published.folder), "tiny")
    with pytest.raises(QueryError, match="model `tiny` of your own that was not imported"):
        import_source(str(checkpoint), "tiny")
    with pytest.raises(QueryError, match=r"`\.\./x` cannot be a name"):
        import_source(str(published.folder), "../x")
    first = import_source(str(published.folder), "data").collection
    published.meta["images"][0]["sentences"].pop()
    published.write()
    again = import_source(str(published.folder), "data").collection
    assert (len(first.captions), len(again.captions)) == (12, 11)


def test_a_failed_import_leaves_what_was_there(published, home):
    before = import_source(str(published.folder), "data").collection.fingerprint
    (published.folder / "text_embs.parquet").write_bytes(b"PAR1")
    with pytest.raises(CollectionError, match="text_embs.parquet` is truncated"):
        import_source(str(published.folder), "data")
    assert load_collection(home / "collections" / "data").fingerprint == before
    assert [path.name for path in (home / "collections").iterdir()] == ["data"]


def _vectors(change):
    def damage(published: Published) -> None:
        vectors = {number: vector.copy() for number, vector in published.images.items()}
        change(vectors)
        published.table("img_embs", vectors)

    return damage


def _meta(change):
    def damage(published: Published) -> None:
        change(published.meta)
        (published.folder / "dataset_meta.json").write_text(json.dumps(published.meta))

    return damage


def _column(name, values):
    def damage(published: Published) -> None:
        columns = {"id": list(published.images), "emb": list(published.images.values())}
        columns = {**columns, name: values} if values else {"id": columns["id"]}
        pq.write_table(pa.table(columns), published.folder / "img_embs.parquet")

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_vectors(lambda v: v[1].fill(np.nan)), "1 of the 6 vectors .* NaN .* id `1`"),
        (_vectors(lambda v: v[2].__setitem__(0, np.inf)), "1 of the 6 vectors .* id `2`"),
        (_vectors(lambda v: v[2].fill(0)), "1 of the 6 vectors .* all zeros, .* id `2`"),
        (_vectors(lambda v: v.update({3: v[3][:5]})), "holds vectors of 5 and 8 numbers"),
        (_vectors(lambda v: v.update({n: v[n][:5] for n in v})), "have 5 numbers, .* 8"),
        (_vectors(lambda v: [v.update({900 + n: v.pop(n)}) for n in range(6)]), "None of the 6"),
        (_vectors(dict.clear), "`img_embs.parquet` holds 0 vectors"),
        (_column("id", [0.5] * 6), "ids in `img_embs.parquet` are of type double"),
        (_column("id", [None, 1, 2, 3, 4, 5]), "1 ids or vectors among the rows 0 to 6"),
        (_column("emb", ["x"] * 6), "`emb` of `img_embs.parquet` is of type string"),
        (_column("emb", None), "has no column emb; its columns are id"),
        (_meta(lambda m: m.pop("images")), "`dataset_meta.json` lists no `images`"),
        (_meta(lambda m: m["images"][4].pop("split")), "Image 4 of .*'split'"),
        (_meta(lambda m: m["images"][4]["sentences"][0].pop("raw")), "Image 4 of .*'raw'"),
        (_meta(lambda m: m["images"].append(m["images"][5])), "lists 7 images but only 6"),
        (
            _meta(lambda m: m["images"][1]["sentences"][0].update(sentid=0)),
            "lists 12 captions but only 11 different ids: `0` comes 2 times",
        ),
        (
            _meta(lambda m: [s.update(sentid=f"s{s['sentid']}") for i in m["images"]
                             for s in i["sentences"]]),
            "None of the 12 listed captions .* 12 vectors",
        ),
    ],
)  # fmt: skip
def test_data_that_does_not_fit_together_is_refused_with_the_numbers(
    published, home, damage, message
):
    damage(published)
    with pytest.raises(CollectionError, match=message):
        import_source(str(published.folder), "data")
    assert not (home / "collections").exists()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "config.json").write_text('{"dense_size": 5}'), "5 numbers, .* read 8"),
        (lambda f: Tokenizer(models.WordPiece({"a": 0}, unk_token="a")).save(
            str(f / "tokenizer.json")), "weighs 42 terms but its tokenizer.json has 1"),
        (lambda f: (f / "tokenizer.json").unlink(), "weighs 42 terms .* 30,522"),
        (lambda f: (f / "model.safetensors").write_bytes(b"x" * 20), "truncated or damaged"),
        (lambda f: (f / "config.json").write_text("{"), "is not readable JSON"),
    ],
)  # fmt: skip
def test_a_checkpoint_that_does_not_fit_together_is_refused(checkpoint, home, damage, message):
    damage(checkpoint)
    with pytest.raises(ModelError, match=message):
        import_source(str(checkpoint), "head")
    assert not (home / "models").exists()


def test_a_folder_of_no_known_format_is_told_what_was_expected(published, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="`empty` holds nothing that can be imported.*text_embs"):
        import_source(str(tmp_path / "empty"), "x")
    (published.folder / "text_embs.parquet").unlink()
    with pytest.raises(InputError, match=r"`tiny-blip-dense` lacks text_embs\.parquet\."):
        import_source(str(published.folder), "x")


def test_pickled_weights_are_not_opened_and_the_way_to_convert_them_works(checkpoint):
    weights = load_file(checkpoint / "model.safetensors")
    (checkpoint / "model.safetensors").unlink()
    torch.save(weights, checkpoint / "pytorch_model.bin")
    with pytest.raises(InputError, match="pytorch_model.bin is not opened") as caught:
        import_source(str(checkpoint), "head")
    code = str(caught.value).split('`python -c "')[1].split('"`')[0]
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=checkpoint, check=True)
    assert import_source(str(checkpoint), "head").model.head.vocabulary_size == 42


def test_a_source_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="no folder `nowhere`, and it is no hub name"):
        import_source("nowhere", "x")
    with pytest.raises(UnknownNameError, match="no folder ``"):
        import_source("", "x")
    with pytest.raises(UnknownNameError, match="test_import_source.py` is a file"):
        import_source(__file__, "x")


def imported_by_a_process(source: str, name: str, settings: dict) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "lsr", "import", source, "--name", name, "--json"]
    environment = {**os.environ, **settings}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_without_a_network_a_hub_name_gets_one_line(home):
    settings = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home / "hub")}
    done = imported_by_a_process("lsr42/mscoco-blip-dense", "x", settings)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "no repository of that name could be downloaded" in done.stderr
    assert "Connect to the network" in done.stderr


@pytest.fixture
def hub(tmp_path):
    """A hub on this machine: what it holds, which files were fetched, and a command that asks it.

    The command is a process of its own, because huggingface_hub reads its address once.
    """
    folders, fetched, commit = {}, [], "0" * 40

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.respond(with_body=True)

        def do_HEAD(self):
            self.respond(with_body=False)

        def respond(self, *, with_body):
            parts = self.path.partition("?")[0].strip("/").split("/")
            is_api = parts[0] == "api"
            parts = parts[is_api:]
            kind = parts.pop(0) if parts[0] in ("datasets", "models") else "models"
            folder = folders.get((kind, "/".join(parts[:2])))
            headers = {"X-Repo-Commit": commit}
            if folder is None:
                return self.send(404, b"", {"X-Error-Code": "RepoNotFound"}, with_body)
            if not is_api:
                fetched.append(parts[-1])
                headers["ETag"] = f'"{parts[-1]}"'
                return self.send(200, (folder / parts[-1]).read_bytes(), headers, with_body)
            content = {"id": "/".join(parts[:2]), "sha": commit, "siblings": []}
            if parts[2] == "tree":
                content = [
                    {"type": "file", "path": p.name, "size": p.stat().st_size, "oid": p.name}
                    for p in folder.iterdir()
                ]
            return self.send(200, json.dumps(content).encode(), headers, with_body)

        def send(self, status, body, headers, with_body):
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(tmp_path / "hub"),
        "HF_HUB_OFFLINE": "0",
    }

    def run(source: str, name: str) -> subprocess.CompletedProcess[str]:
        return imported_by_a_process(source, name, address)

    yield folders, fetched, run
    server.shutdown()
    server.server_close()


def test_a_hub_name_brings_only_the_files_that_are_needed(published, checkpoint, hub, home):
    folders, fetched, run = hub
    for folder in (published.folder, checkpoint):
        (folder / "pytorch_model.bin").write_bytes(b"not wanted")
    folders["datasets", "made/mscoco-blip-dense"] = published.folder
    folders["models", "made/d2s"] = checkpoint
    done = run("made/mscoco-blip-dense", "data")
    assert (done.returncode, json.loads(done.stdout)["n_images"]) == (0, 6)
    collection = load_collection(home / "collections" / "data")
    assert_vectors_belong(published, collection)
    assert (collection.card["source"], collection.encoder) == ("made/mscoco-blip-dense", "blip")
    assert json.loads(run("made/d2s", "head").stdout)["n_terms"] == 42
    assert set(fetched) == {
        "dataset_meta.json", "img_embs.parquet", "text_embs.parquet",
        "config.json", "model.safetensors", "tokenizer.json",
    }  # fmt: skip


def test_a_repository_that_is_not_there_is_refused(hub):
    *_, run = hub
    done = run("nobody/nothing", "x")
    assert done.returncode == 2
    assert "no public dataset or model repository of that name" in done.stderr


def test_without_the_package_a_hub_name_gets_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(InputError, match="Run `python -m pip install huggingface_hub`"):
        import_source("nobody/nothing", "x")
