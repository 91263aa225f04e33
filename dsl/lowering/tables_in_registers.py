"""Tables of small pixels, of bytes, as one extern stage that builds and reads them (dsl/registers/local_tables.py)."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import halide as hl

from dsl.ir import INPUT_OPS, TAP_NUMBERS, Node
from dsl.lowering import pointwise, weighted
from dsl.lowering.context import Group, Lowering, Reader, channel_count, size_of
from dsl.lowering.registers import define_extern
from dsl.lowering.resampling import NEGATIVE, Axis, axis, readers
from dsl.lowering.tabulated import Tables, curve, entry, number, padded, smooth
from dsl.registers.local_tables import ACROSS, COLUMNS, CURVE, DOWN, ENTRIES, MAX_TAPS, ROWS, LocalTables
from dsl.registers.machine import Machine, machine

#: Rows of small pixels that one task builds tables of, at least; and tasks of an image, at most, but for that.
_LEAST_CELLS, _TASKS = 16, 8


def _unit(low: Lowering) -> Machine | None:
    unit = machine(low.target)
    return unit if unit is not None and ENTRIES in unit.tables(ENTRIES) and unit.registers.whole else None


def suits(low: Lowering, node: Node, known: Tables) -> bool:
    """Tell whether tables have 256 entries of bytes, for bytes, and the machine has what it takes."""
    kernel, what = node.attributes
    if _unit(low) is None or what != "value" or kernel in NEGATIVE:
        return False
    # Outputs that are no bytes lose what bytes cannot hold: that is lost anyway where the results are bytes.
    outputs = _is_bytes(low, known.outputs) or set(low.variant.dtypes[-len(low.outputs) :]) == {"uint8"}
    of_bytes = (
        known.entries == ENTRIES and outputs and all(_is_bytes(low, each) for each in (known.inputs, node.args[1]))
    )
    is_plain = known.keep == "last" and known.beyond != "none" and _taps(known) is not None
    bounds = (known.low, known.high), known.within
    return of_bytes and is_plain and all(_is(pair[0], 0) and _is(pair[1], 255) for pair in bounds)


def _is_bytes(low: Lowering, node: Node) -> bool:
    """Tell whether an image is one of the arguments, of bytes, or a channel of it; or was made bytes."""
    if node.op == "cast_uint8":
        return True
    node = node.args[0] if node.op == "component" else node
    return node.op in INPUT_OPS and low.variant.dtypes[int(node.attributes[0])] == "uint8"  # type: ignore[arg-type]


def _is(node: Node, value: float) -> bool:
    return node.op == "constant" and float.fromhex(str(node.attributes[0])) == value


def _taps(known: Tables) -> tuple[tuple[int, int], ...] | None:
    """Give the taps that are part of the program; None if they are not, or are too many."""
    table = known.taps.args[0]
    if table.op != "table":
        return None
    numbers = [float.fromhex(value) for value in table.attributes[0]]  # type: ignore[union-attr]
    taps = zip(*(numbers[i::TAP_NUMBERS] for i in range(TAP_NUMBERS)), strict=True)
    found = tuple((int(down), int(right)) for down, right, weight in taps if weight)
    return found if len(found) <= MAX_TAPS else None


def read(low: Lowering, node: Node, known: Tables, group: Group) -> Reader:
    """Stages: what the extern stage is given, most of it once a call; and that stage, by tasks of rows."""
    unit, taps, name = _unit(low), _taps(known), f"{low.label(node)}_{group.name}"
    if unit is None or taps is None:
        raise TypeError("tables are not read in registers here")
    kernel, sizes = str(node.attributes[0]), (size_of(known.inputs), size_of(node))
    across, down = (axis(low, kernel, *sizes, vertical=vertical) for vertical in (False, True))
    begins = [readers(low, kernel, *sizes, vertical=vertical) for vertical in (False, True)]
    (width, height), (columns, rows) = map(low.size, sizes)
    blocks = (down.count * columns + width - 1) // width  # columns that read a small pixel, at most
    rounded, outside = _is_rounded(low, node), down.count // 2
    begin = _once(low, f"{name}_begin", [hl.Var("j")], begins[0][hl.Var("j") - outside])
    given = [
        _source(low, node, group, f"{name}_source"),
        entry(low, known),
        padded(low, known.outputs),
        _ranges(low, node, known, group, name, begins),
        begin,
        _across(low, name, across, begin, columns),
        down.first,
        _down(low, name, down),
        _numbers(low, known, name),
        _curves(low, known, name),
        low.stage(f"{name}_room", [hl.Var("i")], hl.undef(hl.UInt(8))),
        width,
        height,
        columns,
        rows,
        weighted.radius(low, known.taps),
        (blocks + COLUMNS - 1) // COLUMNS,
        smooth(low, known),
    ]
    spec = LocalTables(unit, down.count, taps, known.beyond, known.anchored, rounded)
    result = define_extern(low, name, spec, given, hl.UInt(8) if rounded else hl.Float(32), 1)
    group.strips += [f"{name}_source", f"{name}_room", name]
    group.wide = rounded and len(low.outputs) == 1
    least = (_LEAST_CELLS * rows + height - 1) // height
    group.rows = hl.max(least, (rows + _TASKS - 1) // _TASKS)
    low.notes[low.label(node)] = f"tables of {ENTRIES} bytes in registers ({unit.name})"
    return result


def _is_rounded(low: Lowering, node: Node) -> bool:
    """Tell whether a node is stored as bytes, and nothing else: alone, or as a channel of an output."""
    users = [user for user in low.nodes if any(node is arg for arg in user.args)]
    stacked = bool(users) and all(user.op == "stack" and low.is_stored(user, "uint8") for user in users)
    return stacked or low.is_stored(node, "uint8")


def _once(low: Lowering, name: str, arguments: list[Any], value: Any, kind: Any = None) -> hl.Func:
    """Make a stage that is computed once a call."""
    func = low.stage(name, arguments, value if kind is None else hl.cast(kind, value))
    low.record[name].compute_root()
    return func


def _byte(low: Lowering, node: Node, group: Group, x: Any, y: Any) -> Any:
    """Read an image of bytes; beyond it, the nearest pixel."""
    width, height = low.size(size_of(node))
    at = hl.clamp(hl.likely(x), 0, width - 1), hl.clamp(hl.likely(y), 0, height - 1)
    if node.op == "cast_uint8":
        return pointwise.value_at(low, node, group, *at, 0)
    channel = int(node.attributes[0]) if node.op == "component" else 0  # type: ignore[arg-type]
    image = node.args[0] if node.op == "component" else node
    source = low.images[int(image.attributes[0])]  # type: ignore[arg-type]
    return source[(*at, channel) if channel_count(image) > 1 else at]


def _source(low: Lowering, node: Node, group: Group, name: str) -> hl.Func:
    """Stage: the image whose values are looked up, as far to the right as it is asked for."""
    func = low.stage(name, [low.x, low.y], _byte(low, node.args[1], group, low.x, low.y))
    low.record[name].split("x", "x", "xi", 4 * low.lanes, "RoundUp").vectorize("xi")
    return func


def _numbers(low: Lowering, known: Tables, name: str) -> hl.Func:
    i, values = hl.Var("i"), [number(low, each) for each in (*known.slopes, *known.ends)]
    return _once(low, f"{name}_numbers", [i], hl.mux(i, values))


def _curves(low: Lowering, known: Tables, name: str) -> hl.Func:
    """Stage: both tables behind the last known entry, and before the first; nothing on the other side of these."""
    i, column = hl.Var("i"), hl.Var("j")
    sides = [(i > 0, 1), (i < 0, -1)]
    distance = hl.min(hl.cast(hl.Int(32), hl.abs(i)), ENTRIES)
    columns = [
        hl.select(there, sign * curve(low, known, k, distance), hl.f32(0)) for there, sign in sides for k in (0, 1)
    ]
    func = _once(low, f"{name}_curves", [i, column], hl.mux(column, columns))
    low.record[func.name()].bound("i", -CURVE, 2 * CURVE)
    return func


def _shares(weight: Callable[[int], Any], count: int, total: int) -> list[Any]:
    """Write weights in whole numbers that add up to ``total``: what is rounded off one is added to the next."""
    sums = [hl.f32(0)]
    for k in range(count):
        sums.append(sums[-1] + weight(k))
    rounded = [hl.round(each * total) for each in sums[:-1]] + [hl.f32(total)]
    return [after - before for before, after in itertools.pairwise(rounded)]


def _down(low: Lowering, name: str, down: Axis) -> hl.Func:
    """Stage: weights of rows of small pixels, in bytes."""
    k, y = hl.Var("k"), low.y
    shares = _shares(lambda k: down.weight[y, k], down.count, DOWN)
    return _once(low, f"{name}_down", [k, y], shares[0] if down.count == 1 else hl.mux(k, shares), hl.UInt(8))


def _across(low: Lowering, name: str, across: Axis, begin: hl.Func, width: Any) -> hl.Func:
    """Stage: weights of a column of small pixels for the columns of each block that reads it."""
    lane, block, j, x, k = (hl.Var(each) for each in ("lane", "block", "j", "x", "k"))
    shares = _shares(lambda k: across.weight[x, k], across.count, ACROSS)
    share = _once(low, f"{name}_shares", [x, k], shares[0] if across.count == 1 else hl.mux(k, shares), hl.Int(16))
    low.record[share.name()].bound("k", 0, across.count)
    # Lanes are where one instruction puts them: see LocalTables.
    pixel = 16 * (lane % 32 // 8) + 8 * (lane // 32) + lane % 8
    column = begin[j] + block * COLUMNS + pixel // ROWS
    inside = hl.clamp(column, 0, width - 1)
    place = j - across.count // 2 - across.first[inside]
    reads = (column < width) & (place >= 0) & (place < across.count)
    value = hl.select(reads, share[inside, hl.clamp(place, 0, across.count - 1)], hl.i16(0))
    return _once(low, f"{name}_across", [lane, block, j], value)


def _ranges(low: Lowering, node: Node, known: Tables, group: Group, name: str, begins: Sequence[hl.Func]) -> hl.Func:
    """Stages: the least and the greatest byte that will be looked up in each table, or a little beyond these.

    A pixel of the result reads ``count`` small ones in a row; those that begin with the same one are a block, of which
    least and greatest are found first.
    """
    small, full, x, y = low.size(size_of(known.inputs)), low.size(size_of(node)), low.x, low.y
    count = axis(low, str(node.attributes[0]), size_of(known.inputs), size_of(node), vertical=True).count
    side = [(m + n - 1) // m for m, n in zip(small, full, strict=True)]  # of a block, at most

    def both(suffix: str, axis: int, read: Callable[[Any, int], Any]) -> hl.Func:
        loop = hl.RDom([(0, side[axis])], f"{name}_{suffix}_loop")
        func = low.stage(f"{name}_{suffix}", [x, y], (hl.minimum(read(loop.x, 0)), hl.maximum(read(loop.x, 1))))
        low.record[func.name()].split("x", "x", "xi", 4 * low.lanes, "RoundUp").vectorize("xi")
        return func

    def start(axis: int, block: Any) -> Any:
        return hl.clamp(begins[axis][block + count - 1], 0, full[axis] - 1)

    rows = both("rows", 1, lambda i, _: _byte(low, node.args[1], group, x, start(1, y) + i))
    columns = both("columns", 0, lambda i, which: hl.Expr(rows[x + i, y][which]))
    blocks = _once(low, f"{name}_blocks", [x, y], tuple(hl.Expr(columns[start(0, x), y][which]) for which in (0, 1)))
    own, found = entry(low, known)[x, y], []
    for which, better in enumerate((hl.min, hl.max)):
        read = [hl.Expr(blocks[x - i, y - j][which]) for i in range(count) for j in range(count)]
        found.append(functools.reduce(better, [*read, own] if known.anchored else read))
    func = _once(low, f"{name}_ranges", [x, y], tuple(found))
    low.record[func.name()].split("x", "x", "xi", 4 * low.lanes, "RoundUp").vectorize("xi").parallel("y")
    for stage in (rows, columns):
        low.record[stage.name()].compute_at(blocks.name(), "y")
    low.record[blocks.name()].parallel("y")
    return func
