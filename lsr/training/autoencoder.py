"""A top-k sparse autoencoder over dense vectors, trained in minutes and resumable.

Every vector is written with its k strongest latents. What the k cannot rebuild is asked of latents
that have died (AuxK), so that they come back; where there are captions, those of an image are asked
to share its latents (contrastive).

Source: Gao et al., arXiv 2406.04093 (top-k, AuxK); CSR, arXiv 2503.01776 (4k, contrastive).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lsr.collection.collection import Collection
from lsr.exceptions import CollectionError, ModelError, QueryError
from lsr.model.card import SAE
from lsr.model.centred import centred
from lsr.storage.files import read_json, write_json
from lsr.storage.folders import remove_folder
from lsr.storage.untrusted import DamagedError, read_tensors
from lsr.training.latent_names import named_latents
from lsr.training.other_kinds import means, training_captions, training_images, write_other
from lsr.training.run_folder import run_folder, run_to_itself

STATE, RUN = "state.safetensors", "autoencoder.json"
_NAMES = ("encoder", "encoder_bias", "decoder", "input_bias")
_SAVE_EVERY, _REPORT_EVERY = 100, 20
# A latent that fired for none of so many vectors is dead.
_DEAD_AFTER = 20_000


@dataclass(frozen=True)
class AutoencoderSettings:
    """latents: m. k: active ones of a vector. steps, batch_size: images a step, each with one of
    its captions. auxiliary, contrastive: weights of the two terms.
    """

    latents: int = 4_096
    k: int = 32
    steps: int = 1_000
    batch_size: int = 256
    learning_rate: float = 1e-3
    auxiliary: float = 1 / 32
    contrastive: float = 0.1
    temperature: float = 0.07
    seed: int = 0

    def check(self) -> None:
        """Refuse what no autoencoder can have.

        Raises:
            QueryError: naming the number and what it may be.
        """
        if not (0 < self.k <= self.latents <= 2**20 and self.steps > 0 and self.batch_size > 0):
            raise QueryError(
                f"An autoencoder of {self.latents:,} latents, {self.k:,} of them active, in "
                f"{self.steps:,} steps is not possible. Use 1 or more of each, and no more active "
                "latents than there are."
            )


@dataclass(frozen=True)
class AutoencoderReport:
    """After a step: share of the variance that is rebuilt, dead latents, and seconds left."""

    step: int
    steps: int
    explained: float
    dead: int
    seconds_left: float


def make_autoencoder(
    collection: Collection,
    folder: Path,
    settings: AutoencoderSettings | None = None,
    *,
    title: str = "",
    resume: bool = False,
) -> Iterator[AutoencoderReport]:
    """Train an autoencoder on the training images and captions; write the model in `folder`.

    The unfinished run lives beside `folder` until the model is written.

    Raises:
        CollectionError: there are fewer than two images. QueryError: settings that are none.
        ModelError: an unfinished run of that name is there and `resume` is false, or it has other
            settings, or somebody is at it.
        DiskFullError: there is no room.
    """
    settings = settings or AutoencoderSettings()
    settings.check()
    images = training_images(collection)
    if len(images) < 2:
        raise CollectionError(f"There are {len(images):,} images to learn from. Give two or more.")
    texts, captions, owners = training_captions(collection)
    of_images, of_texts = means(images, captions)
    sides = centred(images, of_images), centred(captions, of_texts)
    work = run_folder(folder)
    with run_to_itself(work):
        run = _Run(settings, sides, owners, work)
        run.begin(collection, resume=resume)
        yield from run.steps()
        tensors = {name: one.detach().half().numpy() for name, one in run.parts.items()}
        shift = run.parts["encoder"].detach() @ run.parts["input_bias"].detach()
        bias = (run.parts["encoder_bias"].detach() - shift).numpy()
        tensors = {
            "image_mean": of_images,
            "text_mean": of_texts,
            "encoder": tensors["encoder"],
            "encoder_bias": bias,
            "decoder": tensors["decoder"],
            "k": np.array([settings.k], np.int32),
        }
        vocabulary = named_latents(tensors, sides[1], texts)
        training = {
            "settings": asdict(settings),
            "n_pairs": len(texts),
            "dead_latents": run.n_dead,
            "explained_variance": run.explained,
            "named_latents": sum(map(bool, vocabulary.words)),
        }
        write_other(collection, folder, SAE, tensors, vocabulary, training, title)
        remove_folder(work)


class _Run:
    """The weights, Adam's moments, and for how many vectors each latent has been silent."""

    def __init__(
        self,
        settings: AutoencoderSettings,
        sides: tuple[np.ndarray, np.ndarray],
        owners: np.ndarray,
        work: Path,
    ) -> None:
        self.settings, self.work = settings, work
        self.images, self.captions = (torch.from_numpy(side) for side in sides)
        self.owners = owners
        self.step = 0
        self.explained = 0.0
        size = self.images.shape[1]
        source = torch.Generator().manual_seed(settings.seed)
        decoder = functional.normalize(torch.randn(settings.latents, size, generator=source), dim=1)
        self.parts = {
            "encoder": decoder.clone(),
            "encoder_bias": torch.zeros(settings.latents),
            "decoder": decoder,
            "input_bias": torch.zeros(size),
        }
        self.silent = torch.zeros(settings.latents, dtype=torch.int64)
        self._captions_of = self._grouped()

    def _grouped(self) -> tuple[np.ndarray, np.ndarray]:
        """Captions by image: where each image's begin, and their rows."""
        order = np.argsort(self.owners, kind="stable")
        counts = np.bincount(self.owners, minlength=len(self.images))
        return np.concatenate([[0], np.cumsum(counts)]), order

    @property
    def n_dead(self) -> int:
        return int((self.silent >= self._patience).sum())

    @property
    def _patience(self) -> int:
        return min(_DEAD_AFTER, self.settings.steps * self.settings.batch_size // 2)

    def begin(self, collection: Collection, *, resume: bool) -> None:
        """Start the run's folder, or go on with what is in it."""
        wanted = {"settings": asdict(self.settings), "collection": collection.fingerprint}
        path = self.work / RUN
        if not path.exists():
            write_json(path, {**wanted, "step": 0})
            self._optimise()
            return
        name = self.work.name.removeprefix(".").removesuffix("-training")
        if not resume:
            raise ModelError(
                f"An unfinished training run of model `{name}` exists. Add --resume to go on with "
                f"it, or remove `{self.work}`."
            )
        found = read_json(path, ModelError)
        if any(found.get(key) != value for key, value in wanted.items()):
            raise ModelError(
                f"The unfinished run of model `{name}` has other settings or another collection. "
                f"Use the same, or remove `{self.work}`."
            )
        self._optimise()
        if (self.work / STATE).exists():
            self._read()

    def _optimise(self) -> None:
        for one in self.parts.values():
            one.requires_grad_()
        rate = self.settings.learning_rate
        self.optimizer = torch.optim.Adam(list(self.parts.values()), rate, betas=(0.9, 0.999))

    def steps(self) -> Iterator[AutoencoderReport]:
        """The remaining steps."""
        started, first = time.perf_counter(), self.step
        while self.step < self.settings.steps:
            self.explained = self._train_once()
            self.step += 1
            last = self.step == self.settings.steps
            if self.step % _SAVE_EVERY == 0 or last:
                self._write()
            if self.step % _REPORT_EVERY == 0 or last:
                each = (time.perf_counter() - started) / (self.step - first)
                left = each * (self.settings.steps - self.step)
                yield AutoencoderReport(
                    self.step, self.settings.steps, self.explained, self.n_dead, left
                )

    def _train_once(self) -> float:
        """One step; the share of the batch's variance that k latents rebuild."""
        settings = self.settings
        rate = settings.learning_rate * min(1.0, (settings.steps - self.step) / settings.steps * 5)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch, pairs = self._batch()
        found = batch - self.parts["input_bias"]
        activations = functional.relu(found @ self.parts["encoder"].T + self.parts["encoder_bias"])
        latents = _strongest(activations, settings.k)
        missed = batch - self._rebuilt(latents)
        wide = batch - self._rebuilt(_strongest(activations, min(4 * settings.k, settings.latents)))
        loss = _energy(missed) + _energy(wide) / 8
        dead = self.silent >= self._patience
        if settings.auxiliary and dead.any():
            loss = loss + settings.auxiliary * self._auxiliary(found, missed.detach(), dead)
        if settings.contrastive and pairs:
            loss = loss + settings.contrastive * self._contrastive(
                latents[:pairs], latents[-pairs:]
            )
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        with torch.no_grad():
            decoder = self.parts["decoder"]
            decoder.div_(decoder.norm(dim=1, keepdim=True).clamp_min(1e-8))
            fired = (latents > 0).any(dim=0)
            self.silent += len(batch)
            self.silent[fired] = 0
            spread = _energy(batch - batch.mean(dim=0))
            return float(1 - _energy(missed) / spread.clamp_min(1e-12))

    def _batch(self) -> tuple[Tensor, int]:
        """Images, then one caption of each that has some; and how many of those pairs there are.

        Pairs come first among the images and last of all, in the same order.
        """
        rng = np.random.default_rng((self.settings.seed, self.step))
        n = min(self.settings.batch_size, len(self.images))
        rows = rng.choice(len(self.images), n, replace=False)
        starts, captions = self._captions_of
        counts = (starts[1:] - starts[:-1])[rows]
        told = counts > 0
        rows = np.concatenate([rows[told], rows[~told]])
        mine = rows[: int(told.sum())]
        drawn = rng.integers(0, counts[told]) if len(mine) else np.zeros(0, np.int64)
        chosen = captions[starts[mine] + drawn]
        return torch.cat([self.images[rows], self.captions[chosen]]), len(mine)

    def _rebuilt(self, latents: Tensor) -> Tensor:
        return latents @ self.parts["decoder"] + self.parts["input_bias"]

    def _auxiliary(self, found: Tensor, missed: Tensor, dead: Tensor) -> Tensor:
        """What dead latents leave of what was missed."""
        numbers = torch.nonzero(dead)[:, 0]
        raw = found @ self.parts["encoder"][numbers].T + self.parts["encoder_bias"][numbers]
        k = min(len(numbers), found.shape[1] // 2)
        latents = _strongest(functional.relu(raw), max(k, 1))
        return _energy(missed - latents @ self.parts["decoder"][numbers])

    def _contrastive(self, images: Tensor, captions: Tensor) -> Tensor:
        """Cross entropy, both ways, of each caption finding its image by shared latents."""
        ours, theirs = (functional.normalize(side, dim=1) for side in (images, captions))
        scores = ours @ theirs.T / self.settings.temperature
        target = torch.arange(len(scores))
        return (
            functional.cross_entropy(scores, target) + functional.cross_entropy(scores.T, target)
        ) / 2

    def _write(self) -> None:
        """The state, whole or not at all: the step that it is of stands in the same file."""
        from safetensors.torch import save_file

        from lsr.storage.files import replacing_file

        tensors = {name: one.detach() for name, one in self.parts.items()}
        for name, one in self.parts.items():
            kept = self.optimizer.state[one]
            tensors |= {f"{name}.{key}": kept[key].detach() for key in ("exp_avg", "exp_avg_sq")}
        tensors |= {"silent": self.silent, "step": torch.tensor([self.step])}
        with replacing_file(self.work / STATE) as temporary:
            save_file({name: one.contiguous() for name, one in tensors.items()}, temporary)

    def _read(self) -> None:
        path = self.work / STATE
        try:
            found = {n: torch.from_numpy(np.array(o)) for n, o in read_tensors(path).items()}
            for name, one in self.parts.items():
                if found[name].shape != one.shape:
                    raise DamagedError(f"{name} has another shape")
                moments: dict[str, Any] = {
                    key: found[f"{name}.{key}"].reshape(one.shape)
                    for key in ("exp_avg", "exp_avg_sq")
                }
                with torch.no_grad():
                    one.copy_(found[name])
                step = torch.tensor(float(found["step"][0]))
                self.optimizer.state[one] = {"step": step, **moments}
            self.silent = found["silent"].reshape(self.silent.shape)
            self.step = int(found["step"][0])
        except (DamagedError, KeyError, RuntimeError, OSError, IndexError) as problem:
            raise ModelError(
                f"`{path}` is damaged ({problem}). Remove `{self.work}` and train anew."
            ) from None


def _strongest(activations: Tensor, k: int) -> Tensor:
    values, places = activations.topk(k, dim=1, sorted=False)
    return torch.zeros_like(activations).scatter(1, places, values)


def _energy(vectors: Tensor) -> Tensor:
    return vectors.pow(2).sum(dim=1).mean()
