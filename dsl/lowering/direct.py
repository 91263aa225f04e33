"""Convolution as direct sums, a vertical pass and a horizontal one. Cost grows with the radius.

Row by row: sums down the columns into a row, which is continued by the border rule on both sides, then sums along it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import halide as hl

from dsl.ir import Node
from dsl.lowering import border, kernels, pointwise
from dsl.lowering.context import Group, Lowering, Reader, channel_count
from dsl.lowering.source import Columns

#: What is summed, of a block, a lane and a row.
Term = Callable[[Any, Any, Any], Any]
#: Vectors of one row that are summed at a time, in registers.
TILE = 8


def convolve(low: Lowering, node: Node, group: Group) -> Reader:
    """Lower a convolution to helper stages of a group."""
    image, kernel_y, kernel_x = node.args
    terms = int(node.attributes[0])  # type: ignore[arg-type]
    name = f"{low.label(node)}_{group.name}"
    weights_x = kernels.direct(low, kernel_x, terms)
    if kernel_y.op == "identity":
        source = border.padded_for_few(low, image, group)
    else:
        weights_y = kernels.direct(low, kernel_y, terms)
        if pointwise.is_leaf(low, image) and not low.plain:
            gain = kernels.gain(low, kernel_y, terms)
            source = _down(low, f"{name}_vertical", weights_y, node, group, weights_x.radius, gain)
        else:  # arithmetic is done once, not at every tap
            padded = border.padded_for_few(low, image, group)
            source = _along(low, f"{name}_vertical", weights_y, padded, channel_count(node), group, vertical=True)
    if kernel_x.op == "identity":
        return source
    return _along(low, f"{name}_horizontal", weights_x, source, channel_count(node), group, vertical=False)


def _down(
    low: Lowering, name: str, weights: kernels.Weights, node: Node, group: Group, reach: Any, gain: Any
) -> Reader:
    """Stage: a row of sums down the columns of an image in memory, read where it lies; with its edges."""
    channels = channel_count(node)
    planes = [hl.Var("c")] if channels > 1 else []
    source = Columns(low, node.args[0], group, planes[0] if planes else 0)
    plain = source.plain(low.y, 1, weights.radius)

    def added(kind: str, read: Callable[[Any, Any, Any], Any], where: Any) -> tuple[str, Any, Term]:
        taps = hl.RDom([(-weights.radius, 2 * weights.radius + 1)], f"{name}_{kind}")
        taps.where(where)
        return kind, taps, lambda block, lane, y: weights.weight(taps.x) * read(block, lane, y + taps.x)

    updates = [added("general", source.general, ~plain), added("plain", source.dense, plain)]
    func = sums_of_blocks(low, name, source, updates, planes, group)
    loops = [var.name() for var in (*planes, low.y)]
    source.add_edges(name, lambda x: (x, *planes, low.y), reach * low.step, reach * low.step, gain, loops)
    if planes:  # not of the sums, of which one channel at a time is asked for
        low.record[name].bound("c", 0, channels)
    return lambda x, y, c: hl.Expr(func[(x, *([c] if planes else []), y)])


def sums_of_blocks(
    low: Lowering, name: str, source: Columns, updates: Sequence[tuple[str, Any, Term]], planes: list[Any], group: Group
) -> hl.Func:
    """Stage: a row of sums over taps, a tile of a source's blocks at a time.

    ``updates`` are what is summed, each with a name and its taps; the last is for blocks that are full.
    """
    lanes = low.lanes
    block, lane, y = hl.Var("block"), hl.Var("lane"), low.y
    rest = [*planes, y]
    loops = [var.name() for var in rest]

    sums = low.stage(f"{name}_sum", [lane, block, *rest], hl.f32(0))
    for update, (kind, taps, term) in enumerate(updates):
        sums[(lane, block, *rest)] += term(block, lane, y)
        low.stages.loops[f"{name}_sum"][kind] = taps.x
        record = low.record[f"{name}_sum"].update(update)
        record.reorder("lane", "block", kind, *loops).vectorize("lane").unroll("block")
    low.record[f"{name}_sum"].bound_extent("lane", lanes).bound_extent("block", TILE)
    low.record[f"{name}_sum"].vectorize("lane").unroll("block").store_in("Stack")

    func = low.stage(name, [low.x, *rest], hl.undef(hl.Float(32)))
    inner = hl.RDom([(0, lanes), (0, TILE), (0, (source.blocks + TILE - 1) // TILE)], f"{name}_inner")
    at = inner.z * TILE + inner.y
    func[(source.first(at) + inner.x, *rest)] = sums[(inner.x, at, *rest)]
    low.stages.loops[name] |= {"lane": inner.x, "block": inner.y, "tile": inner.z}
    # Halide does not see that no two lanes write to one place; where blocks overlap they write the same.
    record = low.record[name].update(0).allow_race_conditions()
    record.reorder("lane", "block", "tile", *loops).vectorize("lane").unroll("block")
    group.local.append(name)
    group.own_columns.add(name)
    low.record[f"{name}_sum"].compute_at(name, "tile")
    return func


def _along(
    low: Lowering,
    name: str,
    weights: kernels.Weights,
    source: Reader,
    channels: int,
    group: Group,
    *,
    vertical: bool,
) -> Reader:
    """Stage: sums along one axis."""
    taps = hl.RDom([(-weights.radius, 2 * weights.radius + 1)], f"{name}_taps")

    def term(x: Any, y: Any, c: Any) -> Any:
        at = source(x, y + taps.x, c) if vertical else source(x + taps.x * low.step, y, c)
        return weights.weight(taps.x) * at

    return sums(low, name, taps, term, channels, group, vertical=vertical)


def sums(low: Lowering, name: str, taps: Any, term: Reader, channels: int, group: Group, *, vertical: bool) -> Reader:
    """Stage: sums of a term over taps, made in a stage of their own inside the loops that use them: so in registers.

    Taps have one dimension or two. Vertical sums are kept, a row at a time: other columns of them are read.
    """
    x, y, lanes = low.x, low.y, low.lanes
    c = hl.Var("c")
    place = (x, y) if channels == 1 else (x, y, c)
    total = low.stage(f"{name}_sum", list(place), hl.f32(0))  # of the channel that is asked for: it has no bounds
    total[place] += term(x, y, c)
    loops = dict(zip(("taps", "rows"), (taps[i] for i in range(taps.dimensions())), strict=False))
    low.stages.loops[f"{name}_sum"] |= loops
    read = low.image_stage(name, channels, lambda x, y, c: hl.Expr(total[place]), None)
    if vertical:
        keep_rows(low, group, name)
    else:
        group.sums.append(name)
    low.record[f"{name}_sum"].store_in("Stack")
    low.record[f"{name}_sum"].split("x", "xu", "x", lanes, "RoundUp").unroll("xu").vectorize("x")
    update = low.record[f"{name}_sum"].update(0)
    update.split("x", "xu", "x", lanes, "RoundUp").reorder("x", "xu", *loops).unroll("xu").vectorize("x")
    return read


def keep_rows(low: Lowering, group: Group, name: str) -> None:
    """Keep a row of sums, for what reads it in another order, or at other columns."""
    group.local.append(name)
    group.own_columns.add(name)
    vectors = low.tunable(f"{name}.vectors", default=TILE, values=(1, 2, 4, 8))
    low.record[name].split("x", "x", "xi", vectors * low.lanes, "RoundUp").split("xi", "xu", "xi", low.lanes, "RoundUp")
    low.record[name].unroll("xu").vectorize("xi")
    low.record[f"{name}_sum"].compute_at(name, "x")
