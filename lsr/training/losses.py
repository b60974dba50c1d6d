"""What training minimises: agreement with the dense teacher, and regularizers of the weights.

Source: arXiv 2402.17535, section 3, where nothing else is named.
"""

from __future__ import annotations

import torch
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
    return weights.sum(dtype=torch.float32) / len(weights)


def flops_penalty(means: Tensor, term_weights: Tensor | None = None) -> Tensor:
    """Σ_j w_j · (mean_i s_ij)² for the means (V,) of weights ≥ 0; every w_j is 1 when not given.

    It presses on terms that many vectors use, where L1 presses on all alike.
    Source: Paria et al., ICLR 2020, arXiv 2004.05665.

    Args:
        term_weights: (V,) in [0, 1], such as `df_weights` gives.
    """
    squares = means**2
    return (squares if term_weights is None else squares * term_weights).sum()


def df_weights(frequency: Tensor, cutoff: float = 0.1, steepness: float = 10.0) -> Tensor:
    """(V,) in [0, 1]: w = 1 / (1 + (x^{log_α 2} − 1)^β) for the document frequency x.

    A term that a share `cutoff` (α) of all documents holds weighs ½; rarer terms go free, more
    frequent ones are penalised in full. Source: Porco et al., arXiv 2505.15070.

    Args:
        frequency: (V,) share of documents, 0 to 1.
        cutoff: α in (0, 1).
        steepness: β > 0.
    """
    power = torch.log(torch.tensor(2.0)) / torch.log(torch.tensor(cutoff))
    # x = 0 gives an infinite power and weight 0; x = 1 gives 0 and weight 1.
    ratio = frequency.clamp(min=1e-12, max=1.0) ** power - 1.0
    return 1.0 / (1.0 + ratio.clamp(min=0.0) ** steepness)


def warmed_up(weight: float, step: int, warm_up_steps: int) -> float:
    """η(t) = η · min(1, t/T)²: the regularizer's weight after `step` steps."""
    if warm_up_steps <= 0:
        return weight
    return weight * min(1.0, step / warm_up_steps) ** 2


def adjusted_factor(factor: float, active_terms: float, target: float) -> float:
    """What to multiply a regularizer's weight by next, so that active terms sink to the target.

    It grows while there are more active terms than wanted and shrinks back to 1, never below,
    when there are fewer; one step changes it by 2 % at most.

    Args:
        active_terms: mean over the batch.
        target: most active terms wanted, > 0.
    """
    excess = max(-1.0, min(1.0, 4.0 * (active_terms / target - 1.0)))
    return float(max(1.0, factor * 1.02**excess))
