"""Resampling: from images of one size to another, along each axis by a table of what each pixel is made of.

The tables (:func:`axis`) are computed once a call, in exact whole numbers but for the weights, so any ratio is as good
as another.

Images grow along the rows first: the few rows of the source that a strip needs are stretched, which gathers; then rows
are summed, which does not. Where a pixel is the mean over an area, of images that shrink, columns are summed first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import halide as hl

from dsl.ir import Node, Size
from dsl.lowering import border, direct, pointwise
from dsl.lowering.context import Group, Lowering, Reader, channel_count, size_name, size_of

#: Pixels of the source along an axis, of kernels that have so many.
_COUNTS = {"nearest": 1, "box4": 2, "box16": 4, "box64": 8, "linear": 2, "cubic": 4}
_COUNTS |= {"gauss4": 2, "gauss16": 4, "gauss64": 8}
#: Standard deviations, in pixels of the source.
SIGMAS = {"gauss4": 0.5, "gauss16": 0.85, "gauss64": 2.0}
#: Kernels with weights below zero.
NEGATIVE = ("cubic",)
#: Rows of a strip whose rows of the source are stretched together: as many as a task has.
_ROWS = 32


@dataclass(frozen=True)
class Axis:
    """What pixels along an axis are made of: of pixels ``first[i] + k`` of the source, by ``weight[i, k]``.

    Attributes
    ----------
    first : Func
        For each pixel the first one of the source; it may lie outside. Beyond the ends it is that of the end.
    weight : Func
        Weights that add up to one, ``0 <= k < count``.
    count : int or Expr
        How many there are; a run-time number of ``"area"``, whose last ones may be zero, and lie outside.
    reach : int
        How far outside the source they lie at most.
    """

    first: hl.Func
    weight: hl.Func
    count: Any
    reach: int


def axis(low: Lowering, kernel: str, source: Size, target: Size, *, vertical: bool) -> Axis:
    """Stages, once a call: the pixels of a source that those of a target are made of, along one axis."""

    def make() -> Axis:
        n, m = (_i64(low.size(size)[vertical]) for size in (source, target))
        i, k = hl.Var("i"), hl.Var("k")
        pixel = hl.clamp(_i64(i), hl.i64(0), m - 1)
        name = f"{kernel}_{'rows' if vertical else 'columns'}_{size_name(source)}_to_{size_name(target)}"
        if kernel == "area":
            start = pixel * n
            first, least = start // m, start // m + k
            weight = _f64(hl.max(hl.min(start + n, (least + 1) * m) - hl.max(start, least * m), hl.i64(0))) / _f64(n)
            count = hl.cast(hl.Int(32), n // m + hl.select(n % m == 0, hl.i64(0), hl.i64(2)))
        else:
            count = _COUNTS[kernel]
            at = (2 * pixel + 1) * n - (m if count > 1 else 0)  # the position, in units of 1 / 2m
            below = at // (2 * m)
            first = below - (count - 1) // 2
            offset = _f64(at - below * (2 * m)) / _f64(2 * m)
            weight = _weight(low, name, kernel, i, k, offset + hl.f64((count - 1) // 2) - _f64(k))
        reach = 0 if kernel == "area" else count // 2
        firsts = _once(low, f"{name}_first", [i], hl.cast(hl.Int(32), first))
        return Axis(firsts, _once(low, f"{name}_weight", [i, k], hl.cast(hl.Float(32), weight)), count, reach)

    found: Axis = low.once(("resampling", kernel, source, target, vertical), make)
    return found


def readers(low: Lowering, kernel: str, source: Size, target: Size, *, vertical: bool) -> hl.Func:
    """Stage, once a call: for each pixel of a source, or outside, the first of a target that it or later ones are in.

    Not of the kernel ``"area"``.
    """

    def make() -> hl.Func:
        n, m = (_i64(low.size(size)[vertical]) for size in (source, target))
        i, count = hl.Var("i"), _COUNTS[kernel]
        below = _i64(i) - count + 1 + (count - 1) // 2  # the least position, rounded down, that reads the pixel
        start = 2 * m * below + (m if count > 1 else 0) - n
        first = hl.clamp((start + 2 * n - 1) // (2 * n), hl.i64(0), m)
        name = f"{kernel}_{'rows' if vertical else 'columns'}_{size_name(source)}_to_{size_name(target)}_readers"
        return _once(low, name, [i], hl.cast(hl.Int(32), first))

    func: hl.Func = low.once(("readers", kernel, source, target, vertical), make)
    return func


def most_between(low: Lowering, source: Size, target: Size, count: int, *, vertical: bool) -> Any:
    """Give how far apart the first pixels of a source are at most, of as many neighbouring ones of a target."""
    n, m = (_i64(low.size(size)[vertical]) for size in (source, target))
    return hl.cast(hl.Int(32), hl.min(((count - 1) * n + m - 1) // m, n))


def _once(low: Lowering, name: str, arguments: list[Any], value: Any) -> hl.Func:
    func = low.stage(name, arguments, value)
    low.record[name].compute_root()
    return func


def _i64(value: Any) -> Any:
    return hl.cast(hl.Int(64), value)


def _f64(value: Any) -> Any:
    return hl.cast(hl.Float(64), value)


def _keys(distance: Any) -> Any:
    """Keys' cubic convolution, a = -0.5."""
    d = hl.abs(distance)
    inner = (1.5 * d - 2.5) * d * d + 1
    outer = ((-0.5 * d + 2.5) * d - 4) * d + 2
    return hl.select(d < 1, inner, outer)


