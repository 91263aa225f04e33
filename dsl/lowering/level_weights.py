"""Weights of levels: an exponential of a sum over the guides' coordinates is a product of one of each.

Of 6 x 6 levels there are 36 products, but 12 exponentials: those are computed once for a tile, for all its levels.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import halide as hl

from dsl.ir import STENCIL_OPS, Image, Node
from dsl.lowering import border, pointwise, tables
from dsl.lowering.context import Group, Lowering, Reader, f32


@dataclass(frozen=True)
class _Exponent:
    """What is ``factor * min(sum of terms, most)``, of terms by coordinate.

    Attributes
    ----------
    levels : Node
        Whose coordinates they are.
    terms : dict of int to list of Node
        What varies with a coordinate alone.
    factor, most : float
        The latter infinite if there is none.
    """

    levels: Node
    terms: dict[int, list[Node]]
    factor: float
    most: float


def planes(low: Lowering, node: Node, group: Group) -> Reader | None:
    """Stages: exponentials of each coordinate, for all its levels; read, their product at a level. Or None."""
    found = _exponent(node) if low.level is not None and group.tiled else None
    if found is None:
        return None
    readers = [_plane(low, node, found, k, group) for k in found.terms]

    def read(x: Any, y: Any, c: Any) -> Any:
        product, *rest = (reader(x, y, c) for reader in readers)
        for i, factor in enumerate(rest):
            # As little as no arithmetic is slow with: of two factors no product is.
            kept = product if not i else pointwise.OPERATIONS["max"](product, hl.exp(f32(found.factor * found.most)))
            product = kept * factor
        return product

    return read


def _plane(low: Lowering, node: Node, exponent: _Exponent, k: int, group: Group) -> Reader:
    """Stage: the exponential of a coordinate, by its levels."""
    name, leaf = f"{low.label(node)}_{group.name}_{k}", border.leaf(low, group)
    with low.at_coordinate():
        terms = pointwise.evaluate_all(low, exponent.terms[k], group, low.x, low.y, leaf)
        total = functools.reduce(operator.add, (term for (term,) in terms))
        limited = pointwise.OPERATIONS["min"](total, f32(exponent.most))
        plane = low.stage(name, [low.x, low.y], hl.exp(f32(exponent.factor) * limited))
    group.planes.append(name)
    index = _index(low, exponent.levels, k)
    return lambda x, y, c: hl.Expr(hl.Func.__getitem__(plane, (x, y, index)))


def _index(low: Lowering, levels: Node, k: int) -> Any:
    """Write which of a coordinate's levels a combination of levels has: the first coordinate changes fastest."""
    lengths = [tables.table(low, table)[1] for table in levels.args]
    index = functools.reduce(operator.truediv, lengths[:k], low.level)
    return index % lengths[k] if k < len(lengths) - 1 else hl.clamp(index, 0, lengths[k] - 1)


def _exponent(node: Node) -> _Exponent | None:
    """Take an exponential's argument apart, if it is a sum whose terms vary with one coordinate each, of several."""
    (argument,) = node.args
    if argument.op != "mul" or argument.args[0].op != "constant":
        return None
    factor, total = argument.args
    most = float("inf")
    if total.op == "min" and total.args[1].op == "constant":
        total, limit = total.args
        most = float.fromhex(str(limit.attributes[0]))
    by: dict[int, list[Node]] = {}
    for term in _terms(total):
        sources = _coordinates(term)
        if sources is None or len(sources) != 1:
            return None
        by.setdefault(int(sources[0].attributes[0]), []).append(term)  # type: ignore[arg-type]
        levels = sources[0].args[0]
    return _Exponent(levels, by, float.fromhex(str(factor.attributes[0])), most) if len(by) > 1 else None


def _terms(node: Node) -> list[Node]:
    return [term for arg in node.args for term in _terms(arg)] if node.op == "add" else [node]


def _coordinates(node: Node) -> Sequence[Node] | None:
    """List the coordinates of levels that a node varies with; None if it sees other pixels at levels, or channels."""
    if not isinstance(node.type, Image) or not node.type.leveled:
        return []
    if node.op == "level":
        return [node]
    if node.op in STENCIL_OPS or node.type.channels > 1:
        return None
    found: dict[int, Node] = {}
    for arg in node.args:
        sources = _coordinates(arg)
        if sources is None:
            return None
        found |= {id(source): source for source in sources}
    return list(found.values())


pointwise.STAGES["exp"] = planes
