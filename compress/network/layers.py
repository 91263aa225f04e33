"""Layers that have weights: where they are in the graph, and constants that are added to what they give."""

from __future__ import annotations

import torch
from torch import fx, nn


def layers_of(graph: fx.GraphModule) -> dict[str, fx.Node]:
    """Give the convolutions and linear layers, by name, each with the first node that calls it."""
    found: dict[str, fx.Node] = {}
    for node in graph.graph.nodes:
        if node.op == "call_module" and isinstance(graph.get_submodule(str(node.target)), (nn.Conv2d, nn.Linear)):
            found.setdefault(str(node.target), node)
    return found


def add_constant(graph: fx.GraphModule, node: fx.Node, constant: torch.Tensor) -> None:
    """Add a constant to each channel of a layer's result: to the bias, or to what batch normalisation takes away."""
    module = graph.get_submodule(str(node.target))
    with torch.no_grad():
        if module.bias is not None:
            module.bias += constant
            return
        for user in node.users:
            following = graph.get_submodule(str(user.target)) if user.op == "call_module" else None
            if isinstance(following, nn.BatchNorm2d) and following.running_mean is not None and len(node.users) == 1:
                following.running_mean -= constant
                return
        module.bias = nn.Parameter(constant.clone())
