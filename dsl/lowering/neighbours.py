"""Neighbours: one at a fixed distance, and reductions over a small window of fixed radius."""

from __future__ import annotations

import functools
from typing import Any

from dsl.ir import Node
from dsl.lowering import border, pointwise, weighted
from dsl.lowering.context import Group, Lowering, Reader, channel_count, f32


def _shift(low: Lowering, node: Node, group: Group) -> Reader:
    dy, dx = (int(a) for a in node.attributes)  # type: ignore[arg-type]
    source = border.padded(low, node.args[0], group)
    return lambda x, y, c: source(x + dx * low.step, y + dy, c)


def _window(low: Lowering, node: Node, group: Group) -> Reader:
    """Reduce down the column in a stage of its own, then along the row."""
    operation, ry, rx = str(node.attributes[0]), int(node.attributes[1]), int(node.attributes[2])  # type: ignore[arg-type]
    combine = pointwise.OPERATIONS["add" if operation == "sum" else operation]
    if node.type.varying:  # type: ignore[union-attr]
        return weighted.window(low, node, group, combine, ry, rx)
    source = border.padded(low, node.args[0], group)
    column = low.image_stage(
        f"{low.label(node)}_{group.name}",
        channel_count(node),
        lambda x, y, c: functools.reduce(combine, (source(x, y + d, c) for d in range(-ry, ry + 1))),
        group,
    )
    return lambda x, y, c: functools.reduce(combine, (column(x + d * low.step, y, c) for d in range(-rx, rx + 1)))


def _window_gain(low: Lowering, node: Node) -> Any:
    operation, ry, rx = str(node.attributes[0]), int(node.attributes[1]), int(node.attributes[2])  # type: ignore[arg-type]
    return f32((2 * ry + 1) * (2 * rx + 1) if operation == "sum" else 1)


pointwise.GAINS["window"] = _window_gain
pointwise.STENCILS["shift"] = _shift
pointwise.STENCILS["window"] = _window
