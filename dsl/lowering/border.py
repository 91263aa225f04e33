"""Borders: the rule that says what lies outside an image, and the stages that read through it.

The rule is a run-time number. A one-dimensional stage per axis and size turns every index outside the image into
one inside (-1: nowhere, the constant); it is computed once per call, so the formulas below cost nothing per pixel.
"""

from __future__ import annotations

from typing import Any

import halide as hl

from dsl.ir import Image, Node
from dsl.lowering import pointwise
from dsl.lowering.context import Group, Lowering, Reader, channel_count
from schedules.native.signature import BORDERS


def source_index(low: Lowering, index: Any, size: Any) -> Any:
    """Map an index, however far outside, into ``0 .. size - 1`` by the border rule, or to -1."""
    reflect101, reflect, replicate, wrap, constant = range(len(BORDERS))
    rule = low.border
    period = hl.select(
        rule == reflect101, hl.max(2 * size - 2, 1), hl.select(rule == reflect, 2 * size, hl.max(size, 1))
    )
    phase = index % period  # Halide's % is never negative
    mirrored = hl.select(rule == reflect101, period - phase, period - 1 - phase)
    folded = hl.select((rule == wrap) | (phase < size), phase, mirrored)
    inside = (index >= 0) & (index < size)
    outside = hl.select(rule == replicate, hl.clamp(index, 0, size - 1), hl.select(rule == constant, -1, folded))
    return hl.select(inside, index, outside)


def column_index(low: Lowering, level: int) -> hl.Func:
    """Stage: for every element of a row at a pyramid level, the element it is read from."""

    def make() -> hl.Func:
        width, _ = low.size(level)
        pixel = hl.Var("x")
        if low.variant.mode == "rows":
            column = low.x // low.step
            channel = low.x - column * low.step
            source = source_index(low, column, width)
            value = hl.select(source < 0, -1, source * low.step + channel)
        else:
            value = source_index(low, pixel, width)
        name = f"column{level}"
        func = low.stage(name, [low.x], value)
        low.record[name].compute_root()
        return func

    return low.once(("column", level), make)


def row_index(low: Lowering, level: int) -> hl.Func:
    """Stage: for every row at a pyramid level, the row it is read from."""

    def make() -> hl.Func:
        _, height = low.size(level)
        name = f"row{level}"
        func = low.stage(name, [low.y], source_index(low, low.y, height))
        low.record[name].compute_root()
        return func

    return low.once(("row", level), make)


def padded(low: Lowering, node: Node, group: Group) -> Reader:
    """Give a reader of a node that is valid outside its domain: a stage inside the group, in float32."""
    key = ("pad", id(node))
    if key not in group.readers:
        name = f"pad_{low.label(node)}_{group.name}"
        low.stage(name, [low.x, low.y], padded_values(low, node, group, low.x, low.y), group)
        group.readers[key] = low.read(name, channel_count(node))
    reader: Reader = group.readers[key]
    return reader


def padded_values(low: Lowering, node: Node, group: Group, x: Any, y: Any) -> list[Any]:
    """Write what a node is at any column and row: dense loads inside, the border rule's indices outside."""
    if not isinstance(node.type, Image):
        raise TypeError(f"{node.op} is no image")
    level = node.type.level
    columns, (_, height) = low.columns(level), low.size(level)
    row = row_index(low, level)[y]
    column = column_index(low, level)[x]
    outside = pointwise.outside_values(low, node)
    here = hl.clamp(row, 0, height - 1)
    inner = pointwise.evaluate(low, node, group, hl.clamp(hl.likely(x), 0, columns - 1), here)
    edge = pointwise.evaluate(low, node, group, hl.clamp(column, 0, columns - 1), here)
    nowhere = (row < 0) | (column < 0)
    beside = (x < 0) | (x >= columns)
    return [
        hl.select(beside, hl.select(nowhere, o, e), hl.likely(hl.select(row < 0, o, i)))
        for i, e, o in zip(inner, edge, outside, strict=True)
    ]
