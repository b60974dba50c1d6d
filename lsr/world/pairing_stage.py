"""Second stage: pool and text network learn which captions belong to which pictures."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from lsr.encoders.bundled_networks import ImageNetwork, TextNetwork, network_pictures, padded
from lsr.world import token_table
from lsr.world.encoder_losses import contrastive_loss, term_loss, word_loss, word_targets
from lsr.world.encoder_settings import EncoderSettings
from lsr.world.training_scenes import SceneTexts, load_pictures, scene_texts

ENCODING_BATCH = 128
FIRST_SCALE = 30.0
"""Of the scores, before training; learned from there."""
TERM_SCALE = 16.0
"""Brings the numbers of a unit vector of 256 to the size of ordinary features."""
FIRST_TERM_BIAS = -4.0
"""A word is said of two pictures in a hundred."""


class PairingLearner(nn.Module):
    """The image network's pool and the text network; the convolutions are frozen elsewhere.

    `terms` reads off an image's vector which of `n_terms` words its captions say; only training
    needs it.
    """

    def __init__(self, settings: EncoderSettings, pool: nn.Module, n_terms: int) -> None:
        super().__init__()
        self.pool = pool
        self.terms = nn.Linear(settings.networks.dense_size, n_terms)
        nn.init.constant_(self.terms.bias, FIRST_TERM_BIAS)
        self.text = TextNetwork(settings.networks)
        self.log_scale = nn.Parameter(torch.tensor(math.log(FIRST_SCALE)))

    def images(self, cells: Tensor) -> Tensor:
        """Unit vectors of feature maps."""
        return functional.normalize(self.pool(cells).float(), dim=-1)


class PairingStage:
    """Feature maps kept in memory, captions as token ids, and the words outside captions."""

    name = "texts"

    def __init__(
        self,
        work: Path,
        pictures: Path,
        image: ImageNetwork,
        settings: EncoderSettings,
        device: str,
    ) -> None:
        seeds = settings.training_seeds()
        self.settings = settings
        self.device = torch.device(device)
        self.table = torch.from_numpy(token_table.load(work).vectors).to(self.device)
        tokenizer = token_table.load_tokenizer(work)
        self.cells = self._feature_maps(image, load_pictures(pictures, seeds))
        self.texts = scene_texts(seeds, tokenizer)
        self.first_caption = np.searchsorted(self.texts.owners, np.arange(len(seeds) + 1))
        self.words = _whole_words(tokenizer)
        self.teachers, self.said = _teachers(self.texts, self.words, settings.least_captions)
        validation = settings.validation_seeds()
        self.validation_cells = self._feature_maps(image, load_pictures(pictures, validation))
        self.validation_texts = scene_texts(validation, tokenizer)
        self.learner = PairingLearner(settings, image.pool, len(self.teachers))
        self.learner.to(self.device)

    @property
    def steps(self) -> int:
        """Per epoch."""
        return max(1, len(self.cells) // self.settings.pairing_batch)

    def losses(self, epoch: int) -> Iterator[Tensor]:
        """One loss per step, drawn from the epoch's own random numbers."""
        random = np.random.default_rng([self.settings.seed, epoch])
        for rows in np.array_split(random.permutation(len(self.cells)), self.steps):
            yield self._loss(rows, random)

    def recall_at_1(self) -> float:
        """Text→image on the validation scenes; a tie counts against the encoder."""
        with torch.inference_mode():
            images = torch.cat(
                [self.learner.images(cells) for cells in self._batches(self.validation_cells)]
            )
            rows = self.validation_texts.rows
            texts = torch.cat(
                [
                    self._text_vectors(rows[start : start + ENCODING_BATCH])
                    for start in range(0, len(rows), ENCODING_BATCH)
                ]
            )
        scores = texts @ images.T
        owners = torch.from_numpy(self.validation_texts.owners).to(self.device)
        own = scores.gather(1, owners[:, None])
        return float(((scores >= own).sum(dim=1) == 1).float().mean())

    def _loss(self, rows: np.ndarray, random: np.random.Generator) -> Tensor:
        """Each picture against one of its captions, and words against all pictures."""
        captions = random.integers(self.first_caption[rows], self.first_caption[rows + 1])
        words = self._words(random)
        vectors = self.table[words]
        alone = torch.ones(len(words), 1, dtype=torch.bool, device=self.device)
        learner, settings = self.learner, self.settings
        with torch.autocast(self.device.type, torch.bfloat16):
            images = learner.images(self.cells[torch.from_numpy(rows)].to(self.device))
            texts = self._text_vectors([self.texts.rows[caption] for caption in captions])
            word_texts = learner.text(vectors[:, None], alone)
        said = self.said[:, torch.from_numpy(rows)].float().to(self.device)
        targets = word_targets(vectors, self.table[self.teachers], said, settings.word_temperature)
        scale = learner.log_scale.exp()
        matching = contrastive_loss(images, texts, scale)
        naming = term_loss(learner.terms(images * TERM_SCALE), said.T)
        finding = word_loss(word_texts, images, scale, targets)
        return matching + settings.word_weight * finding + settings.term_weight * naming

    def _words(self, random: np.random.Generator) -> Tensor:
        """Half of them words that captions use, half any words of the vocabulary."""
        half = self.settings.words_per_step // 2
        chosen = [random.choice(pool, half) for pool in (self.teachers.cpu().numpy(), self.words)]
        return torch.from_numpy(np.concatenate(chosen)).to(self.device)

    def _text_vectors(self, rows: Sequence[Sequence[int]]) -> Tensor:
        ids, present = padded(rows)
        return self.learner.text(self.table[ids.to(self.device)], present.to(self.device))

    def _feature_maps(self, image: ImageNetwork, pictures: np.ndarray) -> Tensor:
        """(n, cells, channels) bfloat16 on the CPU."""
        image = image.eval().to(self.device)
        maps = []
        with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16):
            for batch in self._batches(torch.from_numpy(pictures)):
                inputs = network_pictures(batch).contiguous(memory_format=torch.channels_last)
                maps.append(image.feature_map(inputs).bfloat16().cpu())
        return torch.cat(maps)

    def _batches(self, rows: Tensor) -> Iterator[Tensor]:
        """Consecutive rows on the stage's device."""
        for batch in torch.split(rows, ENCODING_BATCH):
            yield batch.to(self.device)


def _whole_words(tokenizer: Tokenizer) -> np.ndarray:
    """The vocabulary's entries made of letters only, (w,) int64: no pieces, no signs."""
    vocabulary = tokenizer.get_vocab()
    return np.array(sorted(number for word, number in vocabulary.items() if word.isalpha()))


def _teachers(texts: SceneTexts, words: np.ndarray, least: int) -> tuple[Tensor, Tensor]:
    """Whole words in at least that many captions, (t,), and where each is said, (t, n) bool."""
    counts = Counter(token for row in texts.rows for token in set(row))
    taught = [word for word in words.tolist() if counts[word] >= least]
    numbers = {word: number for number, word in enumerate(taught)}
    said = np.zeros((len(taught), texts.owners[-1] + 1), dtype=bool)
    for row, owner in zip(texts.rows, texts.owners, strict=True):
        said[[numbers[token] for token in row if token in numbers], owner] = True
    return torch.tensor(taught), torch.from_numpy(said)
