"""Weighted means: chooses between tables in registers, trees of selects and loops over taps, as the schedule says."""

from __future__ import annotations

from dsl.ir import Node
from dsl.lowering import by_lookup, pointwise, registers, selects, weighted
from dsl.lowering.context import Group, Lowering, Reader
from dsl.registers.machine import machine
from schedules.errors import ScheduleError

METHODS = ("bytes", "floats", "selects", "loop")


def _mean(low: Lowering, node: Node, group: Group) -> Reader:
    label, found, unit = low.label(node), by_lookup.recognise(node), machine(low.target)
    patches = by_lookup.recognise_patches(node)
    if node.type.leveled:  # type: ignore[union-attr]  # extern stages know of no levels
        found = patches = None
    default = "floats" if (found or patches) and unit is not None else "loop"
    wanted = low.schedule.choice(label, "mean", default=default)
    if wanted not in METHODS:
        raise ScheduleError(f"{label} = {wanted!r}: a mean is {' or '.join(map(repr, METHODS))}")
    if weighted.is_plain(node):
        return weighted.convolve(low, node, group)
    if wanted == "loop":
        return weighted.in_loop(low, node, group)
    if wanted == "floats" and patches is not None and unit is not None:
        return registers.mean_of_patches(low, node, patches, group, unit)
    if found is None or (wanted != "floats" and by_lookup.reason_against_bytes(low, found)):
        raise ScheduleError(f"{label} = {wanted!r}: {by_lookup.reason_against_bytes(low, found)}")
    if wanted == "selects":
        return selects.mean_by_selects(low, node, found, group)
    if unit is None:
        raise ScheduleError(
            f"{label} = {wanted!r}: registers hold no tables on {low.target}; 'selects' or 'loop' do without"
        )
    if wanted == "bytes":
        return registers.mean_of_bytes(low, node, found, group, unit)
    return registers.mean_of_floats(low, node, found, group, unit)


pointwise.STENCILS["mean"] = _mean
