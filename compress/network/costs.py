"""What a network costs: parameters, and products of an input."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from compress.network.channels import Channels


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


def costs_without(channels: Channels, removed: NDArray[np.int64]) -> Costs:
    """Count what a network would cost without some channels, from shapes alone: nothing is copied, nothing runs.

    Parameters
    ----------
    channels : Channels
        The network.
    removed : ndarray
        The numbers of those that go.
    """
    stays = np.ones(channels.count, np.bool_)
    stays[channels.roots(removed)] = False
    positions = _positions(channels)
    params, macs = sum(each.numel() for each in channels.graph.parameters()), 0
    for name, read in channels.read.items():
        module = channels.graph.get_submodule(name)
        rows, columns = (int(stays[channels.roots(each)].sum()) for each in (channels.rows(name), read))
        groups = getattr(module, "groups", 1)
        wide = 1 if 1 < groups == len(read) else columns // groups  # columns that each row has
        for parameter in module.parameters(recurse=False):
            size = rows * (wide * math.prod(parameter.shape[2:]) if parameter.ndim > 1 else 1)
            params += size - parameter.numel()
            if parameter.ndim > 1:
                macs += size * positions[name]
    return Costs(params, macs)


def _positions(channels: Channels) -> dict[str, int]:
    """Give how often a layer's weights are multiplied for one input: at all positions, whenever it is used."""
    found: dict[str, int] = {}
    for node in channels.graph.graph.nodes:
        if node.op == "call_module" and str(node.target) in channels.read:
            found[str(node.target)] = found.get(str(node.target), 0) + math.prod(node.meta["tensor_meta"].shape[2:])
    return found
