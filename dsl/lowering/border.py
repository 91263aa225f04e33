"""Borders: the rule that says what lies outside an image, and the stages that read through it.

The rule is a run-time number. A one-dimensional stage per axis and size turns every index outside the image into
one inside (-1: nowhere, the constant); it is computed once per call, so the formulas below cost nothing per pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import halide as hl

from dsl.ir import Node, Size
from dsl.lowering import pointwise
from dsl.lowering.context import Group, Lowering, Reader, channel_count, size_name, size_of
from schedules.devices import INLINE
from schedules.native.signature import BORDERS

WRAP, CONSTANT = BORDERS.index("wrap"), BORDERS.index("constant")


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


def clamped(low: Lowering, node: Node, index: Any, position: Any, extent: Any) -> Any:
    """Clamp an index into ``0 .. extent - 1``, which the border rule made of a position.

    Of a node that is computed for tiles Halide is told that it lies near the position, but for those outside an image
    that is wrapped; so bounds are written as sums and minima, of which the interval of positions inside is the same.
    """
    last = extent - 1
    if id(node) not in low.nested:
        return hl.clamp(index, 0, last)
    wraps = low.border == WRAP
    before = hl.select(wraps, position + extent * hl.clamp(-position, 0, 1), -position)
    behind = hl.select(wraps, position - extent * hl.clamp(position - last, 0, 1), 2 * last - position)
    least = hl.clamp(hl.min(position, behind), 0, last)
    return hl.clamp(index, least, hl.clamp(hl.max(position, before), 0, last))


def column_index(low: Lowering, size: Size) -> hl.Func:
    """Stage: for every element of a row of an image of some size, the element it is read from."""

    def make() -> hl.Func:
        width, _ = low.size(size)
        pixel = hl.Var("x")
        if low.variant.mode == "rows":
            column = low.x // low.step
            channel = low.x - column * low.step
            source = source_index(low, column, width)
            value = hl.select(source < 0, -1, source * low.step + channel)
        else:
            value = source_index(low, pixel, width)
        name = f"column{size_name(size)}"
        func = low.stage(name, [low.x], value)
        low.record[name].compute_root()
        return func

    return low.once(("column", size), make)


def row_index(low: Lowering, size: Size) -> hl.Func:
    """Stage: for every row of an image of some size, the row it is read from."""

    def make() -> hl.Func:
        _, height = low.size(size)
        name = f"row{size_name(size)}"
        func = low.stage(name, [low.y], source_index(low, low.y, height))
        low.record[name].compute_root()
        return func

    return low.once(("row", size), make)


def padded(low: Lowering, node: Node, group: Group) -> Reader:
    """Give a reader of a node that is valid outside its domain, in float32: a stage inside the group.

    Arithmetic commutes with the border rule, so only what it starts from is read through the rule, once.
    """
    key = ("padded", id(node))
    if key not in group.readers:
        if pointwise.is_leaf(low, node):
            with low.at_level_of(node):
                group.readers[key] = _padded_leaf(low, node, group)
        else:
            channels, read = channel_count(node), leaf(low, group)
            value = pointwise.channel_of(
                lambda x, y: pointwise.evaluate_all(low, [node], group, x, y, read, staged=group.tiled)[0], channels
            )
            name = f"{low.label(node)}_{group.name}"
            group.readers[key] = low.image_stage(name, channels, value, group, uniform=channels == 1)
    return group.readers[key]


def padded_for_few(low: Lowering, node: Node, group: Group) -> Reader:
    """Give the reader of :func:`padded` to what reads each pixel a few times: no kernel of its own on devices."""
    before = len(group.local)
    read = padded(low, node, group)
    low.places |= dict.fromkeys((name for name in group.local[before:] if name not in low.mixed), INLINE)
    return read


def leaf(low: Lowering, group: Group) -> pointwise.Leaf:
    """Give what reads leaves for arithmetic beyond their domain, through the border rule."""

    def read(inner: Node, x: Any, y: Any) -> list[Any]:
        reader = padded(low, inner, group)
        return [reader(x, y, c) for c in range(channel_count(inner))]

    return read


def padded_stage(low: Lowering, node: Node, group: Group) -> hl.Func:
    """Give the stage that :func:`padded` reads."""
    padded(low, node, group)
    prefix = "pad_" if pointwise.is_leaf(low, node) else ""
    return low.stages.funcs[f"{prefix}{low.label(node)}_{group.name}"]


def padded_bytes(low: Lowering, node: Node, name: str, *, signed: bool) -> hl.Func:
    """Stage: an input of uint8 as bytes, valid outside its domain; ``value - 128`` in the same eight bits if signed."""
    image, channels = low.images[int(node.attributes[0])], channel_count(node)  # type: ignore[arg-type]

    def read(x: Any, y: Any, c: Any) -> Any:
        return image[x, y, c] if channels > 1 else image[x, y]

    def value(x: Any, y: Any, c: Any) -> list[Any]:
        found = through_border(low, node, read, lambda c: pointwise.store("uint8", low.border_value), x, y, c)
        return [found ^ 0x80 if signed else found]

    stage = f"pad_{low.label(node)}_{name}"
    low.tuple_stage(stage, channels, value, None)
    low.record[stage].split("x", "x", "xi", 4 * low.lanes, "RoundUp").vectorize("xi")
    return low.stages.funcs[stage]


def _padded_leaf(low: Lowering, node: Node, group: Group) -> Reader:
    """Stage: an image in memory, in float32."""
    outside, read = pointwise.outside(low, node), pointwise.leaf_reader(low, node)

    def value(x: Any, y: Any, c: Any) -> Any:
        return through_border(low, node, read, outside, x, y, c)

    return low.image_stage(f"pad_{low.label(node)}_{group.name}", channel_count(node), value, group)


def through_border(
    low: Lowering, node: Node, read: Reader, outside: Callable[[Any], Any], x: Any, y: Any, c: Any
) -> Any:
    """Write dense loads inside, the border rule's indices outside."""
    size = size_of(node)
    columns, (_, height) = low.columns(size), low.size(size)
    row, column = row_index(low, size)[y], column_index(low, size)[x]
    here = clamped(low, node, row, y, height)
    inner = read(hl.clamp(hl.likely(x), 0, columns - 1), here, c)
    edge = read(clamped(low, node, column, x, columns), here, c)
    constant = outside(c)
    beyond = hl.select((row < 0) | (column < 0), constant, edge)
    return hl.select((x < 0) | (x >= columns), beyond, hl.likely(hl.select(row < 0, constant, inner)))
