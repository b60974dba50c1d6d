"""The steps of an autoencoder's training, and its state on disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lsr.collection.collection import Collection
from lsr.exceptions import ModelError
from lsr.storage.files import read_json, write_json
from lsr.storage.untrusted import DamagedError, read_tensors
from lsr.training.adam import Adam
from lsr.training.autoencoder_settings import AutoencoderReport, AutoencoderSettings
from lsr.training.latents import Strongest, energy, strongest, summed
from lsr.training.threads import QuickestThreads

STATE, RUN = "state.safetensors", "autoencoder.json"
_SAVE_EVERY, _REPORT_EVERY = 100, 20
# The share of a batch that is also rebuilt with 4k latents, which takes longest.
_WIDE = 4
# A latent that fired for none of so many vectors is dead.
_DEAD_AFTER = 20_000


class Run:
    """The weights, Adam's moments, and for how many vectors each latent has been silent."""

    def __init__(
        self,
        settings: AutoencoderSettings,
        sides: tuple[np.ndarray, np.ndarray],
        owners: np.ndarray,
        work: Path,
    ) -> None:
        self.settings, self.work = settings, work
        self.n_steps = settings.for_images(len(sides[0])).steps or 1
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
        return min(_DEAD_AFTER, self.n_steps * self.settings.batch_size // 2)

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
        self.optimizer = Adam(list(self.parts.values()), rate, fused=True)

    def steps(self) -> Iterator[AutoencoderReport]:
        """The remaining steps."""
        started, first = time.perf_counter(), self.step
        with QuickestThreads() as threads:
            while self.step < self.n_steps:
                self.explained = threads.run(self._train_once)
                self.step += 1
                last = self.step == self.n_steps
                if self.step % _SAVE_EVERY == 0 or last:
                    self._write()
                if self.step % _REPORT_EVERY == 0 or last:
                    each = (time.perf_counter() - started) / (self.step - first)
                    left = each * (self.n_steps - self.step)
                    yield AutoencoderReport(
                        self.step, self.n_steps, self.explained, self.n_dead, left
                    )

    def _train_once(self) -> float:
        """One step; the share of the batch's variance that k latents rebuild."""
        settings = self.settings
        rate = settings.learning_rate * min(1.0, (self.n_steps - self.step) / self.n_steps * 5)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch, pairs = self._batch()
        found = batch - self.parts["input_bias"]
        raw = torch.addmm(self.parts["encoder_bias"], found, self.parts["encoder"].T)
        latents = strongest(raw, settings.k)
        missed = batch - self._rebuilt(latents)
        wide = strongest(raw[::_WIDE], min(4 * settings.k, settings.latents))
        loss = energy(missed) + energy(batch[::_WIDE] - self._rebuilt(wide)) / 8
        dead = self.silent >= self._patience
        if settings.auxiliary and dead.any():
            loss = loss + settings.auxiliary * self._auxiliary(found, missed.detach(), dead)
        if settings.contrastive and pairs:
            loss = loss + settings.contrastive * self._contrastive(latents, pairs)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        with torch.no_grad():
            decoder = self.parts["decoder"]
            decoder.div_(decoder.norm(dim=1, keepdim=True).clamp_min(1e-8))
            self.silent += len(batch)
            self.silent[latents.places[latents.weights > 0]] = 0
            spread = energy(batch - batch.mean(dim=0))
            return float(1 - energy(missed) / spread.clamp_min(1e-12))

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

    def _rebuilt(self, latents: Strongest) -> Tensor:
        return summed(latents, self.parts["decoder"]) + self.parts["input_bias"]

    def _auxiliary(self, found: Tensor, missed: Tensor, dead: Tensor) -> Tensor:
        """What dead latents leave of what was missed."""
        numbers = torch.nonzero(dead)[:, 0]
        raw = found @ self.parts["encoder"][numbers].T + self.parts["encoder_bias"][numbers]
        k = min(len(numbers), found.shape[1] // 2)
        latents = strongest(raw, max(k, 1))
        return energy(missed - summed(latents, self.parts["decoder"][numbers]))

    def _contrastive(self, latents: Strongest, pairs: int) -> Tensor:
        """Cross entropy, both ways, of each caption finding its image by shared latents."""
        unit, places = functional.normalize(latents.weights, dim=1), latents.places
        captions = torch.zeros(self.settings.latents, pairs)
        captions = captions.scatter(0, places[-pairs:].T, unit[-pairs:].T)
        images = Strongest(unit[:pairs], places[:pairs])
        scores = summed(images, captions) / self.settings.temperature
        target = torch.arange(pairs)
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
