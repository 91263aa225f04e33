"""Resampling: from images of one size to another, along each axis by a table of what each pixel is made of.

The tables (:func:`axis`) are computed once a call, in exact whole numbers but for the weights, so any ratio is as good
as another.

Images grow along the rows first: the few rows of the source that a strip needs are stretched, which gathers; then rows
are summed, which does not. Where a pixel is the mean over an area, of images that shrink, columns are summed first.
Pixels around those of another size (:func:`near`) are gathered in the same way, to be weighted by more than place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import halide as hl

from dsl.ir import INPUT_OPS, OF_ANY_WIDTH, Node, Size
from dsl.lowering import border, direct, pointwise
from dsl.lowering.context import Group, Lowering, Reader, channel_count, size_name, size_of
from dsl.lowering.source import Columns

#: Pixels of the source along an axis, of kernels that have so many.
_COUNTS = {"nearest": 1, "box4": 2, "box16": 4, "box64": 8, "linear": 2, "cubic": 4}
_COUNTS |= {"gauss4": 2, "gauss16": 4, "gauss64": 8}
#: Standard deviations, in pixels of the source.
SIGMAS = {"gauss4": 0.5, "gauss16": 0.85, "gauss64": 2.0}
#: Kernels with weights below zero.
NEGATIVE = ("cubic",)
#: Rows of a strip whose rows of the source are gathered together: as many as a task has.
_ROWS = 32

#: Writes a weight, for a pixel and the number of its source pixel, by their distance in pixels of the source.
_Weight = Callable[[Any, Any, Any], Any]


@dataclass(frozen=True)
class Axis:
    """What pixels along an axis are made of: of pixels ``first[i] + k`` of the source, by ``weight[i, k]``.

    Attributes
    ----------
    first : Func
        For each pixel the first one of the source; it may lie outside. Loops that are rounded up read it beyond the
        ends, where it is not computed and may hold anything: what is read by it has to be clamped.
    weight : Func
        Weights that add up to one, ``0 <= k < count``.
    count : int or Expr
        How many there are; a run-time number of ``"area"``, whose last ones may be zero, and lie outside.
    reach : int
        How far outside the source they lie at most.
    inside : bool
        Whether they lie within the source.
    """

    first: hl.Func
    weight: hl.Func
    count: Any
    reach: int
    inside: bool = False


def axis(low: Lowering, kernel: str, source: Size, target: Size, *, vertical: bool) -> Axis:
    """Stages, once a call: the pixels of a source that those of a target are made of, along one axis."""
    name = f"{kernel}_{_name(source, target, vertical=vertical)}"

    found: Axis = low.once(name, lambda: _axis(low, kernel, name, _along(low, source, target, vertical=vertical)))
    return found


def readers(low: Lowering, kernel: str, source: Size, target: Size, *, vertical: bool) -> hl.Func:
    """Stage, once a call: for each pixel of a source, or outside, the first of a target that it or later ones are in.

    Not of the kernel ``"area"``.
    """

    def make() -> hl.Func:
        n, m = (_i64(low.size(size)[vertical]) for size in (source, target))
        i, count = hl.Var("i"), _COUNTS[kernel]
        below = _i64(i) - count + 1 + (count - 1) // 2  # the least position, rounded down, that reads the pixel
        start = 2 * m * below + (m if count % 2 == 0 else 0) - n
        first = hl.clamp((start + 2 * n - 1) // (2 * n), hl.i64(0), m)
        name = f"{kernel}_{_name(source, target, vertical=vertical)}_readers"
        return _once(low, name, [i], hl.cast(hl.Int(32), first))

    func: hl.Func = low.once(("readers", kernel, source, target, vertical), make)
    return func


def most_between(low: Lowering, source: Size, target: Size, count: int, *, vertical: bool) -> Any:
    """Give how far apart the first pixels of a source are at most, of as many neighbouring ones of a target."""
    n, m = (_i64(low.size(size)[vertical]) for size in (source, target))
    return hl.cast(hl.Int(32), hl.min(((count - 1) * n + m - 1) // m, n))


def _name(source: Size, target: Size, *, vertical: bool) -> str:
    return f"{'rows' if vertical else 'columns'}_{size_name(source)}_to_{size_name(target)}"


@dataclass(frozen=True)
class _Along:
    """An axis along which ``n`` pixels are resampled to ``m``, of which ``pixel`` is the one at loop ``i``.

    Whole numbers of 64 bits: products of sizes have more than 32.
    """

    n: Any
    m: Any
    i: Any
    pixel: Any


def _along(low: Lowering, source: Size, target: Size, *, vertical: bool) -> _Along:
    n, m = (_i64(low.size(size)[vertical]) for size in (source, target))
    i = hl.Var("i")
    return _Along(n, m, i, hl.clamp(_i64(i), hl.i64(0), m - 1))


def _along_window(low: Lowering, node: Node, *, vertical: bool) -> _Along:
    """Give the axis of what is resampled to a size that the result is a part of, and may be mirrored."""
    image, _, height, width, top, left, upside_down, from_right = node.args
    size, first, mirrored = (height, top, upside_down) if vertical else (width, left, from_right)
    n, here = (_i64(low.size(each)[vertical]) for each in (size_of(image), size_of(node)))
    given, start, turned = (_i64(hl.round(pointwise.inline_scalar(low, each))) for each in (size, first, mirrored))
    m, i = hl.select(given > 0, given, here), hl.Var("i")
    inside = hl.clamp(_i64(i), hl.i64(0), here - 1)
    pixel = start + hl.select(turned != 0, here - 1 - inside, inside)
    return _Along(n, m, i, hl.clamp(pixel, hl.i64(0), m - 1))


def _axis(low: Lowering, kernel: str, name: str, along: _Along) -> Axis:
    """Stages: the pixels that those along an axis are made of, by a kernel."""
    if kernel in OF_ANY_WIDTH:
        return (_areas if kernel == "area" else _triangles)(low, name, along)
    return _nearest(low, name, _COUNTS[kernel], _by_distance(low, name, kernel), along)


def _areas(low: Lowering, name: str, along: _Along) -> Axis:
    """Stages: the pixels that a pixel covers, by how much of them."""
    n, m, i = along.n, along.m, along.i
    k, start = hl.Var("k"), along.pixel * n  # in units of 1 / m
    count = hl.min(n // m + hl.select(n % m == 0, hl.i64(0), hl.i64(2)), n)
    least = hl.min(start // m, n - count)  # so that all are inside
    covered = least + k
    share = hl.max(hl.min(start + n, (covered + 1) * m) - hl.max(start, covered * m), hl.i64(0))
    first = _first(low, name, i, least)
    weight = _once(low, f"{name}_weight", [i, k], hl.cast(hl.Float(32), _f64(share) / _f64(n)))
    return Axis(first, weight, hl.cast(hl.Int(32), count), 0, inside=True)


def _triangles(low: Lowering, name: str, along: _Along) -> Axis:
    """Stages: the pixels within so far of where a pixel lies, a pixel of the coarser size, by how near they are."""
    n, m, i, pixel = along.n, along.m, along.i, along.pixel
    wide = hl.max(n, m)  # how far it reaches, in units of 1 / m
    place, count = (2 * pixel + 1) * n, hl.min((2 * wide + m - 1) // m + 1, n)  # the former in units of 1 / 2m
    start = hl.clamp((place - 2 * wide + m) // (2 * m), hl.i64(0), n - count)
    first, k = _first(low, name, i, start, bounded=False), hl.Var("k")
    at = _i64(first[i]) + k
    distance = hl.abs(_f64((2 * at + 1) * m - place)) / _f64(2 * wide)
    share = _once(low, f"{name}_share", [i, k], hl.max(1 - distance, hl.f64(0)))
    taps = hl.RDom([(0, hl.cast(hl.Int(32), count))], f"{name}_shares")
    total = _once(low, f"{name}_total", [i], hl.f64(0))
    total[i] += share[i, taps.x]
    weight = _once(low, f"{name}_weight", [i, k], hl.cast(hl.Float(32), share[i, k] / total[i]))
    return Axis(first, weight, hl.cast(hl.Int(32), count), 0, inside=True)


def _nearest(low: Lowering, name: str, count: int, weight: _Weight, along: _Along) -> Axis:
    """Stages: so many pixels nearest to where a pixel lies; of two as near the later."""
    n, m, i = along.n, along.m, along.i
    k, place, before = hl.Var("k"), (2 * along.pixel + 1) * n - m, (count - 1) // 2  # in units of 1 / 2m
    nearest = (place + m if count % 2 else place) // (2 * m)
    distance = _f64(place - nearest * (2 * m)) / _f64(2 * m) + hl.f64(before) - _f64(k)
    first = _first(low, name, i, nearest - before)
    found = _once(low, f"{name}_weight", [i, k], hl.cast(hl.Float(32), weight(i, k, distance)))
    return Axis(first, found, count, count // 2, inside=count == 1)


def _first(low: Lowering, name: str, i: Any, value: Any, *, bounded: bool = True) -> hl.Func:
    """Stage, once a call: the first pixels of the source, which Halide is to know bounds of or not.

    Where it does, it clamps what it reads of them by these, in 64 bits: which Metal lacks, and which takes time.
    """
    found = hl.cast(hl.Int(32), value)
    bounded = bounded and not low.device
    func = _once(low, f"{name}_first", [i], found if bounded else hl.i32(0))
    if not bounded:  # what is updated has no bounds
        func[i] = found
    return func


def _once(low: Lowering, name: str, arguments: list[Any], value: Any) -> hl.Func:
    func = low.stage(name, arguments, value)
    low.record[name].compute_root()
    return func


def _i64(value: Any) -> Any:
    return hl.cast(hl.Int(64), value)


def _f64(value: Any) -> Any:
    return hl.cast(hl.Float(64), value)


def _by_distance(low: Lowering, name: str, kernel: str) -> _Weight:
    if kernel == "linear":
        return lambda i, k, distance: 1 - hl.abs(distance)
    if kernel == "cubic":
        return lambda i, k, distance: _keys(hl.abs(distance))
    if kernel not in SIGMAS:
        return lambda i, k, distance: hl.f64(1 / _COUNTS[kernel])

    def gaussian(i: Any, k: Any, distance: Any) -> Any:
        weights = _once(low, f"{name}_gaussian", [i, k], _gaussian(distance, hl.f64(SIGMAS[kernel])))
        return weights[i, k] / _total(lambda j: hl.Expr(weights[i, j]), _COUNTS[kernel])

    return gaussian


def _gaussian(distance: Any, sigma: Any) -> Any:
    return hl.exp(-distance * distance / (2 * sigma * sigma))


def _keys(distance: Any) -> Any:
    """Keys' cubic convolution, a = -0.5."""
    inner = (1.5 * distance - 2.5) * distance * distance + 1
    outer = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return hl.select(distance < 1, inner, outer)


