"""Labels from every kind of encoder: tiny ones with random weights, saved as their makers do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lsr.cli.main import main
from lsr.collection.collection import load_collection
from lsr.encoders.lavis_checkpoint import convert
from lsr.encoders.loading import load_encoder
from lsr.exceptions import EncoderError
from lsr.model.function_words import FUNCTION_WORDS
from lsr.model.loading import load_model
from lsr.storage import places
from lsr.training.lexical.labels import labelled
from lsr.training.lexical.make_model import make_lexical
from lsr.training.lexical.settings import LexicalSettings
from tests.conftest import WORDS, FakeEncoder, make_collection, make_tokenizer
from tests.encoders import tiny
from tests.encoders.test_contract import OWN_FILE

N = 20
SAYABLE = [word for word in WORDS if len(word) > 1 and word not in FUNCTION_WORDS]


def _saved(family: str, make: Callable[[Path], object]) -> Callable[[Path], str]:
    def spec(folder: Path) -> str:
        make(folder)
        return f"{family}:{folder}"

    return spec


def _converted(family: str) -> Callable[[Path], str]:
    def spec(folder: Path) -> str:
        checkpoint, tokenizer = folder / "tiny.pth", folder / "tokenizer.json"
        tiny.save_lavis(checkpoint, family)
        make_tokenizer().save(str(tokenizer))
        return convert(
            checkpoint, folder / "converted", family, picture_size=32, tokenizer=tokenizer
        ).spec

    return spec


def _own(_folder: Path) -> str:
    encoders = places.home() / "encoders"
    encoders.mkdir(parents=True)
    (encoders / "mine.py").write_text(OWN_FILE.format(seed=3))
    return "mine"


KINDS = {
    "blip": _saved("blip", tiny.make_blip),
    "clip": _saved("clip", tiny.make_clip),
    "siglip": _saved("siglip", tiny.make_siglip),
    "siglip2": _saved("siglip", tiny.make_siglip2),
    "albef": _converted("albef"),
    "blip-lavis": _converted("blip-lavis"),
    "own": _own,
}


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """A folder with the tiny vocabulary; the real one has 22,000 words to encode."""
    folder = tmp_path / "words"
    folder.mkdir()
    make_tokenizer().save(str(folder / "tokenizer.json"))
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_without_captions_get_terms_from_any_encoder(tmp_path, home, answer, words, kind):
    """Pictures are imported with the encoder; the strongest terms are words near their vectors."""
    made, pictures = tmp_path / "encoder", tmp_path / "pictures"
    made.mkdir()
    pictures.mkdir()
    spec = KINDS[kind](made)
    for seed in range(N):
        tiny.picture(seed).save(pictures / f"{seed:02d}.png")
    answer("import", str(pictures), "--name", "bare", "--encoder", spec)
    collection = load_collection("bare")
    settings = LexicalSettings("encoder-terms", 4)
    reports = list(make_lexical(collection, home / "models" / "bare", settings,
                                bundled_encoder=words))  # fmt: skip
    assert [report.stage for report in reports[:2]] == ["texts", "texts"]
    training = json.loads((home / "models" / "bare" / "training.json").read_text())
    assert training["n_labels"] == training["n_pairs"] == 10 * N
    assert training["budget"]["ok"]
    model, encoder = load_model("bare"), load_encoder(spec)
    images = np.asarray(collection.image_vectors, np.float64)
    texts = encoder.encode_texts(SAYABLE).astype(np.float64)
    images, texts = (one - one.mean(axis=0) for one in (images, texts))
    cosines = (images @ texts.T) / np.linalg.norm(texts, axis=1)
    weights = model.project(np.asarray(collection.image_vectors, np.float32)).toarray()
    ranks, seen = [], np.flatnonzero(weights.any(axis=1))
    assert len(seen) > N / 2  # random weights see hardly a difference between some pictures
    for row in seen:
        strongest = model.vocabulary.terms[weights[row].argmax()]
        assert strongest in SAYABLE
        own = cosines[row, SAYABLE.index(strongest)]
        ranks.append(int((cosines[row] >= own).sum()))
    assert np.mean(ranks) < len(SAYABLE) / 3  # by chance it would be the half


def test_an_encoder_of_another_size_than_the_vectors_is_told(home, vocabulary, fake_encoder):
    vectors = np.ones((3, fake_encoder.dense_size + 1), np.float32)
    with pytest.raises(EncoderError, match="gives vectors of size 8, but the images have 9"):
        labelled(vectors, vocabulary, fake_encoder)


def test_an_encoder_that_is_not_here_is_told_in_one_sentence(home, vocabulary, capsys):
    make_collection(home / "collections" / "tiny", FakeEncoder(vocabulary))
    line = ["train", "--collection", "tiny", "--out", "own", "--method", "encoder-terms"]
    assert main(line) == 2
    said = capsys.readouterr().err
    assert "There is no encoder `fake` here" in said
    assert "Traceback" not in said
