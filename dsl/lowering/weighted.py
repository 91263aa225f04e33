"""Weighted means over taps: loops over the neighbours, for any weight that a program can say."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import halide as hl

from dsl.ir import SCALAR, TAP_NUMBERS, Image, Node
from dsl.lowering import border, pointwise, resampling, tables
from dsl.lowering.context import Group, Lowering, Reader, channel_count

#: Vectors of a row that are summed at a time, in registers.
_TILE = 4
#: Rows of a small image that are summed at a time.
_BLOCK = 4


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

    def at(self, tap: Any) -> tuple[Any, Any, Any]:
        """Read a tap: rows down, columns to the right, its weight."""
        place = tap * TAP_NUMBERS
        return self.offset(place), self.offset(place + 1), self.numbers[place + 2]


def neighbours(low: Lowering, taps: Node) -> Neighbours:
    """Give the loop over some taps; those of weight zero are passed over."""

    def make() -> Neighbours:
        numbers, length = tables.table(low, taps.args[0])
        count = length // TAP_NUMBERS
        loop = hl.RDom([(0, count)], f"{low.label(taps)}_tap")
        found = Neighbours(numbers, count, radius(low, taps), loop)
        loop.where(found.at(loop.x)[2] != 0)
        return found

    found: Neighbours = low.once(("taps", id(taps)), make)
    return found


def radius(low: Lowering, taps: Node) -> Any:
    """Write how far taps lie from the pixel at most, as loop bounds must be: of the arguments alone."""
    return hl.cast(hl.Int(32), hl.round(pointwise.inline_scalar(low, taps.args[1])))


def _near(low: Lowering, node: Node, group: Group) -> Reader:
    image, taps = node.args
    if taps.op == "around":
        return resampling.near(low, node, group)
    source, found = border.padded(low, image, group), neighbours(low, taps)
    down, right, _ = found.at(found.loop.x if group.tap is None else group.tap)
    return lambda x, y, c: source(x + right * low.step, y + down, c)


def in_loop(low: Lowering, node: Node, group: Group) -> Reader:
    """Stages: the sums of a few vectors of pixels in registers, over all taps; and the row of their quotients."""
    values, weights, taps = node.args
    name = f"{low.label(node)}_{group.name}"
    if is_over_windows(weights):
        return _in_tiles(low, node, group)
    read, (weight, *_) = pointwise.evaluate_all(
        low, [values, weights], group, low.x, low.y, border.leaf(low, group)
    )  # fmt: skip
    if taps.op == "around":
        _sum(low, name, resampling.around(low, taps), read, resampling.weight_of_place(low, taps) * weight)
    else:
        found = neighbours(low, taps)
        _sum(low, name, found.loop, read, found.at(found.loop.x)[2] * weight)
    low.notes[low.label(node)] = "loop over taps"
    return quotients(low, name, group, channel_count(node), low.lanes, _TILE)


def _sum(low: Lowering, name: str, loop: Any, values: list[Any], weight: Any) -> None:
    """Stage: sums of weights times values, and of weights last."""
    x, y = low.x, low.y
    total = low.stage(f"{name}_sum", [x, y], (hl.f32(0),) * (len(values) + 1))
    sums = [hl.Expr(total[x, y][c]) + weight * value for c, value in enumerate(values)]
    total[x, y] = (*sums, hl.Expr(total[x, y][len(values)]) + weight)
    low.stages.loops[f"{name}_sum"]["tap"] = loop.x


def is_over_windows(node: Node) -> bool:
    """Tell whether a varying node is a sum over a window of varying ones."""
    if not isinstance(node.type, Image) or not node.type.varying:
        return False
    return node.op == "window" or any(map(is_over_windows, node.args))


#: Columns of a tile of sums.
_COLUMNS = 128


def _in_tiles(low: Lowering, node: Node, group: Group) -> Reader:
    """Stages: a tile of weights for every tap, that windows are computed for; the sums of the tile over all taps.

    Beside its columns and rows a stage that varies has the tap as a dimension, of which one is kept at a time.
    """
    values, weights, taps = node.args
    name, channels, found = f"{low.label(node)}_{group.name}", channel_count(node), neighbours(low, taps)
    tap = hl.Var("tap")
    inner = Group(name, tap=tap)
    weight = pointwise.evaluate(low, weights, inner, low.x, low.y, border.leaf(low, inner))[0]
    stage = _per_tap(low, f"{name}_weight", weight, inner)
    padded = {key: reader for key, reader in inner.readers.items() if key[0] == "padded"}
    read = pointwise.evaluate(low, values, Group(name, readers=padded), low.x, low.y, border.leaf(low, inner))
    own = found.at(found.loop.x)[2]
    _sum(low, name, found.loop, read, own * hl.Expr(stage[low.x, low.y, found.loop.x]))
    result = low.image_stage(name, channels, _quotient(low, name, channels), None, uniform=channels == 1)
    loops = low.record[name].split("x", "x", "xi", _COLUMNS, "RoundUp").split("xi", "xv", "xi", low.lanes, "RoundUp")
    loops.reorder(*(("c",) if channels > 1 else ()), "xi", "xv", "y", "x").vectorize("xi")
    if channels > 1:
        loops.unroll("c")
    low.record[f"{name}_sum"].compute_at(name, "x").split("x", "x", "xi", low.lanes, "RoundUp").vectorize("xi")
    update = low.record[f"{name}_sum"].update(0).split("x", "x", "xi", low.lanes, "RoundUp").vectorize("xi")
    update.reorder("xi", "x", "y", "tap")
    for each in inner.per_tap:
        low.record[each].compute_at(f"{name}_sum", "tap").split("x", "x", "xi", low.lanes, "RoundUp").vectorize("xi")
    for each in inner.local:
        low.record[each].split("x", "x", "xi", low.lanes, "RoundUp").vectorize("xi")
    group.strips += [*inner.local, name]
    low.notes[low.label(node)] = "loop over taps, tile by tile"
    return result


def _per_tap(low: Lowering, name: str, value: Any, group: Group) -> hl.Func:
    """Stage: what varies, for the tap that a loop is at."""
    group.per_tap.append(name)
    return low.stage(name, [low.x, low.y, group.tap], value)


def window(low: Lowering, node: Node, group: Group, combine: Any, ry: int, rx: int) -> Reader:
    """Stages: what varies, and its reductions down the columns; read along the row."""
    name, tap = f"{low.label(node)}_{group.name}", group.tap
    value = pointwise.evaluate(low, node.args[0], group, low.x, low.y, border.leaf(low, group))[0]
    inner = _per_tap(low, f"{name}_inner", value, group)
    down = functools.reduce(combine, (hl.Expr(inner[low.x, low.y + d, tap]) for d in range(-ry, ry + 1)))
    columns = _per_tap(low, f"{name}_columns", down, group)
    along = range(-rx, rx + 1)
    return lambda x, y, c: functools.reduce(combine, (hl.Expr(columns[x + d * low.step, y, tap]) for d in along))


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
    values, weights, taps = node.args
    return values.op == "near" and weights.type == SCALAR and taps.op == "taps"


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
    if node.type.level:  # type: ignore[union-attr]  # few columns: several rows fill the registers, too
        group.block = _BLOCK
        low.record[f"{name}_sum"].unroll("y")
        update.reorder("x", "xu", "y", "tap").unroll("y")
    low.notes[low.label(node)] = "convolution"
    return low.image_stage(name, channel_count(node), lambda x, y, c: hl.Expr(total[x, y, c]) / hl.Expr(whole[0]), None)


def _quotient(low: Lowering, name: str, channels: int) -> Reader:
    """Divide what ``NAME_sum`` sums by channel by what it sums last."""
    total = low.stages.funcs[f"{name}_sum"]

    def read(x: Any, y: Any, c: Any) -> Any:
        sums = [hl.cast(hl.Float(32), total[x, y][i]) for i in range(channels + 1)]
        return pointwise.pick([each / sums[-1] for each in sums[:-1]], c)

    return read


def quotients(low: Lowering, name: str, group: Group, channels: int, lanes: int, vectors: int) -> Reader:
    """Stage: what ``NAME_sum`` sums by channel, over what it sums last; so many vectors of ``lanes`` at a time."""
    read = low.image_stage(name, channels, _quotient(low, name, channels), group, uniform=channels == 1)
    group.own_columns.add(name)
    rest = ("c",) if channels > 1 else ()
    vectors = low.tunable(f"{name}.vectors", default=vectors, values=(1, 2, 4, 8))
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
    return [pointwise.sqrt(sum((d * d for d in differences[1:]), differences[0] * differences[0]))]


pointwise.STENCILS["near"] = _near
pointwise.BUNDLES["distance"] = _distance
