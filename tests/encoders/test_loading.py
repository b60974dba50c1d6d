"""From the name on a card to an encoder, or to one sentence why there is none."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest

from lsr.encoders import loading
from lsr.encoders.loading import can_encode, load_encoder, obstacle
from lsr.exceptions import EncoderError, InputError, UnknownNameError
from tests.encoders import tiny


def test_the_bundled_encoder_is_always_there():
    assert can_encode("bundled")
    assert load_encoder("bundled").name == "bundled"
    assert load_encoder("bundled") is load_encoder("bundled")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("vilt:/folder", "`vilt:/folder` names no encoder. Write FAMILY:PLACE, with a family of"),
        ("clip:", "`clip:` names no encoder"),
        (":/folder", "names no encoder"),
        ("clip:/no/such/folder", "no folder `/no/such/folder` for an encoder of family `clip`"),
        ("clip:a/b/c", "`a/b/c` is neither an absolute folder nor a hub name"),
        ("clip:~/clip", "`~/clip` is neither an absolute folder nor a hub name"),
        ("clip:owner/na..me", "is neither an absolute folder nor a hub name"),
        ("unknown", "There is no encoder `unknown` here"),
    ],
)
def test_what_names_no_encoder_is_told_in_one_sentence(spec, message):
    assert not can_encode(spec)
    assert message in str(obstacle(spec))
    with pytest.raises(UnknownNameError, match=re.escape(message)):
        load_encoder(spec)


def test_a_relative_folder_is_refused_with_its_absolute_path(tmp_path, monkeypatch):
    (tmp_path / "models" / "clip").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownNameError, match=f"Write `clip:{tmp_path}/models/clip`"):
        load_encoder("clip:models/clip")


def test_whether_one_can_encode_is_told_without_reading_weights(tmp_path):
    tiny.make_clip(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"no weights at all")
    assert can_encode(f"clip:{tmp_path}")
    assert "is a checkpoint of `clip`, but `siglip:`" in str(obstacle(f"siglip:{tmp_path}"))
    with pytest.raises(InputError, match="truncated or damaged"):
        load_encoder(f"clip:{tmp_path}")
    weights.unlink()
    assert "holds no model.safetensors" in str(obstacle(f"clip:{tmp_path}"))


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The hub's own cache, empty, without a network; and a function that fills it."""
    cache = tmp_path / "cache"
    repository = cache / "models--owner--clip"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)

    def fill(make) -> Path:
        snapshot = repository / "snapshots" / "abc"
        snapshot.mkdir(parents=True)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("abc")
        make(snapshot)
        return snapshot

    return fill


def test_a_hub_name_that_was_downloaded_needs_no_network(hub, monkeypatch):
    snapshot = hub(tiny.make_clip)
    assert can_encode("clip:owner/clip")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: str(snapshot))
    encoder = load_encoder("clip:owner/clip")
    assert encoder.name == "clip:owner/clip"
    assert encoder.encode_texts(["a dog"]).shape == (1, 12)


def test_a_hub_name_without_a_network_is_told_in_one_sentence(hub):
    assert not can_encode("clip:owner/absent")
    assert "Download it with `python -m lsr encoder clip:owner/absent`" in str(
        obstacle("clip:owner/absent")
    )
    with pytest.raises(InputError, match="no repository of that name could be downloaded from the"):
        load_encoder("clip:owner/absent")


def test_only_safe_files_are_downloaded(hub, monkeypatch, tmp_path):
    asked = []

    def download(name, *, repo_type, allow_patterns):
        asked.append((name, repo_type, allow_patterns))
        tiny.make_clip(tmp_path / "made")
        return str(tmp_path / "made")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    load_encoder("clip:owner/another")
    ((name, kind, patterns),) = asked
    assert (name, kind) == ("owner/another", "model")
    assert not any(pattern.endswith((".bin", ".pth", ".pt", ".py", ".h5")) for pattern in patterns)
    assert "*" not in patterns


def test_a_missing_package_is_named_with_the_command_that_installs_it(tmp_path, monkeypatch):
    tiny.make_clip(tmp_path)
    monkeypatch.setattr(loading.importlib.util, "find_spec", lambda name: None)
    assert not can_encode(f"clip:{tmp_path}")
    with pytest.raises(EncoderError, match="need the package transformers. Run `python -m pip"):
        load_encoder(f"clip:{tmp_path}")


def test_the_command_says_what_an_encoder_is(tmp_path, answer):
    tiny.make_siglip(tmp_path)
    said = answer("encoder", f"siglip:{tmp_path}")
    encoder = load_encoder(f"siglip:{tmp_path}")
    assert said["encoder"] == f"siglip:{tmp_path}"
    assert (said["dense_size"], said["fingerprint"]) == (16, encoder.fingerprint)
    assert said["precision"] == encoder.precision


def test_a_moved_folder_is_the_same_encoder_under_another_name(tmp_path):
    tiny.make_clip(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    one, two = (load_encoder(f"clip:{tmp_path / name}") for name in ("one", "two"))
    assert one.fingerprint == two.fingerprint
    np.testing.assert_array_equal(one.encode_texts(["a dog"]), two.encode_texts(["a dog"]))
