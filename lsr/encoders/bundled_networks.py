"""The two networks of the bundled encoder, and what they read."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from lsr.encoders.bundled_config import EncoderConfig


def padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Token ids (B, T) int64 padded with 0, and the mask of present tokens (B, T) bool."""
    lengths = torch.tensor([len(row) for row in rows])
    present = torch.arange(int(lengths.max())) < lengths[:, None]
    ids = torch.zeros(present.shape, dtype=torch.int64)
    ids[present] = torch.tensor([token for row in rows for token in row])
    return ids, present


def network_pictures(pixels: Tensor) -> Tensor:
    """Pixels (B, side, side, 3) uint8 as what the image network reads, (B, 3, side, side)."""
    return pixels.permute(0, 3, 1, 2).float() / 255


class ConvNorm(nn.Sequential):
    """Convolution without bias, then batch normalisation."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, padding: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False),
            nn.BatchNorm2d(outputs),
        )


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions around a skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels, 3, 1, 1)
        self.second = ConvNorm(channels, channels, 3, 1, 1)

    def forward(self, maps: Tensor) -> Tensor:
        inner = functional.relu(self.first(maps), inplace=True)
        return functional.relu(maps + self.second(inner), inplace=True)


class ScenePool(nn.Module):
    """A feature map made one vector.

    Learned queries ask where things are; the strongest and the mean answer of learned detectors
    over all cells say which things there are, and how many.
    """

    def __init__(self, channels: int, cells: int, queries: int, outputs: int) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.randn(cells, channels) * 0.02)
        self.queries = nn.Parameter(torch.randn(queries, channels))
        self.keys = nn.Linear(channels, channels)
        self.values = nn.Linear(channels, channels)
        self.detectors = nn.Linear(channels, 2 * channels)
        self.hidden = nn.Linear((queries + 4) * channels, 2 * outputs)
        self.output = nn.Linear(2 * outputs, outputs)

    def forward(self, cells: Tensor) -> Tensor:
        """(B, cells, channels) to (B, outputs)."""
        placed = cells + self.position
        detected = functional.gelu(self.detectors(placed))
        values = functional.gelu(self.values(placed))
        queries = self.queries.expand(len(cells), -1, -1)
        answers = functional.scaled_dot_product_attention(queries, self.keys(placed), values)
        read = (answers.flatten(1), detected.amax(dim=1), detected.mean(dim=1))
        return self.output(functional.gelu(self.hidden(torch.cat(read, dim=1))))


class ImageNetwork(nn.Module):
    """Pictures (B, 3, side, side) in 0…1 to unit vectors (B, dense size)."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        low, middle, high = config.channels
        self.stages = nn.Sequential(
            ConvNorm(3, low, 4, 4, 0),
            nn.ReLU(inplace=True),
            ResidualBlock(low),
            ConvNorm(low, middle, 3, 2, 1),
            nn.ReLU(inplace=True),
            ResidualBlock(middle),
            ConvNorm(middle, high, 3, 2, 1),
            nn.ReLU(inplace=True),
            ResidualBlock(high),
        )
        cells = (config.picture_size // 16) ** 2
        self.pool = ScenePool(high, cells, config.pool_queries, config.dense_size)

    def feature_map(self, pictures: Tensor) -> Tensor:
        """The last stage's cells, row by row, (B, (side / 16)², channels)."""
        maps: Tensor = self.stages((pictures - 0.5) * 4)
        return maps.flatten(2).transpose(1, 2)

    def forward(self, pictures: Tensor) -> Tensor:
        return functional.normalize(self.pool(self.feature_map(pictures)).float(), dim=-1)


class TextLayer(nn.Module):
    """One pre-norm transformer layer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.attention_inputs = nn.Linear(width, 3 * width)
        self.attention_output = nn.Linear(width, width)
        self.hidden_norm = nn.LayerNorm(width)
        self.hidden = nn.Linear(width, 4 * width)
        self.hidden_output = nn.Linear(4 * width, width)

    def forward(self, states: Tensor, present: Tensor) -> Tensor:
        inputs = self.attention_inputs(self.attention_norm(states))
        query, key, value = inputs.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        read = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=present[:, None, None, :]
        )
        states = states + self.attention_output(read.transpose(1, 2).flatten(2))
        hidden = functional.gelu(self.hidden(self.hidden_norm(states)))
        return states + self.hidden_output(hidden)


class TextNetwork(nn.Module):
    """Token vectors (B, T, d) and their mask (B, T) to unit vectors (B, d).

    A linear map of the mean token vector stands beside the transformer, so that a word
    never seen in training lands where the map carries its neighbours.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        width = config.dense_size
        self.position = nn.Parameter(torch.zeros(config.max_tokens, width))
        self.layers = nn.ModuleList(
            TextLayer(width, config.attention_heads) for _ in range(config.text_layers)
        )
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, width)
        self.skip = nn.Linear(width, width)

    def forward(self, token_vectors: Tensor, present: Tensor) -> Tensor:
        states = token_vectors + self.position[: token_vectors.shape[1]]
        for layer in self.layers:
            states = layer(states, present)
        vectors = self.output(self.norm(masked_mean(states, present)))
        vectors = vectors + self.skip(masked_mean(token_vectors, present))
        return functional.normalize(vectors.float(), dim=-1)


def masked_mean(states: Tensor, present: Tensor) -> Tensor:
    """The mean over the present positions of each row, (B, d)."""
    weights = present.to(states.dtype).unsqueeze(-1)
    return (states * weights).sum(dim=1) / weights.sum(dim=1)
