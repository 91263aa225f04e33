"""Convolution as direct sums, a vertical pass and a horizontal one. Cost grows with the radius."""

from __future__ import annotations

import halide as hl

from dsl.ir import Node
from dsl.lowering import border, kernels
from dsl.lowering.context import Group, Lowering, Reader, channel_count

#: Vectors of one row that are summed at a time, in registers.
_TILE = 4


def convolve(low: Lowering, node: Node, group: Group) -> Reader:
    """Lower a convolution to helper stages of a group."""
    image, kernel_y, kernel_x = node.args
    terms = int(node.attributes[0])  # type: ignore[arg-type]
    source = border.padded(low, image, group)
    channels = channel_count(node)
    name = f"{low.label(node)}_{group.name}"
    if kernel_y.op != "identity":
        weights = kernels.direct(low, kernel_y, terms)
        source = _pass(low, f"{name}_vertical", weights, source, channels, group, vertical=True)
    if kernel_x.op != "identity":
        weights = kernels.direct(low, kernel_x, terms)
        source = _pass(low, f"{name}_horizontal", weights, source, channels, group, vertical=False)
    return source


def _pass(
    low: Lowering,
    name: str,
    weights: kernels.Weights,
    source: Reader,
    channels: int,
    group: Group,
    *,
    vertical: bool,
) -> Reader:
    """Sum along one axis. The sums are a stage inside the stage that keeps them, so they stay in registers."""
    x, y, lanes = low.x, low.y, low.lanes
    taps = hl.RDom([(-weights.radius, 2 * weights.radius + 1)], f"{name}_taps")
    summed = low.image_stage(f"{name}_sum", channels, lambda x, y, c: hl.f32(0), None)
    total = low.stages.funcs[f"{name}_sum"]
    c = hl.Var("c")
    at = source(x, y + taps.x, c) if vertical else source(x + taps.x * low.step, y, c)
    place = (x, y) if channels == 1 else (x, y, c)
    total[place] += weights.weight(taps.x) * at
    low.stages.loops[f"{name}_sum"]["taps"] = taps.x
    read = low.image_stage(name, channels, summed, group)
    group.own_columns.add(name)
    low.record[name].split("x", "x", "xi", _TILE * lanes, "RoundUp").split("xi", "xu", "xi", lanes, "RoundUp")
    low.record[name].unroll("xu").vectorize("xi")
    low.record[f"{name}_sum"].compute_at(name, "x").store_in("Stack")
    low.record[f"{name}_sum"].split("x", "xu", "x", lanes, "RoundUp").unroll("xu").vectorize("x")
    update = low.record[f"{name}_sum"].update(0)
    update.split("x", "xu", "x", lanes, "RoundUp").reorder("x", "xu", "taps").unroll("xu").vectorize("x")
    return read
