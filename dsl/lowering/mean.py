"""Weighted means: chooses between tables in registers and a loop over taps, as the schedule says."""

from __future__ import annotations

from dsl.ir import Node
from dsl.lowering import pointwise, registers, weighted
from dsl.lowering.context import Group, Lowering, Reader
from dsl.registers.machine import machine
from schedules.errors import ScheduleError

METHODS = ("bytes", "loop")


def _mean(low: Lowering, node: Node, group: Group) -> Reader:
    label, found, unit = low.label(node), registers.by_lookup(node), machine(low.target)
    wanted = low.schedule.choice(label, "mean", default="loop")
    if wanted not in METHODS:
        raise ScheduleError(f"{label} = {wanted!r}: a mean is {' or '.join(map(repr, METHODS))}")
    if wanted == "bytes" and unit is not None:
        if reason := registers.reason_against_bytes(low, found):
            raise ScheduleError(f"{label} = 'bytes': {reason}")
        return registers.mean_of_bytes(low, node, found, group, unit)
    low.notes[label] = "loop over taps"
    return weighted.in_loop(low, node, group)


pointwise.STENCILS["mean"] = _mean
