"""Averages over a whole image: sums of so many columns in turn, the same on every machine, then sums of these."""

from __future__ import annotations

from typing import Any

import halide as hl

from dsl.ir import Node
from dsl.lowering import pointwise
from dsl.lowering.context import Function, Group, Lowering, Reader, channel_count, size_of

#: Columns that are summed apart. It does not depend on the machine: results would, too.
_APART = 16


def _average(low: Lowering, node: Node, group: Group) -> Reader:
    """Stages, once a call: sums of every row, and of all of them."""

    def make() -> hl.Func:
        image, name, channels = node.args[0], low.label(node), channel_count(node)
        width, height = low.size(size_of(image))
        lane, y, c, i = (hl.Var(each) for each in ("lane", "y", "c", "i"))
        own = Group(f"{name}_rows")
        rows = low.stage(f"{name}_rows", [lane, y, c], hl.f32(0))
        part = hl.RDom([(0, (width + _APART - 1) // _APART)], f"{name}_part")
        column = part.x * _APART + lane
        functions: list[Function] | None = None if low.plain else []

        def leaf(inner: Node, x: Any, y: Any) -> list[Any]:
            inside = hl.clamp(x, 0, width - 1)
            return [pointwise.leaf_reader(low, inner)(inside, y, c) for c in range(channel_count(inner))]

        values = pointwise.evaluate_all(low, [image], own, column, y, leaf, functions=functions)[0]
        value = pointwise.pick(values, c if channels > 1 else 0)
        rows[lane, y, c] += hl.select(column < width, value, hl.f32(0))
        low.stages.loops[f"{name}_rows"]["part"] = part.x
        record = low.record[f"{name}_rows"].compute_root().bound_extent("lane", _APART).bound("c", 0, channels)
        record.reorder("lane", "c", "y").vectorize("lane").unroll("c")
        record.update(0).reorder("lane", "c", "part", "y").vectorize("lane").unroll("c")

        if functions is not None:
            pointwise.keep_in_registers(low, functions, f"{name}_rows", "part", _APART)

        total = low.stage(f"{name}_total", [c], hl.f32(0))
        all_rows = hl.RDom([(0, _APART), (0, height)], f"{name}_all")
        total[c] += rows[all_rows.x, all_rows.y, c]
        low.record[f"{name}_total"].compute_root().bound("c", 0, channels)
        mean = low.stage(name, [i], total[i] / hl.cast(hl.Float(32), width * height))
        low.record[name].compute_root()
        return mean

    found: hl.Func = low.once(("average", id(node)), make)

    def read(x: Any, y: Any, c: Any) -> Any:
        return hl.Expr(found[c])

    return read


pointwise.STENCILS["average"] = _average
