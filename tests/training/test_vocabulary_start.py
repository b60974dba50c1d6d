"""What a new head starts from, against transformers' own models as the witness."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models

from lsr.encoders.bundled import BundledEncoder
from lsr.exceptions import ModelError, UnknownNameError
from lsr.model.projection import Projection
from lsr.model.vocabulary import Vocabulary
from lsr.storage.places import BUNDLED_ENCODER
from lsr.training.vocabulary_start import VocabularyStart, apply, load_start
from tests.conftest import D

HIDDEN = 12


def masked_language_model(kind, n_terms, *, tied=True):
    """A random model of transformers with a bias and a LayerNorm that are not the initial ones."""
    from transformers import BertConfig, BertForMaskedLM, DistilBertConfig, DistilBertForMaskedLM

    torch.manual_seed(1)
    common = {"vocab_size": n_terms, "tie_word_embeddings": tied, "max_position_embeddings": 8}
    if kind == "DistilBERT":
        config = DistilBertConfig(**common, dim=HIDDEN, n_layers=1, n_heads=2, hidden_dim=8)
        made = DistilBertForMaskedLM(config)
        norm = made.vocab_layer_norm
    else:
        config = BertConfig(
            **common, hidden_size=HIDDEN, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=8,
        )  # fmt: skip
        made = BertForMaskedLM(config)
        norm = made.cls.predictions.transform.LayerNorm
    with torch.no_grad():
        for parameter in (made.get_output_embeddings().bias, norm.weight, norm.bias):
            parameter.normal_()
    return made, norm


def new_head(vocabulary, hidden_size=HIDDEN) -> Projection:
    torch.manual_seed(2)
    return Projection(D, hidden_size, len(vocabulary))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", ["DistilBERT", "BERT"])
def test_a_head_starts_with_the_weights_of_the_model(tmp_path, vocabulary, kind, tied):
    made, norm = masked_language_model(kind, len(vocabulary), tied=tied)
    made.save_pretrained(tmp_path / "mlm")
    vocabulary.save(tmp_path / "mlm" / "tokenizer.json")
    start = load_start(str(tmp_path / "mlm"), vocabulary)
    assert (start.name, start.whole) == ("mlm", True)
    head = new_head(vocabulary)
    before = head.proj.weight.clone()
    apply(head, start)
    output = made.get_output_embeddings()
    assert torch.equal(head.vocab_projector.weight, output.weight)
    assert torch.equal(head.vocab_projector.bias, output.bias)
    assert torch.equal(head.vocab_layer_norm.weight, norm.weight)
    assert torch.equal(head.vocab_layer_norm.bias, norm.bias)
    assert torch.equal(head.proj.weight, before)


def test_the_oldest_names_and_half_precision_are_read(tmp_path, vocabulary):
    made, norm = masked_language_model("BERT", len(vocabulary))
    tensors = {
        "bert.embeddings.word_embeddings.weight": made.get_output_embeddings().weight,
        "cls.predictions.bias": made.get_output_embeddings().bias,
        "cls.predictions.transform.LayerNorm.gamma": norm.weight,
        "cls.predictions.transform.LayerNorm.beta": norm.bias,
    }
    (tmp_path / "old").mkdir()
    half = {name: tensor.detach().to(torch.bfloat16) for name, tensor in tensors.items()}
    save_file(half, tmp_path / "old" / "model.safetensors")
    (tmp_path / "old" / "vocab.txt").write_text("\n".join(vocabulary.terms) + "\n")
    start = load_start(str(tmp_path / "old"), vocabulary)
    read = (start.weight, start.bias, *start.layer_norm)
    for ours, theirs in zip(read, half.values(), strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_array_equal(ours, theirs.float().numpy())


def test_a_published_checkpoint_can_be_gone_on_from(tmp_path, vocabulary):
    published = new_head(vocabulary)
    save_file(published.state_dict(), tmp_path / "model.safetensors")
    head = Projection(D, HIDDEN, len(vocabulary))
    apply(head, load_start(str(tmp_path), vocabulary))
    assert torch.equal(head.vocab_projector.weight, published.vocab_projector.weight)


@pytest.mark.parametrize("ending", ["npy", "safetensors"])
@pytest.mark.parametrize("hidden_size", [3, 5, 9])
def test_a_table_fills_the_first_columns_with_unit_rows(tmp_path, vocabulary, ending, hidden_size):
    table = np.random.default_rng(3).normal(size=(len(vocabulary), 5)).astype(np.float32)
    path = tmp_path / f"words.{ending}"
    if ending == "npy":
        np.save(path, table)
    else:
        save_file({"embeddings": torch.from_numpy(table)}, path)
    start = load_start(str(path), vocabulary)
    assert (start.name, start.whole, start.layer_norm) == (path.name, False, None)
    head, untouched = new_head(vocabulary, hidden_size), new_head(vocabulary, hidden_size)
    apply(head, start)
    cut = table[:, :hidden_size]
    expected = cut / np.linalg.norm(cut, axis=1, keepdims=True)
    weight = head.vocab_projector.weight.detach().numpy()
    np.testing.assert_allclose(weight[:, : cut.shape[1]], expected, atol=1e-6)
    beyond = untouched.vocab_projector.weight.detach().numpy()[:, cut.shape[1] :]
    np.testing.assert_array_equal(weight[:, cut.shape[1] :], beyond)
    assert not head.vocab_projector.bias.any()
    assert torch.equal(head.vocab_layer_norm.weight, untouched.vocab_layer_norm.weight)


def test_the_bundled_start_is_the_token_table_of_the_bundled_encoder():
    vocabulary = Vocabulary.load(BUNDLED_ENCODER / "tokenizer.json")
    expected = BundledEncoder.load(BUNDLED_ENCODER).token_vectors
    for source, name in (("bundled", "bundled"), (str(BUNDLED_ENCODER), BUNDLED_ENCODER.name)):
        start = load_start(source, vocabulary)
        assert (start.name, start.whole) == (f"{name} token vectors", False)
        np.testing.assert_array_equal(start.weight, expected)


def test_a_random_start_changes_nothing(vocabulary):
    head, untouched = new_head(vocabulary), new_head(vocabulary)
    start = load_start("random", vocabulary)
    apply(head, start)
    assert start == VocabularyStart("random")
    for name, weight in head.state_dict().items():
        assert torch.equal(weight, untouched.state_dict()[name])


def test_a_whole_head_fits_only_its_own_hidden_size(tmp_path, vocabulary):
    masked_language_model("BERT", len(vocabulary))[0].save_pretrained(tmp_path / "mlm")
    start = load_start(str(tmp_path / "mlm"), vocabulary)
    with pytest.raises(ModelError, match="hidden size 12, but the new one 5. Use --hidden-size 12"):
        apply(new_head(vocabulary, 5), start)
    with pytest.raises(ModelError, match="weights of 42 terms, but the head weighs 43"):
        apply(Projection(D, HIDDEN, 43), start)


def _tokenizer(terms):
    numbered = {term: number for number, term in enumerate(terms)}
    return Tokenizer(models.WordPiece(numbered, unk_token="[UNK]"))


def test_another_vocabulary_is_refused(tmp_path, vocabulary):
    folder = tmp_path / "mlm"
    masked_language_model("DistilBERT", len(vocabulary))[0].save_pretrained(folder)
    changed = [*vocabulary.terms]
    changed[7] = "zebra"
    _tokenizer(changed).save(str(folder / "tokenizer.json"))
    with pytest.raises(ModelError, match="term 7 is `zebra` there but `the` here"):
        load_start(str(folder), vocabulary)
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("\n".join(vocabulary.terms[:-2]) + "\n")
    with pytest.raises(ModelError, match="vocabulary of 40 terms, not 42"):
        load_start(str(folder), vocabulary)
    with pytest.raises(ModelError, match="`bundled` has a vocabulary of 30,522 terms, not 42"):
        load_start("bundled", vocabulary)


def test_weights_of_another_number_of_terms_are_refused(tmp_path, vocabulary):
    masked_language_model("BERT", 50)[0].save_pretrained(tmp_path / "mlm")
    with pytest.raises(ModelError, match="`mlm` has 50 rows for a vocabulary of 42 terms"):
        load_start(str(tmp_path / "mlm"), vocabulary)


def test_a_head_that_is_not_whole_or_does_not_fit_is_refused(tmp_path, vocabulary):
    folder = tmp_path / "mlm"
    masked_language_model("BERT", len(vocabulary))[0].save_pretrained(folder)
    path = folder / "model.safetensors"
    tensors = load_file(path)
    bias = tensors.pop("cls.predictions.bias")
    save_file(tensors, path)
    with pytest.raises(ModelError, match=f"holds {len(tensors)} tensors but no whole masked"):
        load_start(str(folder), vocabulary)
    save_file({**tensors, "cls.predictions.bias": bias[:-1].contiguous()}, path)
    with pytest.raises(ModelError, match=r"does not fit together .*bias \(41,\)"):
        load_start(str(folder), vocabulary)
    bias[3] = torch.nan
    save_file({**tensors, "cls.predictions.bias": bias}, path)
    with pytest.raises(ModelError, match="holds 1 numbers that are NaN or infinite"):
        load_start(str(folder), vocabulary)


def test_a_file_that_is_no_table_is_refused(tmp_path, vocabulary):
    path = tmp_path / "words.npy"
    with pytest.raises(ModelError, match="`words.npy` is missing"):
        load_start(str(path), vocabulary)
    np.save(path, np.zeros((2, 3, 4), np.float32))
    with pytest.raises(ModelError, match=r"an array \(2, 3, 4\) of float32, not a table \(42, "):
        load_start(str(path), vocabulary)
    np.save(path, np.array([["a"]], object), allow_pickle=True)
    with pytest.raises(ModelError, match="`.*words.npy` is truncated or not a .npy array"):
        load_start(str(path), vocabulary)
    np.save(path, np.full((42, 2), np.inf, np.float32))
    with pytest.raises(ModelError, match="holds 84 numbers that are NaN or infinite"):
        load_start(str(path), vocabulary)
    several = tmp_path / "several.safetensors"
    with pytest.raises(ModelError, match="`several.safetensors` is missing"):
        load_start(str(several), vocabulary)
    save_file({"a": torch.zeros(2), "b": torch.zeros(2)}, several)
    with pytest.raises(ModelError, match="holds 2 tensors, not one table"):
        load_start(str(several), vocabulary)
    several.write_bytes(b"x" * 30)
    with pytest.raises(ModelError, match="`several.safetensors` is truncated or damaged"):
        load_start(str(several), vocabulary)


def test_pickled_weights_are_not_opened_and_the_way_to_convert_them_works(tmp_path, vocabulary):
    made, _ = masked_language_model("DistilBERT", len(vocabulary))
    torch.save(made.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pytorch_model.bin is not opened") as caught:
        load_start(str(tmp_path), vocabulary)
    code = str(caught.value).split('`python -c "')[1].split('"`')[0]
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, check=True)
    weight = load_start(str(tmp_path), vocabulary).weight
    np.testing.assert_array_equal(weight, made.get_output_embeddings().weight.detach().numpy())


def test_a_start_that_is_not_there_is_refused(tmp_path, vocabulary):
    with pytest.raises(UnknownNameError, match="no folder `bundeld`.*`lexical` or `random`"):
        load_start("bundeld", vocabulary)
    with pytest.raises(ModelError, match="holds no model.safetensors. Give the folder of a masked"):
        load_start(str(tmp_path), vocabulary)
