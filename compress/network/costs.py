"""What a network costs: parameters, and products of an input."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True)
class Costs:
    """Parameters and MACs.

    Attributes
    ----------
    params : int
        Trained numbers.
    macs : int
        Products that are summed, of convolutions and linear layers, for one input.
    """

    params: int
    macs: int


def costs(model: nn.Module, example: torch.Tensor) -> Costs:
    """Count what a network costs.

    Parameters
    ----------
    model : nn.Module
        The network.
    example : Tensor
        A batch of inputs, whose first axis is that of inputs.
    """
    macs = 0

    def count(module: nn.Module, given: Any, result: torch.Tensor) -> None:
        nonlocal macs
        weight = module.weight
        assert isinstance(weight, torch.Tensor)
        macs += result.numel() // len(result) * math.prod(weight.shape[1:])

    counted = [module for module in model.modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    hooks = [module.register_forward_hook(count) for module in counted]
    training = model.training
    try:
        model.eval()
        with torch.no_grad():
            model(example)
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return Costs(sum(each.numel() for each in model.parameters()), macs)
