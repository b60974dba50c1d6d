"""Adam for processes that compile nothing."""

from __future__ import annotations

from inspect import unwrap

import torch


class Adam(torch.optim.Adam):
    """`torch.optim.Adam` without what its methods are wrapped in for `torch.compile`.

    Those wrappers import torch's compiler, which takes 2 s of every process that trains. The steps
    are the same to the bit.
    """

    add_param_group = unwrap(torch.optim.Adam.add_param_group)
    load_state_dict = unwrap(torch.optim.Adam.load_state_dict)
    state_dict = unwrap(torch.optim.Adam.state_dict)
    step = torch.no_grad()(unwrap(torch.optim.Adam.step))
    zero_grad = unwrap(torch.optim.Adam.zero_grad)
