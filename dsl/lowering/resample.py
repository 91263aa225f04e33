"""Pyramids: down by 1 4 6 4 1 and even pixels, up by zero insertion and the same taps with gain one everywhere."""

from __future__ import annotations

from typing import Any

import halide as hl

from dsl.ir import Image, Node
from dsl.lowering import border, pointwise
from dsl.lowering.context import Group, Lowering, channel_count, f32

_TAPS = (1, 4, 6, 4, 1)


def down(low: Lowering, node: Node, group: Group) -> list[Any]:
    """Write a coarser pixel: rows are shortened first, one by one, then summed down the column."""
    image = node.args[0]
    source = border.padded(low, image, group)
    x, y = low.x, low.y
    channels = channel_count(node)
    name = f"{group.name}_halved"
    taps = [source(2 * x + t - 2, y) for t in range(5)]
    low.stage(name, [x, y], [_blur([tap[c] for tap in taps]) for c in range(channels)], group)
    rows = [low.read(name, channels)(x, 2 * y + t - 2) for t in range(5)]
    return [_blur([row[c] for row in rows]) for c in range(channels)]


def _blur(values: list[Any]) -> Any:
    """Weigh five values by 1 4 6 4 1, symmetric ones first: a constant comes out as it went in."""
    a, b, c, d, e = values
    return (a + e) * f32(1 / 16) + (b + d) * f32(4 / 16) + c * f32(6 / 16)


def _tap_tables(low: Lowering, level: int, *, vertical: bool) -> tuple[hl.Func, hl.Func]:
    """Stages ``index[t, i]`` and ``weight[t, i]``: the coarse sample that tap t of fine pixel i hits, its weight.

    The border rule holds on the fine grid, where only even positions carry a sample; weights add up to one. Outside
    under the constant rule the index is -1 at even positions (the constant), and the weight 0 at odd ones.
    """
    axis = "rows" if vertical else "columns"

    def make() -> tuple[hl.Func, hl.Func]:
        width, height = low.size(level)
        size = height if vertical else width
        t, i = hl.Var("t"), hl.Var("i")

        def position(tap: Any) -> Any:
            return i + tap - 2

        def weight(tap: int) -> Any:
            at = position(tap)
            inside = border.source_index(low, at, size)
            even = hl.select(inside < 0, at, inside) % 2 == 0
            return hl.select(even, f32(_TAPS[tap]), f32(0))

        source = border.source_index(low, position(t), size)
        index = low.stage(f"up_{axis}{level}", [t, i], hl.select(source < 0, -1, source // 2))
        total = sum((weight(tap) for tap in range(5)), f32(0))
        weights = low.stage(f"up_{axis}{level}_weight", [t, i], hl.mux(t, [weight(tap) for tap in range(5)]) / total)
        for name in (f"up_{axis}{level}", f"up_{axis}{level}_weight"):
            low.record[name].compute_root().bound_extent("t", 5).unroll("t")
        return index, weights

    tables: tuple[hl.Func, hl.Func] = low.once(("up", level, vertical), make)
    return tables


def up(low: Lowering, node: Node, group: Group, x: Any, y: Any) -> list[Any]:
    """Write a finer pixel: columns are stretched first, at the coarse width, then the row."""
    coarse = node.args[0]
    if not isinstance(node.type, Image):
        raise TypeError("up gives an image")
    level, channels = node.type.level, channel_count(node)
    group.parity = True
    key = ("up", id(node))
    if key not in group.readers:
        name = f"{low.label(node)}_{group.name}_tall"
        low.stage(name, [low.x, low.y], _tall(low, coarse, level, group), group)
        group.readers[key] = low.read(name, channels)
    tall = group.readers[key]
    width, _ = low.size(level)
    coarse_width, _ = low.size(level + 1)
    outside = pointwise.outside_values(low, coarse)
    index, weight = _tap_tables(low, level, vertical=False)
    middle = x // 2
    left, here, right = (tall(hl.clamp(hl.likely(middle + d), 0, coarse_width - 1), y) for d in (-1, 0, 1))
    edge = [(index[t, x], weight[t, x]) for t in range(5)]
    hits = [tall(hl.clamp(i, 0, coarse_width - 1), y) for i, _ in edge]
    is_edge = (x < 2) | (x >= width - 2)
    values = []
    for c in range(channels):
        even = (left[c] + right[c]) * f32(1 / 8) + here[c] * f32(6 / 8)
        odd = (here[c] + right[c]) * f32(1 / 2)
        inner = hl.select(x % 2 == 0, even, odd)
        border_value = sum(
            (w * hl.select(i < 0, outside[c], hit[c]) for (i, w), hit in zip(edge, hits, strict=True)), f32(0)
        )
        values.append(hl.select(is_edge, border_value, hl.likely(inner)))
    return values


def _tall(low: Lowering, coarse: Node, level: int, group: Group) -> list[Any]:
    """Stretch columns: five taps with the weights of the row, of which two or three are not zero."""
    x, y = low.x, low.y
    _, coarse_height = low.size(level + 1)
    index, weight = _tap_tables(low, level, vertical=True)
    outside = pointwise.outside_values(low, coarse)
    values = [f32(0)] * channel_count(coarse)
    for t in range(5):
        row, w = index[t, y], weight[t, y]
        at = pointwise.evaluate(low, coarse, group, x, hl.clamp(row, 0, coarse_height - 1))
        values = [v + w * hl.select(row < 0, o, a) for v, o, a in zip(values, outside, at, strict=True)]
    return values


pointwise.STENCILS["up"] = up