def _total(term: Callable[[int], Any], count: int) -> Any:
    total = term(0)
    for k in range(1, count):
        total = total + term(k)
    return total


# -------------------------------------------------------------------------------------------------------- resize


def _resize(low: Lowering, node: Node, group: Group) -> Reader:
    kernel = str(node.attributes[0])
    down, across = (axis(low, kernel, size_of(node.args[0]), size_of(node), vertical=v) for v in (True, False))
    return (_mean if kernel in OF_ANY_WIDTH else _stretched)(low, node, group, down, across)


def _resample(low: Lowering, node: Node, group: Group) -> Reader:
    """Lower what is resampled by sums down the columns whatever the kernel: rows may come in any order."""
    kernel, label = str(node.attributes[0]), low.label(node)

    def made(*, vertical: bool) -> Axis:
        name = f"{label}_{'rows' if vertical else 'columns'}"
        return _axis(low, kernel, name, _along_window(low, node, vertical=vertical))

    down, across = low.once(("resample", id(node)), lambda: (made(vertical=True), made(vertical=False)))
    return _mean(low, node, group, down, across)


def _read(low: Lowering, node: Node, group: Group) -> Reader:
    several = channel_count(node) > 1  # of what is computed in full: see pipeline.py
    return lambda x, y, c: pointwise.value_at(low, node, group, x, y, c if several else 0)


