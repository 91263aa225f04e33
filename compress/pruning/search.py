"""Which channels go, by the feature maps of a network: counts from principal components, choices from weights."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn

from compress.kernels import Moments, norms
from compress.network import Channels, Group, costs, layers_of, operations, shrunk
from compress.pruning import choosing, compensating, counting, observing
from compress.pruning.report import Layer, Pruned, Report
from compress.sparsity import Sparsify

Method = Literal["paper", "compensated"]
Observed = Literal["conv", "bn", "relu"]


class Search:
    """A network whose feature maps are known, to be pruned at any ratio.

    Parameters
    ----------
    channels : Channels
        The network.
    batches : iterable
        Inputs.
    observe : str
        Which feature maps are looked at.
    method : str
        Whether what channels did that go is done by others.
    round_to : int or None
        Channels stay in multiples of it.
    least : int
        Channels that stay at least.
    training : bool
        Whether batch normalisation takes its statistics from each batch, for it has none of its own yet.
    """

    def __init__(
        self,
        channels: Channels,
        batches: Iterable[Any],
        observe: Observed,
        method: Method,
        round_to: int | None,
        least: int,
        *,
        training: bool = False,
    ) -> None:
        self.channels, self.method, self.round_to, self.least = channels, method, round_to, least
        self.groups = channels.groups()
        self._nodes = {node.name: node for node in channels.graph.graph.nodes}
        looked_at = {group.node: _behind(channels.graph, self._nodes[group.node], observe) for group in self.groups}
        moments = {name: Moments(len(channels.at[name])) for name in looked_at.values()}
        layers = layers_of(channels.graph) if method == "compensated" else {}
        # Those that mix channels; others only hand them on.
        self._readers = {
            name: node for name, node in layers.items() if getattr(channels.graph.get_submodule(name), "groups", 1) == 1
        }
        for name, node in self._readers.items():
            moments.setdefault(node.args[0].name, Moments(len(channels.distinct(name))))
        self.inputs = observing.observe(channels.graph, batches, moments, training=training)
        self.spectra = {name: counting.spectrum(moments[seen].covariance) for name, seen in looked_at.items()}
        self._moments = moments
        self._scores = {group.node: self._score(group) for group in self.groups}

    def _score(self, group: Group) -> NDArray[np.float64]:
        """Give the L1 norm of each channel's weights, as a part of the mean; of several producers the mean."""
        total = np.zeros(len(group.numbers))
        for name in group.producers:
            weight = self.channels.graph.get_submodule(name).weight
            assert isinstance(weight, torch.Tensor)
            sizes = norms(weight.detach().float().cpu()).l1
            total += self.channels.by_channel(group, name, sizes / max(sizes.mean(), 1e-30))
        return total / len(group.producers)

    def count(self, group: Group, ratio: float) -> int:
        """Give how many channels of a group stay."""
        wanted = counting.count(self.spectra[group.node], ratio)
        return counting.rounded(wanted, len(group.numbers), group.blocks, self.round_to, self.least)

    def result(
        self, ratio: float, target: Mapping[str, float] | None, example: torch.Tensor, sparsify: Sparsify | None = None
    ) -> Pruned:
        """Give the network pruned at a ratio, or at that for which a share of its costs is removed.

        ``sparsify`` is what it was trained with before, for the report.
        """
        before = costs(self.channels.graph, example)
        used = ratio if target is None else choosing.for_target(target, self.channels, self.removed)
        model = self.pruned(used)
        layers = tuple(self.layer(group, used) for group in self.groups)
        after, shape = costs(model, example), tuple(example.shape[1:])
        report = Report(self.method, used, self.inputs, shape, layers, before, after, sparsify)
        return Pruned(model, report)

    def layer(self, group: Group, ratio: float) -> Layer:
        """Tell what becomes of a group at a ratio."""
        spectrum = tuple(self.spectra[group.node].tolist())
        return Layer(group.producers, len(group.numbers), self.count(group, ratio), spectrum)

    def removed(self, ratio: float) -> NDArray[np.int64]:
        """Give the channels that go."""
        counts = {group.node: self.count(group, ratio) for group in self.groups}
        return choosing.beyond(self.groups, self._scores, counts)

    def pruned(self, ratio: float) -> fx.GraphModule:
        """Give the network without the channels that go at a ratio."""
        removed = self.removed(ratio)
        channels = copy.copy(self.channels)
        if self.method == "compensated":
            channels.graph = copy.deepcopy(self.channels.graph)
            gone = set(channels.roots(removed).tolist())
            for name, node in self._readers.items():
                roots = channels.roots(channels.distinct(name))
                kept = np.array([root not in gone for root in roots.tolist()])
                if not kept.all() and kept.any():
                    moments = self._moments[node.args[0].name]
                    compensating.compensate(channels.graph, node, moments, kept)
        return shrunk(channels, removed)


def _behind(graph: fx.GraphModule, node: fx.Node, observe: Observed) -> str:
    """Give the node whose result is looked at: behind the next batch normalisation, or the next activation."""
    kinds: Sequence[Any] = {"conv": (), "bn": (operations.NORMS,), "relu": (operations.NORMS, nn.ReLU)}[observe]
    for kind in kinds:
        for user in node.users:
            if user.op == "call_module" and isinstance(graph.get_submodule(str(user.target)), kind):
                node = user
                break
    return node.name
