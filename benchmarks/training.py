"""Speed and memory of training: ours against a plain loop to the published recipe.

    python -m benchmarks.training                          published rates, 10 stages × 5 steps
    python -m benchmarks.training --recipe compact         rates under which heads turn sparse soon
    python -m benchmarks.training --plain-precision bfloat16

The plain loop reads pairs one by one from a dataset, tokenises in the DataLoader's collate
function, projects images and captions each over the whole vocabulary, multiplies captions by a
dense literal mask, and takes the L1 norm of everything, as github.com/thongnt99/lsr-multimodal
does (written anew here, with its known slips mended). Both loops start from the same head, see the
same pairs in the same order and draw the same expansions, over one whole scheduled-control run:
the rate of expansion rises from 0 to 1. Each has a process of its own, one after the other. The
first five steps of each, in which torch prepares itself, are not counted. The last losses tell
whether both did the same thing.

The published recipe runs for tens of thousands of steps, so in this few steps its head stays as
dense as it starts: it shows the early phase. `--recipe compact` is that of
`lsr.training.train_model`, without what the plain loop lacks; its head turns sparse within this run
too when it has some hundred steps.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from lsr.ablation.run_process import peak_memory
from lsr.collection.collection import load_collection
from lsr.evaluation.pairs import Pairs
from lsr.model.expansion import ExpansionControl
from lsr.model.projection import Projection
from lsr.storage.places import BUNDLED_ENCODER
from lsr.training.batches import TrainingPairs
from lsr.training.device import training_device
from lsr.training.loop import Run
from lsr.training.recipes import COMPACT_RECIPE
from lsr.training.settings import TrainingSettings
from lsr.training.step import draw
from lsr.training.train_model import Prepared, prepare

COCO_PAIRS, COCO_EPOCHS = 566_435, 200
# Steps that are not counted, and steps of ours between two readings of the loss.
WARM_UP, REPORT_EVERY = 5, 10


@dataclass(frozen=True)
class Plan:
    """What both loops do: `stages` epochs of `steps` steps."""

    collection: str
    recipe: str
    stages: int
    steps: int
    batch_size: int
    hidden_size: int
    precision: str
    plain_precision: str
    loader_workers: int
    threads: int

    def settings(self) -> TrainingSettings:
        recipe = TrainingSettings() if self.recipe == "published" else COMPACT_RECIPE
        return replace(
            recipe,
            epochs=self.stages,
            batch_size=self.batch_size,
            hidden_size=self.hidden_size,
            precision=self.precision,  # type: ignore[arg-type]
            # What the plain loop does not do.
            control=ExpansionControl(),
            regularizer="l1",
            unsupported_charge=1.0,
            support_weight=0.0,
            target_active_terms=None,
            noise=0.0,
        )

    def prepared(self) -> tuple[Prepared, TrainingSettings]:
        """Head and pairs; as many captions as an epoch of `steps` steps needs, or a few more."""
        collection, settings = (
            load_collection(self.collection),
            self.settings(),
        )
        captions = len(collection.caption_rows("train")) / len(collection.image_rows("train"))
        n_images = int(self.steps * self.batch_size / captions + 1)
        settings = self.settings()
        return prepare(collection, settings, n_images=n_images), settings


@dataclass(frozen=True)
class Measured:
    """seconds of each step after the first WARM_UP; memory in bytes."""

    seconds: list[float]
    memory: int
    loss: float


def ours(plan: Plan) -> Measured:
    """The loop of `lsr.training`."""
    ready, settings = plan.prepared()
    device = training_device()
    pairs = TrainingPairs.of(ready.training, ready.vocabulary, device)
    with tempfile.TemporaryDirectory() as work:
        run = Run(ready.head.to(device), pairs, settings, Path(work))
    batches = pairs.batches(settings.batch_size, settings.epochs, settings.seed, 0)

    def steps() -> Iterator[Tensor]:
        for step, batch in batches:
            loss = run.step(step, batch)
            yield loss.relevance + loss.penalty

    return _timed(plan, steps(), REPORT_EVERY)


class PairDataset(Dataset):  # type: ignore[type-arg]
    """Pairs one by one, as dictionaries."""

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs.texts)

    def __getitem__(self, row: int) -> dict[str, object]:
        return {
            "text": self.pairs.texts[row],
            "caption": torch.tensor(self.pairs.caption_vectors[row]),
            "image": torch.tensor(self.pairs.image_vectors[self.pairs.relevant[row]]),
        }


class Collate:
    """Stacks vectors and tokenises texts, padded."""

    def __init__(self, tokenizer: Path) -> None:
        self.tokenizer = Tokenizer.from_file(str(tokenizer))
        self.tokenizer.enable_padding()

    def __call__(self, items: list[dict[str, Tensor]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        encoded = self.tokenizer.encode_batch([str(item["text"]) for item in items])
        return (
            torch.tensor([one.ids for one in encoded]),
            # Marks of the tokenizer, [CLS] and [SEP] among them, are no literal terms.
            torch.tensor([[1 - mark for mark in one.special_tokens_mask] for one in encoded]),
            torch.stack([item["caption"] for item in items]),
            torch.stack([item["image"] for item in items]),
        )


def plain(plan: Plan) -> Measured:
    """The plain loop."""
    ready, settings = plan.prepared()
    return _timed(plan, _plain_steps(plan, settings, ready), 1)


def _plain_steps(plan: Plan, settings: TrainingSettings, ready: Prepared) -> Iterator[Tensor]:
    device = training_device()
    half = plan.plain_precision == "bfloat16"
    head = ready.head.to(device)
    loader = DataLoader(
        PairDataset(ready.training),
        batch_sampler=_orders(len(ready.training.texts), settings),
        collate_fn=Collate(BUNDLED_ENCODER / "tokenizer.json"),
        num_workers=plan.loader_workers,
        persistent_workers=plan.loader_workers > 0,
    )
    others = [*head.vocab_layer_norm.parameters(), *head.vocab_projector.parameters()]
    optimizer = torch.optim.AdamW(
        [
            {"params": list(head.proj.parameters()), "lr": settings.projection_learning_rate},
            {"params": others, "lr": settings.learning_rate},
        ],
        weight_decay=0.0,
    )
    total = plan.stages * plan.steps
    rising = settings.warm_up * total
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min((s + 1) / rising, max(0.0, (total - s - 1) / (total - rising)))
    )
    for step, batch in enumerate(loader):
        ids, real, captions, images = (one.to(device) for one in batch)
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
        expands = bool(draw(settings, step / total, None, len(ids), generator).expands.any())
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=half):
            sparse_captions = _sparse(head, captions, None if expands else (ids, real))
            sparse_images = _sparse(head, images, None)
            scores = sparse_images @ sparse_captions.T
        loss = _plain_loss(settings, scores.float(), images @ captions.T)
        eta = min(1.0, step / max(int(rising), 1)) ** 2
        weights = settings.query_regularizer_weight, settings.document_regularizer_weight
        for weight, sparse in zip(weights, (sparse_captions, sparse_images), strict=True):
            loss = loss + (sparse.float() * (eta * weight)).abs().sum(dim=1).mean() / 2
        lengths = [(s > 0).float().sum(dim=1).mean() for s in (sparse_captions, sparse_images)]
        assert len(lengths) == 2  # noqa: S101 - the published loop logs them, at a cost
        loss.backward()
        optimizer.step()
        scheduler.step()
        yield loss


def _orders(n_pairs: int, settings: TrainingSettings) -> list[list[int]]:
    """The rows of every batch, those of `TrainingPairs.batches`."""
    size, batches = settings.batch_size, []
    for epoch in range(settings.epochs):
        generator = torch.Generator().manual_seed(settings.seed * 100_003 + epoch)
        order = torch.randperm(n_pairs, generator=generator).tolist()
        batches += [order[i * size : (i + 1) * size] for i in range(n_pairs // size)]
    return batches


def _sparse(head: Projection, dense: Tensor, said: tuple[Tensor, Tensor] | None) -> Tensor:
    """(B, V) weights, times a dense mask of the terms that `said` (ids, 0 or 1) holds."""
    hidden = head.vocab_layer_norm(head.proj(dense))
    weights = torch.log1p(torch.relu(head.vocab_projector(hidden)))
    if said is None:
        return weights
    mask = torch.zeros_like(weights)
    mask.scatter_reduce_(1, said[0], said[1].to(mask.dtype), "amax")
    return weights * mask


def _plain_loss(settings: TrainingSettings, scores: Tensor, dense: Tensor) -> Tensor:
    with torch.no_grad():
        teacher = dense / settings.temperature
        by_image, by_caption = teacher.softmax(dim=1), teacher.T.softmax(dim=1)
    image_to_text = functional.cross_entropy(scores, by_image)
    return (image_to_text + functional.cross_entropy(scores.T, by_caption)) / 2


def _timed(plan: Plan, steps: Iterator[Tensor], reads_every: int) -> Measured:
    """Time the steps, reading the loss every so often, which waits for the GPU.

    The published loop logs the loss of every step, ours only with its reports.
    """
    torch.set_num_threads(plan.threads)
    on_gpu = torch.cuda.is_available()
    seconds: list[float] = []
    since, loss, done = time.perf_counter(), torch.zeros(()), 0
    for number, loss in enumerate(steps, 1):
        # The steps in which torch and the graph are made ready count as one.
        if number < WARM_UP or (number - WARM_UP) % reads_every:
            continue
        loss.item()
        now = time.perf_counter()
        seconds += [(now - since) / (number - done)] * (number - done)
        since, done = now, number
    last = loss.item()
    memory = torch.cuda.max_memory_allocated() if on_gpu else peak_memory()
    return Measured(seconds[WARM_UP:], memory, last)


def in_own_process(loop: Callable[[Plan], Measured], plan: Plan) -> Measured:
    """What the loop measures where nothing else has taken memory."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(loop, plan).result()


