"""Neighbours: one at a fixed distance, and reductions over a small window of fixed radius."""

from __future__ import annotations

from typing import Any


from dsl.ir import Node
from dsl.lowering import border, pointwise
from dsl.lowering.context import Group, Lowering


def _shift(low: Lowering, node: Node, group: Group, x: Any, y: Any) -> list[Any]:
    dy, dx = (int(a) for a in node.attributes)  # type: ignore[arg-type]
    return border.padded(low, node.args[0], group)(x + dx * low.step, y + dy)


def _window(low: Lowering, node: Node, group: Group, x: Any, y: Any) -> list[Any]:
    """Reduce down the column in a stage of its own, then along the row."""
    operation, ry, rx = node.attributes
    combine = {"sum": lambda a, b: a + b, "min": pointwise.OPERATIONS["min"], "max": pointwise.OPERATIONS["max"]}
    key = ("window", id(node))
    if key not in group.readers:
        source = border.padded(low, node.args[0], group)
        name = f"{low.label(node)}_{group.name}"
        rows = [source(low.x, low.y + d) for d in range(-int(ry), int(ry) + 1)]  # type: ignore[arg-type]
        values = _reduce(combine[str(operation)], rows)
        low.stage(name, [low.x, low.y], values, group)
        group.readers[key] = low.read(name, len(values))
    columns = [group.readers[key](x + d * low.step, y) for d in range(-int(rx), int(rx) + 1)]  # type: ignore[arg-type]
    return _reduce(combine[str(operation)], columns)


def _reduce(combine: Any, groups: list[list[Any]]) -> list[Any]:
    values = groups[0]
    for other in groups[1:]:
        values = [combine(a, b) for a, b in zip(values, other, strict=True)]
    return values


pointwise.STENCILS["shift"] = _shift
pointwise.STENCILS["window"] = _window
