"""Which channels of a network have to go together.

Every channel of every tensor has a number. Operations hand numbers on, and where tensors meet, as at the end of a
residual block, the numbers of two channels are made one. What has one number is removed together, wherever it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from compress.network import operations

Numbers = NDArray[np.int64]


class UnsupportedError(ValueError):
    """An operation of a network that is not known here; the message names it."""


@dataclass(frozen=True)
class Group:
    """Channels that are chosen from together, of which any may go.

    Attributes
    ----------
    producers : tuple of str
        The modules that make them.
    numbers : ndarray
        The channels, by number.
    blocks : int
        Of so many equal parts as many channels must stay: those of a grouped convolution.
    node : str
        The node of the graph whose result they are: of several producers the last one where tensors meet.
    """

    producers: tuple[str, ...]
    numbers: Numbers
    blocks: int
    node: str


@dataclass
class Channels:
    """The channels of a traced network.

    Attributes
    ----------
    graph : fx.GraphModule
        The network.
    made : dict
        By module that has weights, the numbers of the channels that it makes.
    read : dict
        By module, the numbers of those that it reads; of a linear layer behind a flattened tensor each comes several
        times.
    at : dict
        By node, the numbers of the channels of its result.
    """

    graph: fx.GraphModule
    made: dict[str, Numbers] = field(default_factory=dict)
    read: dict[str, Numbers] = field(default_factory=dict)
    at: dict[str, Numbers] = field(default_factory=dict)
    _parents: list[int] = field(default_factory=list)
    _fixed: list[Numbers] = field(default_factory=list)
    _grouped: list[tuple[Numbers, int]] = field(default_factory=list)

    # -------------------------------------------------------------------------------------------------- numbers

    @property
    def count(self) -> int:
        """How many numbers there are: all are below it."""
        return len(self._parents)

    def new(self, count: int) -> Numbers:
        """Give so many new numbers."""
        first = len(self._parents)
        self._parents += range(first, first + count)
        return np.arange(first, first + count)

    def roots(self, numbers: Numbers) -> Numbers:
        """Give for each number the one that stands for all that are one with it."""
        return np.array([self._root(int(number)) for number in numbers], np.int64)

    def _root(self, number: int) -> int:
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number

    def join(self, first: Numbers, second: Numbers) -> None:
        """Make numbers one, pair by pair."""
        for a, b in zip(self.roots(first).tolist(), self.roots(second).tolist(), strict=True):
            a, b = self._root(a), self._root(b)
            self._parents[max(a, b)] = min(a, b)

    def distinct(self, name: str) -> Numbers:
        """Give the channels that a layer reads; those of a flattened tensor, which have several features, each once."""
        read = self.read[name]
        if not isinstance(self.graph.get_submodule(name), nn.Linear):
            return read
        firsts = np.flatnonzero(np.diff(read, prepend=-1))
        return read[:: len(read) // len(firsts)]

    def rows(self, name: str) -> Numbers:
        """Give the channels of the rows of a module's weights: those that it makes, or hands on one by one."""
        if name in self.made:
            return self.made[name]
        module, read = self.graph.get_submodule(name), self.read[name]
        return np.repeat(read, module.out_channels // len(read)) if isinstance(module, nn.Conv2d) else read

    def by_channel(self, group: Group, name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give what a producer's channels have in the order of a group's; nothing of those that it does not make."""
        places = {number: place for place, number in enumerate(group.numbers.tolist())}
        own = [places[root] for root in self.roots(self.made[name]).tolist()]
        result = np.zeros(len(places))
        np.add.at(result, own, values)
        return result

    def fix(self, numbers: Numbers) -> None:
        """Let channels stay."""
        self._fixed.append(numbers)

    def divide(self, numbers: Numbers, blocks: int) -> None:
        """Let as many channels stay in each of some equal parts."""
        self._grouped.append((numbers, blocks))

    # --------------------------------------------------------------------------------------------------- groups

    def groups(self) -> list[Group]:
        """Give what can be chosen from, in the order of the network."""
        fixed = {int(n) for numbers in self._fixed for n in self.roots(numbers)}
        spaces = _Spaces()
        for made in self.made.values():
            spaces.add(self.roots(made).tolist())
        found = []
        for numbers in spaces.all():
            if fixed.isdisjoint(numbers):
                producers = [name for name, made in self.made.items() if int(self.roots(made)[0]) in numbers]
                first = self.roots(self.made[producers[0]])
                ordered = list(dict.fromkeys([*first.tolist(), *sorted(numbers)]))
                blocks = {count for some, count in self._grouped if int(self.roots(some)[0]) in numbers}
                if len(blocks) < 2 and not self._is_partial(numbers):
                    node = self._node(numbers, producers)
                    found.append(Group(tuple(producers), np.array(ordered), max(blocks, default=1), node))
        return found

    def _is_partial(self, numbers: set[int]) -> bool:
        """Tell whether a module makes some of them among others: a grouped convolution behind concatenated tensors."""
        grouped = [set(self.roots(some).tolist()) for some, _ in self._grouped]
        return any(not each.isdisjoint(numbers) and not each <= numbers for each in grouped)

    def _node(self, numbers: set[int], producers: Sequence[str]) -> str:
        """Give the node to look at: the result of the only producer, or what results of several were joined to."""
        nodes = list(self.graph.graph.nodes)
        if len(producers) == 1:
            return next(node.name for node in nodes if node.op == "call_module" and node.target == producers[0])
        joined = [
            node.name
            for node in nodes
            if _is_joining(node) and node.name in self.at and set(self.roots(self.at[node.name]).tolist()) == numbers
        ]
        made = [node.name for node in nodes if node.op == "call_module" and node.target == producers[-1]]
        return [*made, *joined][-1]


class _Spaces:
    """Sets of numbers, put together where they share some."""

    def __init__(self) -> None:
        self._sets: list[set[int]] = []

    def add(self, numbers: Sequence[int]) -> None:
        merged = set(numbers)
        apart = []
        for each in self._sets:
            if each.isdisjoint(merged):
                apart.append(each)
            else:
                merged |= each
        self._sets = [*apart, merged]

    def all(self) -> list[set[int]]:
        return sorted(self._sets, key=min)


def _is_joining(node: fx.Node) -> bool:
    return (node.op == "call_function" and node.target in operations.JOINING) or (
        node.op == "call_method" and node.target in operations.JOINING_METHODS
    )


# ------------------------------------------------------------------------------------------------------- tracing


def trace(model: nn.Module, example: torch.Tensor) -> Channels:
    """Follow the channels through a network.

    Parameters
    ----------
    model : nn.Module
        A network that ``torch.fx`` can trace.
    example : Tensor
        An input: its shape matters.

    Raises
    ------
    UnsupportedError
        If an operation is not known: the message names it and where it is.
    """
    graph = model if isinstance(model, fx.GraphModule) else fx.symbolic_trace(model)
    training = graph.training
    graph.eval()
    with torch.no_grad():
        ShapeProp(graph).propagate(example)
    graph.train(training)
    found = Channels(graph)
    for node in graph.graph.nodes:
        numbers = _follow(found, node)
        if numbers is not None:
            found.at[node.name] = numbers
    return found


def _shape(node: Any) -> tuple[int, ...] | None:
    meta: Any = node.meta.get("tensor_meta") if isinstance(node, fx.Node) else None
    return tuple(meta.shape) if hasattr(meta, "shape") else None


def _follow(found: Channels, node: fx.Node) -> Numbers | None:
    """Give the numbers of a node's channels; None of what is no tensor of channels."""
    if node.op == "placeholder":
        numbers = found.new((_shape(node) or (0, 0))[1])
        found.fix(numbers)
        return numbers
    if node.op == "output":
        for each in node.all_input_nodes:
            if each.name in found.at:
                found.fix(found.at[each.name])
        return None
    if node.op == "call_module":
        return _through_module(found, node)
    if node.op == "get_attr" or not any(each.name in found.at for each in node.all_input_nodes):
        return None  # arithmetic on sizes
    if node.target in operations.SIZES or (node.target is getattr and node.args[1] in operations.SIZES):
        return None
    return _through_function(found, node)


def _through_module(found: Channels, node: fx.Node) -> Numbers:
    module = found.graph.get_submodule(str(node.target))
    given = found.at[node.args[0].name]
    name = str(node.target)
    if isinstance(module, operations.SAME) or (isinstance(module, nn.PReLU) and module.num_parameters == 1):
        return given
    if isinstance(module, nn.Flatten):
        return _flattened(found, node, given)
    if name in found.read:  # it is used again
        found.join(found.read[name], given)
        return found.made.get(name, given)
    found.read[name] = given
    if isinstance(module, (*operations.NORMS, nn.PReLU)):
        return given
    if isinstance(module, nn.Conv2d):
        return _convolved(found, name, module, given)
    if isinstance(module, nn.Linear) and len(_shape(node) or ()) == 2:
        found.made[name] = found.new(module.out_features)
        return found.made[name]
    raise UnsupportedError(f"{name} is a {type(module).__name__}, which is not known here")


def _convolved(found: Channels, name: str, module: nn.Conv2d, given: Numbers) -> Numbers:
    if 1 < module.groups == module.in_channels:  # each channel by itself
        return np.repeat(given, module.out_channels // module.in_channels)
    made = found.made[name] = found.new(module.out_channels)
    if module.groups > 1:
        found.divide(given, module.groups)
        found.divide(made, module.groups)
    return made


def _through_function(found: Channels, node: fx.Node) -> Numbers:
    tensors = [each for each in node.all_input_nodes if each.name in found.at]
    given = [found.at[each.name] for each in tensors]
    target: Any = node.target
    for each in node.all_input_nodes:
        if each.op == "get_attr":
            raise UnsupportedError(f"{node.name} uses the parameter {each.target}; only those of layers are known here")
    methods = node.op == "call_method"
    if target in (operations.SAME_METHODS if methods else operations.SAME_FUNCTIONS):
        return given[0]
    if _is_joining(node):
        return _joined(found, given)
    if not methods and target in (torch.cat, torch.concat):
        dim = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
        if dim not in (1, 1 - len(_shape(node) or ())):
            raise UnsupportedError(f"{node.name} puts tensors together along axis {dim}, not that of channels")
        return np.concatenate([found.at[each.name] for each in node.args[0]])
    if target in (torch.flatten, "flatten", "view", "reshape", torch.reshape):
        return _flattened(found, node, given[0])
    if target in (torch.mean, "mean"):
        return _averaged(node, given[0])
    raise UnsupportedError(f"{node.name} calls {getattr(target, '__name__', target)}, which is not known here")


def _joined(found: Channels, given: Sequence[Numbers]) -> Numbers:
    """Join the channels of tensors, of which one may have a single channel for all of another's."""
    largest = max(given, key=len)
    for numbers in given:
        if len(numbers) == len(largest):
            found.join(numbers, largest)
        else:
            found.fix(numbers)
    return largest


def _flattened(found: Channels, node: fx.Node, given: Numbers) -> Numbers:
    before, after = _shape(node.args[0]) or (), _shape(node) or ()
    if len(after) == 2 and after[0] == before[0]:
        return np.repeat(given, after[1] // len(given))
    if after[:2] == before[:2]:
        return given
    raise UnsupportedError(f"{node.name} makes {after} of {before}; only (N, features) of (N, C, H, W) is known here")


def _averaged(node: fx.Node, given: Numbers) -> Numbers:
    before, after = _shape(node.args[0]) or (), _shape(node) or ()
    if after[:2] != before[:2]:
        raise UnsupportedError(f"{node.name} averages {before} to {after}, over channels")
    return given
