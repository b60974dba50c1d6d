"""What the bundled encoder's training minimises, and how it varies the pictures."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

ZOOM = 0.12
SHIFT = 0.10
LIGHT = 0.12


def contrastive_loss(images: Tensor, texts: Tensor, scale: Tensor) -> Tensor:
    """Symmetric cross-entropy of row i finding row i, both (B, d) unit vectors."""
    scores = scale * images @ texts.T
    matching = torch.arange(len(scores), device=scores.device)
    found = functional.cross_entropy(scores, matching)
    return (found + functional.cross_entropy(scores.T, matching)) / 2


def word_loss(texts: Tensor, images: Tensor, scale: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of words finding the pictures they could be said of.

    Args:
        texts: (w, d) unit vectors of single words.
        images: (B, d) unit vectors.
        scale: of the scores.
        targets: (w, B), each row adding up to 1; to less where fewer pictures fit the word.
    """
    return functional.cross_entropy(scale * texts @ images.T, targets)


def term_loss(logits: Tensor, said: Tensor) -> Tensor:
    """Cross-entropy of telling from an image which words its captions say, summed over words.

    It keeps what a picture shows, and whether there is one of it or several, readable by a
    linear map: what a projection onto the vocabulary needs.

    Args:
        logits: (B, t).
        said: (B, t), 1 where a caption of the picture says the word, else 0.
    """
    summed = functional.binary_cross_entropy_with_logits(logits.float(), said, reduction="sum")
    return summed / len(logits)


def word_targets(words: Tensor, teachers: Tensor, said: Tensor, temperature: float) -> Tensor:
    """Which pictures words should find: those of their neighbours in the token table.

    Args:
        words: (w, d) token vectors.
        teachers: (t, d) token vectors of words that captions use.
        said: (t, B), 1 where a caption of the picture says the word, else 0.
        temperature: of the softmax over cosines; small listens to the nearest word only.

    Returns:
        (w, B): each teacher's share of a word, spread evenly over the pictures it is said of.
    """
    cosines = functional.normalize(words, dim=-1) @ functional.normalize(teachers, dim=-1).T
    shares = (cosines / temperature).softmax(dim=-1)
    return shares @ (said / said.sum(dim=1, keepdim=True).clamp(min=1))


def glyph_logits(
    cells: Tensor, head: torch.nn.Linear, things: Tensor, centres: Tensor
) -> tuple[Tensor, Tensor]:
    """Scores of every concept at each glyph's centre, and the right concepts.

    Args:
        cells: (B, side², channels) feature map, row by row.
        head: from channels to concepts.
        things: (t, 2) int64, picture and concept of every glyph.
        centres: (t, 2), x and y in 0…1; glyphs outside the frame are left out.

    Returns:
        (s, concepts) float32 and (s,) int64, s ≤ t.
    """
    side = round(cells.shape[1] ** 0.5)
    inside = ((centres > 0) & (centres < 1)).all(dim=1)
    column, row = (centres[inside] * side).long().unbind(dim=1)
    logits = head(cells[things[inside, 0], row * side + column])
    return logits.float(), things[inside, 1]


def jittered(
    pictures: Tensor, centres: Tensor, owners: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Pictures slightly moved, scaled, lit and tinted, and where the glyphs' centres went.

    Never mirrored, because captions say left and right.

    Args:
        pictures: (B, 3, side, side) float32 in 0…1.
        centres: (t, 2) float32, x and y in 0…1.
        owners: (t,) int64, the picture of each centre.
        generator: on the CPU, whatever the pictures' device.
    """
    count, device = len(pictures), pictures.device
    zoom = (1 + ZOOM * (2 * torch.rand(count, 2, generator=generator) - 1)).to(device)
    shift = (SHIFT * (2 * torch.rand(count, 2, generator=generator) - 1)).to(device)
    light = 1 + LIGHT * torch.randn(count, 3, 1, 1, generator=generator).clamp(-2, 2)
    frames = torch.zeros(count, 2, 3, device=device)
    frames[:, 0, 0], frames[:, 1, 1], frames[:, :, 2] = zoom[:, 0], zoom[:, 1], shift
    grid = functional.affine_grid(frames, list(pictures.shape), align_corners=False)
    moved = functional.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
    centres = ((centres * 2 - 1) - shift[owners]) / zoom[owners] / 2 + 0.5
    return (moved * light.to(device)).clamp(0, 1), centres
