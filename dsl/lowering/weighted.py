"""Weighted means over taps: loops over the neighbours, for any weight that a program can say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import halide as hl

from dsl.ir import SCALAR, TAP_NUMBERS, Node
from dsl.lowering import border, pointwise, tables
from dsl.lowering.context import Group, Lowering, Reader, channel_count

#: Vectors of a row that are summed at a time, in registers.
_TILE = 4


@dataclass(frozen=True)
class Neighbours:
    """Taps as numbers in a row, and the loop over them."""

    numbers: Any
    count: Any  # taps
    reach: Any
    loop: Any  # halide.RDom

    def offset(self, place: Any) -> Any:
        """Read rows or columns, no more than the radius allows."""
        return hl.clamp(hl.cast(hl.Int(32), self.numbers[place]), -self.reach, self.reach)

    @property
    def down(self) -> Any:
        """Rows down to the tap that the loop is at."""
        return self.offset(self.loop.x * TAP_NUMBERS)

    @property
    def right(self) -> Any:
        """Columns to it."""
        return self.offset(self.loop.x * TAP_NUMBERS + 1)

    @property
    def weight(self) -> Any:
        """Its weight."""
        return self.numbers[self.loop.x * TAP_NUMBERS + 2]


def neighbours(low: Lowering, taps: Node) -> Neighbours:
    """Give the loop over some taps; those of weight zero are passed over."""

    def make() -> Neighbours:
        numbers, length = tables.table(low, taps.args[0])
        count = length // TAP_NUMBERS
        loop = hl.RDom([(0, count)], f"{low.label(taps)}_tap")
        found = Neighbours(numbers, count, radius(low, taps), loop)
        loop.where(found.weight != 0)
        return found

    found: Neighbours = low.once(("taps", id(taps)), make)
    return found


def radius(low: Lowering, taps: Node) -> Any:
    """Write how far taps lie from the pixel at most, as loop bounds must be: of the arguments alone."""
    return hl.cast(hl.Int(32), hl.round(pointwise.inline_scalar(low, taps.args[1])))


def _near(low: Lowering, node: Node, group: Group) -> Reader:
    image, taps = node.args
    source, at = border.padded(low, image, group), neighbours(low, taps)
    return lambda x, y, c: source(x + at.right * low.step, y + at.down, c)


def in_loop(low: Lowering, node: Node, group: Group) -> Reader:
    """Stages: the sums of a few vectors of pixels in registers, over all taps; and the row of their quotients."""
    values, weights, taps = node.args
    name, channels, at = f"{low.label(node)}_{group.name}", channel_count(node), neighbours(low, taps)
    x, y = low.x, low.y
    total = low.stage(f"{name}_sum", [x, y], (hl.f32(0),) * (channels + 1))
    found, (weight, *_) = pointwise.evaluate_all(low, [values, weights], group, x, y, border.leaf(low, group))
    weight = at.weight * weight
    sums = [hl.Expr(total[x, y][c]) + weight * found[c] for c in range(channels)]
    total[x, y] = (*sums, hl.Expr(total[x, y][channels]) + weight)
    low.stages.loops[f"{name}_sum"]["tap"] = at.loop.x
    low.notes[low.label(node)] = "loop over taps"
    return quotients(low, name, group, channels, low.lanes, _TILE)


def tap_stages(low: Lowering, name: str, at: Neighbours) -> tuple[hl.Func, hl.Func]:
    """Stages, once a call: taps as whole numbers (rows, columns, whether one is a filler), and their weights."""
    k, t = hl.Var("k"), hl.Var("t")
    place = t * TAP_NUMBERS
    spatial = at.numbers[place + 2]
    numbers = [at.offset(place), at.offset(place + 1), hl.cast(hl.Int(32), spatial == 0)]
    taps = low.stage(f"{name}_taps", [k, t], hl.mux(k, numbers))
    weights = low.stage(f"{name}_weights", [t], spatial)
    for stage in (taps, weights):
        low.record[stage.name()].compute_root()
    return taps, weights


def is_plain(node: Node) -> bool:
    """Tell whether a mean is a plain convolution: of an image's own pixels, by weights of their places alone."""
    values, weights, _ = node.args
    return values.op == "near" and weights.type == SCALAR


