"""Weighted means: chooses between tables in registers and a loop over taps, as the schedule says."""

from __future__ import annotations

from dsl.ir import Node
from dsl.lowering import pointwise, registers, weighted
from dsl.lowering.context import Group, Lowering, Reader
from dsl.registers.machine import machine
from schedules.errors import ScheduleError

METHODS = ("bytes", "floats", "loop")


def _mean(low: Lowering, node: Node, group: Group) -> Reader:
    label, found, unit = low.label(node), registers.by_lookup(node), machine(low.target)
    possible = found is not None and unit is not None
    wanted = low.schedule.choice(label, "mean", default="floats" if possible else "loop")
    if wanted not in METHODS:
        raise ScheduleError(f"{label} = {wanted!r}: a mean is {' or '.join(map(repr, METHODS))}")
    if wanted == "bytes" and unit is not None:
        if reason := registers.reason_against_bytes(low, found):
            raise ScheduleError(f"{label} = 'bytes': {reason}")
        return registers.mean_of_bytes(low, node, found, group, unit)
    if wanted == "floats" and unit is not None:
        if found is None:
            raise ScheduleError(f"{label} = 'floats': {registers.reason_against_bytes(low, found)}")
        return registers.mean_of_floats(low, node, found, group, unit)
    low.notes[label] = "loop over taps"
    return weighted.in_loop(low, node, group)


pointwise.STENCILS["mean"] = _mean
