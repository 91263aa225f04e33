"""Pyramids: down by 1 4 6 4 1 and even pixels, up by zero insertion and the same taps with gain one everywhere."""

from __future__ import annotations

from typing import Any

import halide as hl

from dsl.ir import Node, Size
from dsl.lowering import border, pointwise
from dsl.lowering.context import Group, Lowering, Reader, channel_count, f32, size_name, size_of
from schedules.devices import SHARED

_TAPS = (1, 4, 6, 4, 1)


def down(low: Lowering, node: Node, group: Group) -> Reader:
    """Lower to coarser pixels: rows are shortened first, one by one, then summed down the column."""
    source = border.padded_for_few(low, node.args[0], group)
    name = f"{group.name}_halved"
    low.places[name] = SHARED
    halved = low.image_stage(
        name,
        channel_count(node),
        lambda x, y, c: _blur([source(2 * x + t - 2, y, c) for t in range(5)]),
        group,
    )
    return lambda x, y, c: _blur([halved(x, 2 * y + t - 2, c) for t in range(5)])


def _blur(values: list[Any]) -> Any:
    """Weigh five values by 1 4 6 4 1, symmetric ones first: a constant comes out as it went in."""
    a, b, c, d, e = values
    return (a + e) * f32(1 / 16) + (b + d) * f32(4 / 16) + c * f32(6 / 16)


