"""Chains of windows (window_chain.py) as one extern stage (dsl/registers/window_rows.py), a task's rows at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import halide as hl

from dsl.ir import Image, Node
from dsl.lowering import border, pointwise, tables, window_chain
from dsl.lowering import radius as radius_of
from dsl.lowering.context import Group, Lowering, TupleReader, channel_count
from dsl.lowering.registers import define_extern, in_strips, room
from dsl.lowering.window_chain import Chain
from dsl.registers.window_rows import WindowRows
from schedules.errors import ScheduleError
from schedules.native.signature import BORDERS

METHODS = ("fused", "separate")
#: Rows of a task: a part of the image, but so many times the radius that what tasks compute twice stays little. By
#: image and radius alone, for results depend on it in the last bits.
_TASKS, _LEAST, _RADII = 8, 64, 16
#: Beyond, rules hold or are constant; those before mirror or repeat.
_HELD = BORDERS.index("replicate"), BORDERS.index("constant")


def method(low: Lowering, label: str) -> str:
    """Give the lowering of a chain: ``"fused"``, or each window ``"separate"``."""
    wanted = low.schedule.choice(label, "windows", default="fused")
    if wanted not in METHODS:
        raise ScheduleError(f"windows = {wanted!r}: a chain of windows is {' or '.join(map(repr, METHODS))}")
    return str(wanted)


def of_program(low: Lowering) -> Chain | None:
    """Find the chain that a whole program is, if it is to be fused."""
    found = window_chain.of_program(low.nodes, low.outputs)
    return found if found is not None and method(low, "windows") == "fused" else None


def read(low: Lowering, chain: Chain, group: Group, name: str, levels: Levels | None = None) -> TupleReader:
    """Stage: the results of a chain; read, of all results the channel asked for."""
    lines = [line for output in chain.outputs for line in output]
    guides = () if levels is None else levels.lines
    leaves = tuple(map(channel_count, chain.leaves))
    spec = WindowRows(tuple(chain.lines), tuple(lines), leaves, guides)
    radius = _radius(low, chain)
    inner = Group(name)
    padded = [border.padded_stage(low, leaf, inner) for leaf in chain.leaves]
    given = [
        *padded,
        _numbers(low, chain, name),
        _outside(low, chain, spec, name),
        border.column_index(low, 0),
        _level_numbers(low, levels, name),
        room(low, name),
        radius,
        low.columns(0),
        low.height,
        hl.cast(hl.Int(32), (low.border == _HELD[0]) | (low.border == _HELD[1])),
        hl.cast(hl.Int(32), low.border == border.CONSTANT),
        hl.Expr(1) if levels is None else levels.count,
    ]
    values = define_extern(low, name, spec, given, hl.Float(32), len(lines))
    in_strips(low, inner, group)
    group.strips += [f"{name}_room", name]
    share = (low.height + _TASKS - 1) // _TASKS
    group.rows = hl.max(hl.max(share, _LEAST), _RADII * radius)
    over = f", at {len(guides)} guides' levels" if guides else ""
    low.notes[name] = f"{chain.means} windows fused{over}"
    firsts = [sum(map(len, chain.outputs[:i])) for i in range(len(chain.outputs))]
    return lambda x, y, c: [values(x, y, first + c) for first in firsts]


def _radius(low: Lowering, chain: Chain) -> Any:
    if chain.radius is None:
        raise TypeError("a chain has windows")
    size = pointwise.inline_scalar(low, chain.radius)
    return hl.clamp(hl.cast(hl.Int(32), hl.round(size)), 0, radius_of.MAX)


def _numbers(low: Lowering, chain: Chain, name: str) -> hl.Func:
    """Stage, once a call: the scalars of a chain."""
    return _once_a_call(low, f"{name}_numbers", [pointwise.scalar(low, node) for node in chain.numbers])


def _once_a_call(low: Lowering, name: str, values: Sequence[Any]) -> hl.Func:
    """Stage: some numbers, of which there may be none."""
    i = hl.Var("i")
    found = low.stage(name, [i], hl.mux(i, list(values)) if len(values) > 1 else [*values, hl.f32(0)][0])
    low.record[name].compute_root()
    return found


def _outside(low: Lowering, chain: Chain, spec: WindowRows, name: str) -> hl.Func:
    """Stage, once a call: under the constant border what kept rows are outside, the arithmetic on that constant."""
    known: dict[int, Any] = {}

    def value(line: int) -> Any:
        if line not in known:
            op, args, numbers = chain.lines[line]
            if op == "leaf":
                known[line] = pointwise.outside(low, chain.leaves[numbers[0]])(numbers[1])
            elif op == "constant":
                known[line] = hl.f32(float.fromhex(numbers[0]))
            elif op == "number":
                known[line] = pointwise.scalar(low, chain.numbers[numbers[0]])
            elif op == "mean":
                known[line] = value(args[0])
            elif op == "level":
                known[line] = hl.f32(0)
            else:
                known[line] = pointwise.OPERATIONS[op](*map(value, args))
        return known[line]

    return _once_a_call(low, f"{name}_outside", [value(line) for line in spec.ring])


class Levels:
    """Levels that a chain goes through.

    Attributes
    ----------
    tables : list of (reader, length)
        Of each guide.
    lines : tuple of int
        The guides, in the chain.
    """

    def __init__(self, low: Lowering, node: Node, lines: Sequence[int]) -> None:
        self.tables = [tables.table(low, table) for table in node.args]
        self.lines = tuple(lines)

    @property
    def count(self) -> Any:
        """Combinations of levels."""
        found = self.tables[0][1]
        for _, length in self.tables[1:]:
            found = found * length
        return found


def _level_numbers(low: Lowering, levels: Levels | None, name: str) -> hl.Func:
    """Stage, once a call, for every combination: the guides' values, and one over the steps before and behind them."""
    j, m = hl.Var("j"), hl.Var("m")
    stage = f"{name}_levels"
    if levels is None:
        values: list[Any] = [hl.f32(0)]
    else:
        coordinates, before, behind, rest = [], [], [], hl.Expr(m)
        for values_of, length in levels.tables:
            i = rest % length
            rest = rest / length
            here = values_of[i]
            lower, upper = values_of[hl.max(i - 1, 0)], values_of[hl.min(i + 1, length - 1)]
            coordinates.append(here)
            before.append(hl.select(here > lower, hl.f32(1) / (here - lower), hl.f32(0)))
            behind.append(hl.select(upper > here, hl.f32(1) / (upper - here), hl.f32(0)))
        values = [*coordinates, *before, *behind]
    func = low.stage(stage, [j, m], hl.mux(j, values) if len(values) > 1 else values[0])
    low.record[stage].compute_root()
    return func


# ------------------------------------------------------------------------------------------------------------ levels


def _interpolated(low: Lowering, node: Node, group: Group) -> Any:
    values, *guides, levels = node.args
    found = window_chain.chain([values, *guides], lambda inner: pointwise.is_leaf(low, inner))
    if found is None:
        raise ScheduleError(f"{low.label(node)}: only chains of boxes go through levels yet")
    lines = [output[0] for output in found.outputs[1:]]
    del found.outputs[1:]
    name = f"{low.label(node)}_{group.name}"
    reader = read(low, found, group, name, Levels(low, levels, lines))
    return lambda x, y, c: reader(x, y, c)[0]


def unvarying(node: Node) -> list[Node]:
    """List what does not vary over levels of what an interpolation is of: computed once, for all levels."""
    found: dict[int, Node] = {}
    pending, seen = [node.args[0]], set()
    while pending:
        current = pending.pop()
        if id(current) in seen or not isinstance(current.type, Image):
            continue
        seen.add(id(current))
        if current.type.leveled:
            pending += current.args
        else:
            found[id(current)] = current
    return list(found.values())


pointwise.STENCILS["interpolated"] = _interpolated
