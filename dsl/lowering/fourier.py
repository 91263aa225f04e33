"""Convolution with large kernels: Fourier transforms down the columns, direct sums along the rows.

Columns are cut into pieces of as many points as a transform has, which overlap by the rows of the kernel (pieces.py).
Two of them, one below the other, are transformed at a time, as real and imaginary part: weights that are real keep them
apart. At every frequency a row is convolved with that frequency of the kernel's columns. So a pixel costs two products
for each column of the kernel, times ``points / (points - rows + 1)``, instead of one for each weight; and all of it
runs along rows, where pixels lie side by side: nothing is transposed.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import halide as hl

from dsl.ir import Node
from dsl.lowering import border, tables
from dsl.lowering.context import Group, Lowering, Reader, channel_count, f32
from dsl.lowering.direct_2d import Weights, weights_of
from dsl.lowering.pieces import POINTS, most_rows, results
from dsl.lowering.registers import in_strips
from schedules.errors import ScheduleError

_DEFAULT_POINTS = 128
#: Columns of a task: its halo is small beside them, and its spectrum stays in cache.
_COLUMNS = 256
#: Vectors whose sums at one frequency are made together, in registers.
_VECTORS = 4

Complex = tuple[Any, Any]
#: Reads a column at a point.
Points = Callable[[Any, Any], Complex]


def convolve_2d(low: Lowering, node: Node, group: Group) -> Reader:
    """Lower a convolution to stages that a group computes by tasks of rows and columns."""
    label, channels = low.label(node), channel_count(node)
    points = low.schedule.choice(f"{label}.points", "points", default=_DEFAULT_POINTS)
    if points not in POINTS:
        raise ScheduleError(f"{label}.points = {points!r}: a transform has {', '.join(map(str, POINTS))}")
    name, weights = f"{label}_{group.name}", weights_of(low, node)
    rows = _checked(label, weights.rows, points)
    step = results(points, rows)
    spectrum = _spectrum(low, label, weights, rows, points)
    inner, planes = Group(name), [hl.Var("c")] if channels > 1 else []
    read = border.padded(low, node.args[0], inner)
    c = planes[0] if planes else 0
    pair = hl.Var("pair")
    at = [pair, *planes]

    def pieces(x: Any, i: Any) -> Complex:
        first = 2 * pair * step - (rows - 1) // 2 + i
        return read(x, first, c), read(x, first + step, c)

    forward = transform(low, f"{name}_forward", points, -1, pieces, at)
    product = _product(low, name, weights, spectrum, forward.read, at)
    backward = transform(low, f"{name}_backward", points, 1, product, at)
    in_strips(low, inner, group)
    _schedule(low, name, forward, backward, [var.name() for var in planes])
    group.strips += [forward.last, backward.last]
    group.rows, group.columns = 2 * step, _COLUMNS
    low.notes[label] = f"Fourier transforms of {points} points down the columns"

    def value(x: Any, y: Any, c: Any) -> Any:
        row = y % (2 * step)
        real, imaginary = backward.at(x, row % step + rows - 1, [y // (2 * step), *([c] if planes else [])])
        return hl.select(row < step, real, imaginary)

    return value


def _checked(label: str, rows: Any, points: int) -> Any:
    most = most_rows(points)
    said = f"rows of weights: {label}.points = {points} is for {most} at most"
    return hl.require(rows <= most, rows, hl.Expr(said))


# ------------------------------------------------------------------------------------------------------ transforms


@dataclass(frozen=True)
class Pass:
    """One pass of a transform: its stage, and its radix."""

    stage: str
    radix: int


@dataclass(frozen=True)
class Transform:
    """The passes of a transform, and what reads its results at a column, a point and other dimensions."""

    passes: tuple[Pass, ...]
    at: Callable[[Any, Any, Sequence[Any]], Complex]
    others: Sequence[Any]

    @property
    def last(self) -> str:
        """Name the stage of the results."""
        return self.passes[-1].stage

    def read(self, x: Any, i: Any) -> Complex:
        """Read the results where the other dimensions are those of the loop."""
        return self.at(x, i, self.others)


def transform(low: Lowering, name: str, points: int, sign: int, read: Points, others: Sequence[Any]) -> Transform:
    """Stages: ``sum of read(x, i) exp(sign 2 pi j i k / points)`` over i, by Stockham's passes, in natural order.

    Of a stage, ``q`` goes through transforms that lie side by side, ``k`` through the points of one, and ``p`` through
    those one after another.
    """
    q, k, p = hl.Var("q"), hl.Var("k"), hl.Var("p")
    made = Transform((), lambda x, i, others: read(x, i), others)
    side, left = 1, points
    for number, radix in enumerate(radices(points)):
        after = left // radix
        values = butterfly([made.read(low.x, q + side * (p + after * j)) for j in range(radix)], sign)
        value: Complex = hl.mux(k, [real for real, _ in values]), hl.mux(k, [imaginary for _, imaginary in values])
        if after > 1:
            turn = (k * p * (points // left)) % points
            value = _multiply(value, tuple(each[turn] for each in _turns(low, points, sign)))
        stage = f"{name}{number}"
        func = low.stage(stage, [low.x, q, k, p, *others], value)
        made = Transform((*made.passes, Pass(stage, radix)), functools.partial(_result, func, side, radix), others)
        side, left = side * radix, after
    return made


def _result(func: hl.Func, side: int, radix: int, x: Any, i: Any, others: Sequence[Any]) -> Complex:
    return _read(func, (x, i % side, i // side % radix, i // (side * radix), *others))


def _read(func: hl.Func, place: tuple[Any, ...]) -> Complex:
    value = func[place]
    return hl.Expr(value[0]), hl.Expr(value[1])


def radices(points: int) -> list[int]:
    """Split a power of two into eights and fours, for which registers have room."""
    twos = points.bit_length() - 1
    fours = -twos % 3
    return [8] * ((twos - 2 * fours) // 3) + [4] * fours


def butterfly(values: Sequence[Complex], sign: int) -> list[Complex]:
    """Write the transform of a few points, by halves."""
    count = len(values)
    if count == 1:
        return list(values)
    even, odd = butterfly(values[::2], sign), butterfly(values[1::2], sign)
    turned = [_turn(value, k, count, sign) for k, value in enumerate(odd)]
    return [_add(a, b) for a, b in zip(even, turned, strict=True)] + [
        _subtract(a, b) for a, b in zip(even, turned, strict=True)
    ]


def _turn(value: Complex, k: int, count: int, sign: int) -> Complex:
    """Multiply by ``exp(sign 2 pi j k / count)``; eighths of a turn are sums, and a factor."""
    real, imaginary = value
    eighths = 8 * k // count
    if eighths >= 2:  # a quarter of a turn first
        real, imaginary = (-imaginary, real) if sign > 0 else (imaginary, -real)
    if eighths % 2:
        half = f32(math.sqrt(0.5))
        added, taken = real + imaginary, real - imaginary
        real, imaginary = (taken * half, added * half) if sign > 0 else (added * half, -taken * half)
    return real, imaginary


def _add(a: Complex, b: Complex) -> Complex:
    return a[0] + b[0], a[1] + b[1]


def _subtract(a: Complex, b: Complex) -> Complex:
    return a[0] - b[0], a[1] - b[1]


def _multiply(a: Complex, b: Any) -> Complex:
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def _turns(low: Lowering, points: int, sign: int) -> tuple[Any, Any]:
    """Give tables of cosines and sines of parts of a turn."""

    def make() -> tuple[Any, Any]:
        angles = [sign * 2 * math.pi * i / points for i in range(points)]
        return tables.constant(low, list(map(math.cos, angles))), tables.constant(low, list(map(math.sin, angles)))

    found: tuple[Any, Any] = low.once(("turns", points, sign), make)
    return found


# ------------------------------------------------------------------------------------- spectra, products, schedules


def _spectrum(low: Lowering, label: str, weights: Weights, rows: Any, points: int) -> Transform:
    """Stage, once a call: the transforms of the kernel's columns, over the number of points."""

    def make() -> Transform:
        def column(x: Any, i: Any) -> Complex:
            down = (rows - 1) // 2 - i
            weight = weights.weight[x, hl.max(down, -((rows - 1) // 2))]
            return hl.select(i < rows, weight * f32(1 / points), f32(0)), f32(0)

        found = transform(low, f"{label}_spectrum", points, -1, column, [])
        for each in found.passes:
            low.record[each.stage].bound("k", 0, each.radix).reorder("k", "x", "q", "p").unroll("k").compute_root()
        return found

    spectrum: Transform = low.once(("fourier", label, points), make)
    return spectrum


def _product(
    low: Lowering, name: str, weights: Weights, spectrum: Transform, read: Points, others: Sequence[Any]
) -> Points:
    """Stages: what the rows are convolved to at every frequency, made in registers."""
    k = hl.Var("k")
    at = (low.x, k, *others)
    taps = hl.RDom([(-((weights.columns - 1) // 2), weights.columns)], f"{name}_taps")
    sums = low.stage(f"{name}_sums", list(at), (f32(0), f32(0)))
    found = _multiply(read(low.x + taps.x * low.step, k), spectrum.at(taps.x, k, []))
    sums[at] = _add(_read(sums, at), found)
    low.stages.loops[f"{name}_sums"]["taps"] = taps.x
    product = low.stage(f"{name}_product", list(at), _read(sums, at))
    return lambda x, i: _read(product, (x, i, *others))


def _schedule(low: Lowering, name: str, forward: Transform, backward: Transform, planes: Sequence[str]) -> None:
    """Schedule passes: those before the last ones, and the products, for some columns at a time, kept in cache."""
    loops = ("q", "p", *planes, "pair")
    for each, vectors in ((forward, 1), (backward, _VECTORS)):
        last = each.passes[-1]
        for a_pass in each.passes:
            record = low.record[a_pass.stage].bound("k", 0, a_pass.radix)
            if a_pass is last:
                record.split("x", "xo", "x", vectors * low.lanes, "RoundUp")
            record.split("x", "x", "xi", low.lanes, "RoundUp")
            record.reorder("k", "xi", "x", *loops, *(["xo"] if a_pass is last else [])).unroll("k").vectorize("xi")
            if a_pass is not last:
                record.compute_at(last.stage, "xo")
    sums, product = low.record[f"{name}_sums"], low.record[f"{name}_product"]
    product.split("x", "x", "xi", _VECTORS * low.lanes, "RoundUp").split("xi", "xu", "xi", low.lanes, "RoundUp")
    product.unroll("xu").vectorize("xi").compute_at(backward.last, "xo")
    sums.split("x", "xu", "x", low.lanes, "RoundUp").unroll("xu").vectorize("x").store_in("Stack")
    update = sums.update(0).split("x", "xu", "x", low.lanes, "RoundUp").reorder("x", "xu", "taps")
    update.unroll("xu").vectorize("x")
    sums.compute_at(f"{name}_product", "x")
