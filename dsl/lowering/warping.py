"""Reading an image where an affine map says, pixel by pixel."""

from __future__ import annotations

from typing import Any

import halide as hl

from dsl.ir import Node
from dsl.lowering import pointwise
from dsl.lowering.context import Group, Lowering, Reader, channel_count, f32, size_of


def _warp(low: Lowering, node: Node, group: Group) -> Reader:
    """Read the pixels that a place lies between, or the one it lies in."""
    image, _, *numbers = node.args
    *matrix, fill = (pointwise.scalar(low, number) for number in numbers)
    width, height = low.size(size_of(image))
    several = channel_count(image) > 1

    def at(column: Any, row: Any, c: Any) -> Any:
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        here = hl.clamp(column, 0, width - 1), hl.clamp(row, 0, height - 1)
        return hl.select(inside, pointwise.value_at(low, image, group, *here, c if several else 0), fill)

    def place(x: Any, y: Any, row: int) -> Any:
        a, b, c = matrix[3 * row : 3 * row + 3]
        return a * (hl.cast(hl.Float(32), x) + f32(0.5)) + b * (hl.cast(hl.Float(32), y) + f32(0.5)) + c

    def nearest(x: Any, y: Any, c: Any) -> Any:
        column, row = (_whole(hl.floor(place(x, y, i))) for i in (0, 1))
        return at(column, row, c)

    def linear(x: Any, y: Any, c: Any) -> Any:
        where = [place(x, y, i) - f32(0.5) for i in (0, 1)]
        first = [hl.floor(each) for each in where]
        right, down = (each - low for each, low in zip(where, first, strict=True))
        column, row = map(_whole, first)
        above, below = (_between(at(column, row + i, c), at(column + 1, row + i, c), right) for i in (0, 1))
        return _between(above, below, down)

    return nearest if node.attributes[0] == "nearest" else linear


def _between(first: Any, second: Any, share: Any) -> Any:
    return first + share * (second - first)


def _whole(value: Any) -> Any:
    """Make an index of a number that may lie far outside."""
    return hl.cast(hl.Int(32), hl.clamp(value, f32(-(2.0**30)), f32(2.0**30)))


pointwise.STENCILS["warp"] = _warp
