"""The two parts of the Dense2Sparse loss. Source: arXiv 2402.17535, section 3."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def distillation_loss(sparse_scores: Tensor, dense_scores: Tensor, temperature: float) -> Tensor:
    """Cross entropy of sparse scores against the dense teacher, both directions averaged.

    Args:
        sparse_scores: (B, B), row = image, column = caption: S_I S_Cᵀ.
        dense_scores: (B, B), likewise: Z_I Z_Cᵀ; no gradient flows into it.
        temperature: τ > 0; smaller makes the teacher's soft targets sharper.
    """
    teacher = dense_scores.detach() / temperature
    image_to_text = functional.cross_entropy(sparse_scores, teacher.softmax(dim=1))
    text_to_image = functional.cross_entropy(sparse_scores.T, teacher.T.softmax(dim=1))
    return (image_to_text + text_to_image) / 2


def l1_penalty(weights: Tensor) -> Tensor:
    """Mean over vectors of the L1 norm, for weights (B, V) ≥ 0."""
    return weights.sum(dim=-1).mean()


def warmed_up(weight: float, step: int, warm_up_steps: int) -> float:
    """η(t) = η · min(1, t/T)²: the regularizer's weight after `step` steps."""
    if warm_up_steps <= 0:
        return weight
    return weight * min(1.0, step / warm_up_steps) ** 2
