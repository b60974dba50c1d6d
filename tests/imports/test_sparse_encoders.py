"""Sparse encoders of sentence-transformers: tiny random ones, saved, imported, and asked."""

import json
import shutil

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from lsr.collection.items import image_items, new_picture, new_texts
from lsr.evaluation.evaluate import evaluate
from lsr.exceptions import InputError, ModelError, QueryError, UnknownNameError
from lsr.imports.sparse.encoders import import_encoder
from lsr.imports.sparse.kinds import kind_of_source
from lsr.model.installed import model_overview
from lsr.model.loading import load_model
from lsr.search.searcher import Searcher
from tests.conftest import make_tokenizer

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs, when modules are imported
TEXTS = ["two dogs on the beach", "a red cat", "snow"]
# More outputs than the tokenizer has tokens, as some language models have.
SPARE = 3


def _tokenizer():
    marks = {f"{name.lower()}_token": f"[{name}]" for name in ("UNK", "CLS", "SEP", "PAD", "MASK")}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=make_tokenizer(), model_max_length=32, **marks
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Folders by architecture, as the package saves them."""
    from sentence_transformers import SparseEncoder
    from sentence_transformers.sentence_transformer.modules import Pooling
    from sentence_transformers.sparse_encoder.modules import (
        Router,
        SparseAutoEncoder,
        SparseStaticEmbedding,
        SpladePooling,
        Transformer,
    )
    from transformers import CLIPImageProcessor, CLIPProcessor

    torch.manual_seed(0)
    root, tokenizer = tmp_path_factory.mktemp("encoders"), _tokenizer()
    few = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    sizes = {**few, "intermediate_size": 16, "initializer_range": 0.5}
    of_text = {**sizes, "vocab_size": len(tokenizer) + SPARE, "max_position_embeddings": 40}
    clip = transformers.CLIPConfig(
        text_config={**of_text, "eos_token_id": 4, "bos_token_id": 3, "pad_token_id": 0},
        vision_config={**sizes, "image_size": 16, "patch_size": 8},
        projection_dim=16,
    )
    processor = CLIPProcessor(
        CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}),
        tokenizer,
    )
    for name, network, reader in (
        ("masked", transformers.BertForMaskedLM(transformers.BertConfig(**of_text)), tokenizer),
        (
            "exact",
            transformers.BertForMaskedLM(
                transformers.BertConfig(**of_text | {"vocab_size": len(tokenizer)})
            ),
            tokenizer,
        ),
        ("bert", transformers.BertModel(transformers.BertConfig(**of_text)), tokenizer),
        ("clip", transformers.CLIPModel(clip), processor),
    ):
        network.save_pretrained(root / name)
        reader.save_pretrained(root / name)
    masked = Transformer(str(root / "masked"), transformer_task="fill-mask")
    exact = Transformer(str(root / "exact"), transformer_task="fill-mask")
    table = torch.rand(len(tokenizer))
    made = {
        "splade": [masked, SpladePooling("max")],
        "summed": [masked, SpladePooling("sum", activation_function="log1p_relu")],
        "csr": [Transformer(str(root / "bert")), Pooling(16), SparseAutoEncoder(16, 64, k=8)],
        "table": [
            Router.for_query_document(
                query_modules=[SparseStaticEmbedding(exact.tokenizer, table, frozen=True)],
                document_modules=[exact, SpladePooling("max")],
            )
        ],
        "pictures": [Transformer(str(root / "clip")), SparseAutoEncoder(16, 64, k=8)],
    }
    for name, modules in made.items():
        prompts = {"query": "the ", "document": "a "} if name == "splade" else None
        encoder = SparseEncoder(modules=modules, prompts=prompts, device="cpu")
        encoder.save_pretrained(str(root / name), create_model_card=False)
    return root


def imported(collection, source, name="mine"):
    *_, last = import_encoder(collection, str(source), name)
    return last


def theirs(folder):
    from sentence_transformers import SparseEncoder

    return SparseEncoder(str(folder), device="cpu", local_files_only=True)


@pytest.mark.parametrize("kind", ["masked", "splade", "summed", "csr", "table", "pictures"])
def test_vectors_and_terms_are_those_of_the_package(saved, collection, kind):
    assert kind_of_source(str(saved / kind)) == "sparse-encoder"
    model = imported(collection, saved / kind).model
    package = theirs(saved / kind)
    ours = model.sparse(new_texts(TEXTS, lambda: None))
    query = package.encode_query(TEXTS)
    assert ours.toarray() == pytest.approx(query.to_dense().numpy(), abs=1e-5)
    assert ours.has_sorted_indices
    assert (ours.data > 0).all()

    rows = range(len(collection.image_ids))
    images = model.sparse(image_items(collection, rows))
    if kind == "pictures":
        places = [collection.picture(row) for row in rows]
        document = package.encode_document([Image.open(place) for place in places])
    else:
        document = package.encode_document([" ".join(collection.captions_of(row)) for row in rows])
    assert images.toarray() == pytest.approx(document.to_dense().numpy(), abs=1e-5)
    if kind in ("csr", "pictures"):
        assert model.vocabulary.terms == [str(number) for number in range(64)]
        return
    named = package.decode(query)[0]
    part, terms = ours[0], model.vocabulary.terms
    order = np.argsort(-part.data, kind="stable")
    known = [(terms[part.indices[i]], part.data[i]) for i in order]
    # Outputs beyond its tokens have no name in the package.
    known = [(None if term.startswith("[unused4") else term, weight) for term, weight in known]
    assert {term for term, _ in known} == {term for term, _ in named}
    assert [weight for _, weight in known] == pytest.approx([w for _, w in named], abs=1e-5)


def test_captions_stand_for_images_and_everything_says_so(saved, collection, home):
    last = imported(collection, saved / "table")
    model = load_model("mine")
    assert "reads texts alone" in last.notes[0]
    assert any("hardly sparse" in note for note in last.notes)
    assert model_overview(model.folder).made_from == "captions in place of images"
    assert model.title == "mine, images by their captions"
    metrics = json.loads((model.folder / "metrics.json").read_text())
    assert metrics["split"] is None
    assert "would find itself" in metrics["why"]
    with pytest.raises(ModelError, match="would find itself"):
        evaluate(collection, model, "test")
    with pytest.raises(QueryError, match="a new picture has no caption"):
        model.sparse(new_picture(Image.new("RGB", (8, 8)), lambda: None))
    hits = Searcher(collection, model).search_text(collection.caption_texts[0]).hits
    assert len(hits) == 10
    scores = model.sparse(new_texts([collection.caption_texts[0]], lambda: None)).toarray()
    images = model.sparse(image_items(collection, range(12))).toarray()
    best = np.sort((images @ scores[0]).astype(float))[::-1][:10]
    assert [hit.score for hit in hits] == pytest.approx(best.tolist(), rel=1e-5)


def test_a_query_set_measures_what_captions_cannot(saved, queried):
    model = imported(queried, saved / "splade").model
    assert evaluate(queried, model, "test", queries="some")["n_queries"] > 0


def test_an_encoder_of_pictures_is_measured_with_captions(saved, collection):
    last = imported(collection, saved / "pictures")
    assert last.model.no_captions_as_queries is None
    assert json.loads((last.model.folder / "metrics.json").read_text())["n_queries"] == 24
    picture = new_picture(Image.new("RGB", (30, 20), (200, 10, 10)), lambda: None)
    assert last.model.sparse(picture).nnz == 8


def test_a_document_without_captions_activates_nothing(saved, collection):
    model = imported(collection, saved / "splade").model
    items = image_items(collection, [0, 1])
    items = type(items)("images", items.ids, items.vectors, captions=lambda: [[], ["a red dog"]])
    counts = np.diff(model.sparse(items).indptr)
    assert counts[0] == 0 < counts[1]
    with pytest.raises(ModelError, match="none of these 2 images has a caption"):
        model.sparse(type(items)("images", items.ids, items.vectors, captions=lambda: [[], []]))


def _pickled(folder):
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def _with_code(folder):
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["type"] = "modeling_mine.Mine"
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "modeling_mine.py").write_text("raise SystemExit('was run')")


def _with_auto_map(folder):
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "configuration_mine.Mine"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "configuration_mine.py").write_text("raise SystemExit('was run')")


def _without_tokenizer(folder):
    for path in folder.glob("*token*"):
        path.unlink()


def _dense(folder):
    path = folder / "config_sentence_transformers.json"
    path.write_text(json.dumps({"model_type": "SentenceTransformer"}))


def _truncated(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_pickled, "pickled weights"),
        (_with_code, "code of its own"),
        (_with_auto_map, "cannot be loaded"),
        (_without_tokenizer, "has no tokenizer"),
        (_dense, "is a SentenceTransformer, whose vectors are dense"),
        (_truncated, "cannot be loaded"),
        (lambda folder: (folder / "modules.json").write_text("[1"), "cannot be read"),
    ],
)
def test_what_is_no_safe_sparse_encoder_is_refused(saved, collection, home, tmp_path, spoil, words):
    folder = shutil.copytree(saved / "splade", tmp_path / "spoilt")
    spoil(folder)
    with pytest.raises(ModelError, match=words) as told:
        imported(collection, folder)
    assert "\n" not in str(told.value)
    assert not (home / "models").exists() or not list((home / "models").iterdir())


def test_a_plain_network_is_no_sparse_encoder(saved, collection):
    with pytest.raises(ModelError, match="no sparse encoder"):
        imported(collection, saved / "bert")
    with pytest.raises(UnknownNameError, match="no folder"):
        imported(collection, "nowhere/at/all")


def test_weights_below_zero_are_refused(saved, collection, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(saved / "table", tmp_path / "negative")
    path = next(folder.glob("query_*")) / "model.safetensors"
    save_file({name: -one for name, one in load_file(path).items()}, path)
    with pytest.raises(ModelError, match="weights below 0"):
        imported(collection, folder)


def test_the_package_is_asked_for_where_it_is_missing(saved, collection, monkeypatch):
    model = imported(collection, saved / "splade").model
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "python -m pip install" in str(model.no_texts)
    with pytest.raises(InputError, match="needs the package sentence-transformers"):
        model.sparse(image_items(collection, [0]))
    with pytest.raises(InputError, match="needs the package sentence-transformers"):
        imported(collection, saved / "splade", "other")
