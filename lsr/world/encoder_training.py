"""Training of the bundled encoder on drawn scenes, in two stages.

Images: the convolutions learn to name every glyph from the cell of the feature map where
its centre lies, and the setting and weather from all cells together. Naming teaches far
more per picture than matching captions does, so a few epochs are enough. Texts: with the
feature maps frozen, the image network's pool and the text network learn that a picture and
its caption belong together (contrastive loss) and which words its captions say, while single
vocabulary words are pulled to where their neighbours in the token table are, so that words
outside all captions find their place too.

Long work comes as generators of reports; what was reported is on disk, and a restart goes
on from there to the same weights.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lsr.encoders.bundled import CONFIG_FILE, MODEL_FILE, TOKENIZER_FILE
from lsr.encoders.bundled_networks import ImageNetwork, TextNetwork
from lsr.exceptions import InputError
from lsr.storage.files import read_json, write_json
from lsr.storage.folders import replacing_folder
from lsr.world import token_table
from lsr.world.encoder_settings import EncoderSettings
from lsr.world.naming_stage import NamingLearner, NamingStage
from lsr.world.pairing_stage import PairingStage
from lsr.world.training_scenes import DrawReport, draw_pictures
from lsr.world.training_state import epochs_done, load_optimizer, load_weights, save_state

PICTURES = "encoder-pictures"
NAMING_STATE = "naming.safetensors"
PAIRING_STATE = "pairing.safetensors"
SETTINGS_FILE = "encoder-settings.json"
LONGEST_GRADIENT = 1.0


@dataclass(frozen=True, slots=True)
class EpochReport:
    """One epoch done; its weights are already on disk."""

    stage: str
    """`images` or `texts`."""
    epoch: int
    """From 1."""
    epochs: int
    loss: float
    recall_at_1: float
    """On the validation scenes: glyphs named right (images), text→image (texts)."""
    seconds: float


class Stage(Protocol):
    """What one stage learns, from what, and how well it does."""

    name: str

    @property
    def learner(self) -> nn.Module: ...

    @property
    def steps(self) -> int: ...

    def losses(self, epoch: int) -> Iterator[Tensor]: ...

    def recall_at_1(self) -> float: ...


def draw(work: Path, settings: EncoderSettings, *, workers: int = 1) -> Iterator[DrawReport]:
    """Draw all scenes of the training, `workers` processes at a time."""
    side = settings.networks.picture_size
    sets = settings.validation_seeds(), settings.training_seeds()
    total = sum(len(seeds) for seeds in sets)
    before = 0
    for seeds in sets:
        for report in draw_pictures(work / PICTURES, seeds, side, workers=workers):
            yield DrawReport(before + report.done, total)
        before += len(seeds)


def train_images(
    work: Path, settings: EncoderSettings, *, device: str = "cpu"
) -> Iterator[EpochReport]:
    """First stage, from the pictures that `draw` made.

    Raises:
        InputError: `work` holds a training with other settings.
    """
    _check_settings(work, settings)
    torch.manual_seed(settings.seed)
    stage = NamingStage(work / PICTURES, settings, device)
    checkpoint = work / NAMING_STATE
    yield from _train(
        stage, checkpoint, settings, epochs=settings.naming_epochs, rate=settings.naming_rate
    )


def train_texts(
    work: Path, settings: EncoderSettings, *, device: str = "cpu"
) -> Iterator[EpochReport]:
    """Second stage, from the token table and the first stage's weights.

    Raises:
        InputError: `work` holds a training with other settings, or the first stage has
            not ended.
    """
    _check_settings(work, settings)
    image = _trained_image_network(work, settings)
    torch.manual_seed(settings.seed)
    stage = PairingStage(work, work / PICTURES, image, settings, device)
    checkpoint = work / PAIRING_STATE
    yield from _train(
        stage, checkpoint, settings, epochs=settings.pairing_epochs, rate=settings.pairing_rate
    )


def export(work: Path, folder: Path, settings: EncoderSettings) -> None:
    """Write the encoder folder from both stages' weights, whole or not at all.

    Raises:
        InputError: a stage has not ended, or `work` holds a training with other settings.
    """
    _check_settings(work, settings)
    image = _trained_image_network(work, settings)
    if epochs_done(work / PAIRING_STATE) < settings.pairing_epochs:
        raise InputError(f"The text stage in `{work}` has not ended. Run `train_texts` first.")
    text = TextNetwork(settings.networks)
    load_weights(work / PAIRING_STATE, image.pool, "pool.")
    load_weights(work / PAIRING_STATE, text, "text.")
    table = token_table.load(work)
    tensors = {
        "token_codes": torch.from_numpy(table.codes),
        "token_scales": torch.from_numpy(table.scales),
    }
    for prefix, network in (("image.", image), ("text.", text)):
        for name, tensor in network.state_dict().items():
            half = tensor.half() if tensor.is_floating_point() else tensor
            tensors[prefix + name] = half.contiguous()
    with replacing_folder(folder) as temporary:
        save_file(tensors, temporary / MODEL_FILE)
        write_json(temporary / CONFIG_FILE, asdict(settings.networks))
        shutil.copyfile(work / token_table.TOKENIZER_FILE, temporary / TOKENIZER_FILE)


def _train(
    stage: Stage, checkpoint: Path, settings: EncoderSettings, *, epochs: int, rate: float
) -> Iterator[EpochReport]:
    """The epochs that the checkpoint does not have yet."""
    learner = stage.learner
    optimizer = torch.optim.AdamW(
        learner.parameters(), rate, weight_decay=settings.weight_decay, fused=True
    )
    done = epochs_done(checkpoint)
    if done:
        load_weights(checkpoint, learner)
        load_optimizer(checkpoint, optimizer)
    for epoch in range(done, epochs):
        started, losses = time.perf_counter(), []
        learner.train()
        for step, loss in enumerate(stage.losses(epoch), epoch * stage.steps):
            for group in optimizer.param_groups:
                group["lr"] = rate * _rate_share(step / (epochs * stage.steps), settings.warm_up)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(learner.parameters(), LONGEST_GRADIENT)
            optimizer.step()
            losses.append(loss.detach())
        learner.eval()
        recall = stage.recall_at_1()
        save_state(checkpoint, learner, optimizer, epoch + 1)
        mean = float(torch.stack(losses).mean())
        seconds = time.perf_counter() - started
        yield EpochReport(stage.name, epoch + 1, epochs, mean, recall, seconds)


def _rate_share(progress: float, warm_up: float) -> float:
    """Share of the highest learning rate: a line up, then half a cosine down to zero."""
    if progress < warm_up:
        return (progress + 1e-3) / (warm_up + 1e-3)
    return (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up))) / 2


def _trained_image_network(work: Path, settings: EncoderSettings) -> ImageNetwork:
    """The image network as the first stage left it."""
    if epochs_done(work / NAMING_STATE) < settings.naming_epochs:
        raise InputError(f"The image stage in `{work}` has not ended. Run `train_images` first.")
    learner = NamingLearner(settings.networks)
    load_weights(work / NAMING_STATE, learner)
    return learner.image


def _check_settings(work: Path, settings: EncoderSettings) -> None:
    """Note the settings of a new training; refuse to go on with another one's weights."""
    path = work / SETTINGS_FILE
    ours = json.loads(json.dumps(asdict(settings)))
    if not path.is_file():
        write_json(path, ours)
    elif (theirs := read_json(path, InputError)) != ours:
        differing = sorted(key for key in ours if theirs.get(key) != ours[key])
        raise InputError(
            f"`{work}` holds a training with other settings ({', '.join(differing)}). "
            "Delete the folder or name another one."
        )
