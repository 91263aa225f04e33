"""Pruning by principal components: they say how many channels a layer needs, the weights which."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn

from compress.kernels import Moments, norms
from compress.network import Channels, Costs, Group, costs, files, layers_of, operations, shrunk, trace
from compress.pruning import compensating, counting, observing
from dsl.arguments import choice, number, whole

Method = Literal["paper", "compensated"]
Observed = Literal["conv", "bn", "relu"]
#: Steps of the search for a ratio: counts change at far fewer of them.
_STEPS = 40


@dataclass(frozen=True)
class Layer:
    """What became of the channels that some modules share.

    Attributes
    ----------
    modules : tuple of str
        Those that make the channels.
    before, after : int
        Channels.
    spectrum : tuple of float
        Variances along principal components, the largest first.
    """

    modules: tuple[str, ...]
    before: int
    after: int
    spectrum: tuple[float, ...]


@dataclass(frozen=True)
class Report:
    """What pruning did.

    Attributes
    ----------
    method : str
        Of :func:`prune`.
    ratio : float
        The share of the variance that channels were counted by.
    inputs : int
        Inputs that were looked at.
    layers : tuple of Layer
        In the order of the network.
    before, after : Costs
        Parameters and MACs.
    """

    method: str
    ratio: float
    inputs: int
    layers: tuple[Layer, ...]
    before: Costs
    after: Costs

    def data(self) -> dict[str, Any]:
        """Give plain data, for JSON."""
        return asdict(self)

    @staticmethod
    def of(data: Mapping[str, Any]) -> Report:
        """Read what :meth:`data` gave."""
        layers = (
            Layer(tuple(each["modules"]), each["before"], each["after"], tuple(each["spectrum"]))
            for each in data["layers"]
        )
        counted = {name: Costs(**data[name]) for name in ("before", "after")}
        return Report(**{**data, "layers": tuple(layers), **counted})

    def __str__(self) -> str:
        """Print a table."""
        width = max([len(", ".join(layer.modules)) for layer in self.layers] + [6])
        lines = [f"{'layer':<{width}}  before  after"]
        lines += [f"{', '.join(x.modules):<{width}}  {x.before:>6}  {x.after:>5}" for x in self.layers]
        for name in ("params", "macs"):
            before, after = getattr(self.before, name), getattr(self.after, name)
            lines.append(f"{name}: {before:,} -> {after:,} ({1 - after / before:.1%} removed)")
        return "\n".join(lines)


@dataclass(frozen=True)
class Pruned:
    """A smaller network, and how it came about."""

    model: fx.GraphModule
    report: Report

    def save(self, path: str | Path) -> Path:
        """Write both to a file, which :func:`compress.load` reads; ``.safetensors`` is usual.

        Raises
        ------
        UnsupportedError
            If a layer or function cannot be written; nothing is then.
        """
        return files.save(self.model, path, {"kind": "pruned", "report": self.report.data()})


def prune(
    model: nn.Module,
    batches: Iterable[Any],
    *,
    ratio: float = 0.99,
    target: Mapping[str, float] | None = None,
    method: Method = "compensated",
    round_to: int | None = None,
    observe: Observed = "conv",
    least: int = 4,
) -> Pruned:
    """Remove channels of a trained network that its feature maps do not need.

    Principal components of each layer's feature maps say how many channels stay: as many as have the share ``ratio`` of
    the variance. The L1 norm of the weights that make a channel says which.

    Parameters
    ----------
    model : nn.Module
        A network that ``torch.fx`` can trace; it stays as it is.
    batches : iterable
        Inputs, as tensors or arrays (N, C, H, W), alone or with labels; they are gone through twice. There should be
        twenty positions of feature maps for each channel.
    ratio : float
        Above 0, up to 1.
    target : mapping, optional
        ``{"params": 0.45}`` or ``{"macs": 0.5}``: the share that is to be removed, for which the ratio is searched.
    method : str
        ``"paper"``: channels are removed, that is all. ``"compensated"``: those that stay take over what least squares
        lets them of the others', and batch normalisation is calibrated anew.
    round_to : int, optional
        Channels stay in multiples of it: vectors and matrix units like 8 or 16.
    observe : str
        Which feature maps: behind the convolution, its batch normalisation, or the ReLU after that.
    least : int
        Channels that stay at least.

    Returns
    -------
    Pruned
        ``model``, which is smaller, and ``report``.

    Raises
    ------
    UnsupportedError
        If an operation is not known, by name.

    References
    ----------
    Hirose, Maeda, Hamamoto: Pruning by principal component analysis and re-training. IWAIT 2024.
    """
    number(ratio, "ratio", 1e-6, 1)
    choice(method, "method", ("paper", "compensated"))
    choice(observe, "observe", ("conv", "bn", "relu"))
    whole(least, "least")
    whole(round_to if round_to is not None else 1, "round_to")
    again = list(batches) if isinstance(batches, Iterator) else batches
    example = next(observing.inputs(again), None)
    if example is None:
        raise ValueError("batches are none")
    channels = trace(copy.deepcopy(model), example[:1])
    search = _Search(channels, again, observe, method, round_to, least)
    before = costs(channels.graph, example[:1])
    used = ratio if target is None else search.ratio_for(target, before, example[:1])
    pruned = search.pruned(used)
    if method == "compensated":
        observing.recalibrate(pruned, again)
    layers = tuple(search.layer(group, used) for group in search.groups)
    return Pruned(pruned, Report(method, used, search.inputs, layers, before, costs(pruned, example[:1])))


class _Search:
    """A network whose feature maps are known, to be pruned at any ratio."""

    def __init__(
        self,
        channels: Channels,
        batches: Iterable[Any],
        observe: Observed,
        method: Method,
        round_to: int | None,
        least: int,
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
        for node in self._readers.values():
            source = node.args[0].name
            moments.setdefault(source, Moments(len(self._read(node))))
        self.inputs = observing.observe(channels.graph, batches, moments)
        self.spectra = {name: counting.spectrum(moments[seen].covariance) for name, seen in looked_at.items()}
        self._moments = moments
        self._scores = {group.node: self._score(group) for group in self.groups}

    def _read(self, node: fx.Node) -> NDArray[np.int64]:
        """Give the channels that a layer reads; those of a flattened tensor, which have several features, each once."""
        read = self.channels.read[str(node.target)]
        if not isinstance(self.channels.graph.get_submodule(str(node.target)), nn.Linear):
            return read
        firsts = np.flatnonzero(np.diff(read, prepend=-1))
        return read[:: len(read) // len(firsts)]

    def _score(self, group: Group) -> NDArray[np.float64]:
        """Give the L1 norm of each channel's weights, as a part of the mean; of several producers the mean."""
        total = np.zeros(len(group.numbers))
        for name in group.producers:
            weight = self.channels.graph.get_submodule(name).weight
            assert isinstance(weight, torch.Tensor)
            sizes = norms(weight.detach().float().cpu()).l1
            own = dict(zip(self.channels.roots(self.channels.made[name]).tolist(), sizes, strict=True))
            total += [own.get(each, 0.0) / max(sizes.mean(), 1e-30) for each in group.numbers.tolist()]
        return total / len(group.producers)

    def count(self, group: Group, ratio: float) -> int:
        """Give how many channels of a group stay."""
        wanted = counting.count(self.spectra[group.node], ratio)
        return counting.rounded(wanted, len(group.numbers), group.blocks, self.round_to, self.least)

    def layer(self, group: Group, ratio: float) -> Layer:
        """Tell what becomes of a group at a ratio."""
        spectrum = tuple(self.spectra[group.node].tolist())
        return Layer(group.producers, len(group.numbers), self.count(group, ratio), spectrum)

    def removed(self, ratio: float) -> NDArray[np.int64]:
        """Give the channels that go."""
        gone: list[int] = []
        for group in self.groups:
            scores = self._scores[group.node].reshape(group.blocks, -1)
            stay = self.count(group, ratio) // group.blocks
            order = np.argsort(-scores, axis=1, kind="stable")[:, stay:]
            gone += np.take_along_axis(group.numbers.reshape(group.blocks, -1), order, axis=1).ravel().tolist()
        return np.array(gone, np.int64)

    def pruned(self, ratio: float) -> fx.GraphModule:
        """Give the network without the channels that go at a ratio."""
        removed = self.removed(ratio)
        channels = copy.copy(self.channels)
        if self.method == "compensated":
            channels.graph = copy.deepcopy(self.channels.graph)
            gone = set(channels.roots(removed).tolist())
            for node in self._readers.values():
                roots = channels.roots(self._read(node))
                kept = np.array([root not in gone for root in roots.tolist()])
                if not kept.all() and kept.any():
                    moments = self._moments[node.args[0].name]
                    compensating.compensate(channels.graph, node, moments, kept)
        return shrunk(channels, removed)

    def ratio_for(self, target: Mapping[str, float], before: Costs, example: torch.Tensor) -> float:
        """Search for the ratio at which a share of the costs is removed, as nearly as can be."""
        if len(target) != 1 or next(iter(target)) not in ("params", "macs"):
            raise ValueError(f"target must be {{'params': share}} or {{'macs': share}}, not {dict(target)!r}")
        ((name, share),) = target.items()
        number(share, f"target[{name!r}]", 0, 1)

        def missing(ratio: float) -> float:
            after = costs(shrunk(self.channels, self.removed(ratio)), example)
            return 1 - getattr(after, name) / getattr(before, name) - share

        low, high = 0.0, 1.0
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if missing(middle) > 0 else (low, middle)
        return min((low, high), key=lambda ratio: abs(missing(ratio)))


def _behind(graph: fx.GraphModule, node: fx.Node, observe: Observed) -> str:
    """Give the node whose result is looked at: behind the next batch normalisation, or the next activation."""
    kinds: Sequence[Any] = {"conv": (), "bn": (operations.NORMS,), "relu": (operations.NORMS, nn.ReLU)}[observe]
    for kind in kinds:
        for user in node.users:
            if user.op == "call_module" and isinstance(graph.get_submodule(str(user.target)), kind):
                node = user
                break
    return node.name