def plan_of_command_line() -> Plan:
    """The plan that the options make."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--collection", default="demo")
    parser.add_argument("--recipe", choices=["published", "compact"], default="published")
    parser.add_argument("--stages", type=int, default=10, help="epochs, each at a higher rate (10)")
    parser.add_argument("--steps", type=int, default=5, help="steps of each stage (5)")
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--hidden-size", type=int, default=768)
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="bfloat16")
    parser.add_argument("--plain-precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--loader-workers", type=int, default=4 if torch.cuda.is_available() else 0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return Plan(**vars(parser.parse_args()))


def main() -> None:
    """Run both loops and print the comparison."""
    plan = plan_of_command_line()
    total = plan.stages * plan.steps
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    print(f"{where}, {plan.threads} threads, torch {torch.__version__}; {total} steps")
    print("  ".join(f"{name} {value}" for name, value in asdict(plan).items()))
    print(f"\n{'':8}{'pairs/s median':>16}{'pairs/s mean':>14}{'peak MB':>10}{'last loss':>11}")
    means, memory = {}, {}
    for name, loop in (("plain", plain), ("ours", ours)):
        one = in_own_process(loop, plan)
        median = plan.batch_size / statistics.median(one.seconds)
        means[name] = plan.batch_size / statistics.fmean(one.seconds)
        memory[name] = one.memory
        print(
            f"{name:8}{median:16,.0f}{means[name]:14,.0f}{one.memory / 1e6:10,.0f}{one.loss:11.4f}"
            f"   by fifth of the run: {_fifths(one.seconds, plan.batch_size)}"
        )
    print(f"\nours / plain: {means['ours'] / means['plain']:.2f} × as fast over the whole run, ")
    print(f"{memory['ours'] / memory['plain']:.2f} × the memory")
    for name, speed in means.items():
        hours = COCO_PAIRS * COCO_EPOCHS / speed / 3600
        print(f"MSCOCO, {COCO_PAIRS:,} pairs × {COCO_EPOCHS} epochs, {name}: {hours:,.1f} hours")


def _fifths(seconds: list[float], batch_size: int) -> str:
    cuts = [len(seconds) * fifth // 5 for fifth in range(6)]
    parts = [seconds[a:b] for a, b in pairwise(cuts)]
    return " ".join(f"{batch_size * len(p) / sum(p):,.0f}" for p in parts if p)


if __name__ == "__main__":
    main()
