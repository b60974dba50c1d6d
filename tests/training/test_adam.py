"""Adam without torch's compiler takes the steps of torch's own."""

from __future__ import annotations

import copy

import pytest
import torch

from lsr.training.adam import Adam


def weights() -> list[torch.Tensor]:
    source = torch.Generator().manual_seed(3)
    return [torch.randn(shape, generator=source).requires_grad_() for shape in ((4, 3), (5,))]


def steps(optimizer: torch.optim.Optimizer, first: int, last: int) -> None:
    for step in range(first, last):
        for group in optimizer.param_groups:
            group["lr"] *= 0.9
        optimizer.zero_grad()
        parameters = [one for group in optimizer.param_groups for one in group["params"]]
        sum((one * (step + 1)).sin().sum() for one in parameters).backward()
        optimizer.step()


@pytest.mark.parametrize("fused", [True, None])
@pytest.mark.parametrize("theirs", [torch.optim.Adam, torch.optim.AdamW])
def test_every_step_is_that_of_torch_also_after_its_state_was_loaded(fused, theirs):
    found, expected = weights(), weights()
    options = {"fused": fused, **({"weight_decay": 0.0} if theirs is torch.optim.AdamW else {})}
    groups = [[{"params": [one[0]], "lr": 0.3}, {"params": [one[1]], "lr": 0.1}]
              for one in (found, expected)]  # fmt: skip
    ours, torchs = Adam(groups[0], fused=fused), theirs(groups[1], **options)
    for one in (ours, torchs):
        steps(one, 0, 5)
    kept = copy.deepcopy(ours.state_dict())
    assert kept["state"].keys() == torchs.state_dict()["state"].keys()
    again = Adam([{"params": [found[0]]}, {"params": [found[1]]}], fused=fused)
    again.load_state_dict(kept)
    for one in (again, torchs):
        steps(one, 5, 9)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)
        assert not one.equal(weights()[0 if one.ndim == 2 else 1])