def _weight(low: Lowering, name: str, kernel: str, i: Any, k: Any, distance: Any) -> Any:
    """Write the weight at a distance in pixels of the source."""
    if kernel == "linear":
        return 1 - hl.abs(distance)
    if kernel == "cubic":
        return _keys(distance)
    if kernel not in SIGMAS:
        return hl.f64(1 / _COUNTS[kernel])
    gaussian = _once(low, f"{name}_gaussian", [i, k], hl.exp(distance * distance * hl.f64(-0.5 / SIGMAS[kernel] ** 2)))
    total = hl.Expr(gaussian[i, 0])
    for j in range(1, _COUNTS[kernel]):
        total = total + gaussian[i, j]
    return gaussian[i, k] / total


# ------------------------------------------------------------------------------------------------------ lowerings


def _resize(low: Lowering, node: Node, group: Group) -> Reader:
    kernel = str(node.attributes[0])
    down, across = (axis(low, kernel, size_of(node.args[0]), size_of(node), vertical=v) for v in (True, False))
    return (_mean if kernel == "area" else _stretched)(low, node, group, down, across)


def _read(low: Lowering, node: Node, group: Group) -> Reader:
    return lambda x, y, c: pointwise.value_at(low, node, group, x, y, c)


def _mean(low: Lowering, node: Node, group: Group, down: Axis, across: Axis) -> Reader:
    """Stages: sums down the columns, a row at a time; and along it."""
    image, channels, name = node.args[0], channel_count(node), f"{low.label(node)}_{group.name}"
    width, height = low.size(size_of(image))
    read = _read(low, image, group)

    def summed(axis: Axis, suffix: str, source: Callable[..., Any], *, vertical: bool) -> Reader:
        taps = hl.RDom([(0, axis.count)], f"{name}_{suffix}_taps")

        def term(x: Any, y: Any, c: Any) -> Any:
            i = y if vertical else x
            return axis.weight[i, taps.x] * source(x, y, c, axis.first[i] + taps.x)

        return direct.sums(low, f"{name}_{suffix}", taps, term, channels, group, vertical=vertical)

    def of_column(x: Any, y: Any, c: Any, row: Any) -> Any:
        return read(hl.clamp(hl.likely(x), 0, width - 1), hl.clamp(row, 0, height - 1), c)

    columns = summed(down, "vertical", of_column, vertical=True)

    def of_row(x: Any, y: Any, c: Any, column: Any) -> Any:
        return columns(hl.clamp(column, 0, width - 1), y, c)

    return summed(across, "horizontal", of_row, vertical=False)


def _stretched(low: Lowering, node: Node, group: Group, down: Axis, across: Axis) -> Reader:
    """Stages, a strip at a time: the rows of the source that it needs, with what lies outside; those stretched."""
    image, channels, name = node.args[0], channel_count(node), f"{low.label(node)}_{group.name}"
    width, height = low.size(size_of(image))
    x, slot, strip, c = low.x, hl.Var("slot"), hl.Var("strip"), hl.Var("c")
    place = [x, c, slot, strip] if channels > 1 else [x, slot, strip]

    def at(func: hl.Func, x: Any, slot: Any, strip: Any, c: Any) -> Any:
        return hl.Expr(func[(x, c, slot, strip) if channels > 1 else (x, slot, strip)])

    def stage(suffix: str, value: Any) -> hl.Func:
        func = low.stage(f"{name}_{suffix}", place, value)
        loops = low.record[f"{name}_{suffix}"].split("x", "x", "xi", low.lanes, "RoundUp").vectorize("xi")
        if channels > 1:
            loops.bound("c", 0, channels)
        group.strips.append(f"{name}_{suffix}")
        return func

    row = hl.clamp(down.first[strip * _ROWS] + slot, -down.reach, height - 1 + down.reach)
    of_image = _read(low, image, group), pointwise.outside(low, image)
    rows = stage("rows", border.through_border(low, image, *of_image, x, row, c if channels > 1 else 0))

    def columns(k: int) -> Any:
        column = hl.unsafe_promise_clamped(across.first[x] + k, -across.reach, width - 1 + across.reach)
        return across.weight[x, k] * at(rows, column, slot, strip, c)

    stretched = stage("stretched", _total(columns, across.count))
    most = most_between(low, size_of(image), size_of(node), _ROWS, vertical=True) + down.count - 1

    def read(x: Any, y: Any, c: Any) -> Any:
        start = down.first[y] - down.first[y // _ROWS * _ROWS]

        def weighted(k: int) -> Any:
            slot = hl.unsafe_promise_clamped(start + k, 0, most)
            return down.weight[y, k] * at(stretched, x, slot, y // _ROWS, c)

        return _total(weighted, down.count)

    return read


def _total(term: Callable[[int], Any], count: int) -> Any:
    total = term(0)
    for k in range(1, count):
        total = total + term(k)
    return total


pointwise.STENCILS["resize"] = _resize
