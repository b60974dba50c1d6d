"""Training a projection head on the dense pairs of a collection.

Long work is a generator of reports: stop by no longer iterating. What was reported is on disk,
and the same call goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from lsr.exceptions import ModelError
from lsr.expansion import CaptionLevelControl
from lsr.losses import distillation_loss, l1_penalty, warmed_up
from lsr.measures import per_query
from lsr.pairs import Pairs
from lsr.projection import Projection
from lsr.storage import replacing_file
from lsr.vocabulary import Vocabulary

_STATE = "state.safetensors"


@dataclass(frozen=True)
class TrainingSettings:
    """The paper's recipe; every default is the published value.

    regularizer_weight: η of the L1 penalty, for captions (queries) and images (documents).
    temperature: τ of the dense teacher's soft targets.
    warm_up: share of all steps in which learning rate and regularizer rise.
    noise: standard deviation of Gaussian noise on the student's unit input vectors, as a
        share of their norm; 0 is the paper's.
    precision: of the forward pass; weights and losses are float32 either way.
    """

    control: CaptionLevelControl = field(default_factory=CaptionLevelControl)
    epochs: int = 200
    batch_size: int = 512
    hidden_size: int = 768
    query_regularizer_weight: float = 1e-3
    document_regularizer_weight: float = 1e-3
    temperature: float = 1e-3
    projection_learning_rate: float = 1e-3
    learning_rate: float = 5e-5
    warm_up: float = 0.2
    noise: float = 0.0
    precision: Literal["bfloat16", "float32"] = "bfloat16"
    seed: int = 0


@dataclass(frozen=True)
class EpochReport:
    """State after an epoch; losses are means over its steps.

    validation_r1 and the active terms are at full expansion on the validation pairs.
    """

    epoch: int
    epochs: int
    relevance_loss: float
    penalty: float
    validation_r1: float
    active_terms_query: float
    active_terms_image: float
    seconds: float


@dataclass(frozen=True)
class _Batches:
    """The training pairs as tensors; captions' terms as ids padded with −1."""

    images: Tensor
    captions: Tensor
    owners: Tensor
    term_ids: Tensor

    @classmethod
    def of(cls, pairs: Pairs, vocabulary: Vocabulary) -> _Batches:
        ids = [np.unique(i) for i in vocabulary.token_ids(pairs.texts)]
        padded = np.full((len(ids), max(map(len, ids))), -1, np.int64)
        for row, terms in enumerate(ids):
            padded[row, : len(terms)] = terms
        return cls(
            torch.from_numpy(pairs.image_vectors),
            torch.from_numpy(pairs.caption_vectors),
            torch.from_numpy(pairs.relevant.astype(np.int64)),
            torch.from_numpy(padded),
        )


