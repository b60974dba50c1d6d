"""First stage: the image network's convolutions learn to name what is drawn where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lsr.encoders.bundled_config import EncoderConfig
from lsr.encoders.bundled_networks import ImageNetwork, network_pictures
from lsr.world.encoder_losses import glyph_logits, jittered
from lsr.world.encoder_settings import EncoderSettings
from lsr.world.training_scenes import (
    CONCEPT_NUMBERS,
    PLACE_NUMBERS,
    load_pictures,
    scene_places,
    scene_things,
)

LABEL_SMOOTHING = 0.05
ENCODING_BATCH = 128


class NamingLearner(nn.Module):
    """The image network, whose pool rests, and two heads on the cells of its feature map."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.image = ImageNetwork(config)
        self.names = nn.Linear(config.channels[-1], len(CONCEPT_NUMBERS))
        self.places = nn.Linear(config.channels[-1], len(PLACE_NUMBERS))


class DrawnScenes:
    """Pictures and what they show, ready to be taken in batches."""

    def __init__(self, folder: Path, seeds: Sequence[int]) -> None:
        self.pictures = load_pictures(folder, seeds)
        self.things, self.centres = scene_things(seeds)
        self.first_thing = np.searchsorted(self.things[:, 0], np.arange(len(seeds) + 1))
        self.places = scene_places(seeds)

    def batch(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Of these scenes: pictures (B, 3, side, side); glyphs (t, 2); their centres (t, 2).

        A glyph is the picture's row in the batch and the concept's number.
        """
        starts, ends = self.first_thing[rows], self.first_thing[rows + 1]
        chosen = np.concatenate([np.arange(s, e) for s, e in zip(starts, ends, strict=True)])
        owners = np.repeat(np.arange(len(rows)), ends - starts)
        things = np.stack([owners, self.things[chosen, 1]], axis=1)
        arrays = (self.pictures[rows], things, self.centres[chosen])
        pixels, glyphs, centres = (torch.from_numpy(array).to(device) for array in arrays)
        return network_pictures(pixels), glyphs, centres


class NamingStage:
    """Teaches the concept at every glyph's centre, and the setting and weather."""

    name = "images"

    def __init__(self, pictures: Path, settings: EncoderSettings, device: str) -> None:
        self.settings = settings
        self.device = torch.device(device)
        self.training = DrawnScenes(pictures, settings.training_seeds())
        self.validation = DrawnScenes(pictures, settings.validation_seeds())
        self.learner = NamingLearner(settings.networks).to(self.device)

    @property
    def steps(self) -> int:
        """Per epoch."""
        return max(1, len(self.training.pictures) // self.settings.naming_batch)

    def losses(self, epoch: int) -> Iterator[Tensor]:
        """One loss per step, drawn from the epoch's own random numbers."""
        generator = torch.Generator().manual_seed(self.settings.seed * 1_000 + epoch)
        order = torch.randperm(len(self.training.pictures), generator=generator).numpy()
        for rows in np.array_split(order, self.steps):
            yield self._loss(rows, generator)

    def recall_at_1(self) -> float:
        """Share of the validation scenes' glyphs that are named right."""
        right, total = 0, 0
        everything = np.arange(len(self.validation.pictures))
        with torch.no_grad():
            for rows in np.array_split(everything, -(-len(everything) // ENCODING_BATCH)):
                pictures, things, centres = self.validation.batch(rows, self.device)
                cells = self.learner.image.feature_map(pictures)
                named, names = glyph_logits(cells, self.learner.names, things, centres)
                right += int((named.argmax(dim=1) == names).sum())
                total += len(names)
        return right / total

    def _loss(self, rows: np.ndarray, generator: torch.Generator) -> Tensor:
        pictures, things, centres = self.training.batch(rows, self.device)
        pictures, centres = jittered(pictures, centres, things[:, 0], generator)
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16):
            cells = self.learner.image.feature_map(pictures)
            named, names = glyph_logits(cells, self.learner.names, things, centres)
            placed = self.learner.places(cells.mean(dim=1))
        places = torch.from_numpy(self.training.places[rows]).to(self.device)
        naming = functional.cross_entropy(named, names, label_smoothing=LABEL_SMOOTHING)
        placing = functional.cross_entropy(placed.float(), places)
        return naming + self.settings.place_weight * placing