def _mean(low: Lowering, node: Node, group: Group, down: Axis, across: Axis) -> Reader:
    """Stages: sums down the columns, a row at a time; and along it."""
    image, channels, name = node.args[0], channel_count(node), f"{low.label(node)}_{group.name}"
    width, height = low.size(size_of(image))
    read = _read(low, image, group)
    if across.inside and _is_packed(low, image):
        return _mean_of_packed(low, name, image, group, down, across)

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


def _is_packed(low: Lowering, image: Node) -> bool:
    """Tell whether an image has its channels side by side: rows of it are dense, whatever the channel."""
    several = image.op in INPUT_OPS and channel_count(image) > 1
    return several and (low.variant.pitch, low.variant.planar) == (channel_count(image), False) and not low.plain


#: Lanes that the channels of a pixel are summed in, and pixels that are summed together.
_PIXEL_LANES, _PIXELS = 4, 8


def _mean_of_packed(low: Lowering, name: str, image: Node, group: Group, down: Axis, across: Axis) -> Reader:
    """Stages: sums down the columns of dense rows; along them, whose pixels are not dense, those of all channels.

    The lane behind the channels adds up what belongs to the next pixel, and is not read.
    """
    channels, width = channel_count(image), low.columns(size_of(image))
    columns = _columns_of_packed(low, f"{name}_vertical", image, group, down)
    x, y, c, taps = low.x, low.y, hl.Var("c"), hl.RDom([(1, across.count - 1)], f"{name}_horizontal_taps")

    def product(tap: Any) -> Any:
        at = hl.unsafe_promise_clamped(across.first[x] + tap, 0, width - 1)
        return across.weight[x, tap] * columns[at * channels + c, y]

    # Sums begin with a product: LLVM puts zeros that begin sums of pixels together, and takes them apart at every tap.
    total = low.stage(f"{name}_horizontal_sum", [c, x, y], product(0))
    total[c, x, y] += product(taps.x)
    low.stages.loops[f"{name}_horizontal_sum"]["taps"] = taps.x
    low.record[f"{name}_horizontal_sum"].compute_at(f"{name}_horizontal", "x").store_in("Stack")
    low.record[f"{name}_horizontal_sum"].unroll("x").vectorize("c")
    low.record[f"{name}_horizontal_sum"].update(0).reorder("c", "x", "taps").unroll("x").vectorize("c")
    found = low.stage(f"{name}_horizontal", [c, x, y], total[c, x, y])
    loops = low.record[f"{name}_horizontal"].align_bounds("c", _PIXEL_LANES)
    loops.split("x", "x", "xi", _PIXELS, "RoundUp").reorder("c", "xi", "x", "y").unroll("xi").vectorize("c")
    for table in (across.first, across.weight):  # read for all pixels that are summed together
        low.record[table.name()].align_bounds("i", _PIXELS)
    group.local.append(f"{name}_horizontal")
    group.own_columns.add(f"{name}_horizontal")
    return lambda x, y, c: hl.Expr(found[c, x, y])


