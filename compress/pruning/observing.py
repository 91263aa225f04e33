"""Moments of a network's tensors while batches go through it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import fx

from compress.kernels import Moments


class Observer(fx.Interpreter):
    """Runs a network and adds up the moments of some nodes' results, by channel.

    Parameters
    ----------
    graph : fx.GraphModule
        The network.
    moments : mapping
        Where those of each node go, by its name. Results of more features than channels are flattened ones.
    """

    def __init__(self, graph: fx.GraphModule, moments: Mapping[str, Moments]) -> None:
        super().__init__(graph)
        self.moments = moments

    def run_node(self, n: fx.Node) -> Any:
        """Run a node, and look at its result."""
        result = super().run_node(n)
        if n.name in self.moments:
            found = self.moments[n.name]
            if result.ndim == 2 and result.shape[1] > found.channels:
                result_by_channel = result.reshape(len(result), found.channels, -1, 1)
            else:
                result_by_channel = result
            found.add(result_by_channel.float().cpu())
        return result


def observe(
    graph: fx.GraphModule, batches: Iterable[Any], moments: Mapping[str, Moments], *, training: bool = False
) -> int:
    """Let batches go through a network, as it evaluates or trains; give how many inputs there were."""
    before, count = graph.training, 0
    graph.train(training)
    observer = Observer(graph, moments)
    with torch.no_grad():
        for images in inputs(batches):
            observer.run(images)
            count += len(images)
    graph.train(before)
    return count


def repeatable(batches: Iterable[Any]) -> Iterable[Any]:
    """Give batches that can be gone through again: what an iterator gives becomes a list."""
    return list(batches) if isinstance(batches, Iterator) else batches


def inputs(batches: Iterable[Any]) -> Iterator[torch.Tensor]:
    """Give the inputs of batches: tensors or arrays, alone or with labels behind them."""
    for batch in batches:
        images = batch[0] if isinstance(batch, (tuple, list)) else batch
        yield torch.as_tensor(images)


def recalibrate(graph: fx.GraphModule, batches: Iterable[Any]) -> None:
    """Compute the statistics of batch normalisation anew: the mean over batches of theirs."""
    norms = [module for module in graph.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
    momenta = [module.momentum for module in norms]
    training = graph.training
    for module in norms:
        module.reset_running_stats()
        module.momentum = None
    graph.train()
    with torch.no_grad():
        for images in inputs(batches):
            graph(images)
    graph.train(training)
    for module, momentum in zip(norms, momenta, strict=True):
        module.momentum = momentum
