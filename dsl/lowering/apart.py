"""What arithmetic is a stage of its own: long chains, and what is computed under a condition.

Halide goes through expressions as trees: in long chains, of which each link reads several channels of the one before,
what is shared is written out so often that nothing else is done.

Where a number decides between two images, both would be computed for every pixel. As a stage of its own it is a branch,
and what is needed in one of its arms alone is computed there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dsl.ir import SCALAR, Image, Node

#: Operations that an expression has at most, written out as a tree.
_MOST_WRITTEN = 1024
#: How often operands are written, of operations that do so more than once.
_WRITTEN_SEVERAL_TIMES = {"min": (3, 2), "max": (3, 2), "mod": (2, 2)}
#: Operations of both arms from which on a branch is less than to compute them.
_WORTH_A_BRANCH = 16


@dataclass(frozen=True)
class Apart:
    """A node that is a stage of its own.

    Attributes
    ----------
    node : Node
        What it computes.
    branch : bool
        Whether it is a choice by a number.
    within : Node or None
        The choice that it is computed in an arm of, if it is not needed otherwise.
    """

    node: Node
    branch: bool
    within: Node | None


def find(nodes: Sequence[Node], is_end: Callable[[Node], bool], *, branches: bool) -> list[Apart]:
    """Find what is to be a stage of its own, of arithmetic that starts from ``is_end``: each behind what it reads."""
    found: list[Node] = []
    sizes: dict[int, int] = {}

    def is_branch(node: Node) -> bool:
        return branches and _is_choice(node) and _operations(node, is_end) >= _WORTH_A_BRANCH

    def size(node: Node) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = 1
            if isinstance(node.type, Image) and not is_end(node):
                times = _WRITTEN_SEVERAL_TIMES.get(node.op, (1,) * len(node.args))
                sizes[id(node)] = sum(n * size(arg) for arg, n in zip(node.args, times, strict=True)) + 1
                large = sizes[id(node)] > _MOST_WRITTEN and node.op not in ("component", "stack")
                if large or is_branch(node):
                    found.append(node)
                    sizes[id(node)] = 1
        return sizes[id(node)]

    for node in nodes:
        size(node)
    chosen = [node for node in found if is_branch(node)]
    return [Apart(node, any(node is each for each in chosen), _owner(node, nodes, chosen, is_end)) for node in found]


def _is_choice(node: Node) -> bool:
    return node.op == "select" and node.args[0].type == SCALAR


def _operations(node: Node, is_end: Callable[[Node], bool]) -> int:
    return len(_reached([node], is_end, None)) - 1


def _owner(node: Node, nodes: Sequence[Node], choices: Sequence[Node], is_end: Callable[[Node], bool]) -> Node | None:
    """Give the innermost choice, of those listed from the inside, without whose arms a node is not needed."""
    for choice in choices:
        if choice is not node and id(node) not in _reached(nodes, is_end, choice):
            return choice
    return None


def _reached(nodes: Sequence[Node], is_end: Callable[[Node], bool], without: Node | None) -> set[int]:
    """Give the arithmetic on images that nodes are made of, but for the arms of a choice."""
    reached: set[int] = set()
    ahead = [node for node in nodes if isinstance(node.type, Image)]
    while ahead:
        node = ahead.pop()
        if id(node) not in reached and not is_end(node):
            reached.add(id(node))
            if node is not without:
                ahead += [arg for arg in node.args if isinstance(arg.type, Image)]
    return reached
