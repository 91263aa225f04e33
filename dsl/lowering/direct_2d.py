"""Convolution with weights that are no product of a column and a row: direct sums over both dimensions at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import halide as hl

from dsl.ir import Node
from dsl.lowering import border, direct, kernels, pointwise, tables
from dsl.lowering.context import Group, Lowering, Reader, channel_count
from dsl.lowering.radius import MAX


@dataclass(frozen=True)
class Weights:
    """Weights, ``weight[right, down]`` that of the pixel so far away; odd numbers of rows and columns."""

    weight: Any
    rows: Any
    columns: Any

    def taps(self, name: str) -> Any:
        """Make the loops over pixels around one, across and down."""
        return hl.RDom([(-((n - 1) // 2), n) for n in (self.columns, self.rows)], name)


def convolve_2d(low: Lowering, node: Node, group: Group) -> Reader:
    """Lower a convolution to sums right where the group's loop uses them."""
    name, weights = f"{low.label(node)}_{group.name}", weights_of(low, node)
    source = border.padded_for_few(low, node.args[0], group)
    taps = weights.taps(f"{name}_taps")

    def term(x: Any, y: Any, c: Any) -> Any:
        return weights.weight[taps.x, taps.y] * source(x + taps.x * low.step, y + taps.y, c)

    return direct.sums(low, name, taps, term, channel_count(node), group, vertical=False)


def weights_of(low: Lowering, node: Node) -> Weights:
    """Stage, once a call: what a table holds, mirrored; as many rows as are whole, and of even numbers one less."""

    def make() -> Weights:
        table, count = tables.table(low, node.args[1])
        wanted = hl.cast(hl.Int(32), hl.round(pointwise.inline_scalar(low, node.args[2])))
        columns = _odd(hl.clamp(wanted, 1, hl.min(count, 2 * MAX + 1)))
        rows = _odd(hl.clamp(count // columns, 1, 2 * MAX + 1))
        right, down, name = hl.Var("right"), hl.Var("down"), f"{low.label(node)}_weights"
        place = ((rows - 1) // 2 - down) * columns + (columns - 1) // 2 - right
        func = low.stage(name, [right, down], table[hl.clamp(place, 0, rows * columns - 1)])
        low.record[name].compute_root()
        return Weights(func, rows, columns)

    found: Weights = low.once(("convolve_2d", id(node)), make)
    return found


def _odd(count: Any) -> Any:
    return (count + 1) // 2 * 2 - 1


def gain(low: Lowering, node: Node) -> Any:
    """Give the sum of the weights."""

    def make() -> Any:
        weights, name = weights_of(low, node), f"{low.label(node)}_gain"
        taps = weights.taps(f"{name}_taps")
        return kernels.total_of(low, name, weights.weight[taps.x, taps.y])

    return low.once(("gain", id(node)), make)