def _columns_of_packed(low: Lowering, name: str, image: Node, group: Group, down: Axis) -> hl.Func:
    """Stage: sums down the columns of dense rows."""
    source, (_, height) = Columns(low, image, group, None, packed=True), low.size(size_of(image))
    full = source.count >= low.lanes

    def added(kind: str, read: Callable[[Any, Any, Any], Any], where: Any) -> tuple[str, Any, direct.Term]:
        rows = hl.RDom([(0, down.count)], f"{name}_{kind}")
        rows.where(where)

        def term(block: Any, lane: Any, y: Any) -> Any:
            return down.weight[y, rows.x] * read(block, lane, hl.clamp(down.first[y] + rows.x, 0, height - 1))

        return kind, rows, term

    updates = [added("narrow", source.narrow_value, ~full), added("plain", source.value, full)]
    return direct.sums_of_blocks(low, name, source, updates, [], group)


def _stretched(low: Lowering, node: Node, group: Group, down: Axis, across: Axis) -> Reader:
    """Stages, a strip at a time: the rows of the source that it needs, with what lies outside; those stretched."""
    if low.device:
        gathered = _gathered(low, node.args[0], group, down, across)

        def row(x: Any, y: Any, c: Any, i: int) -> Any:
            return _total(lambda j: across.weight[x, j] * gathered(x, y, c, i, j), across.count)

        return lambda x, y, c: _total(lambda i: down.weight[y, i] * row(x, y, c, i), down.count)
    strips = _Strips(low, node.args[0], node, group, down, across)
    x, slot, strip, c = low.x, strips.slot, strips.strip, strips.channel
    stretched = strips.stage(
        "stretched", [], _total(lambda k: across.weight[x, k] * strips.source(k, slot, strip, c), across.count)
    )

    def read(x: Any, y: Any, c: Any) -> Any:
        return _total(lambda k: down.weight[y, k] * strips.at(stretched, x, y, c, k), down.count)

    return read


def _gathered(low: Lowering, image: Node, group: Group, down: Axis, across: Axis) -> Callable[..., Any]:
    """Give what a thread of a device reads for a pixel: the source pixel some rows down and columns to the right."""
    width, height = low.size(size_of(image))
    of_image = _read(low, image, group), pointwise.outside(low, image)

    def source(x: Any, y: Any, c: Any, i: Any, j: Any) -> Any:
        row = hl.clamp(down.first[y] + i, -down.reach, height - 1 + down.reach)
        column = hl.clamp(across.first[x] + j, -across.reach, width - 1 + across.reach)
        return border.through_border(low, image, *of_image, column, row, c)

    return source


