"""Networks without some of their channels: smaller weights, nothing else."""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn

from compress.network import operations
from compress.network.channels import Channels


def shrunk(channels: Channels, removed: NDArray[np.int64]) -> fx.GraphModule:
    """Give a copy of a network without some channels.

    Parameters
    ----------
    channels : Channels
        The network.
    removed : ndarray
        The numbers of those that go.
    """
    graph = copy.deepcopy(channels.graph)
    gone = set(channels.roots(removed).tolist())
    for name, read in channels.read.items():
        module = graph.get_submodule(name)
        rows, columns = _kept(channels, channels.rows(name), gone), _kept(channels, read, gone)
        if isinstance(module, (*operations.NORMS, nn.PReLU)):
            _shrink_norm(module, rows)
        elif isinstance(module, nn.Linear):
            _shrink_linear(module, rows, columns)
        elif isinstance(module, nn.Conv2d):
            _shrink_convolution(module, rows, columns)
    return graph


def _kept(channels: Channels, numbers: NDArray[np.int64], gone: set[int]) -> torch.Tensor:
    places = [i for i, number in enumerate(channels.roots(numbers).tolist()) if number not in gone]
    return torch.tensor(places, dtype=torch.long)


def _select(module: nn.Module, name: str, places: torch.Tensor, axis: int = 0) -> None:
    """Keep some parts of a parameter or buffer, along an axis."""
    old = getattr(module, name, None)
    if old is None or len(places) == old.shape[axis]:
        return
    new = old.detach().index_select(axis, places.to(old.device)).clone()
    if isinstance(old, nn.Parameter):
        setattr(module, name, nn.Parameter(new, old.requires_grad))
    else:
        setattr(module, name, new)


def _shrink_norm(module: nn.Module, places: torch.Tensor) -> None:
    for name in ("weight", "bias", "running_mean", "running_var"):
        _select(module, name, places)
    if isinstance(module, nn.PReLU):
        module.num_parameters = len(places)
    elif isinstance(module, operations.NORMS):
        module.num_features = len(places)


def _shrink_linear(module: nn.Linear, rows: torch.Tensor, columns: torch.Tensor) -> None:
    _select(module, "weight", rows)
    _select(module, "weight", columns, 1)
    _select(module, "bias", rows)
    module.out_features, module.in_features = len(rows), len(columns)


def _shrink_convolution(module: nn.Conv2d, rows: torch.Tensor, columns: torch.Tensor) -> None:
    if module.groups == 1:
        _select(module, "weight", rows)
        _select(module, "weight", columns, 1)
    elif module.groups == module.in_channels:
        _select(module, "weight", rows)
        module.groups = len(columns)
    else:
        _shrink_grouped(module, rows, columns)
    _select(module, "bias", rows)
    module.out_channels, module.in_channels = len(rows), len(columns)


def _shrink_grouped(module: nn.Conv2d, rows: torch.Tensor, columns: torch.Tensor) -> None:
    """Keep of every group of a convolution its own columns."""
    out, into = module.out_channels // module.groups, module.in_channels // module.groups
    parts = []
    for group in range(module.groups):
        own_rows = rows[(rows >= group * out) & (rows < (group + 1) * out)]
        own = columns[(columns >= group * into) & (columns < (group + 1) * into)] - group * into
        parts.append(module.weight.detach().index_select(0, own_rows).index_select(1, own))
    module.weight = nn.Parameter(torch.cat(parts).clone(), module.weight.requires_grad)
