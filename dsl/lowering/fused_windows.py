"""Chains of windows (dsl/window_chain.py) as one extern stage (dsl/registers/window_rows.py), by tasks of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import halide as hl

from dsl import window_chain
from dsl.ir import STENCIL_OPS, Image, Node
from dsl.lowering import border, pointwise
from dsl.lowering import levels as level_by_level
from dsl.lowering import radius as radius_of
from dsl.lowering.context import Group, Lowering, Reader, TupleReader, channel_count
from dsl.lowering.registers import define_extern, in_strips, room
from dsl.registers.window_rows import LANES, WindowRows
from dsl.window_chain import Chain
from schedules.errors import ScheduleError
from schedules.native.signature import BORDERS
from schedules.targets import is_reproducible

METHODS = ("fused", "separate")
#: Chains are of images as they came, no small ones.
_SIZE = (0, 0)
#: Rows of a task at least, and times the radius more: what tasks compute twice stays little.
_LEAST_ROWS, _ROWS_A_RADIUS = 128, 8
#: Bytes of kept rows that caches near a core have room for; and columns of a task at least, in radii.
_KEPT, _COLUMNS_A_RADIUS = 1408 << 10, 16
#: Beyond, rules hold or are constant; those before mirror or repeat.
_HELD = BORDERS.index("replicate"), BORDERS.index("constant")


def method(low: Lowering, label: str) -> str:
    """Give the lowering of a chain: ``"fused"``, or each window ``"separate"``."""
    if low.plain or is_reproducible(low.target):
        return "separate"
    wanted = low.schedule.choice(label, "windows", default="fused")
    if wanted not in METHODS:
        raise ScheduleError(f"windows = {wanted!r}: a chain of windows is {' or '.join(map(repr, METHODS))}")
    return str(wanted)


def of_program(low: Lowering) -> Chain | None:
    """Find the chain that a whole program is, if it is to be fused."""
    found = window_chain.of_program(low.nodes, low.outputs)
    return found if found is not None and method(low, "windows") == "fused" else None


def read(
    low: Lowering, chain: Chain, group: Group, name: str, levels: Node | None = None, guides: Sequence[int] = ()
) -> TupleReader:
    """Stage: the results of a chain; read, of all results the channel asked for.

    Where it varies over ``levels``, results are interpolated between those of ``guides``, lines of it.
    """
    lines = [line for output in chain.outputs for line in output]
    leaves = tuple(map(channel_count, chain.leaves))
    spec = WindowRows(tuple(chain.lines), tuple(lines), leaves, tuple(guides))
    radius = _radius(low, chain)
    group.columns, group.rows = _columns(low, spec, radius), _rows(low, radius)
    inner = Group(name)
    padded = [border.padded_stage(low, leaf, inner) for leaf in chain.leaves]
    given = [
        *padded,
        _numbers(low, chain, name),
        _outside(low, chain, spec, name, levels),
        _nothing(low, name) if levels is None else level_by_level.numbers(low, levels),
        room(low, name),
        radius,
        low.columns(_SIZE),
        low.size(_SIZE)[1],
        hl.cast(hl.Int(32), (low.border == _HELD[0]) | (low.border == _HELD[1])),
        hl.cast(hl.Int(32), low.border == border.CONSTANT),
        hl.Expr(1) if levels is None else level_by_level.count(low, levels),
        group.columns,
        group.rows,
    ]
    values = define_extern(low, name, spec, given, hl.Float(32), len(lines))
    in_strips(low, inner, group)
    group.strips += [f"{name}_room", name]
    over = f", at {len(guides)} guides' levels" if guides else ""
    low.notes[name] = f"{chain.means} windows fused{over}"
    firsts = [sum(map(len, chain.outputs[:i])) for i in range(len(chain.outputs))]
    return lambda x, y, c: [values(x, y, first + c) for first in firsts]


def _rows(low: Lowering, radius: Any) -> Any:
    """Give the rows of a task: a power of two of them. By image and radius alone, for last bits depend on it."""
    _, height = low.size(_SIZE)
    parts = hl.max(height // (_LEAST_ROWS + _ROWS_A_RADIUS * radius), 1)
    tasks = hl.i32(1) << (31 - hl.cast(hl.Int(32), hl.count_leading_zeros(parts)))
    return (height + tasks - 1) // tasks


def _columns(low: Lowering, spec: WindowRows, radius: Any) -> Any:
    """Give the columns of a task: equal parts of the image whose rows that are kept stay in cache."""
    column = (2 * radius + 1) * (4 * max(spec.rows_kept, 1))
    most = hl.max(hl.max(_KEPT // column, _COLUMNS_A_RADIUS * radius), LANES)
    width = low.columns(_SIZE)
    parts = (width + most - 1) // most
    return ((width + parts - 1) // parts + LANES - 1) // LANES * LANES


def _radius(low: Lowering, chain: Chain) -> Any:
    if chain.radius is None:
        raise TypeError("a chain has windows")
    size = pointwise.inline_scalar(low, chain.radius)
    return hl.clamp(hl.cast(hl.Int(32), hl.round(size)), 0, radius_of.MAX)


def _numbers(low: Lowering, chain: Chain, name: str) -> hl.Func:
    """Stage, once a call: the scalars of a chain."""
    i, values = hl.Var("i"), [pointwise.scalar(low, node) for node in chain.numbers] or [hl.f32(0)]
    found = low.stage(f"{name}_numbers", [i], hl.mux(i, values) if len(values) > 1 else values[0])
    low.record[found.name()].compute_root()
    return found


def _nothing(low: Lowering, name: str) -> hl.Func:
    """Stage: the numbers of no level."""
    found = low.stage(f"{name}_levels", [hl.Var("j"), hl.Var("m")], hl.f32(0))
    low.record[found.name()].compute_root()
    return found


def _outside(low: Lowering, chain: Chain, spec: WindowRows, name: str, levels: Node | None) -> hl.Func:
    """Stage, once a call, for every level: under the constant border what kept rows are outside, arithmetic on that."""
    known: dict[int, Any] = {}
    i, m = hl.Var("i"), hl.Var("m")

    def value(line: int) -> Any:
        if line not in known:
            op, args, numbers = chain.lines[line]
            if op == "leaf":
                known[line] = pointwise.outside(low, chain.leaves[int(numbers[0])])(int(numbers[1]))
            elif op == "constant":
                known[line] = hl.f32(float.fromhex(str(numbers[0])))
            elif op == "number":
                known[line] = pointwise.scalar(low, chain.numbers[int(numbers[0])])
            elif op == "mean":
                known[line] = value(args[0])
            elif op == "level" and levels is not None:
                known[line] = hl.Expr(level_by_level.numbers(low, levels)[int(numbers[0]), m])
            else:
                known[line] = pointwise.OPERATIONS[op](*map(value, args))
        return known[line]

    values = [value(line) for line in spec.ring] or [hl.f32(0)]
    found = low.stage(f"{name}_outside", [i, m], hl.mux(i, values) if len(values) > 1 else values[0])
    low.record[found.name()].compute_root()
    return found


def of_nodes(low: Lowering, nodes: Sequence[Node]) -> Chain | None:
    """Find the chain that gives some nodes from the arguments, if it is to be fused."""
    if any(channel_count(node) > 1 for node in nodes) or method(low, "windows") != "fused":
        return None
    found = window_chain.chain(nodes, lambda node: node.op == "input")
    return found if found is not None and found.means > 1 else None


def of_levels(low: Lowering, node: Node) -> Chain | None:
    """Find the chain that an interpolation is of, if it is to be fused: its results, then the guides."""
    *images, _ = node.args
    found = window_chain.chain(images, lambda inner: inner.op == "input" or _is_once(inner))
    return found if found is not None and method(low, low.label(node)) == "fused" else None


def _is_once(node: Node) -> bool:
    """Tell whether a node is computed once for all levels, in full: it sees other pixels, and does not vary."""
    if not isinstance(node.type, Image) or node.type.leveled or node.type.varying:
        return False
    return _sees_others(node)


def _sees_others(node: Node) -> bool:
    return isinstance(node.type, Image) and (node.op in STENCIL_OPS or any(map(_sees_others, node.args)))


def _interpolated(low: Lowering, node: Node, group: Group) -> Reader:
    found = of_levels(low, node)
    if found is None:
        raise TypeError(f"{node.op} is no chain of windows: it is computed in full")
    guides = [line for output in found.outputs[1:] for line in output]
    del found.outputs[1:]
    reader = read(low, found, group, f"{low.label(node)}_{group.name}", node.args[-1], guides)
    return lambda x, y, c: reader(x, y, c)[0]


pointwise.STENCILS["interpolated"] = _interpolated