def new_head(
    dense_size: int,
    vocabulary: Vocabulary,
    settings: TrainingSettings,
    term_vectors: np.ndarray | None = None,
) -> Projection:
    """An untrained head.

    Args:
        term_vectors: (V, e) static word vectors, strongest components first; they start the
            first columns of the vocabulary weights. Random weights elsewhere, or where None.

    Raises:
        ModelError: the term vectors belong to another vocabulary.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        head = Projection(dense_size, settings.hidden_size, len(vocabulary))
    if term_vectors is not None:
        if len(term_vectors) != len(vocabulary):
            raise ModelError(
                f"There are {len(term_vectors):,} term vectors for a vocabulary of "
                f"{len(vocabulary):,} terms. Use the vectors of that vocabulary."
            )
        start = torch.from_numpy(np.array(term_vectors[:, : settings.hidden_size], np.float32))
        with torch.no_grad():
            unit = torch.nn.functional.normalize(start, dim=1)
            head.vocab_projector.weight[:, : unit.shape[1]] = unit
            head.vocab_projector.bias.zero_()
    return head


def train(
    head: Projection,
    training: Pairs,
    validation: Pairs,
    vocabulary: Vocabulary,
    settings: TrainingSettings,
    work: Path,
    device: str = "cpu",
) -> Iterator[EpochReport]:
    """Train `head` in place, one report an epoch; an epoch is one pass over all captions.

    Args:
        work: a folder for the state after each epoch; a killed run goes on from it with the
            same weights as an unbroken one.
        device: `cpu` or `cuda`.
    """
    batches = _Batches.of(training, vocabulary)
    head.to(device)
    others = [*head.vocab_layer_norm.parameters(), *head.vocab_projector.parameters()]
    optimizer = torch.optim.AdamW(
        [
            {"params": list(head.proj.parameters()), "lr": settings.projection_learning_rate},
            {"params": others, "lr": settings.learning_rate},
        ],
        weight_decay=0.0,
        fused=True,
    )
    steps_per_epoch = max(1, len(batches.captions) // settings.batch_size)
    total = steps_per_epoch * settings.epochs
    base_rates = [group["lr"] for group in optimizer.param_groups]
    first = _restore(work, head, optimizer)
    for epoch in range(first, settings.epochs):
        started = time.perf_counter()
        generator = torch.Generator().manual_seed(settings.seed * 100_003 + epoch)
        order = torch.randperm(len(batches.captions), generator=generator)
        losses = np.zeros(2)
        head.train()
        for i in range(steps_per_epoch):
            step = epoch * steps_per_epoch + i
            for group, rate in zip(optimizer.param_groups, base_rates, strict=True):
                group["lr"] = rate * _linear_schedule(step + 1, total, settings.warm_up)
            rows = order[i * settings.batch_size : (i + 1) * settings.batch_size]
            losses += _step(head, optimizer, batches, rows, step, total, settings, generator)
        losses /= steps_per_epoch
        _save(work, head, optimizer, epoch + 1)
        r1, query_terms, image_terms = _validate(head, validation)
        seconds = time.perf_counter() - started
        yield EpochReport(
            epoch + 1, settings.epochs, losses[0], losses[1], r1, query_terms, image_terms, seconds
        )


def _step(
    head: Projection,
    optimizer: torch.optim.Optimizer,
    batches: _Batches,
    rows: Tensor,
    step: int,
    total: int,
    settings: TrainingSettings,
    generator: torch.Generator,
) -> tuple[float, float]:
    """One optimizer step; returns (relevance loss, weighted penalty)."""
    device = head.proj.weight.device
    captions = batches.captions[rows].to(device)
    images = batches.images[batches.owners[rows]].to(device)
    expands = torch.rand((), generator=generator).item() < settings.control.rate_at(step / total)
    warm_up_steps = int(settings.warm_up * total)
    with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
        sparse_images = head(_noisy(images, settings.noise, generator))
        noisy_captions = _noisy(captions, settings.noise, generator)
        if expands:
            sparse_captions = head(noisy_captions)
            scores = sparse_images @ sparse_captions.T
        else:
            # Only terms that some caption of the batch says can be non-zero.
            terms, said = _said_terms(batches.term_ids[rows])
            terms, said = terms.to(device), said.to(device)
            sparse_captions = head(noisy_captions, terms) * said
            scores = sparse_images[:, terms] @ sparse_captions.T
    relevance = distillation_loss(scores.float(), images @ captions.T, settings.temperature)
    query_weight = warmed_up(settings.query_regularizer_weight, step, warm_up_steps)
    document_weight = warmed_up(settings.document_regularizer_weight, step, warm_up_steps)
    penalty = (
        query_weight * l1_penalty(sparse_captions.float())
        + document_weight * l1_penalty(sparse_images.float())
    ) / 2
    optimizer.zero_grad(set_to_none=True)
    (relevance + penalty).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return relevance.item(), penalty.item()


def _noisy(vectors: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    if not noise:
        return vectors
    drawn = torch.randn(vectors.shape, generator=generator).to(vectors.device)
    return vectors + drawn * (noise / vectors.shape[1] ** 0.5)


def _said_terms(term_ids: Tensor) -> tuple[Tensor, Tensor]:
    """(terms of the batch (u,), which of them each caption says (B, u) float32)."""
    terms, places = torch.unique(term_ids, return_inverse=True)
    said = torch.zeros(len(term_ids), len(terms))
    said.scatter_(1, places, 1.0)
    padding = int(terms[0] < 0)
    return terms[padding:], said[:, padding:]


def _linear_schedule(step: int, total: int, warm_up: float) -> float:
    """Share of the learning rate: up over the warm-up, then linearly down to 0."""
    rising = warm_up * total
    if step <= rising:
        return step / rising
    return max(0.0, (total - step) / max(total - rising, 1.0))


@torch.inference_mode()
def _validate(head: Projection, pairs: Pairs) -> tuple[float, float, float]:
    """(R@1 text to image, active terms of a caption, of an image), at full expansion."""
    device = head.proj.weight.device
    head.eval()
    images = head(torch.from_numpy(pairs.image_vectors).to(device))
    ranks, active = [], 0.0
    for start in range(0, len(pairs.caption_vectors), 512):
        block = torch.from_numpy(pairs.caption_vectors[start : start + 512]).to(device)
        captions = head(block)
        active += float((captions > 0).sum())
        scores = captions @ images.T
        relevant = torch.from_numpy(pairs.relevant[start : start + 512]).long().to(device)
        own = scores.gather(1, relevant[:, None])
        ranks.append(((scores >= own).sum(dim=1) * (own[:, 0] > 0)).cpu().numpy())
    r1 = float(per_query(np.concatenate(ranks), "R@1").mean())
    return r1, active / len(pairs.caption_vectors), float((images > 0).sum() / len(images))


def _save(work: Path, head: Projection, optimizer: torch.optim.Optimizer, epoch: int) -> None:
    """Weights and optimizer moments after an epoch, whole or not at all."""
    tensors = {f"head.{name}": value.detach() for name, value in head.state_dict().items()}
    for number, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
    contiguous = {name: value.cpu().contiguous() for name, value in tensors.items()}
    with replacing_file(work / _STATE) as temporary:
        save_file(contiguous, temporary, metadata={"epoch": str(epoch)})


def _restore(work: Path, head: Projection, optimizer: torch.optim.Optimizer) -> int:
    """Read what `_save` wrote; the number of epochs already done, 0 without a state."""
    path = work / _STATE
    if not path.exists():
        return 0
    with safe_open(path, framework="pt") as file:
        epoch = int(file.metadata()["epoch"])
    tensors = load_file(path)
    weights = {n.removeprefix("head."): t for n, t in tensors.items() if n.startswith("head.")}
    head.load_state_dict(weights)
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        kind, number, *moment = name.split(".", 2)
        if kind == "optimizer":
            state.setdefault(int(number), {})[moment[0]] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    return epoch


def settings_as_json(settings: TrainingSettings) -> dict[str, object]:
    """The settings as JSON keeps them; the control by its name."""
    return {**asdict(settings), "control": str(settings.control)}