def _ends(low: Lowering, size: Size, *, vertical: bool) -> tuple[Any, Any]:
    """Give the coarse samples that even positions just outside a fine grid stand for, on its two sides.

    The border rule holds on the fine grid, where only even positions carry a sample. Of the two positions outside
    that the taps reach, one is even once it is mapped inside (or both are, to the same sample); -1: the constant.
    """
    axis = "rows" if vertical else "columns"

    def sample(pixels: Any, near: Any, far: Any) -> Any:
        sources = [border.source_index(low, position, pixels) for position in (near, far)]
        outside = [hl.select(s < 0, p, s) for s, p in zip(sources, (near, far), strict=True)]
        source = hl.select(outside[0] % 2 == 0, sources[0], sources[1])
        return hl.select(source < 0, -1, source // 2)

    def make() -> tuple[Any, Any]:
        width, height = low.size(size)
        pixels = height if vertical else width
        name = f"up_{axis}{size_name(size)}_ends"
        side = hl.Var("side")
        values = [sample(pixels, hl.i32(-1), hl.i32(-2)), sample(pixels, pixels, pixels + 1)]
        func = low.stage(name, [side], hl.mux(side, values))
        low.record[name].compute_root()
        return hl.Expr(func[0]), hl.Expr(func[1])

    ends: tuple[Any, Any] = low.once(("up_ends", size, vertical), make)
    return ends


def _weights(low: Lowering, size: Size, *, vertical: bool) -> hl.Func:
    """Stage ``weight[i, s]``: what fine pixel i takes of coarse sample ``i // 2 - 1 + s``, s = 0 .. 3.

    Interior pixels weigh three samples 1 6 1 or two 4 4; only near a border does it become irregular: what lies
    outside goes to the sample before the first or behind the last, and the weights are made to add up to one.
    """
    axis = "rows" if vertical else "columns"

    def make() -> hl.Func:
        width, height = low.size(size)
        pixels = height if vertical else width
        last = (pixels + 1) // 2
        i, s = hl.Var("i"), hl.Var("s")
        hits, total = f32(0), f32(0)
        for t, tap in enumerate(_TAPS):
            position = i + (t - 2)
            source = border.source_index(low, position, pixels)
            even = hl.select(source < 0, position, source) % 2 == 0
            coarse = hl.select(position < 0, -1, hl.select(position >= pixels, last, position // 2))
            total = total + hl.select(even, f32(tap), f32(0))
            hits = hits + hl.select(even & (coarse == i // 2 - 1 + s), f32(tap), f32(0))
        name = f"up_{axis}{size_name(size)}"
        func = low.stage(name, [i, s], hits / hl.max(total, f32(1)))  # far outside, nothing is hit
        low.record[name].compute_root().bound_extent("s", 4)
        return func

    func: hl.Func = low.once(("up", size, vertical), make)
    return func


def up(low: Lowering, node: Node, group: Group) -> Reader:
    """Lower to finer pixels: columns are stretched first, at the coarse width, then the row."""
    size = size_of(node)
    group.parity = True
    tall = _tall(low, node.args[0], size, group, tall_name(low, node, group.name))
    width, _ = low.size(size)
    weight = _weights(low, size, vertical=False)

    def reader(x: Any, y: Any, c: Any) -> Any:
        samples = [tall(x // 2 + d, y, c) for d in (-1, 0, 1, 2)]
        left, here, right, _ = samples
        even = (left + right) * f32(1 / 8) + here * f32(6 / 8)
        odd = (here + right) * f32(1 / 2)
        irregular = sum((weight[x, s] * sample for s, sample in enumerate(samples)), f32(0))
        near_border = (x < 2) | (x >= width - 2)
        return hl.select(near_border, irregular, hl.likely(hl.select(x % 2 == 0, even, odd)))

    return reader


def tall_name(low: Lowering, node: Node, group: str) -> str:
    """Name the stage that stretches columns, in a group."""
    return f"{low.label(node)}_{group}_tall"


def _tall(low: Lowering, coarse: Node, size: Size, group: Group, name: str) -> Reader:
    """Stretch columns, in a stage of coarse width, and put what lies outside beside its first and last column.

    The stage reads its operand a few columns beyond the image, where a coarser level is computed like anywhere
    else, or columns inside stand for them; those values are overwritten, or get no weight. On devices, where blocks
    of threads compute the stage, each column outside reads the one that stands for it instead.
    """
    channels = channel_count(coarse)
    coarse_width, coarse_height = low.size(size_of(coarse))
    weight = _weights(low, size, vertical=True)
    above, below = _ends(low, size, vertical=True)
    outside = pointwise.outside(low, coarse)
    uniform = pointwise.is_leaf(low, coarse) or channels == 1
    if pointwise.is_leaf(low, coarse):
        read = pointwise.leaf_reader(low, coarse)
        if id(coarse) in low.inside:
            read = _clamped(read, coarse_width)
    else:
        read = pointwise.channel_of(lambda x, y: pointwise.evaluate(low, coarse, group, x, y), channels)

    def value(x: Any, y: Any, c: Any) -> Any:
        total, constant = f32(0), f32(0)
        for s in range(4):
            row = y // 2 + (s - 1)
            source = hl.select(row < 0, above, hl.select(row >= coarse_height, below, row))
            constant = constant + hl.select(source < 0, weight[y, s], f32(0))
            share = hl.select(source < 0, f32(0), weight[y, s])
            total = total + share * read(x, border.clamped(low, coarse, source, row, coarse_height), c)
        return total + constant * outside(c)

    if low.device:
        ends = _ends(low, size, vertical=False)

        def mapped(x: Any, y: Any, c: Any) -> Any:
            source = hl.select(x < 0, ends[0], hl.select(x >= coarse_width, ends[1], x))
            return hl.select(source < 0, outside(c), value(hl.clamp(source, 0, coarse_width - 1), y, c))

        low.places[name] = SHARED
        return low.image_stage(name, channels, mapped, group, uniform=uniform)
    tall = low.image_stage(name, channels, value, group, uniform=uniform)
    func, y, c = low.stages.funcs[name], low.y, hl.Var("c") if channels > 1 else 0
    for update, (column, source) in enumerate(zip((-1, coarse_width), _ends(low, size, vertical=False), strict=True)):
        inside = tall(hl.clamp(source, 0, coarse_width - 1), y, c)
        place = (column, y) if channels == 1 else (column, y, c)
        func[place] = hl.select(source < 0, outside(c), inside)
        low.record[name].update(update).serial("y")  # Halide warns of updates nobody mentions
    return tall


def _clamped(read: Reader, width: Any) -> Reader:
    return lambda x, y, c: read(hl.clamp(hl.likely(x), 0, width - 1), y, c)


pointwise.STENCILS["up"] = up
