import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from lsr.exceptions import ModelError
from lsr.model.checkpoint import load_head, save_model
from lsr.model.loading import load_model
from lsr.model.projection import project
from tests.conftest import D, make_head


def test_load_after_save_is_identity(model, vocabulary):
    again = load_model(model.folder)
    assert again.fingerprint == model.fingerprint
    head = make_head(vocabulary)
    for name, tensor in head.state_dict().items():
        assert torch.equal(again.head.state_dict()[name], tensor)


def test_half_precision_halves_the_file_and_hardly_moves_a_weight(model, vocabulary, tmp_path):
    small = save_model(
        tmp_path / "small",
        make_head(vocabulary),
        vocabulary,
        card={"encoder": "fake"},
        training={},
        metrics={},
        precision=torch.float16,
    )
    dense = np.random.default_rng(0).normal(size=(5, D)).astype(np.float32)
    ours, full = small.project(dense).toarray(), model.project(dense).toarray()
    np.testing.assert_allclose(ours, full, atol=3e-3)
    assert not np.array_equal(ours, full)
    sizes = [(f / "model.safetensors").stat().st_size for f in (small.folder, model.folder)]
    assert sizes[0] < 0.7 * sizes[1]


def test_projected_weights_are_the_formula_in_float64(vocabulary):
    head = make_head(vocabulary)
    dense = np.random.default_rng(1).normal(size=(600, D))
    weights = {name: t.double().numpy() for name, t in head.state_dict().items()}
    hidden = dense @ weights["proj.weight"].T + weights["proj.bias"]
    centred = hidden - hidden.mean(axis=1, keepdims=True)
    normal = centred / np.sqrt(centred.var(axis=1, keepdims=True) + 1e-12)
    logits = normal @ weights["vocab_projector.weight"].T + weights["vocab_projector.bias"]
    expected = np.log1p(np.maximum(logits, 0))
    ours = project(head, dense)
    np.testing.assert_allclose(ours.toarray(), expected, atol=1e-5)
    assert ours.has_sorted_indices
    assert (ours.data > 0).all()


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(model, file):
    (model.folder / file).unlink()
    with pytest.raises(ModelError, match=f"`{file}` is missing"):
        load_model(model.folder)


def test_truncated_weights_are_refused(model):
    path = model.folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ModelError, match=r"model\.safetensors` is truncated"):
        load_model(model.folder)


def test_tensors_that_do_not_fit_together_are_refused(model):
    path = model.folder / "model.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "vocab_projector.bias": torch.zeros(3)}, path)
    with pytest.raises(ModelError, match=r"vocab_projector.bias has shape \(3,\)"):
        load_head(model.folder)
    del tensors["proj.bias"]
    save_file(tensors, path)
    with pytest.raises(ModelError, match=r"lacks proj\.bias: it is no Dense2Sparse head"):
        load_head(model.folder)


def test_a_vocabulary_of_another_size_is_refused(model):
    path = model.folder / "tokenizer.json"
    content = json.loads(path.read_text())
    content["model"]["vocab"]["extra"] = len(content["model"]["vocab"])
    path.write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"weighs 42 terms but its vocabulary has 43"):
        load_model(model.folder)
