"""Weighted means: chooses between code for registers, trees of selects and loops over taps, as the schedule says."""

from __future__ import annotations

from dsl.ir import Node
from dsl.lowering import by_gaussians, by_lookup, pointwise, registers, selects, weighted
from dsl.lowering.by_gaussians import ByGaussians
from dsl.lowering.context import Group, Lowering, Reader
from dsl.registers.machine import machine
from schedules.errors import ScheduleError

METHODS = ("bytes", "floats", "selects", "loop")


def _mean(low: Lowering, node: Node, group: Group) -> Reader:
    if node.args[-1].op == "around":
        return weighted.in_loop(low, node, group)
    if low.plain:
        read = (weighted.convolve if weighted.is_plain(node) else weighted.in_loop)(low, node, group)
        low.notes[low.label(node)] = f"a loop over taps ({low.plainly})"
        return read
    label, found, unit = low.label(node), by_lookup.recognise(node), machine(low.target)
    patches, gaussians = by_lookup.recognise_patches(node), by_gaussians.recognise(node)
    if node.type.leveled:  # type: ignore[union-attr]  # extern stages know of no levels
        found = patches = gaussians = None
    default = "floats" if (found or patches or gaussians) and unit is not None else "loop"
    wanted = low.schedule.choice(label, "mean", default=default)
    if wanted not in METHODS:
        raise ScheduleError(f"{label} = {wanted!r}: a mean is {' or '.join(map(repr, METHODS))}")
    if weighted.is_plain(node):
        return weighted.convolve(low, node, group)
    if wanted == "loop":
        return weighted.in_loop(low, node, group)
    if wanted == "floats" and patches is not None and unit is not None:
        return registers.mean_of_patches(low, node, patches, group, unit)
    if gaussians is not None:
        return _by_gaussians(low, node, gaussians, group, wanted)
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


def _by_gaussians(low: Lowering, node: Node, found: ByGaussians, group: Group, wanted: str) -> Reader:
    """Lower to code for registers."""
    label, unit = low.label(node), machine(low.target)
    if wanted == "selects":
        raise ScheduleError(
            f"{label} = 'selects': they choose from the table of one guide, not Gaussians of {len(found.terms)}"
        )
    if unit is None:
        raise ScheduleError(
            f"{label} = {wanted!r}: there is no code for registers of {low.target}; 'loop' does without"
        )
    if wanted == "floats":
        return registers.gaussians_of_floats(low, node, found, group, unit)
    if reason := by_gaussians.reason_against_bytes(low, found):
        raise ScheduleError(f"{label} = {wanted!r}: {reason}")
    return registers.gaussians_of_bytes(low, node, found, group, unit)


pointwise.STENCILS["mean"] = _mean