class _Strips:
    """Rows of an image of another size, that the strips of rows of ``node`` need, one after another in slots.

    What slots a strip has depends on sizes alone, unlike the rows: Halide has to know how many there are.
    """

    def __init__(self, low: Lowering, image: Node, node: Node, group: Group, down: Axis, across: Axis) -> None:
        self.low, self.group, self.down, self.across = low, group, down, across
        self.name, self.channels = f"{low.label(node)}_{group.name}", channel_count(image)
        self.slot, self.strip = hl.Var("slot"), hl.Var("strip")
        self.channel = hl.Var("c") if self.channels > 1 else 0
        self.width, height = low.size(size_of(image))
        between = most_between(low, size_of(image), size_of(node), _ROWS, vertical=True)
        self.slots = between + self.down.count
        row = hl.clamp(down.first[self.strip * _ROWS] + self.slot, -down.reach, height - 1 + down.reach)
        of_image = _read(low, image, group), pointwise.outside(low, image)
        self.rows = self.stage("rows", [], border.through_border(low, image, *of_image, low.x, row, self.channel))

    def stage(self, suffix: str, more: list[Any], value: Any) -> hl.Func:
        """Define a stage of rows, with further arguments before the slot."""
        name = f"{self.name}_{suffix}"
        planes = [self.channel] if self.channels > 1 else []
        func = self.low.stage(name, [self.low.x, *planes, *more, self.slot, self.strip], value)
        loops = self.low.record[name].split("x", "x", "xi", self.low.lanes, "RoundUp").vectorize("xi")
        if planes:
            loops.bound("c", 0, self.channels)
        self.group.strips.append(name)
        return func

    def source(self, k: Any, slot: Any, strip: Any, c: Any) -> Any:
        """Read the source pixel of a column."""
        first, reach = self.across.first[self.low.x], self.across.reach
        column = hl.clamp(first + k, -reach, self.width - 1 + reach)
        return self._read(self.rows, column, c, (), slot, strip)

    def at(self, func: hl.Func, x: Any, y: Any, c: Any, k: Any, *more: Any) -> Any:
        """Read a stage at a row of ``node``, in the row of its source pixel."""
        strip = y // _ROWS
        slot = self.down.first[y] - self.down.first[strip * _ROWS] + k
        return self._read(func, x, c, more, hl.clamp(slot, 0, self.slots - 1), strip)

    def _read(self, func: hl.Func, x: Any, c: Any, more: tuple[Any, ...], slot: Any, strip: Any) -> Any:
        return hl.Expr(func[(x, *([c] if self.channels > 1 else []), *more, slot, strip)])


# -------------------------------------------------------------------------------------------------------- around


def near(low: Lowering, node: Node, group: Group) -> Reader:
    """Stages, a strip at a time: the rows of the source that it needs; pixels around each column, gathered."""
    image, taps = node.args
    down, across = _window(low, taps)
    tap, side = around(low, taps).x, across.count
    if low.device:
        read = _gathered(low, image, group, down, across)
        return lambda x, y, c: read(x, y, c, tap // side, tap % side)
    strips, k = _Strips(low, image, node, group, down, across), hl.Var("k")
    gathered = strips.stage("gathered", [k], strips.source(k, strips.slot, strips.strip, strips.channel))
    return lambda x, y, c: strips.at(gathered, x, y, c, tap // side, tap % side)


def around(low: Lowering, taps: Node) -> Any:
    """Give the loop over the pixels of a window of another size, row by row."""
    side = 2 * int(taps.attributes[0]) + 1  # type: ignore[arg-type]
    return low.once(("around", id(taps)), lambda: hl.RDom([(0, side * side)], f"{low.label(taps)}_tap"))


def weight_of_place(low: Lowering, taps: Node) -> Any:
    """Write the weight of a pixel of a window by where it lies."""
    down, across = _window(low, taps)
    tap, side = around(low, taps).x, across.count
    return down.weight[low.y, tap // side] * across.weight[low.x, tap % side]


def _window(low: Lowering, taps: Node) -> tuple[Axis, Axis]:
    """Stages, once a call: the pixels around those of another size along each axis, by a Gaussian of their distance."""
    source, like, sigma = taps.args
    count = 2 * int(taps.attributes[0]) + 1  # type: ignore[arg-type]

    def weight(i: Any, k: Any, distance: Any) -> Any:
        return _gaussian(distance, hl.max(_f64(pointwise.inline_scalar(low, sigma)), hl.f64(1e-3)))

    def make() -> tuple[Axis, Axis]:
        sizes = size_of(source), size_of(like)
        down, across = (
            _nearest(
                low, f"{low.label(taps)}_{_name(*sizes, vertical=v)}", count, weight, _along(low, *sizes, vertical=v)
            )
            for v in (True, False)
        )
        return down, across

    found: tuple[Axis, Axis] = low.once(("window", id(taps)), make)
    return found


pointwise.STENCILS["resize"] = _resize
pointwise.STENCILS["resample"] = _resample
