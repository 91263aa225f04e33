"""Convolution by sliding cosines: two scans whose cost does not depend on the radius.

A kernel is a constant and K cosines over a window (kernels.Oscillators). Sliding the window by one pixel updates
each product sum Z_k from two samples that enter and two that leave; with the difference D_k as state (Reinsch's
form) rounding errors do not grow with the radius:

    Z_0 <- Z_0 + gain_0 (f(x + R) - f(x - R - 1))
    D_k <- D_k - damp_k Z_k + drive_k (f(x + R) - f(x + R - 1) + f(x - R - 2) - f(x - R - 1))
    Z_k <- Z_k + D_k                    result(x) = sum_k Z_k + tap (f(x + R + 1) + f(x - R - 1))

Horizontally a band of as many rows as a vector has lanes is transposed, scanned (a vector is one column of the
band), and transposed back. Vertically a vector is a piece of a row. Each scan is a stage with two values, results
and states. Their places overlap nowhere: states come first, results behind them, and each lies in an allocation of
its own, so the compiler can keep the states in registers. (Both values of a stage are stored at every assignment;
the one that is not meant goes where nobody reads.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import halide as hl

from dsl.ir import Node
from dsl.lowering import border, kernels, pointwise
from dsl.lowering.context import Group, Lowering, Reader

#: Steps of a scan that are written out before its loop turns: states stay in registers that long.
_UNROLL = 4
#: Columns that one task scans downwards, in vectors.
_STRIP = 4

Sample = Callable[[Any], Any]


def convolve(low: Lowering, node: Node, group: Group) -> Reader:
    """Lower a convolution: its rows are computed in full, its columns strip by strip inside the group."""
    image, kernel_y, kernel_x = node.args
    terms = int(node.attributes[0])  # type: ignore[arg-type]
    if kernel_x.op != "identity":
        rows = _horizontal(low, f"{low.label(node)}_rows", kernels.sliding(low, kernel_x, terms), image)
        if kernel_y.op == "identity":
            return rows
    else:
        last = low.columns(0) - 1  # a vector may end beyond the row

        def rows(x: Any, y: Any, c: Any) -> Any:
            return pointwise.evaluate(low, image, group, hl.clamp(hl.likely(x), 0, last), y)[0]

    return _vertical(low, node, group, kernels.sliding(low, kernel_y, terms), rows)


# ------------------------------------------------------------------------------------------------- the recurrence


def _state_count(osc: kernels.Oscillators) -> int:
    return 2 * osc.terms + 1


def _assignments(osc: kernels.Oscillators, state: Callable[[int], Any], sample: Sample) -> tuple[list[int], list[Any]]:
    """Write one step as assignments in order: which state, and its value from the states as they are by then.

    ``sample(d)`` is the pixel ``d`` away from the window's new middle.
    """
    radius, terms = osc.radius, osc.terms
    enters, leaves = sample(radius), sample(-radius - 1)
    slots = [0]
    values = [state(0) + osc.gain[0] * (enters - leaves)]
    if terms:
        moved = (enters - sample(radius - 1)) + (sample(-radius - 2) - leaves)
    for k in range(terms):
        z, d = 1 + k, 1 + terms + k
        slots += [d, z]
        values += [state(d) - osc.damp[k] * state(z) + osc.drive[k] * moved, state(z) + state(d)]
    return slots, values


def _result(osc: kernels.Oscillators, state: Callable[[int], Any], sample: Sample) -> Any:
    value = state(0)
    for k in range(osc.terms):
        value = value + state(1 + k)
    if osc.tap is not None:
        value = value + osc.tap * (sample(osc.radius + 1) + sample(-osc.radius - 1))
    return value


def _scan(low: Lowering, name: str, arguments: Sequence[Any]) -> hl.Func:
    """Define a scan before its first step: nothing is written yet."""
    nothing = hl.undef(hl.Float(32))
    return low.stage(name, list(arguments), (nothing, nothing))


def _step(k: Any, slots: list[int], values: list[Any], result: Any) -> tuple[Any, tuple[Any, Any]]:
    """Write assignment ``k`` of a step (unrolled later): which state slot, and the pair to store there."""
    slot = hl.mux(k, [hl.i32(s) for s in [*slots, 0]])
    return slot, (hl.select(k == len(slots), result, hl.f32(0)), hl.mux(k, [*values, hl.f32(0)]))


# ----------------------------------------------------------------------------------------------------- the passes


def _horizontal(low: Lowering, name: str, osc: kernels.Oscillators, image: Node) -> Reader:
    """Scan along rows, a band of ``lanes`` of them at a time, and keep them all."""
    group = Group(name)
    source = border.padded(low, image, group)
    x, y, lanes, step, record = low.x, low.y, low.lanes, low.step, low.record
    width, _ = low.size(0)
    states = _state_count(osc)
    turned = low.stage(f"{name}_turned", [y, x], source(x, y, 0))

    slot, channel = hl.Var("slot"), hl.Var("channel")
    first = low.stage(f"{name}_first", [y, slot, channel], hl.f32(0))
    window = hl.RDom([(-osc.radius - 2, 2 * osc.radius + 2)], f"{name}_window")
    first[y, slot, channel] += osc.start[slot, window.x] * turned[y, window.x * step + channel]

    scan = _scan(low, f"{name}_scan", [y, x])
    begin = hl.RDom([(0, states), (0, step)], f"{name}_begin")
    scan[y, begin.x + states * begin.y] = (hl.f32(0), first[y, begin.x, begin.y])

    steps = (width + _UNROLL - 1) // _UNROLL
    walk = hl.RDom([(0, states + 1), (0, _UNROLL), (0, steps), (0, step)], f"{name}_walk")
    column = walk.z * _UNROLL + walk.y

    def state(k: int) -> Any:
        return scan[y, k + states * walk.w][1]

    def sample(distance: Any) -> Any:
        return turned[y, (column + distance) * step + walk.w]

    slots, values = _assignments(osc, state, sample)
    slot_of, pair = _step(walk.x, slots, values, _result(osc, state, sample))
    place = hl.select(walk.x == states, (states + column) * step + walk.w, slot_of + states * walk.w)
    scan[y, place] = pair
    rows = low.image_stage(name, 1, lambda x, y, c: hl.Expr(scan[y, x + states * step][0]), None)

    loops = low.stages.loops
    loops[f"{name}_first"]["window"] = window.x
    loops[f"{name}_scan"] |= {"slot": begin.x, "start_channel": begin.y}
    loops[f"{name}_scan"] |= {"k": walk.x, "unrolled": walk.y, "steps": walk.z, "channel": walk.w}

    record[name].compute_root().split("y", "yo", "y", lanes, "RoundUp").parallel("yo")
    record[name].split("x", "xo", "x", lanes, "RoundUp").reorder("x", "y", "xo", "yo").vectorize("x").unroll("y")
    record[f"{name}_turned"].compute_at(name, "yo").reorder_storage("y", "x")
    record[f"{name}_turned"].split("x", "xo", "x", lanes, "RoundUp").reorder("y", "x", "xo")
    record[f"{name}_turned"].vectorize("y").unroll("x")
    for block in group.local:  # small blocks of padded rows, which become shuffles when they are transposed
        record[block].compute_at(f"{name}_turned", "xo").split("x", "x", "xi", lanes, "RoundUp")
        record[block].vectorize("xi").unroll("y").unroll("x").store_in("Stack")
    record[f"{name}_scan"].compute_at(name, "yo").reorder_storage("y", "x")
    record[f"{name}_scan"].update(0).reorder("y", "slot", "start_channel").vectorize("y").unroll("slot")
    record[f"{name}_first"].compute_at(f"{name}_scan", "start_channel").reorder_storage("y", "slot", "channel")
    record[f"{name}_first"].vectorize("y")
    record[f"{name}_first"].update(0).reorder("y", "slot", "window", "channel").vectorize("y").unroll("slot")
    record[f"{name}_scan"].update(1).reorder("y", "k", "unrolled", "steps", "channel")
    record[f"{name}_scan"].update(1).vectorize("y").unroll("k").unroll("unrolled")
    return rows


def _vertical(low: Lowering, node: Node, group: Group, osc: kernels.Oscillators, rows: Reader) -> Reader:
    """Scan down columns, a strip of them at a time, inside a group that goes through its columns in strips."""
    name = f"{low.label(node)}_{group.name}"
    x, y, lanes, record = low.x, low.y, low.lanes, low.record
    _, height = low.size(0)
    states = _state_count(osc)
    outside = pointwise.outside(low, node.args[0])(0)
    row_of = border.row_index(low, 0)

    def row(at: Any) -> Any:
        source = row_of[at]
        return hl.select(source < 0, outside, rows(x, hl.clamp(source, 0, height - 1), 0))

    slot = hl.Var("slot")
    first = low.stage(f"{name}_first", [x, slot], hl.f32(0))
    window = hl.RDom([(-osc.radius - 2, 2 * osc.radius + 2)], f"{name}_window")
    first[x, slot] += osc.start[slot, window.x] * row(window.x)

    scan = _scan(low, f"{name}_scan", [x, y])
    begin = hl.RDom([(0, states)], f"{name}_begin")
    scan[x, begin.x] = (hl.f32(0), first[x, begin.x])

    steps = (height + _UNROLL - 1) // _UNROLL
    walk = hl.RDom([(0, states + 1), (0, _UNROLL), (0, steps)], f"{name}_walk")
    line = walk.z * _UNROLL + walk.y

    def state(k: int) -> Any:
        return scan[x, k][1]

    def sample(distance: Any) -> Any:
        return row(line + distance)

    slots, values = _assignments(osc, state, sample)
    slot_of, pair = _step(walk.x, slots, values, _result(osc, state, sample))
    scan[x, hl.select(walk.x == states, states + line, slot_of)] = pair

    loops = low.stages.loops
    loops[f"{name}_first"]["window"] = window.x
    loops[f"{name}_scan"] |= {"slot": begin.x, "k": walk.x, "unrolled": walk.y, "steps": walk.z}

    group.columns = _STRIP * lanes
    record[f"{name}_scan"].compute_at(group.name, "xs").align_bounds("x", lanes)
    starts = record[f"{name}_scan"].update(0).split("x", "x", "xi", lanes, "GuardWithIf")
    starts.reorder("xi", "slot", "x").vectorize("xi").unroll("slot")
    record[f"{name}_first"].compute_at(f"{name}_scan", "x").vectorize("x")
    record[f"{name}_first"].update(0).reorder("x", "slot", "window").vectorize("x").unroll("slot")
    walks = record[f"{name}_scan"].update(1).split("x", "x", "xi", lanes, "GuardWithIf")
    walks.reorder("xi", "k", "unrolled", "x", "steps")
    walks.vectorize("xi").unroll("k").unroll("unrolled")

    return lambda x, y, c: hl.Expr(scan[x, states + y][0])
