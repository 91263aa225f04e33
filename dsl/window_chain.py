"""Chains of windows: programs of arithmetic and means over one box, which a row at a time goes through at once.

The guided filter is one: means of products, arithmetic with them, means of that. What they are is found here without
Halide; :mod:`dsl.lowering.fused_windows` lowers them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dsl.ir import SCALAR, Image, Node

#: Arithmetic that the rows know (dsl/registers/arithmetic.py).
_NUMBERS = ("neg", "abs", "sqrt", "exp", "floor", "add", "sub", "mul", "div", "min", "max")
_CONDITIONS = ("lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not", "select")
ARITHMETIC = frozenset((*_NUMBERS, *_CONDITIONS))
#: Windows of windows that the rows know.
MOST_DEPTH = 2

#: Operation, the lines it takes, and numbers: the place of a leaf or scalar, a channel, a coordinate of levels; or,
#: by float.hex, a constant.
Line = tuple[str, tuple[int, ...], tuple[int | str, ...]]


@dataclass
class Chain:
    """A program of one channel a line, in order.

    Attributes
    ----------
    lines : list of Line
        ``leaf (index, channel)``, ``constant (value)``, ``number (index)``, ``level (coordinate)``, ``mean`` over the
        box, or arithmetic.
    leaves, numbers : list of Node
        Images it starts from; scalars.
    radius : Node or None
        Of the box, a scalar.
    outputs : list of list of int
        The lines of each result, by channel.
    """

    lines: list[Line] = field(default_factory=list)
    leaves: list[Node] = field(default_factory=list)
    numbers: list[Node] = field(default_factory=list)
    radius: Node | None = None
    outputs: list[list[int]] = field(default_factory=list)

    @property
    def means(self) -> int:
        """How many windows there are."""
        return sum(op == "mean" for op, _, _ in self.lines)


def depths(lines: Sequence[Line]) -> list[int]:
    """Give for every line how many windows lie within each other there."""
    found: list[int] = []
    for op, args, _ in lines:
        found.append(max((found[i] for i in args), default=0) + (op == "mean"))
    return found


def chain(outputs: Sequence[Node], is_leaf: Callable[[Node], bool]) -> Chain | None:
    """Find the chain that gives some nodes from others, or None if they are none."""
    builder = _Builder(is_leaf)
    try:
        builder.chain.outputs = [builder.image(node) for node in outputs]
    except _NoChainError:
        return None
    found = builder.chain
    return found if found.means and max(depths(found.lines)) <= MOST_DEPTH else None


def of_program(nodes: Sequence[Node], outputs: Sequence[Node]) -> Chain | None:
    """Find the chain that a whole program is: at least two windows, else there is nothing to go through at once."""
    if is_decomposed(nodes):
        return None
    found = chain(outputs, lambda node: node.op == "input")
    return found if found is not None and found.means > 1 else None


def is_decomposed(nodes: Sequence[Node]) -> bool:
    """Tell whether a program goes through levels."""
    return any(node.op == "interpolated" for node in nodes)


class _NoChainError(Exception):
    """Something is not of a chain."""


class _Builder:
    def __init__(self, is_leaf: Callable[[Node], bool]) -> None:
        self.chain, self.is_leaf = Chain(), is_leaf
        self.places: dict[Line, int] = {}
        self.images: dict[int, list[int]] = {}

    def line(self, op: str, args: Sequence[int] = (), numbers: Sequence[int | str] = ()) -> int:
        line = op, tuple(args), tuple(numbers)
        if line not in self.places:
            self.places[line] = len(self.chain.lines)
            self.chain.lines.append(line)
        return self.places[line]

    def image(self, node: Node) -> list[int]:
        """Give the lines of a node, by channel."""
        if id(node) not in self.images:
            self.images[id(node)] = self._image(node)
        return self.images[id(node)]

    def _image(self, node: Node) -> list[int]:
        if not isinstance(node.type, Image):
            if node.type != SCALAR:
                raise _NoChainError
            if node.op == "constant":
                return [self.line("constant", (), [str(node.attributes[0])])]
            return [self.line("number", (), [_place(self.chain.numbers, node)])]
        count = max(node.type.channels, 1)
        if self.is_leaf(node):
            leaf = _place(self.chain.leaves, node)
            return [self.line("leaf", (), [leaf, c]) for c in range(count)]
        if node.op == "level":
            return [self.line("level", (), [int(node.attributes[0])])]  # type: ignore[arg-type]
        if node.op == "convolve":
            self._check_box(node)
            return [self.line("mean", [i]) for i in self.image(node.args[0])]
        operands = [self.image(arg) for arg in node.args] if self._is_known(node) else []
        if node.op == "stack":
            return [i for operand in operands for i in operand]
        if node.op == "component":
            return [operands[0][int(node.attributes[0])]]  # type: ignore[arg-type]
        wide = [operand * count if len(operand) == 1 else operand for operand in operands]
        return [self.line(node.op, [operand[c] for operand in wide]) for c in range(count)]

    def _is_known(self, node: Node) -> bool:
        if node.op not in ARITHMETIC and node.op not in ("stack", "component"):
            raise _NoChainError
        return True

    def _check_box(self, node: Node) -> None:
        down, across = node.args[1:]
        if down.op != "box" or across.op != "box" or down.args[0] is not across.args[0]:
            raise _NoChainError
        if self.chain.radius not in (None, down.args[0]):
            raise _NoChainError
        self.chain.radius = down.args[0]


def _place(nodes: list[Node], node: Node) -> int:
    """Give a node's place in a list, at the end if it is not there yet."""
    for i, other in enumerate(nodes):
        if other is node:
            return i
    nodes.append(node)
    return len(nodes) - 1
