"""The worker side of `lavis:NAME`: LAVIS in an environment of its own, asked over pipes.

Run by the Python of `.venv-lavis`, so it imports nothing of ours and little else:

    python lavis_worker.py NAME TOKENIZER

reads requests from standard input and answers on standard output. A message is 4 bytes `LXW1`,
the lengths of its header and its body (big-endian, 4 and 8 bytes), the header (JSON) and the
body (raw numbers). Nothing is ever unpickled. What LAVIS prints goes to standard error.

    worker, once:  {"dense_size", "fingerprint", "versions", "device"}
    request:       {"texts": […]}, or {"pictures": [[height, width], …]} with RGB bytes as body
    answer:        {"shape": [n, d]} with float32 (little-endian) as body, or {"error": "…"}
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import struct
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

MAGIC = b"LXW1"
LENGTHS = struct.Struct(">4sIQ")
LAVIS_NAMES = {"albef": "albef_feature_extractor", "blip": "blip_feature_extractor"}


def write_message(stream: BinaryIO, header: dict[str, Any], body: bytes = b"") -> None:
    """Send one message whole."""
    text = json.dumps(header).encode()
    stream.write(LENGTHS.pack(MAGIC, len(text), len(body)) + text)
    stream.write(body)
    stream.flush()


def read_message(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """The next message, or None where the other side has closed the pipe."""
    start = stream.read(LENGTHS.size)
    if len(start) < LENGTHS.size:
        return None
    magic, header, body = LENGTHS.unpack(start)
    if magic != MAGIC:
        raise ValueError(f"a message begins with {magic!r}")
    return json.loads(stream.read(header)), stream.read(body)


def serve(model: Any, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the other side hangs up.

    A batch that fails is answered with what went wrong; the next one may fare better.

    Args:
        model: `dense_size`, `fingerprint`, `versions`, `device`, and `texts(list of strings)` and
            `pictures(list of (height, width, 3) uint8)` that return (n, dense size) arrays.
    """
    about = ("dense_size", "fingerprint", "versions", "device")
    write_message(answers, {name: getattr(model, name) for name in about})
    while (message := read_message(requests)) is not None:
        try:
            vectors = np.ascontiguousarray(_vectors(model, *message), dtype="<f4")
        except Exception as problem:  # noqa: BLE001 - LAVIS can raise anything
            write_message(answers, {"error": f"{type(problem).__name__}: {problem}"})
            continue
        write_message(answers, {"shape": list(vectors.shape)}, vectors.tobytes())


def _vectors(model: Any, header: dict[str, Any], body: bytes) -> Any:
    if "texts" in header:
        return model.texts(header["texts"])
    pixels, start = [], 0
    for height, width in header["pictures"]:
        end = start + height * width * 3
        pixels.append(np.frombuffer(body[start:end], np.uint8).reshape(height, width, 3))
        start = end
    return model.pictures(pixels)


class LavisModel:
    """A feature extractor of LAVIS with its own preparation of pictures and captions.

    Args:
        name: `albef` or `blip` with the published weights, which LAVIS downloads once; with
            `/random` its own network with seeded random weights, to check the installation.
        tokenizer: a `tokenizer.json` of BERT, for random weights, which need no network then.
    """

    def __init__(self, name: str, tokenizer: str) -> None:
        mend_torchvision()
        import torch
        import transformers
        from lavis.models import load_preprocess
        from omegaconf import OmegaConf

        family, _, kind = name.partition("/")
        self._torch = torch
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.manual_seed(0)
        if kind == "random":
            _use_tokenizer(tokenizer)
        build = _random if kind == "random" else _published
        model, config = build(LAVIS_NAMES[family])
        self._model = model.float().eval().to(self.device)
        pictures, texts = load_preprocess(OmegaConf.create(config).preprocess)
        self._picture, self._text = pictures["eval"], texts["eval"]
        self.dense_size = int(self._model.vision_proj.out_features)
        self.fingerprint = _digest(self._model)
        self.versions = {
            "python": platform.python_version(),
            "salesforce-lavis": _version("salesforce-lavis"),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }

    def texts(self, texts: list[str]) -> Any:
        """(n, d): the projected first position of each text."""
        sample = {"image": None, "text_input": [self._text(text) for text in texts]}
        features = self._model.extract_features(sample, mode="text")
        return features.text_embeds_proj[:, 0].cpu().numpy()

    def pictures(self, pixels: list[Any]) -> Any:
        """(n, d): the projected first position of each picture."""
        from PIL import Image

        prepared = [self._picture(Image.fromarray(one)) for one in pixels]
        sample = {"image": self._torch.stack(prepared).to(self.device), "text_input": None}
        features = self._model.extract_features(sample, mode="image")
        return features.image_embeds_proj[:, 0].cpu().numpy()


def mend_torchvision() -> None:
    """Declare two operators that torchvision's wheel lacks beside a CPU build of torch."""
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        mend_torchvision.library = library  # type: ignore[attr-defined]  # it must stay alive


def _published(name: str) -> tuple[Any, Any]:
    """LAVIS's model with its published weights, and its configuration."""
    from lavis.common.registry import registry
    from omegaconf import OmegaConf

    extractor = registry.get_model_class(name)
    config = OmegaConf.load(extractor.default_config_path("base"))
    return extractor.from_config(config.model), config


def _random(name: str) -> tuple[Any, Any]:
    """The same networks and configuration, with random weights and without the network."""
    from lavis.common.registry import registry
    from lavis.common.utils import get_abs_path
    from lavis.models.med import BertForMaskedLM, XBertEncoder
    from lavis.models.vit import VisionTransformerEncoder
    from omegaconf import OmegaConf
    from transformers import BertConfig

    extractor = registry.get_model_class(name)
    config = OmegaConf.load(extractor.default_config_path("base"))
    vision = VisionTransformerEncoder.from_config(config.model)
    if name.startswith("albef"):
        sizes = BertConfig.from_json_file(get_abs_path(config.model.med_config_path))
        text = BertForMaskedLM(sizes)
    else:
        text = XBertEncoder.from_config(config.model)
    return extractor(vision, text, embed_dim=config.model.get("embed_dim", 256)), config


def _use_tokenizer(path: str) -> None:
    """Let LAVIS find BERT's vocabulary in a file of this machine."""
    import tempfile

    import transformers

    ids = json.loads(Path(path).read_text("utf-8"))["model"]["vocab"]
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "vocab.txt")
        listed.write_text("".join(f"{term}\n" for term in sorted(ids, key=ids.get)), "utf-8")
        made = transformers.BertTokenizer(str(listed))
    transformers.BertTokenizer.from_pretrained = classmethod(lambda *_, **__: made)


def _digest(model: Any) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def main() -> None:
    """Keep standard output for answers alone, whatever LAVIS prints, and serve."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    name, tokenizer = sys.argv[1:]
    serve(LavisModel(name, tokenizer), sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
