"""Measuring a head while it trains: deterministic, at full expansion."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lsr.evaluation.measures import summarize
from lsr.evaluation.pairs import Pairs
from lsr.model.projection import Projection

_BLOCK = 512


@dataclass(frozen=True)
class Validation:
    """Measures of captions searching images, none where nothing was held out; mean active terms."""

    measures: dict[str, float]
    active_terms_query: float
    active_terms_image: float


@torch.inference_mode()
def validate(head: Projection, pairs: Pairs) -> Validation:
    """Every caption of `pairs` against every image; ties count against the head."""
    device = head.proj.weight.device
    head = head.switched_on_alone().eval()
    images = head(torch.from_numpy(pairs.image_vectors).to(device))
    used = (images > 0).any(dim=0).nonzero()[:, 0]
    documents = images[:, used]
    ranks, active = [], 0.0
    for start in range(0, len(pairs.caption_vectors), _BLOCK):
        block = torch.from_numpy(pairs.caption_vectors[start : start + _BLOCK]).to(device)
        captions = head(block)
        active += float((captions > 0).sum())
        scores = captions[:, used] @ documents.T
        relevant = torch.from_numpy(pairs.relevant[start : start + _BLOCK]).long().to(device)
        own = scores.gather(1, relevant[:, None])
        ranks.append(((scores >= own).sum(dim=1) * (own[:, 0] > 0)).cpu().numpy())
    return Validation(
        summarize(np.concatenate(ranks)),
        active / len(pairs.caption_vectors),
        float((images > 0).sum() / len(images)),
    )


def activity(head: Projection, pairs: Pairs) -> Validation:
    """Mean active terms alone, where no pairs were held out that ranks would say something on."""
    return replace(validate(head, pairs), measures={})


@torch.inference_mode()
def document_frequency(head: Projection, images: Tensor) -> Tensor:
    """(V,) float32: the share of images (n, d) that activate each term."""
    counts = torch.zeros(head.vocabulary_size, device=images.device)
    for block in torch.split(images, _BLOCK):
        with torch.autocast(images.device.type, torch.bfloat16):
            counts += (head(block) > 0).sum(dim=0)
    return counts / len(images)
