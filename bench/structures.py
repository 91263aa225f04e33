"""Smaller networks of one architecture, with initial weights: what is to be beaten by pruning before training.

Each function gives a network that has not been trained, at a share of parameters or MACs that is removed. Channels are
chosen by uniform width, or by sums over their weights of what says of single weights how much they matter; layers keep
a few in any case, as :func:`compress.prune` lets them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn

from compress.network import Channels, Group, costs_without, shrunk, trace
from compress.pruning import counting
from compress.pruning.choosing import Scores, beyond, for_target

#: Channels that stay of a layer at least.
_LEAST = 4
_NONE = np.array([], np.int64)


def uniform(model: nn.Module, example: torch.Tensor, target: Mapping[str, float]) -> fx.GraphModule:
    """Give a network of whose layers each has the same share of its channels."""
    channels = trace(copy.deepcopy(model), example)
    groups = channels.groups()
    alike = {group.node: np.zeros(len(group.numbers)) for group in groups}

    def removed(share: float) -> NDArray[np.int64]:
        wanted = {group.node: round(share * len(group.numbers)) for group in groups}
        return _beyond(groups, alike, wanted)

    return shrunk(channels, removed(for_target(target, channels, removed)))


def snip(
    model: nn.Module, batches: Iterable[tuple[torch.Tensor, torch.Tensor]], target: Mapping[str, float]
) -> fx.GraphModule:
    """Give a network by how much the loss would change without single weights: the absolute gradient times the weight.

    Lee, Ajanthan, Torr: SNIP: single-shot network pruning based on connection sensitivity. ICLR 2019.
    """
    kept = list(batches)
    channels = trace(copy.deepcopy(model), kept[0][0][:1])
    graph = copy.deepcopy(channels.graph).train()  # the statistics of batch normalisation become those of the batches
    for images, labels in kept:
        nn.functional.cross_entropy(graph(images), labels.long()).backward()
    return _by(channels, _sensitivities(channels, graph), target)


def synflow(model: nn.Module, example: torch.Tensor, target: Mapping[str, float], steps: int = 100) -> fx.GraphModule:
    """Give a network by how much passes through single weights, all taken as positive: in steps, of equal shares each.

    Tanaka, Kunin, Yamins, Ganguli: Pruning neural networks without any data by iteratively conserving synaptic flow.
    NeurIPS 2020.
    """
    ((name, share),) = target.items()
    channels = trace(copy.deepcopy(model), example)
    whole = getattr(costs_without(channels, _NONE), name)
    for step in range(1, steps + 1):
        wanted = whole * (1 - share) ** (step / steps)
        now = getattr(costs_without(channels, _NONE), name)
        smaller = _by(channels, _flows(channels, example), {name: max(1 - wanted / now, 0)})
        channels = trace(smaller, example)
    return channels.graph


def _flows(channels: Channels, example: torch.Tensor) -> Scores:
    graph = copy.deepcopy(channels.graph).eval().double()  # products of many layers leave float32
    with torch.no_grad():
        for parameter in graph.parameters():
            parameter.abs_()
    graph(torch.ones_like(example, dtype=torch.float64)).sum().backward()
    return _sensitivities(channels, graph)


def _sensitivities(channels: Channels, graph: fx.GraphModule) -> Scores:
    """Give for each channel the sum of gradient times weight, absolute, over all weights that make it."""
    found: dict[str, NDArray[np.float64]] = {}
    for group in channels.groups():
        found[group.node] = np.zeros(len(group.numbers))
        for name in group.producers:
            weight = graph.get_submodule(name).weight
            sums = (weight.grad * weight.detach()).abs().flatten(1).sum(1)
            found[group.node] += channels.by_channel(group, name, sums.double().numpy())
    return found


def _by(channels: Channels, scores: Scores, target: Mapping[str, float]) -> fx.GraphModule:
    """Give a network of those channels whose scores are the largest of all layers."""
    groups = channels.groups()
    ranked = np.sort(np.concatenate(list(scores.values())))[::-1]

    def removed(share: float) -> NDArray[np.int64]:
        threshold = ranked[max(int(share * len(ranked)) - 1, 0)]
        return _beyond(groups, scores, {name: int((each >= threshold).sum()) for name, each in scores.items()})

    return shrunk(channels, removed(for_target(target, channels, removed)))


def _beyond(groups: Sequence[Group], scores: Scores, wanted: Mapping[str, int]) -> NDArray[np.int64]:
    """Give the channels that go if about so many of each group stay."""
    counts = {g.node: counting.rounded(wanted[g.node], len(g.numbers), g.blocks, None, _LEAST) for g in groups}
    return beyond(groups, scores, counts)