def convolve(low: Lowering, node: Node, group: Group) -> Reader:
    """Stages: sums over taps right where the group's loop uses them, channels alike; once a call that of weights.

    A weight that is the same for all taps cancels.
    """
    values, _, taps = node.args
    name, at = f"{low.label(node)}_{group.name}", neighbours(low, taps)
    x, y, c = low.x, low.y, hl.Var("c")
    source = border.padded(low, values.args[0], group)

    taps_at, weights = tap_stages(low, name, at)
    whole = low.stage(f"{name}_whole", [hl.Var("i")], hl.f32(0))
    loop = hl.RDom([(0, at.count)], f"{name}_tap")
    whole[0] += weights[loop.x]
    low.record[f"{name}_whole"].compute_root()

    total = low.stage(f"{name}_sum", [x, y, c], hl.f32(0))
    down, right = (hl.clamp(taps_at[axis, loop.x], -at.reach, at.reach) for axis in range(2))
    total[x, y, c] += weights[loop.x] * source(x + right * low.step, y + down, c)
    low.stages.loops[f"{name}_sum"]["tap"] = loop.x
    group.sums.append(name)
    low.record[f"{name}_sum"].store_in("Stack")
    low.record[f"{name}_sum"].split("x", "xu", "x", low.lanes, "RoundUp").unroll("xu").vectorize("x")
    update = low.record[f"{name}_sum"].update(0)
    update.split("x", "xu", "x", low.lanes, "RoundUp").reorder("x", "xu", "tap").unroll("xu").vectorize("x")
    low.notes[low.label(node)] = "convolution"
    return lambda x, y, c: hl.Expr(total[x, y, c]) / hl.Expr(whole[0])


def quotients(low: Lowering, name: str, group: Group, channels: int, lanes: int, vectors: int) -> Reader:
    """Stage: what ``NAME_sum`` sums by channel, over what it sums last; so many vectors of ``lanes`` at a time."""
    total = low.stages.funcs[f"{name}_sum"]

    def quotient(x: Any, y: Any, c: Any) -> Any:
        sums = [hl.cast(hl.Float(32), total[x, y][i]) for i in range(channels + 1)]
        return pointwise.pick([each / sums[-1] for each in sums[:-1]], c)

    read = low.image_stage(name, channels, quotient, group, uniform=channels == 1)
    group.own_columns.add(name)
    rest = ("c",) if channels > 1 else ()
    loops = low.record[name].split("x", "x", "xi", vectors * lanes, "RoundUp")
    loops.split("xi", "xu", "xi", low.lanes, "RoundUp").reorder(*rest, "xi", "xu", "x", "y")
    loops.unroll("xu").vectorize("xi")
    if rest:
        loops.unroll("c")
    summed = low.record[f"{name}_sum"].compute_at(name, "x").store_in("Stack")
    summed.split("x", "xu", "x", lanes, "RoundUp").unroll("xu").vectorize("x")
    update = low.record[f"{name}_sum"].update(0)
    update.split("x", "xu", "x", lanes, "RoundUp").reorder("x", "xu", "tap").unroll("xu").vectorize("x")
    return read


def _distance(low: Lowering, node: Node, operands: list[list[Any]]) -> list[Any]:
    differences = [a - b for a, b in zip(*operands, strict=True)]
    if len(differences) == 1:
        return [hl.abs(differences[0])]
    if node.attributes[0] == "l1":
        return [sum(map(hl.abs, differences[1:]), hl.abs(differences[0]))]
    return [hl.sqrt(sum((d * d for d in differences[1:]), differences[0] * differences[0]))]


pointwise.STENCILS["near"] = _near
pointwise.BUNDLES["distance"] = _distance
